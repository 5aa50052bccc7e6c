"""What happened to one enrolment, line by line, and why.

Each source is one function with one query, so something new that happens is one more line in
`SOURCES`.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.urls import reverse

from accounts.models import User
from billing import plans, words
from billing.decisions import SEAT_FREED
from billing.dispute_mails import DISPUTED_SEAT
from billing.models import (
    CheckoutAttempt,
    Dispute,
    Instalment,
    LedgerEntry,
    PaymentPlan,
    Refund,
)
from billing.refunds import REFUND_SENT
from billing.transfers import MOVED
from enrollment import links
from enrollment.group_messages import GROUP_MESSAGE
from enrollment.models import Enrollment
from outbox.models import Message, State
from sessions.pricing import format_money

Kind = LedgerEntry.Kind


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: `what` in words, and `why` as a sentence that gives the rule.

    `kind` is "seat", "money", "mail" or "paper". `cents` are those that moved, positive when they
    came; None where nothing moved. `stripe_id` is the object in Stripe's books.
    """

    at: dt.datetime
    kind: str
    what: str
    why: str
    actor: str = ""
    cents: int | None = None
    currency: str = "usd"
    stripe_id: str = ""
    link: str = ""
    link_words: str = ""


Source = Callable[[Enrollment], list[Line]]


def _who(actor: User | None, enrollment: Enrollment) -> str:
    """Whose act it was; the program's own acts have no actor."""
    if actor is None:
        return ""
    return "the member" if actor.pk == enrollment.member_id else str(actor)


SEAT_WORDS: dict[str, tuple[str, str]] = {
    "held": (
        "Seat kept, waiting for payment",
        "A seat is kept for 15 minutes, and longer while the payment page is open.",
    ),
    "awaiting_funds": (
        "Seat kept while the bank sends the money",
        "Some ways to pay take days; the seat waits for them.",
    ),
    "active": ("Seat confirmed", "A seat is confirmed when its money has arrived."),
    "grace": ("A payment is overdue", "The seat and the door stay while we wait for it."),
    "suspended": (
        "Seat paused",
        "An overdue payment was not made in time; the seat is kept and the door is shut.",
    ),
    "completed": ("Completed", "All sessions of the group were held."),
    "withdrawn": (
        "Seat given up",
        "Freeing a seat and giving money back are two decisions: this moved no money.",
    ),
    "cancelled": (
        "Seat cancelled",
        "Freeing a seat and giving money back are two decisions: this moved no money.",
    ),
    "expired": (
        "Seat released",
        "It was not paid in time, and Stripe said that no money could come any more.",
    ),
    "late_paid": (
        "Paid after the seat was gone",
        "Late money takes a free seat if there is one, else it goes back in full by itself.",
    ),
}


def seat_lines(enrollment: Enrollment) -> list[Line]:
    moves = enrollment.moves.select_related("actor").order_by("at", "pk")
    lines = []
    for move in moves:
        what, rule = SEAT_WORDS.get(move.target, (move.get_target_display(), ""))
        why = f"{move.reason.rstrip('.')}. {rule}".strip()
        lines.append(Line(move.at, "seat", what, why, _who(move.actor, enrollment)))
    return lines


MONEY_RULES: dict[str, str] = {
    Kind.CHARGE: "Stripe took this amount for the seat.",
    Kind.REFUND: "Stripe has taken the order, so the money is not ours from here on.",
    Kind.REFUND_FAILED: "The bank did not take the refund; the money is with us and owed again.",
    Kind.DISPUTE: "The cardholder asked their bank for the money, which took it for now.",
    Kind.DISPUTE_WON: "The bank decided for us and gave the money back.",
    Kind.FEE: "What the processor keeps for its work.",
    Kind.CREDIT: "Money that moved between two enrolments of one person.",
    Kind.ADJUSTMENT: "Put right by hand: the ledger is only added to.",
}


def ledger_lines(enrollment: Enrollment) -> list[Line]:
    lines = []
    for entry in enrollment.ledger.select_related("actor").order_by("at", "pk"):
        said = f"{words.failure(entry.reason)} " if entry.reason else ""
        lines.append(
            Line(
                at=entry.at,
                kind="money",
                what=entry.get_kind_display(),
                why=said + MONEY_RULES.get(entry.kind, ""),
                actor=_who(entry.actor, enrollment),
                cents=entry.amount_cents,
                currency=entry.currency,
                stripe_id=entry.stripe_id,
            )
        )
    return lines


REFUND_RULES: dict[str, str] = {
    Refund.Reason.LATE: "It came when the seat was gone and none was free: such money goes back "
    "in full by itself.",
    Refund.Reason.TWICE: "The seat was paid for already: what comes twice goes back by itself.",
    Refund.Reason.DESK: "A person decided it.",
    Refund.Reason.POLICY: "The member left; the policy that they agreed to decided.",
    Refund.Reason.MOVE: "The member moved to a group that costs less than their credit.",
    Refund.Reason.NO_MOVE: "It was paid for a move that was not possible any more: such money goes "
    "back in full by itself.",
    Refund.Reason.OUTSIDE: "Made in Stripe's dashboard; we found it there and booked it.",
}


def refund_lines(enrollment: Enrollment) -> list[Line]:
    """What was decided about refunds, and what never left. The cents move with ledger lines."""
    key = Concat(Value("refund:"), Cast(OuterRef("uuid"), CharField()))
    refunds = enrollment.refunds.annotate(left=Exists(LedgerEntry.objects.filter(key=key)))
    return [
        line
        for refund in refunds.select_related("actor", "seen_by", "payment").order_by("pk")
        for line in _of_refund(refund, enrollment, left=refund.left)
    ]


def _of_refund(refund: Refund, enrollment: Enrollment, *, left: bool) -> Iterator[Line]:
    amount = format_money(refund.amount_cents, refund.payment.currency)
    outside = refund.reason == Refund.Reason.OUTSIDE
    yield Line(
        at=refund.requested_at,
        kind="money",
        what=f"Refund of {amount} {'found at Stripe' if outside else 'asked for'}",
        why=REFUND_RULES.get(refund.reason, refund.get_reason_display()),
        actor=_who(refund.actor, enrollment),
    )
    # One that had left comes back as a line of the ledger.
    if refund.status == Refund.Status.FAILED and refund.settled_at and not left:
        yield Line(
            at=refund.settled_at,
            kind="money",
            what=f"Refund of {amount} failed",
            why=f"{words.failure(refund.note)} No money moved; it can be tried again.",
            stripe_id=refund.stripe_refund_id or "",
        )
    if refund.seen_at:
        yield Line(
            at=refund.seen_at,
            kind="money",
            what=f"The refund of {amount} in Stripe's dashboard was looked at",
            why="Somebody has to know of it and decide about the seat.",
            actor=_who(refund.seen_by, enrollment),
        )


def attempt_lines(enrollment: Enrollment) -> list[Line]:
    """Each visit to the payment page."""
    lines = []
    for attempt in enrollment.attempts.select_related("payment").order_by("created_at"):
        amount = format_money(attempt.amount_cents, attempt.currency)
        review = attempt.status == CheckoutAttempt.Status.REVIEW
        reviewed = review or attempt.status == CheckoutAttempt.Status.RETURNED
        note = f"{words.difference(attempt, attempt.payment)} " if reviewed else ""
        lines.append(
            Line(
                at=attempt.created_at,
                kind="money",
                what=f"Payment page opened for {amount}",
                why=f"{note}How it ended: {attempt.get_status_display().lower()}.",
                actor="the member",
                stripe_id=attempt.stripe_session_id or "",
                link=reverse("billing:payment", args=[attempt.uuid]) if review else "",
                link_words="Decide about this payment" if review else "",
            )
        )
    return lines


def request_lines(enrollment: Enrollment) -> list[Line]:
    """What the member asked a person for, and when it was answered; never the words."""
    lines = []
    for one in enrollment.requests.select_related("decided_by"):
        what = one.get_wish_display()
        rule = "A person answers what no rule decides."
        url = one.get_absolute_url()
        lines.append(
            Line(
                one.asked_at,
                "seat",
                f"Asked for: {what}",
                rule,
                "the member",
                link=url,
                link_words="The request",
            )
        )
        if one.decided_at:
            done = f"Answered: {what}"
            who = _who(one.decided_by, enrollment)
            lines.append(Line(one.decided_at, "seat", done, rule, who))
    return lines


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
    GROUP_MESSAGE: "A leader's message to the group",
    links.WAITLIST_JOINED: "Confirmation of the waitlist",
    links.SEAT_OFFERED: "Offer of a seat",
    links.OFFER_LAPSED: "Notice that the offer ended",
    links.WAITLIST_CLOSED: "Notice that the waitlist ended",
    "estimate-ready": "Notice of the cost overview",
}
# Mails about something of the enrolment: their words, and the ids that they may be about.
MAILS_ABOUT: list[tuple[dict[str, str], Callable[[Enrollment], "QuerySet[Any, Any]"]]] = [
    (
        {REFUND_SENT: "Notice of a refund"},
        lambda one: Refund.objects.filter(Q(enrollment=one) | Q(payment__enrollment=one)),
    ),
    ({SEAT_FREED: "Notice that the seat was freed"}, lambda one: one.refund_decisions.all()),
    (
        {DISPUTED_SEAT: "Notice about the seat during a dispute"},
        lambda one: Dispute.objects.filter(payment__enrollment=one),
    ),
    (
        {
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


# Of what happens in one moment the earlier source comes first: paid, then confirmed, then told.
SOURCES: list[Source] = [
    request_lines,
    attempt_lines,
    refund_lines,
    ledger_lines,
    seat_lines,
    mail_lines,
]
