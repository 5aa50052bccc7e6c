"""The mail about a seat whose payment the bank looks at."""

import datetime as dt
from collections.abc import Mapping, Sequence

from billing.models import Dispute
from enrollment.links import occasion
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message
from sessions.pricing import format_money

DISPUTED_SEAT = "disputed-seat"
SUBJECTS: dict[str, str] = {
    Dispute.Seat.KEEP: "Your seat is open again",
    Dispute.Seat.PAUSE: "Your seat is paused",
    Dispute.Seat.END: "Your seat has been released",
}


def disputed_seat(messages: Sequence[Message], now: dt.datetime) -> Mapping[int, Mail | NotOwed]:
    """What was decided about a seat while the bank looks at its payment."""
    disputes = Dispute.objects.select_related("payment__enrollment__member").in_bulk(
        [message.subject_id for message in messages]
    )

    def render(message: Message) -> Mail | NotOwed:
        dispute = disputes[message.subject_id]
        if dispute.seat_decided_at is None or occasion(dispute.seat_decided_at) != (
            message.occasion_id
        ):
            return NotOwed("It was decided anew.")
        return disputed_seat_mail(dispute, Dispute.Seat(dispute.seat_decision))

    return {message.pk: render(message) for message in messages}


def disputed_seat_mail(dispute: Dispute, what: Dispute.Seat) -> Mail:
    """The mail about a decision, also before it is made, for whoever makes it."""
    return compose(
        "disputed-seat",
        SUBJECTS[what],
        {
            "member": dispute.payment.enrollment.member,
            "amount": format_money(dispute.amount_cents, dispute.currency),
            "what": what.value,
        },
    )
