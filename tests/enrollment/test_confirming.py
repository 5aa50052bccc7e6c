"""The seat is paid for: in time, again, and too late."""

import datetime as dt

import pytest

from enrollment import links, services
from enrollment.models import Enrollment, Seat
from enrollment.services import Confirmation
from enrollment.states import Status
from outbox.models import Message
from sessions.models import Cohort
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
)

pytestmark = pytest.mark.django_db

LATER = NOW + HOUR


def confirm(enrollment: Enrollment, now: dt.datetime = LATER) -> Confirmation:
    outcome = services.confirm_seat(enrollment_id=enrollment.pk, now=now, reason="Paid")
    enrollment.refresh_from_db()
    return outcome


def an_expired_seat(cohort: Cohort | None = None) -> Enrollment:
    held = a_held_seat(cohort=cohort)
    services.expire_hold(enrollment_id=held.pk, now=NOW + services.HOLD, reason="Not paid")
    return held


def promised(enrollment: Enrollment) -> list[str]:
    kinds = Message.objects.filter(subject_id=enrollment.pk).values_list("kind", flat=True)
    return sorted(kinds)


def reasons(enrollment: Enrollment) -> list[tuple[str, str]]:
    return list(enrollment.moves.values_list("target", "reason"))


def test_a_kept_seat_becomes_the_members_own() -> None:
    held = a_held_seat()
    assert confirm(held) == Confirmation.CONFIRMED
    assert (held.status, held.confirmed_at, held.held_until) == (Status.ACTIVE, LATER, None)
    assert promised(held) == [links.SEAT_CONFIRMED]
    assert reasons(held)[1:] == [("active", "Paid")]


def test_confirming_again_changes_nothing() -> None:
    confirmed = a_confirmed_seat()
    assert confirm(confirmed) == Confirmation.ALREADY
    assert (confirmed.confirmed_at, confirmed.moves.count()) == (NOW, 2)
    assert Message.objects.count() == 1


def test_money_that_took_days_confirms_too() -> None:
    held = a_held_seat()
    services.await_funds(enrollment_id=held.pk, now=NOW)
    assert confirm(held) == Confirmation.CONFIRMED
    assert held.status == Status.ACTIVE


def test_a_late_payer_gets_a_seat_while_one_is_free() -> None:
    expired = an_expired_seat()
    assert confirm(expired) == Confirmation.RESEATED
    assert expired.status == Status.ACTIVE
    assert Seat.objects.filter(enrollment=expired).count() == 1
    assert promised(expired) == [links.HOLD_EXPIRED, links.SEAT_CONFIRMED]
    assert reasons(expired)[-1] == ("active", "Paid late, a seat was still free")
    assert confirm(expired) == Confirmation.ALREADY


def test_a_late_payer_of_a_full_group_has_no_seat_and_is_owed_the_money() -> None:
    cohort = a_cohort(capacity=1)
    expired = an_expired_seat(cohort)
    rival = a_confirmed_seat(cohort=cohort)

    assert confirm(expired) == Confirmation.NO_SEAT
    assert expired.status == Status.LATE_PAID
    assert Seat.objects.get(cohort=cohort).enrollment == rival
    assert promised(expired) == [links.HOLD_EXPIRED]
    assert reasons(expired)[-1] == ("late_paid", "Paid after the seat was gone")


def test_asking_again_after_no_seat_gives_the_same_answer() -> None:
    cohort = a_cohort(capacity=1)
    expired = an_expired_seat(cohort)
    a_held_seat(cohort=cohort)
    assert [confirm(expired), confirm(expired)] == [Confirmation.NO_SEAT] * 2
    assert expired.moves.count() == 3


def test_a_late_payer_who_reserved_again_keeps_the_new_seat() -> None:
    expired = an_expired_seat()
    again = a_held_seat(cohort=expired.cohort, member=expired.member)
    assert confirm(expired) == Confirmation.NO_SEAT
    again.refresh_from_db()
    assert (expired.status, again.status) == (Status.LATE_PAID, Status.HELD)


@pytest.mark.parametrize(
    ("paid_at", "outcome"),
    [
        (FIRST_SESSION + HOUR - dt.timedelta(seconds=1), Confirmation.RESEATED),
        (FIRST_SESSION + HOUR, Confirmation.NO_SEAT),
    ],
)
def test_no_late_seat_once_the_first_session_is_over(
    paid_at: dt.datetime, outcome: Confirmation
) -> None:
    assert confirm(an_expired_seat(), now=paid_at) == outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (Cohort.Status.CLOSED, Confirmation.RESEATED),
        (Cohort.Status.ARCHIVED, Confirmation.NO_SEAT),
    ],
)
def test_a_closed_group_still_takes_a_late_payer_back(
    status: Cohort.Status, outcome: Confirmation
) -> None:
    expired = an_expired_seat()
    Cohort.objects.update(status=status)
    assert confirm(expired) == outcome


def test_money_for_a_withdrawn_seat_does_not_bring_it_back() -> None:
    confirmed = a_confirmed_seat()
    services.withdraw(enrollment_id=confirmed.pk, actor=confirmed.member, reason="Moved", now=NOW)
    assert confirm(confirmed) == Confirmation.NO_SEAT
    assert (confirmed.status, Seat.objects.filter(enrollment=confirmed).count()) == (
        Status.LATE_PAID,
        0,
    )


def test_who_pays_within_the_lead_time_gets_the_weeks_link_at_once() -> None:
    held = a_held_seat(now=FIRST_SESSION - HOUR * 3)
    confirm(held, now=FIRST_SESSION - HOUR * 3)
    assert promised(held) == [links.SEAT_CONFIRMED, links.SESSION_LINK]
