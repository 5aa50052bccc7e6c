"""Giving money back: reserve the amount, ask Stripe with the refund's own key, settle.

Failure frees the reservation once, so a failed refund can be tried anew.
"""

import datetime as dt
import uuid

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from accounts.models import User
from billing import disputes, gateway, ledger
from billing.holders import holder
from billing.models import Payment, Refund, RefundDecision
from outbox import services as outbox
from sessions.pricing import format_money

log = structlog.get_logger("grouport.billing")

REFUND_SENT = "refund-sent"
SEAT_FREED = "seat-freed"
REFUND_SETTLED = "refund-settled"
# What a note begins with that posts no line: the money is with the member, or was never theirs.
NOT_OWED = "Not owed any more: "
# A request to Stripe that has said nothing for this long is looked up again.
SILENCE = dt.timedelta(minutes=5)

Status = Refund.Status
FINAL = {
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "canceled": Status.FAILED,
}


# Stripe's `failure_reason`s (docs.stripe.com/refunds, "failed refunds").
FAILURES = {
    "expired_or_canceled_card": "the card has expired, or its account is closed",
    "lost_or_stolen_card": "the card was reported lost or stolen",
    "declined": "the bank declined it",
    "insufficient_funds": "our own balance at Stripe was too low; try it again later",
    "merchant_request": "it was stopped on our request",
    "charge_for_pending_refund_disputed": "the payment is disputed, and the bank decides",
}


def why_it_failed(failure: str) -> str:
    """What came of a refund, and what to do, with Stripe's own word for looking it up."""
    if not failure:
        return "Stripe could not return the money. Try it again, or pay it another way."
    why = FAILURES.get(failure, "it did not say why")
    return f"The card's bank sent it back: {why}. Pay it another way and note it here. ({failure})"


class NotRefundable(Exception):
    """More than what is left of the payment, held by the bank, or not an amount at all."""


@transaction.atomic
def request_refund(
    *,
    payment_id: int,
    amount_cents: int,
    reason: Refund.Reason,
    now: dt.datetime,
    actor: User | None = None,
    enrollment_id: int | None = None,
    decision: RefundDecision | None = None,
    retry_of: Refund | None = None,
) -> Refund:
    """Reserve `amount_cents` of a payment for its way back. Raises NotRefundable.

    `enrollment_id` says whose money it is where that is not the payment's own; `decision` and
    `retry_of` what it carries out, and which failed one it takes the place of.

    The guarded UPDATE decides between two people who refund at once; a CHECK on the row
    stands behind it. Stripe is asked later, by `submit_refund`.
    """
    if amount_cents < 1:
        raise NotRefundable("A refund is at least one cent.")
    reserved = Payment.objects.filter(
        pk=payment_id, refund_reserved_cents__lte=F("amount_cents") - amount_cents
    ).update(refund_reserved_cents=F("refund_reserved_cents") + amount_cents)
    if not reserved:
        raise NotRefundable("That is more than what is left of this payment.")
    # The UPDATE holds the payment's row, so a dispute is either written by now or waits for us.
    payment = Payment.objects.get(pk=payment_id)
    obstacle = disputes.obstacle(payment) if reason != Refund.Reason.OUTSIDE else ""
    if obstacle:
        raise NotRefundable(obstacle)
    if reason == Refund.Reason.OUTSIDE and enrollment_id is None:
        enrollment_id = holder(payment).pk  # it may have gone along to another group
    return Refund.objects.create(
        payment_id=payment_id,
        enrollment_id=enrollment_id or payment.enrollment_id,
        amount_cents=amount_cents,
        reason=reason,
        requested_at=now,
        actor=actor,
        decision=decision,
        retry_of=retry_of,
    )


def known(*, state: gateway.RefundState) -> Refund | None:
    """Our row for Stripe's refund: by its id, or by our reference if the id never reached us."""
    own = Q(stripe_refund_id=state.refund_id)
    reference = _uuid(state.reference)
    if reference is not None:
        own |= Q(uuid=reference)
    return Refund.objects.select_related("payment__enrollment").filter(own).first()


def import_outside(*, state: gateway.RefundState, now: dt.datetime) -> bool:
    """Book a refund that was made in Stripe's dashboard; False if it is none, or booked.

    The seat is not touched: money and seat are two decisions. A refund that our books cannot
    hold is logged as an error, for a person to look at.
    """
    payment = Payment.objects.filter(
        stripe_payment_intent_id=state.payment_intent_id or None
    ).first()
    if payment is None or FINAL.get(state.status) == Status.FAILED or known(state=state):
        return False
    try:
        with transaction.atomic():
            refund = request_refund(
                payment_id=payment.pk,
                amount_cents=state.amount_cents,
                reason=Refund.Reason.OUTSIDE,
                now=now,
            )
            Refund.objects.filter(pk=refund.pk).update(
                stripe_refund_id=state.refund_id, status=Status.SUBMITTED, submitted_at=now
            )
            refund.refresh_from_db()
            apply_state(refund=refund, state=state, now=now)
    except NotRefundable:
        log.error("outside_refund_exceeds_payment", refund=state.refund_id, payment=payment.pk)
        return False
    except IntegrityError:
        return False  # another process has just booked it
    return True


def _uuid(reference: str) -> uuid.UUID | None:
    """Our reference, or None for what somebody else wrote there."""
    try:
        return uuid.UUID(reference)
    except ValueError:
        return None


def unsubmitted(*, now: dt.datetime, limit: int) -> list[Refund]:
    """Refunds that Stripe has not been asked for, or that it was asked for in vain."""
    silent = Q(status=Status.SUBMITTED, submitted_at__lte=now - SILENCE, stripe_refund_id=None)
    return list(
        Refund.objects.select_related("payment")
        .filter(Q(status=Status.REQUESTED) | silent)
        .order_by("requested_at")[:limit]
    )


def submit_refund(*, refund: Refund, now: dt.datetime) -> None:
    """Ask Stripe to send the money. Network: one request, or two after a silence.

    Raises gateway.Unreachable or gateway.Broke; the sweep asks again.
    """
    asked_before = refund.status == Status.SUBMITTED
    claimed = Refund.objects.filter(
        pk=refund.pk, status=refund.status, submitted_at=refund.submitted_at
    ).update(status=Status.SUBMITTED, submitted_at=now)
    if not claimed:
        return
    intent = refund.payment.stripe_payment_intent_id
    if intent is None:
        _fail(refund=refund, now=now, note="The payment has no charge at Stripe.")
        return
    if asked_before:
        found = gateway.find_refund(payment_intent_id=intent, reference=refund.uuid)
        if found is not None:
            apply_state(refund=refund, state=found, now=now)
            return
    try:
        state = gateway.create_refund(
            payment_intent_id=intent,
            amount_cents=refund.amount_cents,
            reference=refund.uuid,
            key=refund.idempotency_key,
        )
    except gateway.Broke:
        # This key would replay the failure. The next round looks for the refund in Stripe's
        # books before it uses the new one.
        refund.key_generation += 1
        refund.save(update_fields=["key_generation"])
        raise
    except gateway.Disputed:
        _fail(refund=refund, now=now, note=disputes.HELD)
        return
    except gateway.RefusedByStripe as error:
        # Somebody may have refunded in the dashboard. Asked before anything is written: without
        # an answer the next round gets the same refusal and asks again.
        try:
            made = list(gateway.refunds_of(payment_intent_id=intent))
        except gateway.RefusedByStripe:
            made = []  # it does not know the payment at all
        _refused(refund=refund, made=made, error=str(error), now=now)
        return
    apply_state(refund=refund, state=state, now=now)


@transaction.atomic
def _refused(
    *, refund: Refund, made: list[gateway.RefundState], error: str, now: dt.datetime
) -> None:
    """Stripe said no, whatever its words: book what was refunded elsewhere, say what is left."""
    _fail(refund=refund, now=now, note=error)
    for state in made:
        import_outside(state=state, now=now)
    payment = Payment.objects.get(pk=refund.payment_id)
    left = format_money(disputes.left_cents(payment), payment.currency)
    note = f"Stripe refused it. Of this payment {left} is left to give back. ({error})"
    Refund.objects.filter(pk=refund.pk).update(note=note[:300])


@transaction.atomic
def apply_state(*, refund: Refund, state: gateway.RefundState, now: dt.datetime) -> None:
    """Write what Stripe says about a refund; it may still fail after it succeeded."""
    Payment.objects.select_for_update(no_key=True).get(pk=refund.payment_id)
    Refund.objects.filter(pk=refund.pk, stripe_refund_id=None).update(
        stripe_refund_id=state.refund_id
    )
    target = FINAL.get(state.status, Status.PENDING)
    if target == Status.FAILED:
        _fail(refund=refund, now=now, note=why_it_failed(state.failure))
        return
    earlier = {
        Status.PENDING: (Status.REQUESTED, Status.SUBMITTED),
        Status.SUCCEEDED: (Status.REQUESTED, Status.SUBMITTED, Status.PENDING),
    }[target]
    moved = Refund.objects.filter(pk=refund.pk, status__in=earlier).update(
        status=target, settled_at=now if target == Status.SUCCEEDED else None
    )
    if moved:
        refund.refresh_from_db(fields=["stripe_refund_id"])
        ledger.post_refund(refund=refund, at=now)
        outbox.promise(
            kind=REFUND_SENT,
            recipient_id=refund.payment.enrollment.member_id,
            subject_id=refund.pk,
            now=now,
        )


@transaction.atomic
def _fail(*, refund: Refund, now: dt.datetime, note: str) -> None:
    Payment.objects.select_for_update(no_key=True).get(pk=refund.payment_id)
    failed = (
        Refund.objects.filter(pk=refund.pk)
        .exclude(status=Status.FAILED)
        .update(status=Status.FAILED, settled_at=now, note=note[:300])
    )
    if failed:
        Payment.objects.filter(pk=refund.payment_id).update(
            refund_reserved_cents=F("refund_reserved_cents") - refund.amount_cents
        )
        refund.refresh_from_db(fields=["stripe_refund_id", "note"])
        ledger.post_failed_refund(refund=refund, at=now)
        log.error("refund_failed", refund=str(refund.uuid), note=note)
        if refund.decision is not None and refund.decision.frees_seat:
            _tell_of_seat(refund.decision, now)


def _tell_of_seat(decision: RefundDecision, now: dt.datetime) -> None:
    """Owe the mail about the seat, which this refund's own mail will not tell of.

    It may have been passed over because of another refund, which has failed since.
    """
    outbox.owe_again(kinds=[SEAT_FREED], subject_ids=[decision.pk], occasion_ids=[0])
    outbox.promise(
        kind=SEAT_FREED,
        recipient_id=decision.enrollment.member_id,
        subject_id=decision.pk,
        now=now,
    )
