"""What people and banks decided about one enrolment: refunds, disputes, prices, papers.

More sources of the story (`story_lines.py`), each one function with one query.
"""

from django.db.models import Q
from django.urls import reverse

from billing.facts import paid_by
from billing.models import Dispute, IssuedPaper, PersonalPrice, Redemption, RefundDecision, Transfer
from billing.story_lines import Line, Source, who
from enrollment.models import Enrollment
from sessions.pricing import format_money

DECIDED: dict[str, str] = {
    RefundDecision.Status.WAITING: "It waits for a second person; nothing was done yet.",
    RefundDecision.Status.DONE: "Carried out.",
    RefundDecision.Status.DECLINED: "Declined: nothing was done.",
}


def decision_lines(enrollment: Enrollment) -> list[Line]:
    """Who decided that money goes back or a seat is freed, how it was computed, and why."""
    lines = []
    for one in enrollment.refund_decisions.select_related("made_by", "decided_by"):
        amount = format_money(one.amount_cents, one.currency)
        freed = "the seat is freed" if one.frees_seat else "the seat is kept"
        what = f"Decided: {amount} goes back, {freed}" if one.amount_cents else f"Decided: {freed}"
        steps = "; ".join(line.words(one.currency) for line in one.lines)
        second = (
            f" {one.decided_by} looked at it too." if one.needs_second and one.decided_by else ""
        )
        said = f" \u201c{one.reason}\u201d" if one.reason else ""
        lines.append(
            Line(
                at=one.made_at,
                kind="money",
                what=what,
                why=f"{one.get_basis_display()} (terms {one.policy_version}). {steps}. "
                f"{DECIDED[one.status]}{second}{said}",
                actor=who(one.made_by, enrollment),
                link=one.get_absolute_url(),
                link_words="The decision",
            )
        )
    return lines


# What a dispute that is over means for the money, which has lines of its own.
CLOSED: dict[str, tuple[str, str]] = {
    Dispute.Status.LOST: (
        "lost",
        "The bank gave the money back to the member for good, so it cannot be refunded as well. "
        "The seat is decided about apart.",
    ),
    Dispute.Status.WON: (
        "won",
        "The bank decided for us, and the money is with us again. It can be refunded.",
    ),
    Dispute.Status.ASKED_CLOSED: ("closed", "The bank only asked, and no money moved."),
    Dispute.Status.PREVENTED: ("prevented", "It never became one: no money was taken."),
}


def dispute_lines(enrollment: Enrollment) -> list[Line]:
    """That a bank asked, and what was decided about the seat. The money has lines of its own."""
    lines = []
    disputes = Dispute.objects.filter(payment__enrollment__in=paid_by(enrollment))
    for one in disputes.select_related("seat_decided_by").order_by("opened_at", "pk"):
        amount = format_money(one.amount_cents, one.currency)
        link, words = one.get_absolute_url(), "The dispute"
        lines.append(
            Line(
                at=one.opened_at,
                kind="money",
                what=f"Dispute of {amount} opened",
                why=f"The bank asks about this payment. Now: {one.get_status_display().lower()}.",
                stripe_id=one.stripe_dispute_id,
                link=link,
                link_words=words,
            )
        )
        if one.closed_at:
            what, why = CLOSED.get(one.status, CLOSED[Dispute.Status.ASKED_CLOSED])
            closed = f"Dispute of {amount} {what}"
            lines.append(
                Line(one.closed_at, "money", closed, why, link=link, link_words=words),
            )
        if one.seat_decided_at:
            lines.append(
                Line(
                    at=one.seat_decided_at,
                    kind="seat",
                    what=f"Decided in the dispute: {one.get_seat_decision_display().lower()}",
                    why="What becomes of a disputed seat is a person\u2019s decision.",
                    actor=who(one.seat_decided_by, enrollment),
                    link=link,
                    link_words=words,
                )
            )
    return lines


MOVING: dict[str, str] = {
    Transfer.State.OPEN: "It is kept while the rest is paid; nothing has moved yet.",
    Transfer.State.DONE: "The rest was paid, and it went along.",
    Transfer.State.ENDED: "It did not come about: nothing moved, and nothing is kept any more.",
}


def move_lines(enrollment: Enrollment) -> list[Line]:
    """Moves to another group whose rest had to be paid. What went along is in the ledger."""
    lines = []
    moves = enrollment.transfers.select_related("made_by", "target__cohort")
    for one in moves.order_by("made_at", "pk"):
        if one.due_cents == 0:
            continue
        kept = format_money(one.moved_cents, enrollment.currency)
        lines.append(
            Line(
                at=one.made_at,
                kind="money",
                what=f"Began to move to {one.target.cohort.name}: {kept} kept for it",
                why=MOVING[one.state],
                actor=who(one.made_by, enrollment),
                link=reverse("billing:enrollment", args=[one.target.public_id]),
                link_words="The other seat",
            )
        )
    return lines


def price_lines(enrollment: Enrollment) -> list[Line]:
    """Prices of their own that were given or ended. Why is for the page of prices."""
    here = Q(cohort=None) | Q(cohort=enrollment.cohort_id)
    prices = PersonalPrice.objects.filter(here, member=enrollment.member_id)
    lines = []
    for one in prices.select_related("given_by", "ended_by", "cohort").order_by("given_at", "pk"):
        amount = format_money(one.price_cents, enrollment.currency)
        where = one.cohort.name if one.cohort else "any group"
        rule = "The lower of this and a code counts when the payment is begun."
        given = f"A price of their own: {amount} for 12 sessions, in {where}"
        lines.append(Line(one.given_at, "money", given, rule, who(one.given_by, enrollment)))
        if one.ended_at:
            ended = f"The price of {amount} was ended"
            kept = "What was agreed on before stays as it is."
            lines.append(Line(one.ended_at, "money", ended, kept, who(one.ended_by, enrollment)))
    return lines


def code_lines(enrollment: Enrollment) -> list[Line]:
    used = Redemption.objects.filter(enrollment=enrollment).select_related("code")
    return [
        Line(
            at=one.at,
            kind="money",
            what=f"Code {one.code} used",
            why=f"It takes {one.code.takes_off} the price; one code for each seat.",
            actor="the member",
        )
        for one in used
    ]


def paper_lines(enrollment: Enrollment) -> list[Line]:
    """Receipts and estimates that were made. Not superbills, which say who was there."""
    kinds = (IssuedPaper.Kind.RECEIPT, IssuedPaper.Kind.ESTIMATE)
    receipt = reverse("billing:desk_receipt", args=[enrollment.public_id])
    lines = []
    for one in IssuedPaper.objects.filter(enrollment=enrollment, kind__in=kinds).defer("content"):
        one.enrollment = enrollment  # loaded already, and the number is made with its group
        lines.append(
            Line(
                at=one.issued_at,
                kind="paper",
                what=f"{one.get_kind_display()} {one.number} made",
                why="A paper that was given out is never changed: what changed is another paper.",
                link=receipt if one.kind == IssuedPaper.Kind.RECEIPT else "",
                link_words="The receipt",
            )
        )
    return lines


SOURCES: list[Source] = [
    price_lines,
    code_lines,
    decision_lines,
    move_lines,
    dispute_lines,
    paper_lines,
]
