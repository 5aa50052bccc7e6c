"""Overdue holds: a seat is given away only after Stripe says that no money can come any more."""

import datetime as dt

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from billing import checkout, gateway, sweeps
from billing.models import CheckoutAttempt, Payment
from enrollment import services as enrollment_services
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    AFTER_THE_HOLD,
    CREATE,
    EXPIRE,
    MINUTE,
    PRICE,
    a_group,
    a_seat,
    at_the_page,
    lose_the_reply,
    mails,
    now,
    paid_at_stripe,
    refreshed,
    seat_of,
    stripe_is_away,
)

pytestmark = pytest.mark.django_db


def release(later: dt.timedelta = AFTER_THE_HOLD) -> int:
    return sweeps.release_overdue_holds(now=now() + later)


def test_a_hold_that_nobody_tried_to_pay_is_released_when_it_is_over(standin: Standin) -> None:
    enrollment = a_seat()
    assert release(enrollment_services.HOLD - MINUTE) == 0
    assert refreshed(enrollment).status == "held"
    assert release(enrollment_services.HOLD) == 1
    assert refreshed(enrollment).status == "expired"
    assert seat_of(enrollment) is None
    assert mails("hold-expired") == 1
    assert standin.requests == []
    assert release() == 0
    assert mails("hold-expired") == 1


def test_an_open_page_is_closed_at_stripe_before_the_seat_is_free(standin: Standin) -> None:
    attempt = at_the_page()
    release()
    assert standin.books["sessions"] == {"expired": 1}
    assert (refreshed(attempt).status, refreshed(attempt.enrollment).status) == (
        "expired",
        "expired",
    )
    assert seat_of(attempt.enrollment) is None
    assert mails("hold-expired") == 1


def test_a_hold_is_not_touched_while_its_page_is_open(standin: Standin) -> None:
    attempt = at_the_page()
    assert release(checkout.PAGE_LIFE) == 0
    assert (refreshed(attempt).status, standin.books["sessions"]) == ("open", {"open": 1})


def test_whoever_paid_meanwhile_is_confirmed_instead(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    assert release() == 0
    assert (refreshed(attempt).status, refreshed(attempt.enrollment).status) == ("paid", "active")
    assert seat_of(attempt.enrollment) is not None
    assert (Payment.objects.count(), mails("seat-confirmed"), mails("hold-expired")) == (1, 1, 0)


def test_money_on_its_way_keeps_the_seat(standin: Standin) -> None:
    attempt = paid_at_stripe(standin, outcome="async")
    assert release() == 0
    assert refreshed(attempt.enrollment).status == "awaiting_funds"
    assert seat_of(attempt.enrollment) is not None


def test_while_stripe_is_away_every_seat_stays(standin: Standin) -> None:
    cohort = a_group()
    attempts = [at_the_page(a_seat(cohort)) for _ in range(2)]
    standin.forget_requests()
    stripe_is_away(standin)
    assert release() == 0
    assert len(standin.requests) == 3  # one page, tried three times, and no further one
    assert [refreshed(a.enrollment).status for a in attempts] == ["held", "held"]
    standin.control("clear_faults")
    release()
    assert [refreshed(a.enrollment).status for a in attempts] == ["expired", "expired"]


def test_a_lost_reply_to_the_closing_is_asked_for_again(standin: Standin) -> None:
    attempt = at_the_page()
    lose_the_reply(standin, EXPIRE)
    assert release() == 0
    assert (standin.books["sessions"], refreshed(attempt.enrollment).status) == (
        {"expired": 1},
        "held",
    )
    release()
    assert refreshed(attempt.enrollment).status == "expired"


def test_a_page_that_stripe_does_not_close_keeps_its_seat(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe may refuse while a payment is under way; then the page is still open."""
    attempt = at_the_page()
    monkeypatch.setattr(gateway, "expire_checkout", gateway.retrieve_checkout)
    assert release() == 0
    assert refreshed(attempt.enrollment).status == "held"
    assert seat_of(attempt.enrollment) is not None
    monkeypatch.undo()
    release(AFTER_THE_HOLD + sweeps.LATER)
    assert refreshed(attempt.enrollment).status == "expired"


def test_one_page_that_stripe_refuses_keeps_back_no_other(standin: Standin) -> None:
    cohort = a_group()
    broken, sound = at_the_page(a_seat(cohort)), at_the_page(a_seat(cohort))
    CheckoutAttempt.objects.filter(pk=broken.pk).update(stripe_session_id="cs_test_unknown")
    release()
    assert refreshed(broken.enrollment).status == "held"
    assert refreshed(sound.enrollment).status == "expired"


def test_a_page_whose_address_never_arrived_is_found_and_closed(standin: Standin) -> None:
    enrollment = a_seat()
    lose_the_reply(standin, CREATE)
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    assert standin.books["sessions"] == {"open": 1}
    release()
    assert standin.books["sessions"] == {"expired": 1}
    assert refreshed(enrollment).status == "expired"


def test_an_attempt_that_stripe_never_heard_of_ends_with_its_hold(standin: Standin) -> None:
    enrollment = a_seat()
    stripe_is_away(standin, CREATE, times=3)
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    standin.control("clock", advance=AFTER_THE_HOLD.total_seconds())
    release()
    assert enrollment.attempts.get().status == "failed"
    assert refreshed(enrollment).status == "expired"
    assert standin.books["sessions"] == {}


def test_a_hold_extended_this_very_moment_survives() -> None:
    enrollment = a_seat()
    enrollment_services.extend_hold(enrollment_id=enrollment.pk, until=now() + 60 * MINUTE)
    expired = enrollment_services.expire_hold(
        enrollment_id=enrollment.pk, now=now() + 16 * MINUTE, reason="Not paid in time"
    )
    assert expired is False
    assert seat_of(enrollment) is not None


def test_the_cost_does_not_grow_with_the_attempts_ever_made(standin: Standin) -> None:
    a_seat()
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert release() == 1
    enrollment = a_seat()
    ended_attempts(enrollment.pk, 300)
    with CaptureQueriesContext(connection) as many:
        assert release() == 1
    assert len(many) == len(few)


def ended_attempts(enrollment_id: int, number: int) -> None:
    CheckoutAttempt.objects.bulk_create(
        CheckoutAttempt(
            enrollment_id=enrollment_id,
            status="failed",
            amount_cents=PRICE,
            currency="usd",
            params={},
            created_at=now() - dt.timedelta(days=30),
            expires_at=now() - dt.timedelta(days=30),
        )
        for _ in range(number)
    )
