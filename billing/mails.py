"""The mails about money. Neutral subjects; the amount and the way, nothing else."""

import datetime as dt
from collections.abc import Mapping, Sequence

from billing.models import Payment, Refund
from billing.refunds import REFUND_SENT
from outbox.kinds import register
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message
from sessions.pricing import format_money


def register_kinds() -> None:
    register(REFUND_SENT, refund_sent)


def refund_sent(messages: Sequence[Message], now: dt.datetime) -> Mapping[int, Mail | NotOwed]:
    """Money is on its way back, and why. Not owed while a refund has failed."""
    refunds = Refund.objects.select_related(
        "payment__enrollment__member", "payment__attempt"
    ).in_bulk([message.subject_id for message in messages])

    def render(message: Message) -> Mail | NotOwed:
        refund = refunds[message.subject_id]
        if refund.status == Refund.Status.FAILED:
            return NotOwed("The refund failed.")
        amount = format_money(refund.amount_cents, refund.payment.currency)
        return compose(
            "refund-sent",
            f"Your refund of {amount} is on its way",
            {
                "member": refund.payment.enrollment.member,
                "amount": amount,
                "reason": refund.reason,
                "of_a_part": _later_part(refund.payment),
            },
        )

    return {message.pk: render(message) for message in messages}


def _later_part(payment: Payment) -> bool:
    """Whether it was for a later part of the price, by the saved card or on a page."""
    return payment.attempt is None or payment.attempt.instalment_id is not None
