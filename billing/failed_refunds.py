"""A refund that failed: owed again until it is sent anew, paid another way, or owed no more.

Each takes the locks Enrollment → Payment → Refund, so that of two people one is first.
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
from enrollment.models import Enrollment
from sessions.pricing import format_money

# What a note begins with that posts no line: the money is with the member, or was never theirs.
NOT_OWED = "Not owed any more: "


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

    Posts it to the ledger, though it never was at Stripe. Raises AlreadySettled, and NotRefundable
    when that is more than they have with us.
    """
    refund = _locked(refund_uuid)
    money = money_of(refund.enrollment)
    left = max(money.paid - money.back, 0)
    if refund.amount_cents > left:
        raise NotRefundable(
            f"They have {format_money(left, refund.payment.currency)} with us, which is less than "
            "this refund. If the money went back by Stripe\u2019s dashboard or by their bank, note "
            "that it is not owed any more."
        )
    _resolve(refund, actor, how, now)
    ledger.post(
        enrollment_id=refund.enrollment_id,
        kind=LedgerEntry.Kind.ADJUSTMENT,
        amount_cents=-refund.amount_cents,
        currency=refund.payment.currency,
        key=f"settled:{refund.uuid}",
        at=now,
        actor=actor,
        reason=f"Given back another way: {how}",
    )
    return refund


@transaction.atomic
def owe_no_more(*, refund_uuid: uuid.UUID, actor: User, why: str, now: dt.datetime) -> Refund:
    """The ledger knows already where the money went, or it was never to go. No network.

    Posts nothing: a refund of the dashboard or a dispute has a line of its own. What is left of
    the payment can be decided about again. Raises AlreadySettled.
    """
    refund = _locked(refund_uuid)
    _resolve(refund, actor, NOT_OWED + why, now)
    return refund


def _resolve(refund: Refund, actor: User, how: str, now: dt.datetime) -> None:
    refund.resolved_by, refund.resolved_at, refund.resolved_how = actor, now, how[:200]
    refund.save(update_fields=["resolved_by", "resolved_at", "resolved_how"])


def _locked(refund_uuid: uuid.UUID) -> Refund:
    """The failed refund, as nobody else can settle it. Raises AlreadySettled, NotRefundable."""
    enrollments = Enrollment.objects.select_for_update(no_key=True, of=("self",))
    enrollments.get(refunds__uuid=refund_uuid)
    payments = Payment.objects.select_for_update(no_key=True, of=("self",))
    payments.get(refunds__uuid=refund_uuid)
    refund = (
        Refund.objects.select_for_update(no_key=True, of=("self",))
        .select_related("payment", "enrollment", "decision", "resolved_by")
        .get(uuid=refund_uuid)
    )
    if refund.status != Refund.Status.FAILED:
        raise NotRefundable("Only a refund that failed can be tried again or settled another way.")
    if refund.resolved_by:
        who = refund.resolved_by.display_name or "Somebody else"
        raise AlreadySettled(f"{who} settled it: {refund.resolved_how}")
    again = Refund.objects.select_related("actor").filter(retry_of=refund).first()
    if again:
        who = (again.actor and again.actor.display_name) or "Somebody else"
        raise AlreadySettled(f"{who} has sent it again already.")
    return refund
