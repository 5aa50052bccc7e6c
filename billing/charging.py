"""Charging the saved card for a part that is due, while nobody is there.

A try is committed with its frozen parameters and its own key before Stripe is asked, outside any
transaction. Whoever asks claims the try by a guarded UPDATE. An answer that was lost, or a
worker that died, leaves an open try behind: the sweep looks into Stripe's books before it asks
again.
"""

import datetime as dt
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from billing import disputes, gateway, ledger, plans
from billing.gateway import ChargeOutcome, ChargeState
from billing.models import (
    CheckoutAttempt,
    Dispute,
    Instalment,
    InstalmentTry,
    Payment,
    PaymentPlan,
    Refund,
)
from billing.parts import PARTS
from billing.refunds import SILENCE
from enrollment import pausing

log = structlog.get_logger("grouport.billing")

Status = InstalmentTry.Status
# When a declined card is tried again, after the first try.
AGAIN = (dt.timedelta(days=1), dt.timedelta(days=3), dt.timedelta(days=5))
BATCH = 200
MAY_HAVE_PAID = (CheckoutAttempt.Status.OPEN, CheckoutAttempt.Status.REVIEW)


# --- Claiming -----------------------------------------------------------------------------


def due(*, now: dt.datetime) -> "QuerySet[Instalment]":
    """Parts whose card is to be charged, the longest waiting first.

    It waits while a page may have taken its money, whatever the clock says (nobody can pay on one
    that was never made), and while the seat is held up.
    """
    made = Q(stripe_session_id__isnull=False) | Q(expires_at__gt=now)
    begun = CheckoutAttempt.objects.filter(made, status__in=MAY_HAVE_PAID)
    return Instalment.objects.filter(
        ~Exists(begun.filter(instalment=OuterRef("pk"))),
        not_held_up(),
        status=Instalment.Status.DUE,
        next_try_at__lte=now,
    ).order_by("next_try_at")


def not_held_up() -> Q:
    """Parts of seats of which no bank holds money, and that no person paused."""
    held = Dispute.objects.filter(
        payment__enrollment=OuterRef("enrollment"), status__in=disputes.HOLDS_THE_MONEY
    )
    paused = pausing.paused_by_people().filter(pk=OuterRef("enrollment"))
    return Q(~Exists(held), ~Exists(paused))


def charge_due(*, now: dt.datetime) -> int:
    """Charge every part that is due; how many tries were settled.

    Raises nothing when Stripe is away: the tries stay open for `settle_open`.
    """
    settled = 0
    for instalment in list(due(now=now)[:BATCH]):
        charge = claim(instalment=instalment, now=now)
        if charge is None:
            continue
        try:
            settled += settle(charge=charge, now=now)
        except gateway.Unreachable as error:
            log.warning("stripe_away", error=str(error))
            break
        except gateway.GatewayError as error:
            log.warning("part_not_charged", instalment=str(instalment.uuid), error=str(error))
    return settled


@transaction.atomic
def claim(*, instalment: Instalment, now: dt.datetime) -> InstalmentTry | None:
    """The next try for a part, with its parameters frozen; None when there is nothing to charge.

    The guarded UPDATE decides between two workers. Whoever has left owes nothing: their plan ends.
    Without a card Stripe is not asked: only the member can pay.
    """
    if plans.lock(instalment.enrollment_id) not in plans.CHARGED:
        plans.end_plan(enrollment_id=instalment.enrollment_id, now=now, why="They have left")
        return None
    mine = due(now=now).filter(pk=instalment.pk, tries=instalment.tries)
    if not mine.update(next_try_at=None, tries=F("tries") + 1):
        return None
    plan = PaymentPlan.objects.get(enrollment=instalment.enrollment_id)
    number = instalment.tries + 1
    charge = InstalmentTry.objects.create(
        instalment=instalment,
        number=number,
        params=gateway.charge_params(
            instalment=str(instalment.uuid),
            number=number,
            amount_cents=instalment.amount_cents,
            currency=instalment.currency,
            customer_id=plan.stripe_customer_id,
            payment_method_id=plan.stripe_payment_method_id,
        ),
        created_at=now,
    )
    if not plan.stripe_payment_method_id:
        _ask_member(charge=charge, now=now)
        return None
    return charge


def _ask_member(*, charge: InstalmentTry, now: dt.datetime) -> None:
    _end(charge, Status.DECLINED, now, "No card was kept.")
    Instalment.objects.filter(pk=charge.instalment_id).update(needs_member=True)
    plans.stay_open(instalment=charge.instalment, now=now)


# --- Asking -------------------------------------------------------------------------------


def unsettled(*, now: dt.datetime) -> "QuerySet[InstalmentTry]":
    """Tries whose answer never came, the oldest first."""
    silent = Q(asked_at__lte=now - SILENCE) | Q(asked_at=None, created_at__lte=now - SILENCE)
    return (
        InstalmentTry.objects.filter(silent, status=Status.OPEN)
        .select_related("instalment__enrollment")
        .order_by("created_at")
    )


def settle_open(*, now: dt.datetime) -> int:
    """Look up every try that nobody has heard of for a while; how many were settled.

    Raises gateway.Unreachable; a try that Stripe does not answer keeps back no other.
    """
    settled = 0
    for charge in list(unsettled(now=now)[:BATCH]):
        try:
            settled += settle(charge=charge, now=now)
        except gateway.Unreachable:
            raise
        except gateway.GatewayError as error:
            log.error("part_not_settled", charge=str(charge), error=str(error))
    return settled


def settle(*, charge: InstalmentTry, now: dt.datetime) -> bool:
    """Ask Stripe for a try, or what became of it, and write what follows.

    Network: one request, or two after a silence. True when the try is settled.
    Raises gateway.GatewayError; the sweep asks again.
    """
    claimed = InstalmentTry.objects.filter(
        pk=charge.pk, status=Status.OPEN, asked_at=charge.asked_at
    ).update(asked_at=now)
    if not claimed:
        return False
    state = _known(charge)
    if state is None:
        if not _still_owed(charge):
            return _end(charge, Status.DROPPED, now, "Paid in another way, or has left.")
        try:
            state = gateway.charge_saved_card(params=charge.params, key=charge.idempotency_key)
        except gateway.Broke:
            # This key would replay the failure. The next round looks into Stripe's books before
            # it uses the new one.
            InstalmentTry.objects.filter(pk=charge.pk).update(
                key_generation=F("key_generation") + 1
            )
            raise
    return apply_state(charge=charge, state=state, now=now)


def _known(charge: InstalmentTry) -> ChargeState | None:
    """What Stripe's books say about a try that it was asked for before."""
    if charge.stripe_payment_intent_id:
        return gateway.retrieve_charge(charge.stripe_payment_intent_id)
    if charge.asked_at is None:
        return None
    return gateway.find_charge(
        customer_id=charge.params["customer"],
        instalment=charge.params["metadata"]["instalment"],
        number=charge.number,
        since=charge.created_at,
    )


def _still_owed(charge: InstalmentTry) -> bool:
    return Instalment.objects.filter(
        pk=charge.instalment_id,
        status=Instalment.Status.DUE,
        enrollment__status__in=plans.CHARGED,
    ).exists()


# --- Writing ------------------------------------------------------------------------------


def apply_state(*, charge: InstalmentTry, state: ChargeState, now: dt.datetime) -> bool:
    """Write what Stripe says about a try; safe to repeat. True when it is settled."""
    if state.payment_intent_id:
        InstalmentTry.objects.filter(pk=charge.pk, stripe_payment_intent_id=None).update(
            stripe_payment_intent_id=state.payment_intent_id
        )
    if state.outcome == ChargeOutcome.UNDER_WAY:
        return False
    if state.outcome == ChargeOutcome.SUCCEEDED:
        return _paid(charge=charge, state=state, now=now)
    return _not_paid(charge=charge, state=state, now=now)


@transaction.atomic
def _paid(*, charge: InstalmentTry, state: ChargeState, now: dt.datetime) -> bool:
    """Book the money first; whether it pays the part or goes back is decided by `receive`."""
    instalment = charge.instalment
    plans.lock(instalment.enrollment_id)
    # Also after we gave the try up: money is money.
    first = (
        InstalmentTry.objects.filter(pk=charge.pk)
        .exclude(status=Status.SUCCEEDED)
        .update(status=Status.SUCCEEDED, settled_at=now)
    )
    if not first:
        return False
    payment = Payment.objects.create(
        enrollment_id=instalment.enrollment_id,
        amount_cents=state.amount_cents,
        currency=state.currency,
        stripe_payment_intent_id=state.payment_intent_id,
        paid_at=now,
    )
    ledger.post_charge(payment=payment, at=now, reason=f"Part {instalment.number} of {PARTS}")
    plans.receive(instalment=instalment, payment=payment, now=now)
    return True


@transaction.atomic
def _not_paid(*, charge: InstalmentTry, state: ChargeState, now: dt.datetime) -> bool:
    """The part stays open: tried again on day 1, 3 and 5, or asked of the member alone."""
    instalment = charge.instalment
    status = plans.lock(instalment.enrollment_id)
    alone = state.outcome == ChargeOutcome.NEEDS_MEMBER
    if not _end(charge, Status.NEEDS_MEMBER if alone else Status.DECLINED, now, state.why):
        return False
    again = None if alone else _next_try(charge, now)
    still_open = Instalment.objects.filter(pk=instalment.pk, status=Instalment.Status.DUE)
    if status in plans.CHARGED and still_open.update(next_try_at=again, needs_member=again is None):
        plans.stay_open(instalment=instalment, now=now)
    return True


def _next_try(charge: InstalmentTry, now: dt.datetime) -> dt.datetime | None:
    first = InstalmentTry.objects.filter(instalment=charge.instalment_id, number=1)
    begun = first.values_list("created_at", flat=True).get()
    to_come = [begun + wait for wait in AGAIN[charge.number - 1 :]]
    return next((at for at in to_come if at > now), None)


def _end(charge: InstalmentTry, status: Status, now: dt.datetime, note: str) -> bool:
    charges = InstalmentTry.objects.filter(pk=charge.pk, status=Status.OPEN)
    return bool(charges.update(status=status, settled_at=now, note=note[:300]))


# --- Events -------------------------------------------------------------------------------


def known(*, metadata: dict[str, str]) -> InstalmentTry | None:
    """The try that Stripe speaks of, by what we wrote on it; None if it is none of ours."""
    try:
        uuid, number = UUID(metadata["instalment"]), int(metadata["try"])
    except (KeyError, ValueError):
        return None
    return (
        InstalmentTry.objects.filter(instalment__uuid=uuid, number=number)
        .select_related("instalment__enrollment")
        .first()
    )


def refresh(*, charge: InstalmentTry, payment_intent_id: str, now: dt.datetime) -> bool:
    """Ask Stripe about the charge itself: an event is only a hint. Network: one request.

    True when the money bought nothing and is owed back.
    """
    state = gateway.retrieve_charge(payment_intent_id)
    apply_state(charge=charge, state=state, now=now)
    return Refund.objects.filter(
        payment__stripe_payment_intent_id=payment_intent_id, status=Refund.Status.REQUESTED
    ).exists()
