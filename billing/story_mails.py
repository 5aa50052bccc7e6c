"""Which mails were, or are to be, written about one enrolment. Never their words."""

from collections.abc import Callable
from typing import Any

from django.db.models import Q, QuerySet

from billing import part_reminders, plans
from billing.dispute_mails import DISPUTED_SEAT
from billing.facts import paid_by
from billing.models import Dispute, Instalment, PaymentPlan, Refund
from billing.refunds import REFUND_SENT, REFUND_SETTLED, SEAT_FREED
from billing.story_lines import Line
from billing.transfers import MOVED
from enrollment import links
from enrollment.group_messages import GROUP_MESSAGE
from enrollment.models import Enrollment
from outbox.models import Message, State

# What the mails about an enrolment are called here. Mails about a chair in another group are left
# out: they say who was away when.
MAILS: dict[str, str] = {
    links.SEAT_CONFIRMED: "Confirmation of the seat",
    links.SESSION_LINK: "Link to a session",
    links.SESSION_REMINDER: "Reminder of a session",
    links.SCHEDULE_CHANGED: "Notice of changed dates",
    links.LEADERS_CHANGED: "Notice of another leader",
    links.HOLD_EXPIRED: "Notice that the seat was released",
    MOVED: "Notice of the move to this group",
    GROUP_MESSAGE: "A leader\u2019s message to the group",
    links.WAITLIST_JOINED: "Confirmation of the waitlist",
    links.SEAT_OFFERED: "Offer of a seat",
    links.OFFER_LAPSED: "Notice that the offer ended",
    links.WAITLIST_CLOSED: "Notice that the waitlist ended",
    "estimate-ready": "Notice of the cost overview",
}
# Mails about something of the enrolment: their words, and the ids that they may be about.
MAILS_ABOUT: list[tuple[dict[str, str], Callable[[Enrollment], "QuerySet[Any, Any]"]]] = [
    (
        {
            REFUND_SENT: "Notice of a refund",
            REFUND_SETTLED: "Notice of a refund that went another way",
        },
        lambda one: Refund.objects.filter(Q(enrollment=one) | Q(payment__enrollment=one)),
    ),
    ({SEAT_FREED: "Notice that the seat was freed"}, lambda one: one.refund_decisions.all()),
    (
        {DISPUTED_SEAT: "Notice about the seat during a dispute"},
        lambda one: Dispute.objects.filter(payment__enrollment__in=paid_by(one)),
    ),
    (
        {
            part_reminders.PART_AHEAD: "Reminder of a part that falls due",
            plans.PART_PAID: "Notice of a part that was paid",
            plans.PART_OPEN: "Notice of a part that is open",
        },
        lambda one: Instalment.objects.filter(enrollment=one),
    ),
    (
        {
            plans.PAUSE_AHEAD: "Warning of a pause",
            plans.PAUSED: "Notice of a pause",
        },
        lambda one: PaymentPlan.objects.filter(enrollment=one),
    ),
]
MAIL_STATES: dict[str, str] = {
    State.QUEUED: "It waits to be sent.",
    State.SENDING: "It is being sent.",
    State.SENT: "Sent.",
    State.FAILED: "It could not be delivered.",
}


def mail_lines(enrollment: Enrollment) -> list[Line]:
    """What was, or is to be, written to the member about this enrolment; never the words."""
    about, names = Q(kind__in=MAILS, subject_id=enrollment.pk), dict(MAILS)
    for kinds, subjects in MAILS_ABOUT:
        names |= kinds
        about |= Q(kind__in=kinds, subject_id__in=subjects(enrollment).values("pk"))
    mails = Message.objects.filter(about, recipient=enrollment.member_id)
    return [
        Line(
            at=mail.sent_at or mail.created_at,
            kind="mail",
            what=names[mail.kind],
            why=MAIL_STATES.get(mail.state, f"Not sent: {mail.reason or 'not owed any more'}"),
        )
        for mail in mails.order_by("created_at", "pk")
    ]
