"""Reading how an enrolment stands with its money, for pages."""

import dataclasses
import datetime as dt
from enum import StrEnum

from django.db.models import Prefetch

from accounts import clock
from billing.models import CheckoutAttempt, Instalment, Payment, Refund
from billing.prices import standing_price
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING, Status


class PaymentState(StrEnum):
    """What the return page shows."""

    CONFIRMED = "confirmed"
    CONFIRMING = "confirming"
    REVIEW = "review"
    EXPIRED = "expired"
    LATE_REFUND = "late_refund"
    REFUND_FAILED = "refund_failed"


def payment_state(enrollment: Enrollment) -> PaymentState:
    if enrollment.status in (*IN_STANDING, Status.COMPLETED):
        return PaymentState.CONFIRMED
    if enrollment.status == Status.LATE_PAID:
        back = sum(payment.refund_reserved_cents for payment in enrollment.payments.all())
        paid = sum(payment.amount_cents for payment in enrollment.payments.all())
        return PaymentState.LATE_REFUND if back == paid else PaymentState.REFUND_FAILED
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
    in_order = Prefetch("refunds", Refund.objects.order_by("requested_at", "pk"))
    payments = Payment.objects.filter(enrollment=enrollment).prefetch_related(in_order)
    parts = list(Instalment.objects.filter(enrollment=enrollment).order_by("number"))
    paid = {part.payment_id: f"Part {part.number} of {len(parts)} paid" for part in parts}
    lines: list[PaymentLine] = []
    for payment in payments.order_by("paid_at"):
        label = paid.get(payment.pk, "Paid")
        lines.append(PaymentLine(label, payment.amount_cents, payment.currency))
        lines += [
            PaymentLine(
                REFUND_WORDS[refund.status],
                refund.amount_cents,
                payment.currency,
                Refund.Reason(refund.reason).label,
            )
            for refund in payment.refunds.all()
        ]
    lines += _open_parts(enrollment, parts)
    if lines:
        return lines
    if enrollment.status == Status.HELD:
        price = standing_price(enrollment, now)
        lines.append(PaymentLine("Not paid yet", price.cents, enrollment.currency, price.words))
    elif enrollment.status == Status.AWAITING_FUNDS:
        lines.append(PaymentLine("Not paid yet", enrollment.price_cents, enrollment.currency))
    elif enrollment.price_cents == 0 and enrollment.confirmed_at is not None:
        lines.append(PaymentLine("Free for you", 0, enrollment.currency, enrollment.price_words))
    return lines


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
