"""A free account must not keep a group full for ever without paying."""

import datetime as dt

import pytest

from enrollment import refusals, services
from enrollment.models import Enrollment
from enrollment.states import Status
from tests.enrollment.builders import MINUTE, NOW, a_cohort, a_held_seat, a_member

pytestmark = pytest.mark.django_db


def lapse(enrollment: Enrollment, now: dt.datetime) -> None:
    assert services.expire_hold(enrollment_id=enrollment.pk, now=now, reason="Not paid in time")


def test_the_same_group_is_kept_three_times_a_day_and_not_a_fourth_time() -> None:
    cohort, member, now = a_cohort(), a_member(), NOW
    for _ in range(services.HOLDS_OF_ONE_GROUP):
        held = a_held_seat(cohort=cohort, member=member, now=now)
        now += services.HOLD + MINUTE
        lapse(held, now)
    with pytest.raises(refusals.TooManyHolds):
        a_held_seat(cohort=cohort, member=member, now=now)
    assert Enrollment.objects.filter(status=Status.HELD).count() == 0
    assert a_held_seat(cohort=a_cohort(), member=member, now=now).status == Status.HELD


def test_the_next_day_the_same_group_may_be_tried_again() -> None:
    cohort, member, now = a_cohort(), a_member(), NOW
    for _ in range(services.HOLDS_OF_ONE_GROUP):
        held = a_held_seat(cohort=cohort, member=member, now=now)
        lapse(held, now + services.HOLD)
    later = now + services.FAIR_USE_WINDOW
    assert a_held_seat(cohort=cohort, member=member, now=later).status == Status.HELD


def test_two_unpaid_seats_at_a_time_and_not_a_third() -> None:
    member = a_member()
    for _ in range(services.HOLDS_AT_A_TIME):
        a_held_seat(cohort=a_cohort(), member=member)
    with pytest.raises(refusals.TooManyHolds):
        a_held_seat(cohort=a_cohort(), member=member)


def test_pressing_twice_is_answered_with_the_seat_that_is_kept() -> None:
    member, cohort = a_member(), a_cohort()
    a_held_seat(cohort=a_cohort(), member=member)
    a_held_seat(cohort=cohort, member=member)
    with pytest.raises(refusals.AlreadyEnrolled):
        a_held_seat(cohort=cohort, member=member)


def test_another_member_is_not_stopped() -> None:
    cohort = a_cohort()
    for _ in range(services.HOLDS_OF_ONE_GROUP + 1):
        held = a_held_seat(cohort=cohort, member=a_member())
        lapse(held, NOW + services.HOLD)
    assert Enrollment.objects.filter(status=Status.EXPIRED).count() == 4
