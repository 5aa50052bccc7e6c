"""Forty buyers, eight seats: invariant 1, with a control that shows that the race is real."""

from collections import Counter
from functools import partial

import pytest
from django.db import transaction

from accounts.models import User
from enrollment import refusals, services
from enrollment.models import Consent, Enrollment, EnrollmentMove, Seat
from enrollment.states import LIVE, Status
from sessions.models import Cohort
from tests.enrollment.builders import NOW, a_cohort, a_held_seat, a_member, an_intake
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

BUYERS = 40
SEATS = 8


def buyers(number: int) -> list[User]:
    members = [a_member() for _ in range(number)]
    for member in members:
        an_intake(member)
    return members


def outcomes(results: list[Enrollment | Exception]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


def test_forty_buyers_get_eight_seats_and_thirty_two_kind_answers() -> None:
    cohort = a_cohort(capacity=SEATS)
    presses = [
        partial(services.reserve_seat, cohort=cohort, member=member, now=NOW)
        for member in buyers(BUYERS)
    ]

    results = at_once(presses)

    assert outcomes(results) == {"Enrollment": SEATS, "GroupFull": BUYERS - SEATS}
    seated = Seat.objects.filter(cohort=cohort, enrollment__isnull=False)
    assert {seat.enrollment for seat in seated} == {
        result for result in results if isinstance(result, Enrollment)
    }
    assert set(Enrollment.objects.values_list("status", flat=True)) == {Status.HELD}
    assert Enrollment.objects.count() == EnrollmentMove.objects.count() == SEATS


def reserve_unguarded(*, cohort: Cohort, member: User) -> Enrollment:
    """Count, then insert: what the guarded seat rows are there to replace."""
    with transaction.atomic():
        taken = Enrollment.objects.filter(cohort=cohort, status__in=LIVE).count()
        if taken >= cohort.capacity:
            raise refusals.GroupFull
        return Enrollment.objects.create(
            cohort=cohort, member=member, price_cents=29_900, reserved_at=NOW, held_until=NOW
        )


def test_control_counting_and_then_inserting_oversells() -> None:
    cohort = a_cohort(capacity=SEATS)
    presses = [
        partial(reserve_unguarded, cohort=cohort, member=member) for member in buyers(BUYERS)
    ]

    sold = outcomes(at_once(presses))["Enrollment"]

    assert sold > SEATS


def test_pressing_many_times_at_once_keeps_one_seat() -> None:
    cohort = a_cohort(capacity=SEATS)
    (member,) = buyers(1)
    press = partial(services.reserve_seat, cohort=cohort, member=member, now=NOW)

    results = at_once([press] * 10)

    assert outcomes(results) == {"Enrollment": 1, "AlreadyEnrolled": 9}
    assert Seat.objects.filter(cohort=cohort, enrollment__isnull=False).count() == 1
    assert Consent.objects.count() == 5


def test_pressing_twice_for_the_last_seat_is_not_answered_with_full() -> None:
    """Neither press may tell its own member that somebody else has the seat."""
    for _ in range(10):
        cohort = a_cohort(capacity=1)
        (member,) = buyers(1)
        press = partial(services.reserve_seat, cohort=cohort, member=member, now=NOW)

        results = at_once([press, press])

        assert outcomes(results) == {"Enrollment": 1, "AlreadyEnrolled": 1}


def test_a_seat_that_comes_free_is_sold_once() -> None:
    cohort = a_cohort(capacity=1)
    held = a_held_seat(cohort=cohort)
    services.expire_hold(enrollment_id=held.pk, now=held.held_until or NOW, reason="Not paid")
    presses = [
        partial(services.reserve_seat, cohort=cohort, member=member, now=NOW)
        for member in buyers(10)
    ]

    assert outcomes(at_once(presses)) == {"Enrollment": 1, "GroupFull": 9}
