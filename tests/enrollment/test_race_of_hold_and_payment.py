"""A hold ends in the same moment as its payment arrives: whoever wins, one seat has one owner."""

from collections.abc import Callable
from functools import partial

import pytest
from django.db import transaction

from accounts.models import User
from enrollment import seats, services
from enrollment.models import Enrollment, Seat
from enrollment.services import Confirmation
from enrollment.states import Status
from tests.enrollment.builders import NOW, a_cohort, a_held_seat, a_member, an_intake
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

PAIRS = 12
END = NOW + services.HOLD


def held_seats() -> list[Enrollment]:
    """Each in a group of its own, with one seat."""
    return [a_held_seat(cohort=a_cohort(capacity=1)) for _ in range(PAIRS)]


def confirm(enrollment: Enrollment) -> object:
    return services.confirm_seat(enrollment_id=enrollment.pk, now=END, reason="Paid")


def expire(enrollment: Enrollment) -> object:
    return services.expire_hold(enrollment_id=enrollment.pk, now=END, reason="Not paid")


def actions(
    enrollments: list[Enrollment], *each: Callable[[Enrollment], object]
) -> list[Callable[[], object]]:
    return [partial(act, enrollment) for enrollment in enrollments for act in each]


@pytest.mark.parametrize("first", [confirm, expire])
def test_a_paid_seat_stays_with_its_payer_whoever_wins(
    first: Callable[[Enrollment], object],
) -> None:
    enrollments = held_seats()
    second = expire if first is confirm else confirm

    results = at_once(actions(enrollments, first, second))

    assert [result for result in results if isinstance(result, Exception)] == []
    for enrollment in enrollments:
        enrollment.refresh_from_db()
        assert enrollment.status == Status.ACTIVE
        assert Seat.objects.get(cohort=enrollment.cohort_id).enrollment == enrollment
        assert list(enrollment.moves.values_list("target", flat=True)) in (
            ["held", "active"],
            ["held", "expired", "active"],
        )


def test_with_a_rival_waiting_the_seat_has_one_owner_and_the_other_is_owed_the_money() -> None:
    enrollments = held_seats()
    rivals: dict[int, User] = {}
    for enrollment in enrollments:
        rivals[enrollment.cohort_id] = a_member()
        an_intake(rivals[enrollment.cohort_id])

    def rival(enrollment: Enrollment) -> object:
        return services.reserve_seat(
            cohort=enrollment.cohort, member=rivals[enrollment.cohort_id], now=NOW
        )

    results = at_once(actions(enrollments, expire, rival, confirm))

    for enrollment, outcome in zip(enrollments, results[2::3], strict=True):
        enrollment.refresh_from_db()
        owner = Seat.objects.get(cohort=enrollment.cohort_id).enrollment
        assert owner is not None
        if owner == enrollment:
            assert enrollment.status == Status.ACTIVE
            assert outcome in (Confirmation.CONFIRMED, Confirmation.RESEATED)
        else:
            assert (owner.member, owner.status) == (rivals[enrollment.cohort_id], Status.HELD)
            assert (enrollment.status, outcome) == (Status.LATE_PAID, Confirmation.NO_SEAT)


def test_expiring_many_times_at_once_frees_the_seat_once() -> None:
    (held, *_) = held_seats()
    results = at_once([partial(expire, held)] * 10)
    assert sorted(map(bool, results)) == [False] * 9 + [True]
    assert held.moves.count() == 2


def confirm_unguarded(enrollment: Enrollment) -> object:
    with transaction.atomic():
        fresh = Enrollment.objects.get(pk=enrollment.pk)
        if fresh.status == Status.HELD:
            fresh.status = Status.ACTIVE
            fresh.save(update_fields=["status"])
    return None


def expire_unguarded(enrollment: Enrollment) -> object:
    with transaction.atomic():
        fresh = Enrollment.objects.get(pk=enrollment.pk)
        if fresh.status == Status.HELD:
            fresh.status = Status.EXPIRED
            fresh.save(update_fields=["status"])
            seats.release_seat(enrollment_id=fresh.pk)
    return None


def test_control_reading_and_then_writing_parts_a_payer_from_the_seat() -> None:
    enrollments = held_seats()

    at_once(actions(enrollments, confirm_unguarded, expire_unguarded))

    broken = 0
    for enrollment in enrollments:
        enrollment.refresh_from_db()
        seated = Seat.objects.filter(enrollment=enrollment).exists()
        broken += seated != (enrollment.status == Status.ACTIVE)
    assert broken > 0
