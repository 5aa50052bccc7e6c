"""What happened to one enrolment, line by line, and why.

Each source is one function with one query, so something new that happens is one more line in
`SOURCES`.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator

from django.urls import reverse

from accounts.models import User
from billing import words
from billing.failed_refunds import Way, settled_by
from billing.models import (
    CheckoutAttempt,
    LedgerEntry,
    Refund,
)
from billing.refunds import NOT_OWED
from enrollment.models import Enrollment, EnrollmentMove
from enrollment.states import Status
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


def who(actor: User | None, enrollment: Enrollment) -> str:
    """Whose act it was; the program's own acts have no actor."""
    if actor is None:
        return ""
    return "the member" if actor.pk == enrollment.member_id else str(actor)


SEAT_WORDS: dict[str, tuple[str, str]] = {
    "waitlisted": (
        "On the waitlist",
        "Seats that come free are offered in the order of joining.",
    ),
    "offered": (
        "A free seat offered",
        "It is kept until they answer or its time is over; nothing is charged before a yes.",
    ),
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


# Where the status alone would say what is not so.
PAUSED_BY_A_PERSON = "A person decided it; the seat is kept and the door is shut."
GOES_ON = ("Seat goes on", "The seat is theirs as before, and the door is open to them.")
STOPPED = (Status.GRACE, Status.SUSPENDED)


def _seat_words(move: EnrollmentMove) -> tuple[str, str]:
    what, rule = SEAT_WORDS.get(move.target, (move.get_target_display(), ""))
    if move.target == Status.SUSPENDED and move.actor_id is not None:
        return what, PAUSED_BY_A_PERSON
    if move.target == Status.ACTIVE and move.source in STOPPED:
        return GOES_ON
    return what, rule


def seat_lines(enrollment: Enrollment) -> list[Line]:
    moves = enrollment.moves.select_related("actor").order_by("at", "pk")
    lines = []
    for move in moves:
        what, rule = _seat_words(move)
        why = f"{move.reason.rstrip('.')}. {rule}".strip()
        lines.append(Line(move.at, "seat", what, why, who(move.actor, enrollment)))
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
        # Of a refund that failed the reason is Stripe's; all others are a person's or our own.
        failed = entry.kind == Kind.REFUND_FAILED
        plain = words.failure(entry.reason) if failed else f"{entry.reason.rstrip('.')}."
        said = f"{plain} " if entry.reason else ""
        lines.append(
            Line(
                at=entry.at,
                kind="money",
                what=entry.get_kind_display(),
                why=said + MONEY_RULES.get(entry.kind, ""),
                # It came back by itself, whoever had sent it.
                actor="" if failed else who(entry.actor, enrollment),
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
    Refund.Reason.OUTSIDE: "Made in Stripe\u2019s dashboard; we found it there and booked it.",
}


AROUND = ("actor", "seen_by", "resolved_by", "payment", "retry")


def refund_lines(enrollment: Enrollment) -> list[Line]:
    """What was decided about refunds, and what never left. The cents move with ledger lines."""
    left = set(enrollment.ledger.filter(kind=Kind.REFUND).values_list("key", flat=True))
    return [
        line
        for refund in enrollment.refunds.select_related(*AROUND).order_by("pk")
        for line in _of_refund(refund, enrollment, left=f"refund:{refund.uuid}" in left)
    ]


def _of_refund(refund: Refund, enrollment: Enrollment, *, left: bool) -> Iterator[Line]:
    amount = format_money(refund.amount_cents, refund.payment.currency)
    outside = refund.reason == Refund.Reason.OUTSIDE
    yield Line(
        at=refund.requested_at,
        kind="money",
        what=f"Refund of {amount} {'found at Stripe' if outside else 'asked for'}",
        why=REFUND_RULES.get(refund.reason, refund.get_reason_display()),
        actor=who(refund.actor, enrollment),
    )
    # One that had left comes back as a line of the ledger.
    way = settled_by(refund) if refund.status == Refund.Status.FAILED else None
    if refund.status == Refund.Status.FAILED and refund.settled_at and not left:
        then = "" if way else " It can be tried again."
        yield Line(
            at=refund.settled_at,
            kind="money",
            what=f"Refund of {amount} failed",
            why=f"{words.failure(refund.note)} No money moved.{then}",
            stripe_id=refund.stripe_refund_id or "",
        )
    # One that was paid another way is a line of the ledger, one that was sent again a refund.
    if way == Way.NOT_OWED and refund.resolved_at:
        yield Line(
            at=refund.resolved_at,
            kind="money",
            what=f"Refund of {amount} is not owed any more",
            why=f"\u201c{refund.resolved_how.removeprefix(NOT_OWED)}\u201d Nothing moved by this.",
            actor=who(refund.resolved_by, enrollment),
            link=reverse("billing:failed_refund", args=[refund.uuid]),
            link_words="The refund that failed",
        )
    if refund.seen_at:
        yield Line(
            at=refund.seen_at,
            kind="money",
            what=f"The refund of {amount} in Stripe\u2019s dashboard was looked at",
            why="Somebody has to know of it and decide about the seat.",
            actor=who(refund.seen_by, enrollment),
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
            by = who(one.decided_by, enrollment)
            lines.append(Line(one.decided_at, "seat", done, rule, by))
    return lines


SOURCES: list[Source] = [request_lines, attempt_lines, refund_lines, ledger_lines, seat_lines]
