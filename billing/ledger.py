"""The ledger: the one place that adds lines, and the sums that are derived from them.

A line is posted in the transaction that books what it says. `key` names what happened, so
hearing of it twice posts it once.
"""

import datetime as dt
from collections.abc import Mapping

from django.db.models import Sum

from accounts.models import User
from billing.models import LedgerEntry, Payment, Refund
from enrollment.models import Enrollment

Kind = LedgerEntry.Kind


def post(
    *,
    enrollment_id: int,
    kind: LedgerEntry.Kind,
    amount_cents: int,
    currency: str,
    key: str,
    at: dt.datetime,
    stripe_id: str = "",
    actor: User | None = None,
    reason: str = "",
) -> None:
    """Add a line, unless one with this key stands there. Runs in the caller's transaction."""
    LedgerEntry.objects.bulk_create(
        [
            LedgerEntry(
                enrollment_id=enrollment_id,
                kind=kind,
                amount_cents=amount_cents,
                currency=currency,
                key=key,
                at=at,
                stripe_id=stripe_id,
                actor=actor,
                reason=reason[:200],
            )
        ],
        ignore_conflicts=True,
    )


def post_charge(*, payment: Payment, at: dt.datetime, reason: str = "") -> None:
    if payment.amount_cents == 0:
        return  # a group that costs nothing moves nothing
    post(
        enrollment_id=payment.enrollment_id,
        kind=Kind.CHARGE,
        amount_cents=payment.amount_cents,
        currency=payment.currency,
        key=f"charge:{payment.pk}",
        at=at,
        stripe_id=payment.stripe_payment_intent_id or "",
        reason=reason,
    )


def post_refund(*, refund: Refund, at: dt.datetime) -> None:
    """Stripe has taken the order: from now on the money is not ours."""
    _post_refund(refund, Kind.REFUND, -refund.amount_cents, at, refund.get_reason_display())


def post_failed_refund(*, refund: Refund, at: dt.datetime) -> None:
    """The money of a refund came back to us, so it is owed again. Nothing if it never left."""
    if LedgerEntry.objects.filter(key=f"refund:{refund.uuid}").exists():
        _post_refund(refund, Kind.REFUND_FAILED, refund.amount_cents, at, refund.note)


def _post_refund(
    refund: Refund, kind: LedgerEntry.Kind, cents: int, at: dt.datetime, reason: str
) -> None:
    post(
        enrollment_id=refund.enrollment_id,
        kind=kind,
        amount_cents=cents,
        currency=refund.payment.currency,
        key=f"{kind.replace('_', '-')}:{refund.uuid}",
        at=at,
        stripe_id=refund.stripe_refund_id or "",
        actor=refund.actor,
        reason=reason,
    )


def balance(enrollment: Enrollment) -> int:
    """Cents that an enrolment has with us: what came for it, less what went. One query.

    What the processor keeps for its work is ours to pay, not the member's.
    """
    lines = LedgerEntry.objects.filter(enrollment=enrollment).exclude(kind=Kind.FEE)
    return lines.aggregate(cents=Sum("amount_cents"))["cents"] or 0


def post_fees(*, fees: Mapping[str, int], now: dt.datetime) -> None:
    """Add what the processor kept, in cents, of payments by their intents; each only once.

    Two queries, however many there are.
    """
    payments = Payment.objects.filter(stripe_payment_intent_id__in=fees)
    LedgerEntry.objects.bulk_create(
        [
            LedgerEntry(
                enrollment_id=payment.enrollment_id,
                kind=Kind.FEE,
                amount_cents=-fees[payment.stripe_payment_intent_id or ""],
                currency=payment.currency,
                key=f"fee:{payment.stripe_payment_intent_id}",
                at=now,
                stripe_id=payment.stripe_payment_intent_id or "",
                reason="Known from the comparison with Stripe",
            )
            for payment in payments.order_by("pk")
        ],
        ignore_conflicts=True,
    )
