"""Disputes: what Stripe says about them, the money they move, and what may still be refunded.

The money follows Stripe's own movements, one line of the ledger for each, so it does not matter
how often or in which order somebody hears of a dispute. The seat follows nobody but a person
(`dispute_seats.py`). Evidence is handed in at Stripe's dashboard, never from here.
"""

import datetime as dt
from collections.abc import Collection, Iterable

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Sum

from billing import gateway, ledger
from billing.gateway import books as gateway_books
from billing.gateway.books import DisputeState
from billing.holders import holder, holders
from billing.models import Dispute, LedgerEntry, Payment, Refund, RefundDecision
from billing.waiting import Waiting
from enrollment.models import Enrollment
from enrollment.states import LIVE
from enrollment.states import Status as Standing

log = structlog.get_logger("grouport.billing")

Status = Dispute.Status
# The bank only asks, or asked: no money is held, and a refund is still the member's by right.
INQUIRIES = (Status.ASKED, Status.ASKED_ANSWERED, Status.ASKED_CLOSED, Status.PREVENTED)
CLOSED = (Status.ASKED_CLOSED, Status.WON, Status.LOST, Status.PREVENTED)
HOLDS_THE_MONEY = (Status.OPEN, Status.ANSWERED)
ANSWER_DUE = (Status.OPEN, Status.ASKED)
# The lines that tell what a bank took because of a dispute, and gave back.
DISPUTED = (LedgerEntry.Kind.DISPUTE, LedgerEntry.Kind.DISPUTE_WON)
LEFT_WITH_US = (Status.WON, Status.ASKED_CLOSED, Status.PREVENTED)
# Whoever decides that a seat stays paused after the bank has decided is asked again.
PAUSED_AGAIN = dt.timedelta(days=14)
# Stripe is asked again about an open dispute this often, should its events be lost.
ASK_AGAIN = dt.timedelta(hours=6)
RECENT = dt.timedelta(days=7)
BATCH = 200
ENDED = (Standing.WITHDRAWN, Standing.CANCELLED, Standing.EXPIRED, Standing.LATE_PAID)
HELD = (
    "The member\u2019s bank holds this payment in a dispute, so it cannot be refunded now. If the "
    "bank decides for you, it can."
)


def apply_state(*, state: DisputeState, now: dt.datetime) -> Dispute | None:
    """Write what Stripe says about a dispute; safe to repeat. None if the payment is not ours.

    One transaction, no network. Posts a line for each movement of money that is not posted yet.
    """
    payment_id = (
        Payment.objects.filter(stripe_payment_intent_id=state.payment_intent_id or None)
        .values_list("pk", flat=True)
        .first()
    )
    if payment_id is None:
        return None
    with transaction.atomic():
        # A refund that is asked for right now waits here, or has been written already.
        payment = Payment.objects.select_for_update(no_key=True).get(pk=payment_id)
        dispute = _written(payment, state, now)
        for movement in state.movements:
            _post(payment, state, movement, now)
    return dispute


def _written(payment: Payment, state: DisputeState, now: dt.datetime) -> Dispute:
    closed = state.status in CLOSED
    dispute, new = Dispute.objects.get_or_create(
        stripe_dispute_id=state.dispute_id,
        defaults={
            "payment": payment,
            "amount_cents": state.amount_cents,
            "currency": state.currency,
            "reason": state.reason,
            "status": state.status,
            "evidence_due_by": state.evidence_due_by,
            "opened_at": state.opened_at,
            "closed_at": now if closed else None,
            "asked_at": now,
        },
    )
    if new:
        log.error("dispute_opened", dispute=state.dispute_id, payment=payment.pk)
        return dispute
    dispute.amount_cents, dispute.reason = state.amount_cents, state.reason
    dispute.status, dispute.evidence_due_by = state.status, state.evidence_due_by
    dispute.closed_at = (dispute.closed_at or now) if closed else None
    dispute.asked_at = now
    told = ("amount_cents", "reason", "status", "evidence_due_by", "closed_at", "asked_at")
    dispute.save(update_fields=told)
    return dispute


def _post(
    payment: Payment, state: DisputeState, movement: gateway_books.Movement, now: dt.datetime
) -> None:
    if movement.cents == 0:
        return
    taken = movement.cents < 0
    # What comes back goes where it was taken; what is taken, where the money is now.
    earlier = LedgerEntry.objects.filter(key__startswith=f"dispute:{state.dispute_id}:")
    before = earlier.order_by("pk").values_list("enrollment", flat=True).first()
    ledger.post(
        enrollment_id=before or holder(payment).pk,
        kind=LedgerEntry.Kind.DISPUTE if taken else LedgerEntry.Kind.DISPUTE_WON,
        amount_cents=movement.cents,
        currency=state.currency,
        key=f"dispute:{state.dispute_id}:{movement.id}",
        at=now,
        stripe_id=state.dispute_id,
        reason="The bank took it back" if taken else "The bank gave it back",
    )


def refresh(*, dispute_id: str, now: dt.datetime) -> Dispute | None:
    """Ask Stripe how a dispute stands and write it. Network: one request; raises GatewayError."""
    return apply_state(state=gateway_books.retrieve_dispute(dispute_id), now=now)


def find_lost(*, now: dt.datetime) -> int:
    """Disputes whose events were lost: the recent ones, and open ones nobody spoke of for hours.

    Network. Raises gateway.Unreachable, for the next round to go on.
    """
    found = 0
    for state in gateway_books.disputes(since=now - RECENT, until=now + dt.timedelta(days=1)):
        found += apply_state(state=state, now=now) is not None
    silent = Dispute.objects.filter(closed_at=None, asked_at__lte=now - ASK_AGAIN)
    for dispute_id in silent.order_by("asked_at").values_list("stripe_dispute_id", flat=True)[
        :BATCH
    ]:
        try:
            found += refresh(dispute_id=dispute_id, now=now) is not None
        except gateway.Unreachable:
            raise
        except gateway.GatewayError as error:
            log.error("dispute_not_read", dispute=dispute_id, error=str(error))
    return found


# --- Money ------------------------------------------------------------------------------


def withdrawn_cents(disputes: Collection[Dispute]) -> dict[str, int]:
    """What the bank holds because of each dispute, in cents, by Stripe's id. One query."""
    ids = [one.stripe_dispute_id for one in disputes]
    whose = {one.payment.enrollment.member_id for one in disputes}
    sums = (
        LedgerEntry.objects.filter(
            kind__in=DISPUTED,
            enrollment__member__in=whose,
            stripe_id__in=ids,
        )
        .values("stripe_id")
        .annotate(cents=Sum("amount_cents"))
        .order_by()
        .values_list("stripe_id", "cents")
    )
    return dict.fromkeys(ids, 0) | {stripe_id: -cents for stripe_id, cents in sums}


def left_of_each(payments: Iterable[Payment]) -> dict[int, int]:
    """Cents of each payment that can still go back, by their keys; none where nothing is left.

    The one answer to that question: what Stripe gave back or is to give back is gone, and so is
    what the bank kept after a dispute, and what went back by check because its refund had failed.
    What the bank holds while it decides still counts. Three queries, however many there are.
    """
    return {pk: max(cents, 0) for pk, cents in _rest_of_each(payments).items()}


def left_cents(payment: Payment) -> int:
    """The same of one payment. Three queries at most."""
    return left_of_each([payment])[payment.pk]


def _rest_of_each(payments: Iterable[Payment]) -> dict[int, int]:
    """Below zero, more of a payment went back than came."""
    rows = list(payments)
    rest = {one.pk: one.amount_cents - one.refund_reserved_cents for one in rows}
    closed = Dispute.objects.filter(payment__in=rows).exclude(closed_at=None)
    by_bank = dict(
        closed.exclude(status__in=INQUIRIES).values_list("stripe_dispute_id", "payment_id")
    )
    settled = Refund.objects.filter(payment__in=rows, resolved_at__isnull=False)
    by_hand = {f"settled:{key}": pk for key, pk in settled.values_list("uuid", "payment_id")}
    if not by_bank and not by_hand:
        return rest
    theirs = Enrollment.objects.filter(payments__in=rows).values("member")
    lines = LedgerEntry.objects.filter(
        Q(kind__in=DISPUTED, stripe_id__in=by_bank) | Q(key__in=by_hand),
        enrollment__member__in=theirs,
    )
    for key, stripe_id, cents in lines.values_list("key", "stripe_id", "amount_cents"):
        rest[by_hand[key] if key in by_hand else by_bank[stripe_id]] += cents
    return rest


def refundable_cents(payment: Payment) -> int:
    """Cents that can be given back now: none while the bank holds the payment in a dispute.

    A question of the bank holds nothing. `request_refund` has the same guard under a lock.
    """
    return 0 if is_held(payment) else left_cents(payment)


def obstacle(payment: Payment) -> str:
    """Why what is reserved of a payment cannot go back to the member, or an empty string.

    For whoever has just reserved it and holds the payment's row.
    """
    if is_held(payment):
        return HELD
    if _rest_of_each([payment])[payment.pk] < 0:
        return (
            "The bank has given this money back to the member already, or it went back another way."
        )
    return ""


def is_held(payment: Payment) -> bool:
    """Whether the bank holds the payment while it decides a dispute. One query."""
    return payment.disputes.filter(status__in=HOLDS_THE_MONEY).exists()


# --- What waits for a person -------------------------------------------------------------


def waiting(now: dt.datetime) -> list[Waiting]:
    """Disputes that want a person: an answer is due, or a seat waits for a decision.

    A seat that somebody paused waits again when the bank has decided: nothing else ends its pause.
    Three queries. The seat is the one that the payment stands for now.
    """
    seat_open = Q(seat_decision="") & ~Q(status__in=(*INQUIRIES, Status.WON))
    still_here = Exists(
        Enrollment.objects.filter(member=OuterRef("payment__enrollment__member"), status__in=LIVE)
    )
    found = list(
        Dispute.objects.select_related("payment__enrollment__member")
        .filter(Q(status__in=ANSWER_DUE) | (seat_open | _pause_is_over(now)) & still_here)
        # All of these, and little else: for the indexes.
        .filter(Q(closed_at=None) | Q(seat_decision__in=("", Dispute.Seat.PAUSE)))
        .order_by("opened_at", "pk")
    )
    whose = holders(row.payment for row in found)
    seats = Enrollment.objects.select_related("member", "cohort").in_bulk(set(whose.values()))
    rows = [
        row
        for row in found
        if row.status in ANSWER_DUE or _wants_a_decision(row, seats[whose[row.payment_id]])
    ]
    found_now = [
        Waiting(
            seat=seats[whose[row.payment_id]],
            what=_what(row, now),
            cents=row.amount_cents,
            currency=row.currency,
            since=_since(row),
            url=row.get_absolute_url(),
        )
        for row in rows
    ]
    return sorted(found_now, key=lambda one: one.since)


def _pause_is_over(now: dt.datetime) -> Q:
    """Paused until the bank decides, which it has; or kept paused since then for long."""
    before = Q(seat_decided_at__lte=F("closed_at")) | Q(seat_decided_at__lte=now - PAUSED_AGAIN)
    return Q(seat_decision=Dispute.Seat.PAUSE, closed_at__isnull=False) & before


def _wants_a_decision(dispute: Dispute, seat: Enrollment) -> bool:
    if dispute.seat_decision == Dispute.Seat.PAUSE:
        return seat.status == Standing.SUSPENDED
    return seat.status in LIVE


def _since(dispute: Dispute) -> dt.datetime:
    paused = dispute.seat_decision == Dispute.Seat.PAUSE and dispute.status not in ANSWER_DUE
    return (dispute.closed_at or dispute.opened_at) if paused else dispute.opened_at


def won_too_late() -> list[tuple[Dispute, int]]:
    """Won after the member had left or moved, when that could not count this money.

    Each with the cents that are left of it; six queries at most. They wait until somebody decides
    about a refund or, on the dispute's page, that nothing goes back. The longest first.
    """
    since = RefundDecision.objects.filter(
        enrollment__member=OuterRef("payment__enrollment__member"),
        made_at__gte=OuterRef("closed_at"),
    )
    found = list(
        Dispute.objects.select_related("payment__enrollment__member", "payment__enrollment__cohort")
        .filter(Q(seat_decided_at=None) | Q(seat_decided_at__lt=F("closed_at")), status=Status.WON)
        .filter(~Exists(since), payment__enrollment__status__in=ENDED)
        .order_by("closed_at", "pk")
    )
    # Where the bank took it: with a seat that its member has moved from, or with the new one.
    # Of what a bank only asked about, nothing was taken.
    booked = LedgerEntry.objects.filter(
        kind=LedgerEntry.Kind.DISPUTE_WON,
        stripe_id__in=[row.stripe_dispute_id for row in found],
    )
    took = dict(booked.values_list("stripe_id", "enrollment"))
    whose = holders(row.payment for row in found)
    seats = {row.pk: took.get(row.stripe_dispute_id, whose[row.payment_id]) for row in found}
    over = Enrollment.objects.filter(pk__in=seats.values(), status__in=ENDED)
    gone = set(over.values_list("pk", flat=True))
    left = left_of_each(row.payment for row in found)
    return [
        (row, left[row.payment_id])
        for row in found
        if seats[row.pk] in gone and left[row.payment_id]
    ]


def _what(dispute: Dispute, now: dt.datetime) -> str:
    if dispute.status in ANSWER_DUE:
        said = "The bank asks about a payment" if dispute.status == Status.ASKED else "Dispute"
        late = dispute.evidence_due_by is not None and dispute.evidence_due_by <= now
        return f"{said}: {'the day to answer has passed' if late else 'an answer is due'}"
    if dispute.seat_decision == Dispute.Seat.PAUSE:
        how = {Status.WON: "Won", Status.LOST: "Lost"}.get(Status(dispute.status), "Closed")
        return f"{how}, and the seat is still paused: decide"
    return "Dispute: decide about the seat"
