"""Every ten minutes: what no webhook told is read from Stripe's own objects."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from billing import checkout, gateway, sweeps, tasks
from billing.gateway.client import client
from billing.models import CheckoutAttempt, Payment, Refund
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    CREATE,
    MINUTE,
    PRICE,
    RETRIEVE,
    a_group,
    a_refund,
    a_seat,
    at_the_page,
    calls,
    lose_the_reply,
    mails,
    now,
    paid_at_stripe,
    refreshed,
    stripe_is_away,
)
from tests.billing.test_release_holds import ended_attempts

pytestmark = pytest.mark.django_db


def reconcile(later: dt.timedelta = 3 * MINUTE) -> int:
    return sweeps.reconcile(now=now() + later)


def test_a_payment_whose_webhook_was_dropped_is_found(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    reconcile()
    assert (refreshed(attempt).status, refreshed(attempt.enrollment).status) == ("paid", "active")
    assert (Payment.objects.count(), mails("seat-confirmed")) == (1, 1)
    reconcile()
    assert (Payment.objects.count(), mails("seat-confirmed")) == (1, 1)


def test_a_payment_at_a_page_whose_id_never_arrived_is_found(standin: Standin) -> None:
    enrollment = a_seat()
    lose_the_reply(standin, CREATE)
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    [page] = standin.world.store.tables["checkout.session"]
    standin.control("pay", session=page)
    reconcile()
    attempt = enrollment.attempts.get()
    assert (attempt.status, attempt.stripe_session_id) == ("paid", page)
    assert refreshed(enrollment).status == "active"


def test_a_payment_at_a_page_that_was_given_up_is_found(standin: Standin) -> None:
    enrollment = a_seat()
    standin.control("fault", route=CREATE, kind="500", when="after")
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    [page] = standin.world.store.tables["checkout.session"]
    standin.control("pay", session=page)
    reconcile()
    assert (enrollment.attempts.get().status, refreshed(enrollment).status) == ("paid", "active")


def test_a_page_that_expired_in_silence_frees_its_seat(standin: Standin) -> None:
    attempt = at_the_page()
    standin.control("clock", advance=32 * 60)
    reconcile(33 * MINUTE)
    assert (refreshed(attempt).status, refreshed(attempt.enrollment).status) == (
        "expired",
        "expired",
    )


def test_a_young_attempt_is_left_to_its_webhook(standin: Standin) -> None:
    at_the_page()
    standin.forget_requests()
    reconcile(MINUTE)
    assert calls(standin, RETRIEVE) == []


def test_somebody_elses_payments_in_the_same_account_are_passed_over(standin: Standin) -> None:
    params: Any = {**at_the_page().params, "client_reference_id": "order-17"}
    session = client().v1.checkout.sessions.create(params)
    standin.control("pay", session=session.id)
    reconcile()
    assert Payment.objects.count() == 0


def test_more_pages_than_fit_on_one_list_are_all_read(standin: Standin) -> None:
    lost = a_seat()
    lose_the_reply(standin, CREATE)
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=lost.pk), now=now())
    [page] = standin.world.store.tables["checkout.session"]
    standin.control("pay", session=page)
    params: Any = {**lost.attempts.get().params, "client_reference_id": "order"}
    for _ in range(101):
        other = client().v1.checkout.sessions.create(params)
        standin.control("pay", session=other.id)
    reconcile()
    assert refreshed(lost).status == "active"


def test_a_refund_that_ended_in_silence_is_found(standin: Standin) -> None:
    standin.control("next_refund", outcome="pending")
    standin.control("next_refund", outcome="pending")
    good, bad = a_refund(standin, 1_000), a_refund(standin, 2_000)
    sweeps.submit_open_refunds(now=now())
    standin.control("finish_refund", refund=refreshed(good).stripe_refund_id)
    standin.control("fail_refund", refund=refreshed(bad).stripe_refund_id)
    reconcile()
    assert (refreshed(good).status, refreshed(bad).status) == ("succeeded", "failed")
    assert [
        Payment.objects.get(pk=refund.payment_id).refund_reserved_cents for refund in (good, bad)
    ] == [1_000, 0]


def test_a_refund_that_failed_in_silence_after_it_succeeded_is_found(standin: Standin) -> None:
    good, bad = a_refund(standin, 1_000), a_refund(standin, 2_000)
    sweeps.submit_open_refunds(now=now())
    standin.control("fail_refund", refund=refreshed(bad).stripe_refund_id)
    assert (refreshed(good).status, refreshed(bad).status) == ("succeeded", "succeeded")
    reconcile()
    assert (refreshed(good).status, refreshed(bad).status) == ("succeeded", "failed")
    assert refreshed(bad.payment).refund_reserved_cents == 0
    standin.forget_requests()
    reconcile()
    assert calls(standin, "GET /v1/refunds/:id") == []


# --- Bad days ---------------------------------------------------------------------------


def test_while_stripe_is_away_it_stops_and_the_next_round_goes_on(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    stripe_is_away(standin, times=3)
    with pytest.raises(gateway.Unreachable):
        reconcile()
    reconcile()
    assert refreshed(attempt).status == "paid"


def test_the_task_takes_an_absent_stripe_quietly(standin: Standin) -> None:
    paid_at_stripe(standin)
    stripe_is_away(standin)
    tasks.reconcile()
    assert Payment.objects.count() == 0


@pytest.mark.parametrize("trouble", ["refused", "500"])
def test_one_page_that_stripe_does_not_show_keeps_back_no_other(
    standin: Standin, trouble: str
) -> None:
    cohort = a_group()
    broken = at_the_page(a_seat(cohort))
    slow = paid_at_stripe(standin, a_seat(cohort), outcome="async")
    if trouble == "refused":
        CheckoutAttempt.objects.filter(pk=broken.pk).update(stripe_session_id="cs_test_unknown")
    else:
        standin.control("fault", route=RETRIEVE, kind="500", times=3)
    reconcile()
    assert refreshed(broken).status == "open"
    assert refreshed(slow.enrollment).status == "awaiting_funds"


# --- Cost -------------------------------------------------------------------------------


def queries_of_a_round() -> int:
    with CaptureQueriesContext(connection) as queries:
        reconcile()
    return len(queries)


def test_the_cost_does_not_grow_with_the_attempts_ever_made(standin: Standin) -> None:
    attempt = at_the_page()
    before = queries_of_a_round()
    ended_attempts(attempt.enrollment_id, 300)
    paid = CheckoutAttempt.objects.filter(status="failed")[:100]
    Payment.objects.bulk_create(
        Payment(
            attempt=one,
            enrollment_id=attempt.enrollment_id,
            amount_cents=PRICE,
            currency="usd",
            paid_at=now() - dt.timedelta(days=30),
        )
        for one in paid
    )
    Refund.objects.bulk_create(
        Refund(
            payment=payment,
            enrollment_id=payment.enrollment_id,
            amount_cents=1,
            reason="desk",
            status="succeeded",
            stripe_refund_id=f"re_{payment.pk}",
            requested_at=now() - dt.timedelta(days=30),
        )
        for payment in Payment.objects.all()
    )
    standin.forget_requests()
    assert queries_of_a_round() == before
    # The open page; the lists of paid pages, of refunds that failed, of refunds and of disputes.
    assert len(standin.requests) == 5
