"""Two devices save the same day at the same moment: one entry, the later wins, nothing is lost."""

import datetime as dt
import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.db import IntegrityError

from enrollment.models import Enrollment
from practice import diary
from practice.diary import Card, replaced_in
from practice.models import DiaryEntry
from tests.enrollment.crowd import PATIENCE, at_once
from tests.practice.builders import IN_WEEK_2, a_practising_member

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

TODAY = dt.date(2026, 10, 14)
DEVICES = 6
ROUNDS = 5

Save = Callable[[Enrollment, Card], None]


def cards() -> list[Card]:
    return [Card(note=f"From device {n}.") for n in range(DEVICES)]


def guarded(seat: Enrollment, card: Card) -> None:
    diary.save_card(enrollment=seat, day=TODAY, card=card, seen="", page=card.note, now=IN_WEEK_2)


def checked_first(meet: threading.Barrier, seat: Enrollment, card: Card) -> None:
    """Looks whether there is an entry, then writes one: what the database is there to decide."""
    there = DiaryEntry.objects.filter(enrollment=seat, day=TODAY).exists()
    meet.wait(timeout=PATIENCE)
    if not there:
        DiaryEntry.objects.create(
            enrollment=seat, day=TODAY, content=card.dump(), saved_at=IN_WEEK_2
        )


def unlocked(meet: threading.Barrier, seat: Enrollment, card: Card) -> None:
    """Reads the entry, then writes it, with others in between."""
    entry = DiaryEntry.objects.get(enrollment=seat, day=TODAY)
    meet.wait(timeout=PATIENCE)
    entry.replaced, entry.content = entry.content, card.dump()
    entry.revision += 1
    entry.save()


def save_at_once(save: Save, seat: Enrollment) -> list[Exception | None]:
    return at_once([partial(save, seat, card) for card in cards()])


def test_two_first_savings_at_once_are_one_entry() -> None:
    for _ in range(ROUNDS):
        seat = a_practising_member()
        assert save_at_once(guarded, seat) == [None] * DEVICES
        entry = DiaryEntry.objects.get(enrollment=seat)
        replaced = replaced_in(entry)
        assert replaced is not None
        assert entry.revision == DEVICES  # each saw the one before it
        assert {Card.load(entry.content), replaced.card} <= set(cards())
        assert Card.load(entry.content) != replaced.card


def test_control_who_only_looks_first_is_refused_by_the_database() -> None:
    seat = a_practising_member()
    results = save_at_once(partial(checked_first, threading.Barrier(DEVICES)), seat)
    assert sum(isinstance(one, IntegrityError) for one in results) == DEVICES - 1


def test_later_savings_at_once_each_see_the_one_before() -> None:
    for _ in range(ROUNDS):
        seat = a_practising_member()
        guarded(seat, Card(note="The first."))
        assert save_at_once(guarded, seat) == [None] * DEVICES
        assert DiaryEntry.objects.get(enrollment=seat).revision == DEVICES + 1


def test_control_without_the_lock_savings_are_lost() -> None:
    seat = a_practising_member()
    guarded(seat, Card(note="The first."))
    save_at_once(partial(unlocked, threading.Barrier(DEVICES)), seat)
    entry = DiaryEntry.objects.get(enrollment=seat)
    assert entry.revision == 2
    assert Card.load(entry.replaced or {}) == Card(note="The first.")  # and four are gone


def test_a_double_tap_at_one_moment_is_one_saving() -> None:
    for _ in range(ROUNDS):
        seat = a_practising_member()
        card = Card(note="It rained.")
        assert at_once([partial(guarded, seat, card)] * DEVICES) == [None] * DEVICES
        entry = DiaryEntry.objects.get(enrollment=seat)
        assert (entry.revision, entry.replaced) == (1, None)


def test_bringing_back_pressed_twice_at_once_is_done_once() -> None:
    for _ in range(ROUNDS):
        seat = a_practising_member()
        guarded(seat, Card(note="The first."))
        guarded(seat, Card(note="The second."))
        seen = diary.version_of(DiaryEntry.objects.get(enrollment=seat))
        press = partial(diary.bring_back, enrollment=seat, day=TODAY, seen=seen, now=IN_WEEK_2)
        assert sorted(map(str, at_once([press] * 2))) == ["False", "True"]
        entry = DiaryEntry.objects.get(enrollment=seat)
        assert Card.load(entry.content) == Card(note="The first.")
