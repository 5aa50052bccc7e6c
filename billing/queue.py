"""What waits for a person at the money desk.

Each source is one function with one query, so a new kind of work is one more line in `SOURCES`.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable
from typing import TypeVar, cast

from django.db.models import Count, Q, QuerySet, Window
from django.urls import reverse

from billing import disputes, plans, reconciliation, requests, runs, words
from billing.facts import still_failed
from billing.models import CheckoutAttempt, Instalment, MemberRequest, Refund, RefundDecision
from billing.parts import PARTS
from billing.waiting import Waiting
from enrollment.roster import name_of
from enrollment.states import Status

# So many rows of a group are shown, the oldest; `total` says how many there are.
SHOWN = 50
OWED_BY_ITSELF = (Refund.Reason.LATE, Refund.Reason.TWICE)

Found = TypeVar("Found", CheckoutAttempt, Instalment, MemberRequest, Refund, RefundDecision)


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One thing to decide: about whom, what it is, since when it waits, and where it is decided.

    `cents` are those in question, None where nobody knows; `then` says what to do, as the words
    of a link to `url`. `group` and `story` may be empty.
    """

    who: str
    group: str
    what: str
    cents: int | None
    currency: str
    since: dt.datetime
    then: str
    url: str
    story: str


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """Work of one kind, the oldest first; `slug` is its place on the page."""

    slug: str
    title: str
    hint: str
    rows: list[Row]
    total: int


Source = Callable[[dt.datetime], Group]


def waiting(*, now: dt.datetime) -> list[Group]:
    """The groups in which something waits. One query for each source."""
    return [group for source in SOURCES if (group := source(now)).total]


def story_of(public_id: object) -> str:
    return reverse("billing:enrollment", args=[public_id])


def payments_to_check(now: dt.datetime) -> Group:
    """Money that is not what was asked for."""
    found = CheckoutAttempt.objects.filter(status=CheckoutAttempt.Status.REVIEW)
    found = found.select_related("enrollment__member", "enrollment__cohort", "payment")
    attempts, total = _oldest(found.order_by("payment__paid_at", "pk"))
    rows = [
        Row(
            who=name_of(attempt.enrollment),
            group=attempt.enrollment.cohort.name,
            what=words.difference(attempt, attempt.payment),
            cents=attempt.payment.amount_cents,
            currency=attempt.payment.currency,
            since=attempt.payment.paid_at,
            then="Accept it or give it back",
            url=reverse("billing:payment", args=[attempt.uuid]),
            story=story_of(attempt.enrollment.public_id),
        )
        for attempt in attempts
    ]
    return Group(
        "payments", "Payments that do not match", "The seat is kept until you decide.", rows, total
    )


def late_payments(now: dt.datetime) -> Group:
    """Money that bought nothing, and that could not be sent back by itself."""
    return _failed(
        Q(reason__in=OWED_BY_ITSELF),
        slug="late",
        title="Late payments that could not go back",
        hint="They bought no seat, and their refund failed. The money is owed.",
    )


def failed_refunds(now: dt.datetime) -> Group:
    """Refunds that failed and were not asked for again."""
    return _failed(
        ~Q(reason__in=OWED_BY_ITSELF),
        slug="failed",
        title="Refunds that failed",
        hint="The money came back to us, so it is owed again.",
    )


def outside_refunds(now: dt.datetime) -> Group:
    """Refunds of Stripe's dashboard that nobody has looked at here."""
    found = Refund.objects.filter(reason=Refund.Reason.OUTSIDE, seen_at=None)
    found = found.exclude(status=Refund.Status.FAILED)
    refunds, total = _oldest(_with_people(found, since="requested_at"))
    rows = [
        _row(
            refund,
            what="Made in Stripe\u2019s dashboard. The seat has not been touched.",
            then="Look at it, and decide about the seat",
            url=reverse("billing:outside_refund", args=[refund.uuid]),
            since=refund.requested_at,
        )
        for refund in refunds
    ]
    title = "Refunds made in Stripe\u2019s dashboard"
    return Group("outside", title, "We found them at Stripe and booked them.", rows, total)


def _failed(which: Q, *, slug: str, title: str, hint: str) -> Group:
    refunds, total = _oldest(
        _with_people(Refund.objects.filter(still_failed()).filter(which), since="settled_at")
    )
    rows = [
        _row(
            refund,
            what=f"{refund.get_reason_display()}. {words.failure(refund.note)}",
            then="Try again, or say how it was settled",
            url=reverse("billing:failed_refund", args=[refund.uuid]),
            since=refund.settled_at or refund.requested_at,
        )
        for refund in refunds
    ]
    return Group(slug, title, hint, rows, total)


def _with_people(refunds: "QuerySet[Refund]", *, since: str) -> "QuerySet[Refund]":
    people = refunds.select_related("enrollment__member", "enrollment__cohort", "payment")
    return people.order_by(since, "pk")


def _row(refund: Refund, *, what: str, then: str, url: str, since: dt.datetime) -> Row:
    return Row(
        who=name_of(refund.enrollment),
        group=refund.enrollment.cohort.name,
        what=what,
        cents=refund.amount_cents,
        currency=refund.payment.currency,
        since=since,
        then=then,
        url=url,
        story=story_of(refund.enrollment.public_id),
    )


def _oldest(found: "QuerySet[Found]") -> tuple[list[Found], int]:
    """The first rows that are shown, and how many there are. One query."""
    rows = cast("list[Found]", list(found.annotate(total=Window(Count("*")))[:SHOWN]))
    return rows, getattr(rows[0], "total", 0) if rows else 0


def second_look(now: dt.datetime) -> Group:
    """Decisions above the limit of what one person gives back alone."""
    found = RefundDecision.objects.filter(status=RefundDecision.Status.WAITING)
    found = found.select_related("enrollment__member", "enrollment__cohort", "made_by")
    decisions, total = _oldest(found.order_by("made_at", "pk"))
    rows = [
        Row(
            who=name_of(decision.enrollment),
            group=decision.enrollment.cohort.name,
            what=f"{decision.get_basis_display()}. Asked for by {decision.made_by}.",
            cents=decision.amount_cents,
            currency=decision.currency,
            since=decision.made_at,
            then="Look at it, and agree or decline",
            url=decision.get_absolute_url(),
            story=story_of(decision.enrollment.public_id),
        )
        for decision in decisions
    ]
    hint = "Nothing goes back before somebody else than who decided has agreed."
    return Group("second", "Refunds that wait for a second person", hint, rows, total)


def asked_by_members(now: dt.datetime) -> Group:
    """What members ask a person for."""
    found, total = _oldest(requests.waiting(now))
    rows = [
        Row(
            who=name_of(request.enrollment),
            group=request.enrollment.cohort.name,
            what=f"{request.get_wish_display()}.",
            cents=None,
            currency=request.enrollment.currency,
            since=request.asked_at,
            then="Read it, and answer",
            url=request.get_absolute_url(),
            story=story_of(request.enrollment.public_id),
        )
        for request in found
    ]
    hint = f"They were told that we answer within {requests.ANSWERED_WITHIN}."
    return Group("requests", "Members ask", hint, rows, total)


def unpaid_parts(now: dt.datetime) -> Group:
    """Parts of a price that the card did not pay and that need somebody."""
    parts, total = _oldest(plans.in_trouble(now))
    rows = [
        Row(
            who=name_of(part.enrollment),
            group=part.enrollment.cohort.name,
            what=_part_words(part),
            cents=part.amount_cents,
            currency=part.currency,
            since=part.due_at,
            then="Look at it, and write to them",
            url=story_of(part.enrollment.public_id),
            story="",
        )
        for part in parts
    ]
    hint = "They have a link to pay by. Somebody who is paused is to hear from a person."
    return Group("parts", "Payments in parts that did not come", hint, rows, total)


def _part_words(part: Instalment) -> str:
    paused = part.enrollment.status == Status.SUSPENDED
    seat = "Their seat is kept and paused." if paused else "Their seat and links go on."
    return f"Part {part.number} of {PARTS}. {seat}"


def disputed(now: dt.datetime) -> Group:
    """Payments that a bank asks about or has taken back."""
    return _listed(
        disputes.waiting(now),
        slug="disputes",
        title="Disputes",
        hint="The bank decides about the money. You answer it, and decide about the seat.",
        then="Look at the dispute",
    )


def won_too_late(now: dt.datetime) -> Group:
    """Money that a bank gave back to us after its member had left."""
    found = [
        Waiting(
            seat=one.payment.enrollment,
            what="Their seat ended while the bank held the money, and the dispute was won.",
            cents=left,
            currency=one.currency,
            since=one.closed_at or one.opened_at,
            url=one.get_absolute_url(),
        )
        for one, left in disputes.won_too_late()
    ]
    return _listed(
        found,
        slug="won",
        title="They left this seat, and money is still with us",
        hint="It was not counted when they did. Decide what goes back, or that nothing does.",
        then="Look at the dispute",
    )


def differences(now: dt.datetime) -> Group:
    """Where our books and Stripe's do not say the same."""
    return _listed(
        reconciliation.waiting(now),
        slug="differences",
        title="Differences from Stripe\u2019s books",
        hint="Nothing is mended by itself: each has a proposed remedy.",
        then="Look at the difference",
    )


def refund_runs(now: dt.datetime) -> Group:
    """Refunds of a whole group, or of several in it, that are not over."""
    found = list(runs.waiting(now))
    rows = [
        Row(
            who=run.cohort.name,
            group=f"{run.people} {'person' if run.people == 1 else 'people'}",
            what=f"{run.get_state_display()}. {run.done} of {run.people} done.",
            cents=run.total,
            currency=run.cohort.currency,
            since=run.made_at,
            then="Look at it",
            url=run.get_absolute_url(),
            story="",
        )
        for run in found[:SHOWN]
    ]
    hint = "Each goes on by itself, until somebody has to look."
    return Group("runs", "Refunds of a group", hint, rows, len(found))


def _listed(found: list[Waiting], *, slug: str, title: str, hint: str, then: str) -> Group:
    rows = [
        Row(
            who=name_of(one.seat) if one.seat else "Nobody that we know",
            group=one.seat.cohort.name if one.seat else "",
            what=one.what,
            cents=one.cents,
            currency=one.currency,
            since=one.since,
            then=then,
            url=one.url,
            story=story_of(one.seat.public_id) if one.seat else "",
        )
        for one in found[:SHOWN]
    ]
    return Group(slug, title, hint, rows, len(found))


SOURCES: list[Source] = [
    second_look,
    asked_by_members,
    refund_runs,
    disputed,
    won_too_late,
    unpaid_parts,
    payments_to_check,
    late_payments,
    failed_refunds,
    outside_refunds,
    differences,
]


def total(groups: Iterable[Group]) -> int:
    return sum(group.total for group in groups)
