"""Everybody who cannot have a seat: which refusal, and that nothing was written."""

import datetime as dt
from collections.abc import Callable

import pytest

from enrollment import catalogue, seats, services
from enrollment.models import Consent, Enrollment, EnrollmentMove, Seat
from enrollment.refusals import (
    AlreadyEnrolled,
    GroupClosed,
    GroupFull,
    IntakeMissing,
    Refused,
    StateNotAdmitted,
    Underage,
)
from sessions.models import Cohort
from sessions.services import entry_session
from tests.enrollment.builders import (
    FIRST_SESSION,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    an_intake,
    session,
)

pytestmark = pytest.mark.django_db


def rows() -> tuple[int, ...]:
    taken = Seat.objects.filter(enrollment__isnull=False)
    counted = (Enrollment.objects, EnrollmentMove.objects, Consent.objects, taken)
    return tuple(query.count() for query in counted)


def full() -> Cohort:
    cohort = a_cohort(capacity=1)
    a_held_seat(cohort=cohort)
    return cohort


def closed() -> Cohort:
    cohort = a_cohort()
    cohort.status = Cohort.Status.CLOSED
    return cohort


def begun() -> Cohort:
    return a_cohort(starts_at=NOW)


@pytest.mark.parametrize(
    ("build", "refusal"),
    [
        (full, GroupFull),
        (closed, GroupClosed),
        (lambda: a_cohort(draft=True), GroupClosed),
        (begun, GroupClosed),
        (lambda: a_cohort(admitted_states=["TX"]), StateNotAdmitted),
    ],
    ids=["full", "closed", "draft", "begun", "state"],
)
def test_a_group_that_cannot_be_joined_is_refused_and_nothing_written(
    build: Callable[[], Cohort], refusal: type[Refused]
) -> None:
    cohort, member = build(), a_member()
    an_intake(member)
    before = rows()

    with pytest.raises(refusal):
        services.reserve_seat(cohort=cohort, member=member, now=NOW)

    assert rows() == before


def test_without_answers_there_is_no_seat() -> None:
    cohort, member = a_cohort(), a_member()
    with pytest.raises(IntakeMissing):
        services.reserve_seat(cohort=cohort, member=member, now=NOW)
    assert rows() == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("born", "admitted"),
    [
        (dt.date(2008, 9, 29), True),
        (dt.date(2008, 9, 30), False),
    ],
)
def test_the_eighteenth_birthday_is_the_first_day_to_join(born: dt.date, admitted: bool) -> None:
    cohort, member = a_cohort(), a_member()
    an_intake(member, date_of_birth=born)
    if admitted:
        services.reserve_seat(cohort=cohort, member=member, now=NOW)
    else:
        with pytest.raises(Underage):
            services.reserve_seat(cohort=cohort, member=member, now=NOW)
    assert rows() == ((1, 1, 5, 1) if admitted else (0, 0, 0, 0))


@pytest.mark.parametrize("seat", [a_held_seat, a_confirmed_seat])
def test_a_second_seat_in_the_same_group_is_refused(seat: Callable[..., Enrollment]) -> None:
    first = seat()
    before = rows()
    with pytest.raises(AlreadyEnrolled):
        services.reserve_seat(cohort=first.cohort, member=first.member, now=NOW)
    assert rows() == before


def test_a_member_of_a_full_group_hears_that_they_have_a_seat() -> None:
    held = a_held_seat(cohort=a_cohort(capacity=1))
    with pytest.raises(AlreadyEnrolled):
        services.reserve_seat(cohort=held.cohort, member=held.member, now=NOW)


def test_who_left_may_come_again() -> None:
    first = a_confirmed_seat()
    services.withdraw(enrollment_id=first.pk, actor=first.member, reason="Moved", now=NOW)
    again = services.reserve_seat(cohort=first.cohort, member=first.member, now=NOW)
    assert (again.status, again.pk == first.pk) == ("held", False)
    assert again.door_token != first.door_token


def test_a_group_can_be_joined_until_the_instant_it_starts() -> None:
    cohort = a_cohort()
    last = entry_session(cohort=cohort, now=FIRST_SESSION - MINUTE)
    assert last == session(cohort, 1)
    assert entry_session(cohort=cohort, now=FIRST_SESSION) is None


@pytest.mark.parametrize(
    ("begun", "first_week", "price_cents"),
    [(0, 1, 29_900), (1, 5, 19_933), (4, 5, 19_933), (5, 9, 9_967), (8, 9, 9_967)],
)
def test_joining_at_a_module_start_costs_the_sessions_that_are_left(
    begun: int, first_week: int, price_cents: int
) -> None:
    """`begun` is the last session that has started."""
    cohort, member = a_cohort(admission="modules"), a_member()
    an_intake(member)
    now = session(cohort, begun).starts_at if begun else NOW
    enrollment = services.reserve_seat(cohort=cohort, member=member, now=now)
    assert (enrollment.first_week, enrollment.price_cents) == (first_week, price_cents)


def test_after_the_last_module_start_the_group_is_closed() -> None:
    cohort, member = a_cohort(admission="modules"), a_member()
    an_intake(member)
    with pytest.raises(GroupClosed):
        services.reserve_seat(cohort=cohort, member=member, now=session(cohort, 9).starts_at)


@pytest.mark.parametrize("refusal", [GroupFull, GroupClosed, StateNotAdmitted])
def test_refusals_that_others_may_help_introduce_them(refusal: type[Refused]) -> None:
    assert refusal.before_others.endswith(":")
    assert ":" not in refusal.message


def test_a_seat_that_somebody_has_is_not_taken_again() -> None:
    held, rival = a_held_seat(), a_held_seat()
    seat = Seat.objects.get(enrollment=held)
    seats.release_seat(enrollment_id=rival.pk)
    assert seats.take_seat(seat_id=seat.pk, enrollment_id=rival.pk, first_week=1) is False
    seat.refresh_from_db()
    assert seat.enrollment == held


def test_three_other_groups_at_most_are_offered_and_never_the_same_one() -> None:
    first, *rest = (a_cohort() for _ in range(5))
    offered = catalogue.groups_with_seats(now=NOW, other_than=first.pk)
    assert [card.cohort for card in offered] == rest[:3]
