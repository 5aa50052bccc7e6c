"""settle(): the one place where Stripe's word about a payment becomes ours.

The webhook's worker, the return page and the sweeps all end here, in any order and as often
as they like. Stripe is asked first, outside any transaction; then one short transaction
takes the enrolment's lock and a guarded UPDATE of the attempt decides who writes.
"""

import dataclasses
import datetime as dt
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from accounts.models import User
from billing import disputes, gateway, ledger, plans, refunds, transfers
from billing.models import CheckoutAttempt, Instalment, Payment, Refund
from enrollment import services as enrollment_services
from enrollment.services import Confirmation

log = structlog.get_logger("grouport.billing")

Status = CheckoutAttempt.Status
# A page that ended without money may turn out to be paid after all; a paid one is final.
# Where an attempt in review keeps the card, beside the parameters of its page.
PAID_WITH = "paid_with"
UNPAID = (Status.OPEN, Status.EXPIRED, Status.FAILED)


@dataclasses.dataclass(frozen=True, slots=True)
class Settled:
    """Stripe's answer about an attempt, and whether it made us owe the money back."""

    state: gateway.CheckoutState
    refund_owed: bool


def settle(*, attempt: CheckoutAttempt, now: dt.datetime, hurried: bool = False) -> Settled | None:
    """Ask Stripe how the attempt stands, and write what follows.

    Safe to call at any time; None when there is nothing left to ask. Network: one request,
    and `hurried` for a page that somebody waits for.
    Raises gateway.GatewayError if Stripe gives no answer.
    """
    if attempt.status not in UNPAID or not attempt.stripe_session_id:
        return None
    state = gateway.retrieve_checkout(attempt.stripe_session_id, hurried=hurried)
    return Settled(state, apply_state(attempt=attempt, state=state, now=now))


def apply_state(
    *, attempt: CheckoutAttempt, state: gateway.CheckoutState, now: dt.datetime
) -> bool:
    """Write what follows from Stripe's answer; say whether it made us owe the money back.

    One transaction, no network.
    """
    if state.paid:
        problem = mismatch(attempt=attempt, state=state)
        if not problem:
            return _record_payment(attempt=attempt, state=state, now=now)
        _send_to_review(attempt=attempt, state=state, problem=problem, now=now)
    elif state.expired or state.funds_failed:
        _close_unpaid(attempt=attempt, now=now)
    elif not state.open:
        enrollment_services.await_funds(enrollment_id=attempt.enrollment_id, now=now)
    return False


def mismatch(*, attempt: CheckoutAttempt, state: gateway.CheckoutState) -> str:
    """What is wrong with a payment, or an empty string."""
    expected = (
        ("amount", attempt.amount_cents, state.amount_cents),
        ("currency", attempt.currency, state.currency),
        ("live mode", settings.STRIPE_LIVE_MODE, state.live),
        ("reference", str(attempt.uuid), state.reference),
    )
    wrong = [f"{name} {found!r}, not {ours!r}" for name, ours, found in expected if ours != found]
    return "; ".join(wrong)


def _lock(enrollment_id: int) -> bool:
    """First in the order of locks, whatever is written afterwards; whether it is paid for a move.

    Without `no_key` a refund that is booked just now, which holds its payment and points at the
    enrolment, and a decision about that payment would wait for each other.
    """
    return transfers.lock_both(enrollment_id)


@transaction.atomic
def _record_payment(
    *, attempt: CheckoutAttempt, state: gateway.CheckoutState, now: dt.datetime
) -> bool:
    moves = _lock(attempt.enrollment_id)
    first = CheckoutAttempt.objects.filter(pk=attempt.pk, status__in=UNPAID).update(
        status=Status.PAID, stripe_session_id=state.session_id
    )
    if not first:
        return False
    payment = _book(attempt=attempt, state=state, now=now)
    card = state.payment_method_id or ""
    if attempt.instalment_id:
        return _part_paid(attempt=attempt, payment=payment, card=card, now=now)
    return _confirm(payment=payment, now=now, reason="Paid", card=card, moves=moves)


def _book(*, attempt: CheckoutAttempt, state: gateway.CheckoutState, now: dt.datetime) -> Payment:
    payment = Payment.objects.create(
        attempt=attempt,
        enrollment_id=attempt.enrollment_id,
        amount_cents=state.amount_cents,
        currency=state.currency,
        stripe_payment_intent_id=state.payment_intent_id,
        paid_at=now,
    )
    ledger.post_charge(payment=payment, at=now)
    return payment


def _part_paid(*, attempt: CheckoutAttempt, payment: Payment, now: dt.datetime, card: str) -> bool:
    """A later part was paid on a page; its card is the one to charge from now on."""
    instalment = Instalment.objects.get(attempts=attempt)
    refund_owed = plans.receive(instalment=instalment, payment=payment, now=now)
    if not refund_owed:
        plans.keep_card(enrollment_id=attempt.enrollment_id, payment_method_id=card)
    return refund_owed


def _confirm(
    *,
    payment: Payment,
    now: dt.datetime,
    reason: str,
    actor: User | None = None,
    card: str = "",
    moves: bool = False,
) -> bool:
    """Turn money into a seat, or owe it back by itself; say whether that is so.

    With a first part comes its plan; `moves` tells that it is the rest of a move from another
    group. Runs in the caller's transaction.
    """
    transfer = transfers.unfinished(payment.enrollment_id) if moves else None
    if transfer is not None:
        return transfers.receive(transfer=transfer, payment=payment, now=now)
    outcome = enrollment_services.confirm_seat(
        enrollment_id=payment.enrollment_id, now=now, reason=reason, actor=actor
    )
    bought = outcome in (Confirmation.CONFIRMED, Confirmation.RESEATED)
    if bought and payment.attempt is not None and payment.attempt.in_parts:
        plans.start_plan(attempt=payment.attempt, payment=payment, payment_method_id=card, now=now)
    # This money bought nothing: the seat was gone, or was paid for by another page.
    owed = {Confirmation.NO_SEAT: Refund.Reason.LATE, Confirmation.ALREADY: Refund.Reason.TWICE}
    # Of money that waited for a person, somebody may have given a part back meanwhile.
    left = disputes.left_cents(payment) if outcome in owed else 0
    refund_owed = left > 0
    if refund_owed:
        refunds.request_refund(
            payment_id=payment.pk, amount_cents=left, reason=owed[outcome], now=now
        )
    log.info("payment_recorded", payment=payment.pk, outcome=outcome.value)
    return refund_owed


@transaction.atomic
def _close_unpaid(*, attempt: CheckoutAttempt, now: dt.datetime) -> None:
    """Stripe's page is closed and no money can come through it: the seat is free again.

    Unless money of another page waits for a person, who decides about the seat as well.
    """
    _lock(attempt.enrollment_id)
    own = CheckoutAttempt.objects.filter(pk=attempt.pk)
    closed = own.filter(status=Status.OPEN).update(status=Status.EXPIRED)
    # Also of one that gave way to another earlier: from now on nobody asks how it stands.
    own.filter(status=Status.EXPIRED).update(checkout_url="")
    others = CheckoutAttempt.objects.filter(enrollment_id=attempt.enrollment_id)
    if closed and not others.filter(status=Status.REVIEW).exists():
        enrollment_services.expire_hold(
            enrollment_id=attempt.enrollment_id,
            now=now,
            reason="The payment page closed unpaid",
            overdue_only=False,
        )


@transaction.atomic
def _send_to_review(
    *, attempt: CheckoutAttempt, state: gateway.CheckoutState, problem: str, now: dt.datetime
) -> None:
    """Money that is not what we asked for: it is booked, and a person decides about the seat.

    Until then the seat stays with its member: holds under review are not released.
    """
    _lock(attempt.enrollment_id)
    first = CheckoutAttempt.objects.filter(pk=attempt.pk, status__in=UNPAID).update(
        status=Status.REVIEW,
        note=problem[:300],
        # Stripe has all it was asked with; whoever accepts the money later needs the card.
        params={**attempt.params, PAID_WITH: state.payment_method_id or ""},
    )
    if first:
        _book(attempt=attempt, state=state, now=now)
        log.error("payment_needs_review", attempt=str(attempt.uuid), problem=problem)


@transaction.atomic
def accept_reviewed(*, attempt: CheckoutAttempt, actor: User, now: dt.datetime) -> bool:
    """A person found the money good: confirm the seat. False if it was decided already.

    Raises refunds.NotRefundable if the money has to go back and the bank holds it in a dispute.
    """
    moves = _lock(attempt.enrollment_id)
    if not _decide(attempt, Status.PAID):
        return False
    payment, card = _payment_of(attempt), attempt.params.get(PAID_WITH, "")
    if attempt.instalment_id:
        _part_paid(attempt=attempt, payment=payment, card=card, now=now)
        return True
    reason = "Accepted after a check"
    _confirm(payment=payment, now=now, reason=reason, actor=actor, card=card, moves=moves)
    return True


@transaction.atomic
def return_reviewed(*, attempt: CheckoutAttempt, actor: User, now: dt.datetime) -> bool:
    """A person sends the money back and frees the seat. False if it was decided already.

    Raises refunds.NotRefundable while the bank holds the money in a dispute.
    """
    _lock(attempt.enrollment_id)
    if not _decide(attempt, Status.RETURNED):
        return False
    payment = _payment_of(attempt)
    left = disputes.left_cents(payment)
    if left > 0:
        refunds.request_refund(
            payment_id=payment.pk,
            amount_cents=left,
            reason=Refund.Reason.DESK,
            now=now,
            actor=actor,
        )
    enrollment_services.cancel_hold(
        enrollment_id=attempt.enrollment_id,
        now=now,
        reason="The payment was given back after a check",
        actor=actor,
    )
    return True


def _payment_of(attempt: CheckoutAttempt) -> Payment:
    """Locked: a refund from Stripe's dashboard that is booked just now changes what is left."""
    return Payment.objects.select_for_update(no_key=True).get(attempt=attempt)


def _decide(attempt: CheckoutAttempt, status: CheckoutAttempt.Status) -> bool:
    reviewed = CheckoutAttempt.objects.filter(pk=attempt.pk, status=Status.REVIEW)
    return bool(reviewed.update(status=status))


def attempt_for(*, reference: str, session_id: str) -> CheckoutAttempt | None:
    """The attempt that Stripe speaks of. Its reference is ours, even if its id never reached us."""
    try:
        attempt = CheckoutAttempt.objects.filter(uuid=UUID(reference)).first()
    except ValueError:
        attempt = None
    if attempt is not None and not attempt.stripe_session_id:
        CheckoutAttempt.objects.filter(pk=attempt.pk, stripe_session_id=None).update(
            stripe_session_id=session_id
        )
        attempt.refresh_from_db()
    return attempt
