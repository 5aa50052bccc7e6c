"""Money on its way back: asked for once, never more than was paid, found when a reply is lost."""

import datetime as dt
import uuid

import pytest
from django.db import IntegrityError, transaction

from billing import gateway, refunds, settlement, sweeps, tasks
from billing.models import Payment, Refund, StripeEvent
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    PRICE,
    REFUND,
    a_payment,
    a_refund,
    apply_all,
    calls,
    expired_and_gone,
    mails,
    now,
    post_event,
    refreshed,
)

pytestmark = pytest.mark.django_db

AFTER_THE_SILENCE = refunds.SILENCE + dt.timedelta(seconds=1)


def request(payment: Payment, amount_cents: int) -> Refund:
    return refunds.request_refund(
        payment_id=payment.pk,
        amount_cents=amount_cents,
        reason=Refund.Reason.DESK,
        now=now(),
    )


def submit(later: dt.timedelta = dt.timedelta(0)) -> int:
    return sweeps.submit_open_refunds(now=now() + later)


def reserved(refund: Refund) -> int:
    return Payment.objects.get(pk=refund.payment_id).refund_reserved_cents


def deliver(standin: Standin, type: str) -> None:
    post_event(standin.events(type)[-1])
    apply_all()


# --- Asking for it ----------------------------------------------------------------------


def test_a_request_reserves_its_amount(standin: Standin) -> None:
    payment = a_payment(standin)
    refund = request(payment, 10_000)
    assert (refund.status, reserved(refund)) == ("requested", 10_000)
    request(payment, PRICE - 10_000)
    assert reserved(refund) == PRICE


@pytest.mark.parametrize("amount", [PRICE + 1, PRICE * 100])
def test_more_than_was_paid_is_refused(standin: Standin, amount: int) -> None:
    payment = a_payment(standin)
    with pytest.raises(refunds.NotRefundable):
        request(payment, amount)
    assert (Refund.objects.count(), refreshed(payment).refund_reserved_cents) == (0, 0)


def test_more_than_is_left_is_refused(standin: Standin) -> None:
    payment = a_payment(standin)
    request(payment, 20_000)
    with pytest.raises(refunds.NotRefundable):
        request(payment, 10_000)
    assert (Refund.objects.count(), refreshed(payment).refund_reserved_cents) == (1, 20_000)


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_and_less_than_nothing_are_refused(standin: Standin, amount: int) -> None:
    payment = a_payment(standin)
    with pytest.raises(refunds.NotRefundable):
        request(payment, amount)
    assert (Refund.objects.count(), refreshed(payment).refund_reserved_cents) == (0, 0)


def test_the_database_itself_refuses_to_reserve_more_than_was_paid(standin: Standin) -> None:
    payment = a_payment(standin)
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(refund_reserved_cents=PRICE + 1)


# --- Stripe -----------------------------------------------------------------------------


def test_stripe_sends_it_and_the_member_hears_of_it(standin: Standin) -> None:
    refund = a_refund(standin, 12_345)
    assert submit() == 1
    assert (refreshed(refund).status, reserved(refund)) == ("succeeded", 12_345)
    assert refund.settled_at is not None
    [call] = calls(standin, REFUND)
    assert call["params"] == {
        "payment_intent": refund.payment.stripe_payment_intent_id,
        "amount": "12345",
        "metadata": {"refund": str(refund.uuid)},
    }
    assert call["headers"]["idempotency-key"] == f"{refund.uuid}:1"
    assert standin.books["totals"]["refunded"] == 12_345
    assert mails("refund-sent") == 1
    assert submit() == 0


def test_a_refund_under_way_becomes_final_by_its_event(standin: Standin) -> None:
    standin.control("next_refund", outcome="pending")
    refund = a_refund(standin)
    submit()
    assert (refreshed(refund).status, refund.settled_at) == ("pending", None)
    assert mails("refund-sent") == 1
    standin.control("finish_refund", refund=refund.stripe_refund_id)
    deliver(standin, "refund.updated")
    assert refreshed(refund).status == "succeeded"
    assert mails("refund-sent") == 1


def test_a_refund_that_fails_after_it_succeeded_frees_its_amount_once(standin: Standin) -> None:
    refund = a_refund(standin, 20_000)
    submit()
    assert (refreshed(refund).status, reserved(refund)) == ("succeeded", 20_000)
    standin.control("fail_refund", refund=refund.stripe_refund_id)
    for type in ("refund.failed", "refund.updated", "charge.refund.updated"):
        deliver(standin, type)
        assert (refreshed(refund).status, reserved(refund)) == ("failed", 0)
    assert refund.note == (
        "The card's bank sent it back: the card has expired, or its account is closed. "
        "Pay it another way and note it here. (expired_or_canceled_card)"
    )
    assert StripeEvent.objects.filter(status="applied").count() == 3
    # What is free again can be tried anew, in full.
    again = request(refund.payment, PRICE)
    submit()
    assert refreshed(again).status == "succeeded"
    assert standin.books["totals"]["refunded"] == PRICE


def test_what_stripe_said_earlier_does_not_undo_a_failure(standin: Standin) -> None:
    refund = a_refund(standin)
    submit()
    standin.control("fail_refund", refund=refreshed(refund).stripe_refund_id)
    deliver(standin, "refund.failed")
    assert refund.stripe_refund_id
    for status in ("pending", "succeeded"):
        stale = gateway.RefundState(
            refund.stripe_refund_id, status, str(refund.uuid), "", 1, "pi_1"
        )
        refunds.apply_state(refund=refund, state=stale, now=now())
    assert (refreshed(refund).status, reserved(refund)) == ("failed", 0)


def test_a_refund_that_fails_at_once_frees_its_amount(standin: Standin) -> None:
    standin.control("next_refund", outcome="failed")
    refund = a_refund(standin)
    submit()
    assert (refreshed(refund).status, reserved(refund)) == ("failed", 0)
    assert mails("refund-sent") == 0


def test_a_refund_that_the_dashboard_was_faster_with_fails_and_says_what_is_left(
    standin: Standin,
) -> None:
    refund = a_refund(standin, 20_000)
    intent = refund.payment.stripe_payment_intent_id
    standin.control("refund", payment_intent=intent, amount=12_000)
    submit()
    assert refreshed(refund).status == "failed"
    assert refund.note.startswith(
        "Stripe refused it. Of this payment $179.00 is left to give back. (InvalidRequestError"
    )
    outside = Refund.objects.get(reason="outside")
    assert (outside.amount_cents, outside.status) == (12_000, "succeeded")
    assert reserved(refund) == 12_000
    assert submit(AFTER_THE_SILENCE) == 0


def test_a_refusal_without_a_look_at_the_books_is_asked_about_again(standin: Standin) -> None:
    refund = a_refund(standin)
    standin.control("refund", payment_intent=refund.payment.stripe_payment_intent_id)
    standin.control("fault", route="GET /v1/refunds", kind="reset", times=3)
    submit()
    assert (refreshed(refund).status, reserved(refund)) == ("submitted", PRICE)
    submit(AFTER_THE_SILENCE)
    assert refreshed(refund).status == "failed"
    assert Refund.objects.get(reason="outside").amount_cents == PRICE
    assert reserved(refund) == PRICE


def test_a_refund_of_a_payment_that_stripe_does_not_know_fails(standin: Standin) -> None:
    refund = a_refund(standin)
    Payment.objects.update(stripe_payment_intent_id="pi_unknown")
    submit()
    assert (refreshed(refund).status, reserved(refund)) == ("failed", 0)


def test_a_payment_without_a_charge_cannot_go_back(standin: Standin) -> None:
    refund = a_refund(standin)
    Payment.objects.update(stripe_payment_intent_id=None)
    submit()
    assert (refreshed(refund).status, reserved(refund)) == ("failed", 0)


def test_a_refund_of_the_dashboard_is_booked_once_and_leaves_the_seat(standin: Standin) -> None:
    payment = a_payment(standin)
    standin.control("refund", payment_intent=payment.stripe_payment_intent_id, amount=500)
    deliver(standin, "refund.created")
    deliver(standin, "refund.created")
    sweeps.reconcile(now=now())
    refund = Refund.objects.get()
    assert (refund.reason, refund.status, refund.amount_cents) == ("outside", "succeeded", 500)
    assert refreshed(payment).refund_reserved_cents == 500
    assert (mails("refund-sent"), refreshed(payment.enrollment).status) == (1, "active")


def test_a_refund_of_the_dashboard_is_found_without_its_event(standin: Standin) -> None:
    payment = a_payment(standin)
    standin.control("refund", payment_intent=payment.stripe_payment_intent_id)
    sweeps.reconcile(now=now())
    assert refreshed(payment).refund_reserved_cents == PRICE


def test_a_refund_of_the_dashboard_that_the_books_cannot_hold_is_left_to_a_person(
    standin: Standin,
) -> None:
    payment = a_payment(standin)
    refund = refunds.request_refund(
        payment_id=payment.pk, amount_cents=PRICE, reason=Refund.Reason.DESK, now=now()
    )
    standin.control("refund", payment_intent=payment.stripe_payment_intent_id, amount=500)
    sweeps.reconcile(now=now())
    assert list(Refund.objects.all()) == [refund]
    assert refreshed(payment).refund_reserved_cents == PRICE


# --- By itself --------------------------------------------------------------------------


def test_a_late_payment_goes_back_in_full_with_one_mail(standin: Standin) -> None:
    attempt = expired_and_gone(standin, full=True)
    settlement.settle(attempt=attempt, now=now())
    tasks.submit_open_refunds()
    settlement.settle(attempt=refreshed(attempt), now=now())
    tasks.submit_open_refunds()
    assert Refund.objects.get().status == "succeeded"
    totals = standin.books["totals"]
    assert (totals["charged"], totals["refunded"]) == (PRICE, PRICE)
    assert mails("refund-sent") == 1


def test_the_event_of_a_late_payment_sends_the_money_back_at_once(standin: Standin) -> None:
    expired_and_gone(standin, full=True)
    post_event(standin.events("checkout.session.completed")[0])
    tasks.apply_event(StripeEvent.objects.get().pk)
    assert Refund.objects.get().status == "succeeded"
    assert standin.books["totals"]["refunded"] == PRICE


def test_each_refund_has_a_key_of_its_own() -> None:
    assert Refund(uuid=uuid.UUID(int=1)).idempotency_key == f"{uuid.UUID(int=1)}:1"
