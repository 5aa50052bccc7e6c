"""Two admins at once, and an admin against a buyer; each with a control that shows the race."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection, transaction

from accounts.models import Role, User
from enrollment import opening, season, services
from enrollment.models import Enrollment, Seat
from enrollment.season import NotPossible
from sessions import bookings
from sessions.models import Booking, Cohort
from sessions.services import schedule_sessions
from tests.enrollment.builders import NOW, a_cohort, a_member, an_intake
from tests.enrollment.crowd import PATIENCE, at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

ROUNDS = 5


def two_drafts(round_: int) -> tuple[User, list[Cohort]]:
    leader = a_member(role=Role.FACILITATOR, display_name="Dana Reyes")
    drafts = [a_cohort(draft=True, name=f"Group {name}{round_}") for name in "AB"]
    for draft in drafts:
        draft.facilitators.add(leader)
    return leader, drafts


def test_of_two_groups_with_one_leader_exactly_one_is_published() -> None:
    for round_ in range(ROUNDS):
        leader, drafts = two_drafts(round_)
        presses = [partial(season.publish, cohort=draft, now=NOW) for draft in drafts]

        results = at_once(presses)

        [refused] = [result for result in results if result is not None]
        loser = drafts[results.index(refused)]
        winner = drafts[1 - results.index(refused)]
        assert isinstance(refused, NotPossible), refused
        assert refused.reasons == (
            f"Dana Reyes leads “{winner.name}” on Tuesday, October 6, 6:00 PM Eastern and on 11 "
            "more dates, and cannot lead two sessions at once.",
        )
        assert Cohort.objects.get(pk=loser.pk).status == Cohort.Status.DRAFT
        assert not Seat.objects.filter(cohort=loser).exists()
        assert not loser.group_sessions.exists()
        assert Cohort.objects.get(pk=winner.pk).status == Cohort.Status.PUBLISHED
        assert leader.bookings.count() == 12


def test_both_who_have_looked_and_seen_nothing_are_still_stopped_by_the_database() -> None:
    """The look before publishing is a courtesy: here both have it behind them."""
    leader, drafts = two_drafts(0)
    looked = threading.Barrier(2)

    def publish(draft: Cohort) -> None:
        with transaction.atomic():
            assert opening.reasons_not_to_publish(cohort=draft, now=NOW) == []
            looked.wait(timeout=PATIENCE)
            opening.open_enrollment(cohort=draft)

    results = at_once([partial(publish, draft) for draft in drafts])

    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
    assert leader.bookings.count() == 12


def test_control_looking_first_is_not_enough() -> None:
    _, drafts = two_drafts(0)
    looked = threading.Barrier(2)

    def publish_unguarded(draft: Cohort) -> None:
        with transaction.atomic():
            assert opening.reasons_not_to_publish(cohort=draft, now=NOW) == []
            looked.wait(timeout=PATIENCE)
            schedule_sessions(cohort=draft)
            Cohort.objects.filter(pk=draft.pk).update(status=Cohort.Status.PUBLISHED)

    at_once([partial(publish_unguarded, draft) for draft in drafts])

    assert Cohort.objects.filter(status=Cohort.Status.PUBLISHED).count() == 2


def test_many_groups_that_share_leaders_crosswise_do_not_wait_for_each_other_for_ever() -> None:
    leaders = [a_member(role=Role.FACILITATOR, display_name=f"Leader {n}") for n in range(4)]
    drafts = [a_cohort(draft=True) for _ in range(8)]
    for number, draft in enumerate(drafts):
        draft.facilitators.set([leaders[number % 4], leaders[(number + 1) % 4]])

    results = at_once([partial(season.publish, cohort=draft, now=NOW) for draft in drafts])

    assert {type(result).__name__ for result in results} == {"NoneType", "NotPossible"}
    published = Cohort.objects.filter(status=Cohort.Status.PUBLISHED).count()
    assert published == results.count(None)
    assert Booking.objects.count() == published * 2 * 12


# --- Seats taken away while somebody reserves -------------------------------------------


def buyers(number: int) -> list[User]:
    members = [a_member() for _ in range(number)]
    for member in members:
        an_intake(member)
    return members


def test_seats_that_go_while_people_reserve_are_never_sold_nor_pulled_away() -> None:
    for _ in range(ROUNDS):
        cohort = a_cohort(capacity=6)
        actions: list[Callable[[], object]] = [
            partial(season.change_capacity, cohort=cohort, capacity=3, now=NOW)
        ]
        actions += [
            partial(services.reserve_seat, cohort=cohort, member=member, now=NOW)
            for member in buyers(6)
        ]

        lowered, *results = at_once(actions)

        sold = [result for result in results if isinstance(result, Enrollment)]
        left = Seat.objects.filter(cohort=cohort)
        assert set(left.exclude(enrollment=None).values_list("enrollment", flat=True)) == {
            one.pk for one in sold
        }
        capacity = Cohort.objects.get(pk=cohort.pk).capacity
        assert left.count() == capacity
        assert lowered is None or isinstance(lowered, NotPossible)
        assert capacity == (3 if lowered is None else 6)
        assert len(sold) <= capacity


def lower_while_somebody_reserves(guarded: bool) -> tuple[Cohort, list[object]]:
    """The buyer has taken the last free chair and not committed yet when staff lower the number."""
    cohort = a_cohort(capacity=1)
    (member,) = buyers(1)
    taken, looked = threading.Event(), threading.Event()

    def reserve() -> object:
        with transaction.atomic():
            seat = services.reserve_seat(cohort=cohort, member=member, now=NOW)
            taken.set()
            looked.wait(timeout=PATIENCE if not guarded else 1)
        return seat

    def lower() -> object:
        taken.wait(timeout=PATIENCE)
        if guarded:
            season.change_capacity(cohort=cohort, capacity=0, now=NOW)
            return None
        # Counted first, then taken away by number: what the locked chair is there to replace.
        free = list(Seat.objects.filter(cohort=cohort, enrollment=None).values_list("pk"))
        looked.set()
        with connection.cursor() as cursor:
            cursor.executemany("DELETE FROM enrollment_seat WHERE id = %s", free)
        return None

    actions: list[Callable[[], object]] = [reserve, lower]
    return cohort, at_once(actions)


def test_a_chair_that_is_being_taken_is_not_pulled_away() -> None:
    cohort, (seat, refused) = lower_while_somebody_reserves(guarded=True)
    assert isinstance(refused, NotPossible)
    assert refused.reasons == ("1 seat is taken, so 0 is too few. The smallest number now is 1.",)
    assert Seat.objects.get(cohort=cohort).enrollment == seat


def test_control_a_chair_that_was_only_counted_is_pulled_away_under_its_owner() -> None:
    cohort, (seat, _) = lower_while_somebody_reserves(guarded=False)
    assert isinstance(seat, Enrollment)
    assert not Seat.objects.filter(cohort=cohort).exists()


def test_links_wanted_twice_at_once_are_given_once() -> None:
    drafts = [a_cohort(draft=True, meeting_url="https://meet.example/room") for _ in range(2)]
    for draft in drafts:
        schedule_sessions(cohort=draft)
    results = at_once([partial(bookings.book, cohort=draft) for draft in drafts])
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
    assert Booking.objects.count() == 12
