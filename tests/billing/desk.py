"""What stands in the way of money, made the way it happens, for the desk's pages."""

from django.test import Client

from billing import settlement, sweeps
from billing.models import CheckoutAttempt, Payment, Refund
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    a_payment,
    a_refund,
    apply_all,
    expired_and_gone,
    now,
    paid_at_stripe,
    post_event,
    refreshed,
)


def a_wrong_payment(standin: Standin, enrollment: Enrollment | None = None) -> CheckoutAttempt:
    """Paid, but less than was asked for by a dollar."""
    attempt = paid_at_stripe(standin, enrollment)
    attempt.amount_cents += 100
    attempt.save(update_fields=["amount_cents"])
    settlement.settle(attempt=attempt, now=now())
    return refreshed(attempt)


def a_failed_refund(standin: Standin, cents: int = 10_000) -> Refund:
    standin.control("next_refund", outcome="failed")
    refund = a_refund(standin, cents)
    sweeps.submit_open_refunds(now=now())
    return refreshed(refund)


def a_stuck_late_payment(standin: Standin) -> Refund:
    """The seat was gone, and the money cannot be sent back."""
    attempt = expired_and_gone(standin, full=True)
    standin.control("next_refund", outcome="failed")
    settlement.settle(attempt=attempt, now=now())
    sweeps.submit_open_refunds(now=now())
    return Refund.objects.get(payment__attempt=attempt)


def an_outside_refund(standin: Standin, payment: Payment | None = None, cents: int = 500) -> Refund:
    payment = payment or a_payment(standin)
    standin.control("refund", payment_intent=payment.stripe_payment_intent_id, amount=cents)
    post_event(standin.events("refund.created")[-1])
    apply_all()
    return Refund.objects.get(payment=payment, reason="outside")


def text(client: Client, path: str, **query: str) -> str:
    """The words of a page, with its tags."""
    reply = client.get(path, query)
    assert reply.status_code == 200, reply.status_code
    return reply.content.decode()
