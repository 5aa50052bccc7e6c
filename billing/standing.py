"""Reading how an enrolment stands with its money, for pages."""

import dataclasses
import datetime as dt
from enum import StrEnum

from accounts import clock
from billing import disputes, facts
from billing.failed_refunds import Way, settled_by
from billing.models import CheckoutAttempt, Dispute, Instalment, LedgerEntry, Payment, Refund
from billing.prices import moving_to, standing_price
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING, Status
from sessions.models import GroupSession


class PaymentState(StrEnum):
    """What the return page shows."""

    CONFIRMED = "confirmed"
    CONFIRMING = "confirming"
    REVIEW = "review"
    EXPIRED = "expired"
    LATE_REFUND = "late_refund"
    LATE_SETTLED = "late_settled"  # by check, or by their bank
    REFUND_FAILED = "refund_failed"


def payment_state(enrollment: Enrollment) -> PaymentState:
    if enrollment.status in (*IN_STANDING, Status.COMPLETED):
        return PaymentState.CONFIRMED
    if enrollment.status == Status.LATE_PAID:
        payments = list(enrollment.payments.all())
        if any(disputes.left_of_each(payments).values()):
            return PaymentState.REFUND_FAILED
        by_card = all(one.refund_reserved_cents == one.amount_cents for one in payments)
        return PaymentState.LATE_REFUND if by_card else PaymentState.LATE_SETTLED
    if enrollment.attempts.filter(status=CheckoutAttempt.Status.REVIEW).exists():
        return PaymentState.REVIEW
    if enrollment.status in (Status.HELD, Status.AWAITING_FUNDS):
        return PaymentState.CONFIRMING
    return PaymentState.EXPIRED


@dataclasses.dataclass(frozen=True, slots=True)
class PaymentLine:
    """One line for the portal: what was paid, or what waits."""

    label: str
    amount_cents: int
    currency: str
    detail: str = ""


def payment_lines(enrollment: Enrollment, now: dt.datetime) -> list[PaymentLine]:
    """The payments and refunds of one enrolment, in the order in which they happened.

    Without any, what is still to be paid at this moment, or that it is free.
    """
    parts = list(Instalment.objects.filter(enrollment=enrollment).order_by("number"))
    money = [
        *_paid(enrollment, parts),
        *_credits(enrollment),
        *_refunds(enrollment),
        *_asked_of_bank(enrollment, now),
    ]
    lines = [line for _, line in sorted(money, key=lambda one: one[0])]
    lines += _open_parts(enrollment, parts)
    if lines:
        return lines
    if enrollment.status == Status.HELD:
        price, move = standing_price(enrollment, now), moving_to(enrollment)
        due = move.due_cents if move else price.cents
        lines.append(PaymentLine("Not paid yet", due, enrollment.currency, price.words))
    elif enrollment.status == Status.AWAITING_FUNDS:
        lines.append(PaymentLine("Not paid yet", enrollment.price_cents, enrollment.currency))
    elif enrollment.price_cents == 0 and enrollment.confirmed_at is not None:
        lines.append(PaymentLine("Free for you", 0, enrollment.currency, enrollment.price_words))
    return lines


Dated = tuple[dt.datetime, PaymentLine]


def _paid(enrollment: Enrollment, parts: list[Instalment]) -> list[Dated]:
    labels = {part.payment_id: f"Part {part.number} of {len(parts)} paid" for part in parts}
    return [
        (one.paid_at, PaymentLine(labels.get(one.pk, "Paid"), one.amount_cents, one.currency))
        for one in Payment.objects.filter(enrollment=enrollment).order_by("paid_at", "pk")
    ]


def _credits(enrollment: Enrollment) -> list[Dated]:
    """What came along from another group, or went along to one."""
    entries = LedgerEntry.objects.filter(enrollment=enrollment, kind=LedgerEntry.Kind.CREDIT)
    return [
        (
            one.at,
            PaymentLine(
                "Credit from your earlier group" if one.amount_cents > 0 else "Went along with you",
                abs(one.amount_cents),
                one.currency,
                "" if one.amount_cents > 0 else "It counts for your other group.",
            ),
        )
        for one in entries.order_by("at", "pk")
    ]


def _refunds(enrollment: Enrollment) -> list[Dated]:
    """Each refund, where it is, and what the member can do."""
    zone = enrollment.member.time_zone
    refunds = Refund.objects.filter(enrollment=enrollment).select_related("payment", "retry")
    return [
        (
            one.requested_at,
            PaymentLine(
                _refund_label(one), one.amount_cents, one.payment.currency, _refund_words(one, zone)
            ),
        )
        for one in refunds.order_by("requested_at", "pk")
    ]


def _refund_label(refund: Refund) -> str:
    way = settled_by(refund) if refund.status == Refund.Status.FAILED else None
    return SETTLED_LABELS[way] if way else REFUND_WORDS[refund.status]


def _refund_words(refund: Refund, zone: str) -> str:
    """Why it went back, and where it is."""
    why = MEMBER_REASONS.get(refund.reason) or Refund.Reason(refund.reason).label
    if refund.status == Refund.Status.SUCCEEDED and refund.settled_at:
        day = clock.day(refund.settled_at, zone)
        return f"{why}. Returned on {day}. Most banks take 5 to 10 days to show it."
    if refund.status == Refund.Status.FAILED:
        way = settled_by(refund)
        if way == Way.NOT_OWED:
            return NOT_OWED_WORDS
        return why if way == Way.AGAIN else f"{why}. {PAID_WORDS if way else FAILED_WORDS}"
    return f"{why}. {ON_ITS_WAY}"


# Instead of staff's own words.
MEMBER_REASONS: dict[str, str] = {
    Refund.Reason.DESK: "We gave it back",
    Refund.Reason.OUTSIDE: "We gave it back",
}
SETTLED_LABELS = {
    Way.AGAIN: "Refund sent again",
    Way.PAID: "Refund settled another way",
    Way.NOT_OWED: "Refund that did not go out",
}
PAID_WORDS = "It could not go to your card, so we gave it to you another way."
# It may have gone back by the bank or by us, or was never to go: true of each.
NOT_OWED_WORDS = (
    "It did not reach your card and is not open any more. If this money came back to you another "
    "way, that is a line of its own. Is something not right? Ask us."
)
ON_ITS_WAY = "On its way: most banks take 5 to 10 days to show it."
FAILED_WORDS = (
    "The bank sent it back to us. The money is still yours, and a person is looking at it: you "
    "need do nothing. Has your card changed? Ask us, and tell us how to reach you."
)


def _asked_of_bank(enrollment: Enrollment, now: dt.datetime) -> list[Dated]:
    """Payments that their member asked a bank about, and what it decided. Three queries."""
    found = Dispute.objects.filter(
        payment__enrollment__in=facts.paid_by(enrollment), status__in=BANK_WORDS
    )
    lines, seat = [], ""
    for one in found.order_by("opened_at", "pk"):
        label, words = BANK_WORDS[one.status]
        seat = seat or _seat_words(enrollment, now)
        at, when = (one.closed_at, "We heard so on") if one.closed_at else (one.opened_at, "Since")
        day = clock.day(at, enrollment.member.time_zone)
        detail = f"{words} {when} {day}. {seat}"
        lines.append((at, PaymentLine(label, one.amount_cents, one.currency, detail)))
    return lines


def _seat_words(enrollment: Enrollment, now: dt.datetime) -> str:
    """What a decision of the bank means for the seat. One query."""
    ahead = GroupSession.objects.filter(
        cohort=enrollment.cohort_id,
        number__gte=enrollment.first_week,
        ends_at__gt=now,
        cancelled_at=None,
    )
    # No status says so: the dates do.
    over = enrollment.status in (*IN_STANDING, Status.SUSPENDED) and not ahead.exists()
    return SEAT_WORDS.get(Status.COMPLETED if over else enrollment.status, SEAT_OVER)


_HELD = (
    "Held by your bank",
    "You asked your bank about this payment. It holds the money until it has decided.",
)
_ASKED = (
    "Your bank asks about it",
    "You asked your bank about this payment. No money has moved.",
)
BANK_WORDS: dict[str, tuple[str, str]] = {
    Dispute.Status.OPEN: _HELD,
    Dispute.Status.ANSWERED: _HELD,
    Dispute.Status.ASKED: _ASKED,
    Dispute.Status.ASKED_ANSWERED: _ASKED,
    Dispute.Status.LOST: (
        "Given back by your bank",
        "You asked your bank about this payment, and it gave the money back to you.",
    ),
    Dispute.Status.WON: (
        "Stays paid, by your bank",
        "You asked your bank about this payment, and it left the money with us.",
    ),
}
# What that means for the seat: nothing happens to one by itself.
_STAYS = "Your seat and your links stay as they are. If that changes, we write to you."
SEAT_WORDS: dict[str, str] = {
    Status.ACTIVE: _STAYS,
    Status.GRACE: _STAYS,
    Status.SUSPENDED: "Your seat is kept, and your links are paused.",
    Status.COMPLETED: "All your sessions have been held.",
}
SEAT_OVER = "You have no seat in this group any more."


def _open_parts(enrollment: Enrollment, parts: list[Instalment]) -> list[PaymentLine]:
    """The parts that are still to be paid, each with its day on the member's calendar."""
    if enrollment.status not in (*IN_STANDING, Status.SUSPENDED):
        return []
    zone = enrollment.member.time_zone
    return [
        PaymentLine(
            f"Part {part.number} of {len(parts)}",
            part.amount_cents,
            part.currency,
            f"{'Was due' if part.tries else 'Due'} on {clock.day(part.due_at, zone)}",
        )
        for part in parts
        if part.status == Instalment.Status.DUE
    ]


REFUND_WORDS: dict[str, str] = {
    Refund.Status.REQUESTED: "Refund on its way",
    Refund.Status.SUBMITTED: "Refund on its way",
    Refund.Status.PENDING: "Refund on its way",
    Refund.Status.SUCCEEDED: "Refunded",
    Refund.Status.FAILED: "Refund not possible yet, we are looking at it",
}
