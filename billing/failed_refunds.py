"""A refund that failed: owed again until it is sent anew, paid another way, or owed no more.

Each takes the locks Enrollment → Payment → Refund, so that of two people one is first.
"""

import dataclasses
import datetime as dt
import uuid
from enum import StrEnum

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from billing import disputes, ledger
from billing.facts import money_of, still_failed
from billing.models import LedgerEntry, Payment, Refund
from billing.refunds import NOT_OWED, REFUND_SETTLED, NotRefundable, request_refund
from enrollment.models import Enrollment
from outbox import services as outbox
from sessions.pricing import format_money


class AlreadySettled(Exception):
    """Somebody else has sent it again or settled it; the message says who."""


class ChangedMeanwhile(Exception):
    """The refund, or the money behind it, is not what the preview showed any more."""


class Way(StrEnum):
    """What a person can do about a failed refund."""

    AGAIN = "again"
    PAID = "paid"
    NOT_OWED = "not-owed"


def settled_by(refund: Refund) -> Way | None:
    """What a person did about a failed refund; None while nobody has. No query with its retry."""
    if hasattr(refund, "retry"):
        return Way.AGAIN
    if refund.resolved_at is None:
        return None
    return Way.NOT_OWED if refund.resolved_how.startswith(NOT_OWED) else Way.PAID


@dataclasses.dataclass(frozen=True, slots=True)
class Preview:
    """What a press would do, in cents; `obstacle` says why it cannot be done, or is empty.

    `with_us` is what the ledger says that they have with us now. `since` is what went back of the
    same payment after this refund had failed, or is on its way. `seen` goes into the press.
    """

    way: Way
    with_us: int
    then: int
    obstacle: str
    since: list[Refund]
    seen: str


def waiting() -> "QuerySet[Refund]":
    """Failed refunds that nobody has dealt with, longest first."""
    return Refund.objects.filter(still_failed()).order_by("settled_at", "pk")


def preview(*, refund: Refund, way: Way) -> Preview:
    """What this way would do now. Reads only; a constant number of queries."""
    money, payment = money_of(refund.enrollment), refund.payment
    with_us = max(money.paid - money.back, 0)
    can_go = disputes.refundable_cents(payment)
    obstacle = ""
    if way == Way.PAID and refund.amount_cents > with_us:
        obstacle = _too_much(with_us, payment.currency)
    elif way == Way.AGAIN and refund.amount_cents > can_go:
        obstacle = disputes.obstacle(payment) or _spoken_for(can_go, payment.currency)
    since = list(_since(refund))
    shown = (way, refund.uuid, refund.enrollment.status, money.paid, money.back, can_go)
    seen = "|".join(map(str, (*shown, *(one.uuid for one in since))))
    then = with_us if way == Way.NOT_OWED else with_us - refund.amount_cents
    return Preview(way, with_us, then, obstacle, since, seen)


def _since(refund: Refund) -> "QuerySet[Refund]":
    """Perhaps the same money: sent again, both would go."""
    others = Refund.objects.filter(payment=refund.payment_id, requested_at__gte=refund.settled_at)
    gone = others.exclude(pk=refund.pk).exclude(status=Refund.Status.FAILED)
    return gone.select_related("payment").order_by("requested_at", "pk")


def _spoken_for(cents: int, currency: str) -> str:
    return (
        f"Only {format_money(cents, currency)} of this payment can go back to its card: the rest "
        "has gone back already, or is on its way."
    )


def _too_much(cents: int, currency: str) -> str:
    return (
        f"They have {format_money(cents, currency)} with us, which is less than this refund. If "
        "the money went back by Stripe\u2019s dashboard or by their bank, note that it is not "
        "owed any more."
    )


@transaction.atomic
def press(
    *, refund_uuid: uuid.UUID, way: Way, words: str, seen: str, actor: User, now: dt.datetime
) -> Refund:
    """Do what the preview showed. `words` say how it was paid, or why it is not owed.

    Raises AlreadySettled, NotRefundable, and ChangedMeanwhile when `seen` is not how it is.
    """
    refund = _locked(refund_uuid)
    if seen != preview(refund=refund, way=way).seen:
        raise ChangedMeanwhile
    if way == Way.AGAIN:
        return try_again(refund_uuid=refund_uuid, actor=actor, now=now)
    if way == Way.PAID:
        return settle_otherwise(refund_uuid=refund_uuid, actor=actor, how=words, now=now)
    return owe_no_more(refund_uuid=refund_uuid, actor=actor, why=words, now=now)


@transaction.atomic
def try_again(*, refund_uuid: uuid.UUID, actor: User, now: dt.datetime) -> Refund:
    """Ask anew for a refund that failed; Stripe hears of it later. No network.

    Raises AlreadySettled, and NotRefundable when the payment's money is spoken for.
    """
    refund = _locked(refund_uuid)
    return request_refund(
        payment_id=refund.payment_id,
        amount_cents=refund.amount_cents,
        reason=reason_again(refund),
        now=now,
        actor=actor,
        enrollment_id=refund.enrollment_id,
        decision=refund.decision,
        retry_of=refund,
    )


def reason_again(refund: Refund) -> Refund.Reason:
    """One that was made in Stripe's dashboard is ours when we send it."""
    reason = Refund.Reason(refund.reason)
    return Refund.Reason.DESK if reason == Refund.Reason.OUTSIDE else reason


@transaction.atomic
def settle_otherwise(*, refund_uuid: uuid.UUID, actor: User, how: str, now: dt.datetime) -> Refund:
    """The money went back another way, as `how` says: it is owed no more. No network.

    Posts it to the ledger, though it never was at Stripe, and owes the member a mail. Raises
    AlreadySettled, and NotRefundable when that is more than they have with us.
    """
    refund = _locked(refund_uuid)
    money = money_of(refund.enrollment)
    left = max(money.paid - money.back, 0)
    if refund.amount_cents > left:
        raise NotRefundable(_too_much(left, refund.payment.currency))
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
    outbox.promise(
        kind=REFUND_SETTLED,
        recipient_id=refund.payment.enrollment.member_id,
        subject_id=refund.pk,
        now=now,
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
