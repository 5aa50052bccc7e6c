"""Seats on their way through the payment page, made the way the application makes them.

The stand-in's clock is the real one, so these tests live in the present: `now()` is this
moment, and what happens later passes a later `now` (and moves the stand-in's clock).
"""

import datetime as dt
import json
import time
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from accounts.models import User
from billing import checkout, events, gateway, refunds, settlement
from billing.models import CheckoutAttempt, Payment, Refund, StripeEvent
from enrollment import services as enrollment_services
from enrollment.models import Enrollment, Seat
from outbox.models import Message
from sandbox.stripe_standin.process import Standin
from sandbox.stripe_standin.signature import sign
from sessions.models import Cohort
from tests.enrollment.builders import a_cohort, a_held_seat, a_member

PRICE = 29_900
CREATE = "POST /v1/checkout/sessions"
RETRIEVE = "GET /v1/checkout/sessions/:id"
EXPIRE = "POST /v1/checkout/sessions/:id/expire"
REFUND = "POST /v1/refunds"
Row = TypeVar("Row", CheckoutAttempt, Enrollment, Payment, Refund)
MINUTE = dt.timedelta(minutes=1)
# The page has closed, the hold is over, and the sweep comes by.
AFTER_THE_HOLD = checkout.PAGE_LIFE + checkout.HOLD_MARGIN + MINUTE


def now() -> dt.datetime:
    return timezone.now()


def a_group(**fields: Any) -> Cohort:
    """A group that starts in two weeks."""
    return a_cohort(starts_at=now() + dt.timedelta(days=14), **fields)


def a_seat(cohort: Cohort | None = None, member: User | None = None) -> Enrollment:
    """A seat kept from now on, for somebody whose name is not to be told."""
    member = member or a_member(display_name="Sam Rivers")
    return a_held_seat(cohort=cohort or a_group(), member=member, now=now())


def at_the_page(enrollment: Enrollment | None = None) -> CheckoutAttempt:
    """An attempt whose page at Stripe is open."""
    enrollment = enrollment or a_seat()
    checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    return enrollment.attempts.select_related("enrollment").get(status="open")


def paid_at_stripe(
    standin: Standin, enrollment: Enrollment | None = None, outcome: str = "paid"
) -> CheckoutAttempt:
    """An attempt that somebody has paid; nobody here knows of it yet."""
    attempt = at_the_page(enrollment)
    standin.control("pay", session=attempt.stripe_session_id, outcome=outcome)
    return attempt


def a_payment(standin: Standin, enrollment: Enrollment | None = None) -> Payment:
    """Money that arrived, for a confirmed seat."""
    attempt = paid_at_stripe(standin, enrollment)
    settlement.settle(attempt=attempt, now=now())
    return Payment.objects.get(attempt=attempt)


def a_refund(standin: Standin, amount_cents: int = PRICE) -> Refund:
    """A refund that was asked for here; Stripe has not heard of it."""
    return refunds.request_refund(
        payment_id=a_payment(standin).pk,
        amount_cents=amount_cents,
        reason=Refund.Reason.DESK,
        now=now(),
    )


def expired_and_gone(standin: Standin, *, full: bool) -> CheckoutAttempt:
    """An attempt whose seat was released by mistake while its page could still be paid.

    With `full` somebody else has taken the seat, the only one of the group.
    """
    enrollment = a_seat(a_group(capacity=1))
    attempt = at_the_page(enrollment)
    enrollment_services.expire_hold(
        enrollment_id=enrollment.pk, now=now(), reason="Too early", overdue_only=False
    )
    if full:
        a_held_seat(cohort=enrollment.cohort, now=now())
    standin.control("pay", session=attempt.stripe_session_id)
    return attempt


def lose_the_reply(standin: Standin, route: str) -> None:
    """The next call takes effect, but its answer and those to the SDK's retries are lost."""
    standin.control("fault", route=route, kind="reset", when="after")
    standin.control("fault", route=route, kind="reset", times=2)


def stripe_is_away(standin: Standin, route: str = "*", times: int = 1000) -> None:
    standin.control("fault", route=route, kind="reset", times=times)


def calls(standin: Standin, route: str) -> list[dict[str, Any]]:
    """The requests to one route that reached their end, replays left out."""
    return [
        row
        for row in standin.requests
        if row["route"] == route and row["status"] == 200 and not row["replayed"]
    ]


def refreshed(row: Row) -> Row:
    """The row as it stands in the database now."""
    row.refresh_from_db()
    return row


def seat_of(enrollment: Enrollment) -> Seat | None:
    return Seat.objects.filter(enrollment=enrollment).first()


def mails(kind: str) -> int:
    return Message.objects.filter(kind=kind).count()


def signed(event: dict[str, Any], *, secret: str = "", at: float | None = None) -> tuple[str, str]:
    """An event's body and its signature, as Stripe sends them."""
    body = json.dumps(event)
    at = time.time() if at is None else at
    return body, sign(body, secret or settings.STRIPE_WEBHOOK_SECRET, int(at))


def post_event(event: dict[str, Any], client: Client | None = None) -> int:
    """Deliver a webhook with a good signature; the reply's status."""
    body, signature = signed(event)
    reply = (client or Client(enforce_csrf_checks=True)).post(
        "/webhooks/stripe/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": signature},
    )
    return reply.status_code


def apply_all() -> None:
    """Apply every stored event, as the worker does."""
    for event in StripeEvent.objects.filter(status="stored").order_by("pk"):
        events.apply_event(event=event, now=now())


def checkout_state(**changes: Any) -> gateway.CheckoutState:
    """Stripe's word about a paid page, for rules that need no Stripe."""
    return gateway.CheckoutState(
        **{
            "session_id": "cs_test_1",
            "url": "",
            "reference": "",
            "open": False,
            "expired": False,
            "paid": True,
            "funds_failed": False,
            "amount_cents": PRICE,
            "currency": "usd",
            "live": False,
            "payment_intent_id": "pi_1",
            **changes,
        }
    )
