"""Two admins at once, and publishing against an edit; with the controls that show the races."""

import threading
from functools import partial

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Role, User
from sessions import editions
from sessions.editions import ChangedMeanwhile, NotPossible, Text, fingerprint
from sessions.models import Curriculum, CurriculumWeek
from tests.accounts.people import make_person
from tests.enrollment.builders import NOW
from tests.enrollment.crowd import PATIENCE, at_once
from tests.sessions.factories import default_programme

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

ROUNDS = 5


def a_draft() -> Curriculum:
    draft = editions.start_draft(programme=default_programme())
    write(draft, f"Read by a clinician {draft.version}")
    return draft


def week_of(draft: Curriculum, number: int = 1) -> CurriculumWeek:
    return CurriculumWeek.objects.select_related("curriculum").get(curriculum=draft, number=number)


def write(draft: Curriculum, title: str, number: int = 1) -> None:
    stored = week_of(draft, number)
    text = Text("mindfulness", title, ["Noticing"], {})
    editions.save_week(week=stored, text=text, seen=fingerprint([stored]))


def an_approved_draft(admin: User) -> Curriculum:
    draft = a_draft()
    editions.approve(
        curriculum=draft,
        clinician="Ana Diaz, PsyD",
        actor=admin,
        seen=fingerprint(draft.weeks.all()),
        now=NOW,
        ip="",
    )
    draft.refresh_from_db()
    return draft


def test_a_text_that_no_clinician_read_is_never_published() -> None:
    admin = make_person(role=Role.ADMIN)
    for round_ in range(ROUNDS):
        draft = an_approved_draft(admin)
        read = fingerprint(draft.weeks.all())
        seen = editions.outlook(draft=draft, now=NOW).seen
        publish = partial(editions.publish, draft=draft, actor=admin, seen=seen, now=NOW, ip="")
        published, written = at_once([publish, partial(write, draft, f"Never read {round_}", 2)])

        draft.refresh_from_db()
        if published is None:
            assert isinstance(written, NotPossible), written
            assert fingerprint(draft.weeks.all()) == read
        else:
            assert isinstance(published, ChangedMeanwhile), published
            assert (written, draft.published_at, draft.approved_at) == (None, None, None)
            editions.throw_away(draft=draft, seen=fingerprint(draft.weeks.all()))


def test_even_past_the_services_the_database_waits_for_who_publishes() -> None:
    """The trigger looks at the version with a lock: an edit during the press does not slip in."""
    draft = an_approved_draft(make_person(role=Role.ADMIN))
    pressed, begun = threading.Event(), threading.Event()

    def publish() -> None:
        with transaction.atomic():
            Curriculum.objects.filter(pk=draft.pk).update(published_at=NOW)
            pressed.set()
            begun.wait(timeout=PATIENCE)
            # Until the other one stands before the locked row.
            with connection.cursor() as cursor:
                for _ in range(PATIENCE * 20):
                    cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                    if cursor.fetchone()[0]:
                        return
                    cursor.execute("SELECT pg_sleep(0.05)")

    def edit() -> None:
        pressed.wait(timeout=PATIENCE)
        begun.set()
        draft.weeks.filter(number=1).update(title="Slipped in")

    published, edited = at_once([publish, edit])
    assert published is None
    assert isinstance(edited, IntegrityError), edited
    assert week_of(draft).title == "Read by a clinician 2"


def test_of_two_who_save_one_week_the_later_is_told() -> None:
    draft = a_draft()
    for round_ in range(ROUNDS):
        stored = week_of(draft)
        saves = [
            partial(
                editions.save_week,
                week=stored,
                text=Text("mindfulness", f"By {name} {round_}", ["Noticing"], {}),
                seen=fingerprint([stored]),
            )
            for name in "AB"
        ]
        results = at_once(saves)
        assert sorted(type(one).__name__ for one in results) == ["ChangedMeanwhile", "NoneType"]
        winner = "AB"[results.index(None)]
        assert week_of(draft).title == f"By {winner} {round_}"


def test_of_two_who_start_a_draft_both_find_the_same() -> None:
    start = partial(editions.start_draft, programme=default_programme())
    first, second = at_once([start, start])
    assert isinstance(first, Curriculum), first
    assert first == second
    assert first.weeks.count() == 12


def test_control_comparing_without_the_lock_loses_a_save() -> None:
    draft = a_draft()
    stored = week_of(draft)
    seen, compared = fingerprint([stored]), threading.Barrier(2)

    def save_unguarded(title: str) -> None:
        with transaction.atomic():
            assert fingerprint([week_of(draft)]) == seen
            compared.wait(timeout=PATIENCE)
            draft.weeks.filter(number=1).update(title=title)

    assert at_once([partial(save_unguarded, title) for title in "AB"]) == [None, None]
