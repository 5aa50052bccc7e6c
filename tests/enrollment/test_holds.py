"""A seat that is kept: how long, how it is let go, and what history says of it."""

import datetime as dt

import pytest

from enrollment import links, services
from enrollment.models import Enrollment, EnrollmentMove, Seat
from enrollment.states import Status
from outbox.models import Message
from tests.enrollment.builders import MINUTE, NOW, a_cohort, a_confirmed_seat, a_held_seat, a_member

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)


def status(enrollment: Enrollment) -> str:
    enrollment.refresh_from_db()
    return enrollment.status


def history(enrollment: Enrollment) -> list[tuple[str, str, str, str | None]]:
    moves = EnrollmentMove.objects.filter(enrollment=enrollment).select_related("actor")
    return [
        (move.source, move.target, move.reason, move.actor.email if move.actor else None)
        for move in moves
    ]


def seated(enrollment: Enrollment) -> bool:
    return Seat.objects.filter(enrollment=enrollment).exists()


def test_a_seat_is_kept_for_a_quarter_of_an_hour() -> None:
    held = a_held_seat()
    assert (held.status, held.held_until) == (Status.HELD, NOW + 15 * MINUTE)
    assert seated(held)
    assert history(held) == [("", "held", "Reserved", held.member.email)]


def test_a_hold_is_overdue_from_its_last_instant_on() -> None:
    held = a_held_seat()
    end = NOW + services.HOLD
    assert list(services.overdue_holds(now=end - SECOND)) == []
    assert list(services.overdue_holds(now=end)) == [held]


def test_the_longest_overdue_come_first() -> None:
    cohort = a_cohort()
    later, first, second = (
        a_held_seat(cohort=cohort, now=NOW + minutes * MINUTE) for minutes in (2, 0, 1)
    )
    overdue = services.overdue_holds(now=NOW + 60 * MINUTE)
    assert list(overdue) == [first, second, later]
    assert status(later) == Status.HELD


def test_an_overdue_hold_expires_frees_the_seat_and_promises_the_mail() -> None:
    held = a_held_seat()
    expired = services.expire_hold(
        enrollment_id=held.pk, now=NOW + services.HOLD, reason="Not paid in time"
    )
    assert expired is True
    assert (status(held), seated(held)) == (Status.EXPIRED, False)
    assert history(held)[1:] == [("held", "expired", "Not paid in time", None)]
    (mail,) = Message.objects.all()
    assert (mail.kind, mail.recipient_id, mail.subject_id) == (
        links.HOLD_EXPIRED,
        held.member_id,
        held.pk,
    )


def test_a_hold_that_is_not_over_stays() -> None:
    held = a_held_seat()
    now = NOW + services.HOLD - SECOND
    assert services.expire_hold(enrollment_id=held.pk, now=now, reason="Early") is False
    assert (status(held), seated(held)) == (Status.HELD, True)
    assert Message.objects.count() == 0


def test_when_the_payment_has_ended_so_has_the_hold() -> None:
    held = a_held_seat()
    services.expire_hold(
        enrollment_id=held.pk, now=NOW, reason="The page closed unpaid", overdue_only=False
    )
    assert (status(held), seated(held)) == (Status.EXPIRED, False)


def test_an_extended_hold_survives_its_first_end() -> None:
    held = a_held_seat()
    assert services.extend_hold(enrollment_id=held.pk, until=NOW + 36 * MINUTE) is True
    assert not services.expire_hold(
        enrollment_id=held.pk, now=NOW + services.HOLD, reason="Not paid in time"
    )
    assert status(held) == Status.HELD
    assert held.held_until == NOW + 36 * MINUTE


def test_a_hold_that_is_gone_is_not_extended() -> None:
    held = a_held_seat()
    services.expire_hold(enrollment_id=held.pk, now=NOW + services.HOLD, reason="Not paid")
    assert services.extend_hold(enrollment_id=held.pk, until=NOW + 60 * MINUTE) is False


def test_expiring_twice_happens_once() -> None:
    held = a_held_seat()
    end = NOW + services.HOLD
    again = [
        services.expire_hold(enrollment_id=held.pk, now=end, reason="Not paid in time")
        for _ in range(2)
    ]
    assert again == [True, False]
    assert (len(history(held)), Message.objects.count()) == (2, 1)


def test_a_seat_waits_a_week_for_money_on_its_way() -> None:
    held = a_held_seat()
    assert services.await_funds(enrollment_id=held.pk, now=NOW) is True
    assert status(held) == Status.AWAITING_FUNDS
    assert held.held_until == NOW + dt.timedelta(days=7)
    early = NOW + dt.timedelta(days=7) - SECOND
    assert not services.expire_hold(enrollment_id=held.pk, now=early, reason="No money came")
    assert services.expire_hold(
        enrollment_id=held.pk, now=NOW + dt.timedelta(days=7), reason="No money came"
    )
    assert seated(held) is False


def test_a_confirmed_seat_does_not_expire() -> None:
    confirmed = a_confirmed_seat()
    assert not services.expire_hold(
        enrollment_id=confirmed.pk, now=NOW + services.HOLD, reason="Late", overdue_only=False
    )
    assert (status(confirmed), seated(confirmed)) == (Status.ACTIVE, True)


def test_withdrawing_frees_the_seat_and_says_who_and_why() -> None:
    confirmed, admin = a_confirmed_seat(), a_member("desk@example.org", role="admin")
    assert services.withdraw(enrollment_id=confirmed.pk, actor=admin, reason="Moved away", now=NOW)
    assert (status(confirmed), seated(confirmed)) == (Status.WITHDRAWN, False)
    assert history(confirmed)[-1] == ("active", "withdrawn", "Moved away", "desk@example.org")
    assert not services.withdraw(enrollment_id=confirmed.pk, actor=admin, reason="Again", now=NOW)


def test_a_seat_that_is_only_held_is_not_withdrawn() -> None:
    held = a_held_seat()
    assert not services.withdraw(enrollment_id=held.pk, actor=held.member, reason="Me", now=NOW)
    assert (status(held), seated(held)) == (Status.HELD, True)
