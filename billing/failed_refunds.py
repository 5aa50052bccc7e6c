"""A refund that failed: the money is owed again, until it is sent anew or settled otherwise.

Both take the payment's lock and then the refund's, so that of two people one is first.
"""

import datetime as dt
import uuid

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from billing import ledger
from billing.facts import money_of, still_failed
from billing.models import LedgerEntry, Payment, Refund
from billing.refunds import NotRefundable, request_refund


class AlreadySettled(Exception):
    """Somebody else has sent it again or settled it; the message says who."""


def waiting() -> "QuerySet[Refund]":
    """Failed refunds that nobody has dealt with, longest first."""
    return Refund.objects.filter(still_failed()).order_by("settled_at", "pk")


@transaction.atomic
def try_again(*, refund_uuid: uuid.UUID, actor: User, now: dt.datetime) -> Refund:
    """Ask anew for a refund that failed; Stripe hears of it later. No network.

    Raises AlreadySettled, and NotRefundable when the payment's money is spoken for.
    """
    refund = _locked(refund_uuid)
    reason = Refund.Reason(refund.reason)
    return request_refund(
        payment_id=refund.payment_id,
        amount_cents=refund.amount_cents,
        reason=Refund.Reason.DESK if reason == Refund.Reason.OUTSIDE else reason,
        now=now,
        actor=actor,
        enrollment_id=refund.enrollment_id,
        decision=refund.decision,
        retry_of=refund,
    )


@transaction.atomic
def settle_otherwise(*, refund_uuid: uuid.UUID, actor: User, how: str, now: dt.datetime) -> Refund:
    """The money went back another way, as `how` says: it is owed no more. No network.

    Posts it to the ledger, though it never was at Stripe; no more than the account holds, for
    somebody may have given the same money back in Stripe's dashboard. Raises AlreadySettled.
    """
    refund = _locked(refund_uuid)
    money = money_of(refund.enrollment)
    cents = min(refund.amount_cents, max(money.paid - money.back, 0))
    refund.resolved_by, refund.resolved_at, refund.resolved_how = actor, now, how
    refund.save(update_fields=["resolved_by", "resolved_at", "resolved_how"])
    if cents:
        ledger.post(
            enrollment_id=refund.enrollment_id,
            kind=LedgerEntry.Kind.ADJUSTMENT,
            amount_cents=-cents,
            currency=refund.payment.currency,
            key=f"settled:{refund.uuid}",
            at=now,
            actor=actor,
            reason=f"Given back another way: {how}",
        )
    return refund


def _locked(refund_uuid: uuid.UUID) -> Refund:
    """The failed refund, as nobody else can settle it. Raises AlreadySettled, NotRefundable."""
    payments = Payment.objects.select_for_update(no_key=True, of=("self",))
    payments.get(refunds__uuid=refund_uuid)
    refund = (
        Refund.objects.select_for_update(no_key=True, of=("self",))
        .select_related("payment", "decision", "resolved_by")
        .get(uuid=refund_uuid)
    )
    if refund.status != Refund.Status.FAILED:
        raise NotRefundable("Only a refund that failed can be tried again or settled another way.")
    if refund.resolved_by:
        who = refund.resolved_by.display_name or "Somebody else"
        raise AlreadySettled(f"{who} settled it another way: {refund.resolved_how}")
    again = Refund.objects.select_related("actor").filter(retry_of=refund).first()
    if again:
        who = (again.actor and again.actor.display_name) or "Somebody else"
        raise AlreadySettled(f"{who} has sent it again already.")
    return refund
