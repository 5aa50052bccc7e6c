"""The mail about a seat whose payment the bank looks at."""

import datetime as dt
from collections.abc import Mapping, Sequence

from billing.holders import holders
from billing.models import Dispute
from enrollment.models import Enrollment, EnrollmentMove
from enrollment.states import IN_STANDING, Status
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message
from sessions.pricing import format_money

DISPUTED_SEAT = "disputed-seat"
SUBJECTS: dict[str, str] = {
    Dispute.Seat.KEEP: "Your seat is open again",
    Dispute.Seat.PAUSE: "Your seat is paused",
    Dispute.Seat.END: "Your seat has been released",
}


# How the seat stands while what was decided is still so. An end stays one.
SO_WHILE: dict[str, tuple[Status, ...]] = {
    Dispute.Seat.KEEP: IN_STANDING,
    Dispute.Seat.PAUSE: (Status.SUSPENDED,),
}


def moment(at: dt.datetime) -> int:
    """What a mail about a decision is deduplicated by, in milliseconds: each has its own."""
    return round(at.timestamp() * 1000)


def disputed_seat(messages: Sequence[Message], now: dt.datetime) -> Mapping[int, Mail | NotOwed]:
    """What was decided about a seat while the bank looks at its payment, if it is still so.

    That a seat was ended is told whatever is noted about the dispute afterwards.
    """
    disputes = Dispute.objects.select_related("payment__enrollment__member").in_bulk(
        [message.subject_id for message in messages]
    )
    seats = holders(dispute.payment for dispute in disputes.values())
    statuses = dict(Enrollment.objects.filter(pk__in=seats.values()).values_list("pk", "status"))
    ends = EnrollmentMove.objects.filter(enrollment__in=statuses, target=Status.WITHDRAWN)
    ended = {(pk, moment(at)) for pk, at in ends.values_list("enrollment", "at")}

    def render(message: Message) -> Mail | NotOwed:
        dispute = disputes[message.subject_id]
        seat, decided_at = seats[dispute.payment_id], dispute.seat_decided_at
        if (seat, message.occasion_id) in ended:
            return disputed_seat_mail(dispute, Dispute.Seat.END)
        if decided_at is None or moment(decided_at) != message.occasion_id:
            return NotOwed("It was decided anew.")
        what = Dispute.Seat(dispute.seat_decision)
        if statuses[seat] not in SO_WHILE.get(what, ()):
            return NotOwed(f"The seat is {statuses[seat]}.")
        return disputed_seat_mail(dispute, what)

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
