"""The mails about money. Neutral subjects; the amount and the way, nothing else."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from django.conf import settings
from django.db.models import F, Min, Q
from django.urls import reverse

from accounts.clock import local
from accounts.models import User
from billing import bank_words, run_plan
from billing.dispute_mails import DISPUTED_SEAT, disputed_seat
from billing.models import Payment, Refund, RefundDecision
from billing.papers.business_days import estimate_due
from billing.papers.issuing import ESTIMATE_READY, OWED_AN_ESTIMATE
from billing.refunds import REFUND_SENT, REFUND_SETTLED, SEAT_FREED
from billing.rehearsals import CONFIRMED, Rehearsal, Take
from billing.requests import REQUEST_ANSWERED
from billing.seat_mails import (
    group_ended,
    refund_settled,
    seat_freed,
    seat_freed_mail,
    told_of_seat,
)
from billing.selfservice_mails import moved, request_answered
from billing.transfers import MOVED
from enrollment.models import Enrollment
from outbox.kinds import register
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message
from sessions.pricing import format_money

log = structlog.get_logger("grouport.billing")
Rendered = Mapping[int, Mail | NotOwed]
# What part of the money it is, in the member's words.
PARTS = {
    "policy": "It is the part for the sessions that had not been held.",
    "attended": "It is the part for the sessions that you did not attend.",
    "cancelled": "It is the part for sessions that we cancelled.",
    "move": "It is what was left over when you moved to another group.",
    "full": "It is all that was left of what you paid.",
}
# Nobody decided about a seat, and the words about the reason say nothing of it.
SEAT_UNSAID = (Refund.Reason.OUTSIDE, Refund.Reason.DESK)


def register_kinds() -> None:
    register(REFUND_SENT, refund_sent)
    register(ESTIMATE_READY, estimate_ready)
    register(SEAT_FREED, seat_freed)
    register(REFUND_SETTLED, refund_settled)
    register(DISPUTED_SEAT, disputed_seat)
    register(MOVED, moved)
    register(REQUEST_ANSWERED, request_answered)


@dataclass(frozen=True, slots=True)
class _Words:
    """What a mail about a refund says besides the amount."""

    total: int = 0
    part: str = ""
    frees_seat: bool = False
    keeps_seat: bool = False
    group_ended: bool = False
    of_a_part: bool = False


def refund_sent(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """Money is on its way back, and why. Not owed while a refund has failed."""
    refunds = _with_decisions().in_bulk([message.subject_id for message in messages])

    def render(message: Message) -> Mail | NotOwed:
        refund = refunds[message.subject_id]
        if refund.status == Refund.Status.FAILED:
            return NotOwed("The refund failed.")
        return _sent_mail(refund, refund.reason, told=refund.told)

    return {message.pk: render(message) for message in messages}


def sent_mail(refund: Refund, reason: str) -> Mail:
    """What the member would read about this refund, which failed, when it is sent again."""
    found = _with_decisions().get(pk=refund.pk)
    return _sent_mail(found, reason, told=found.told)


def _with_decisions() -> Any:
    """A query of refunds; `told` says whether the seat had a mail of its own."""
    people = ("payment__enrollment__member", "payment__attempt", "enrollment")
    found = Refund.objects.select_related(*people, "decision__run_item__run")
    return found.annotate(told=told_of_seat())


def _sent_mail(refund: Refund, reason: str, *, told: bool) -> Mail:
    words = (
        _decided(refund.decision, refund.enrollment.status)
        if refund.decision
        else _Words(
            of_a_part=_later_part(refund.payment),
            keeps_seat=reason in SEAT_UNSAID and refund.enrollment.status in CONFIRMED,
        )
    )
    if told:
        words = replace(words, frees_seat=False, group_ended=False)
    payment = refund.payment
    member = payment.enrollment.member
    return _refund_mail(member, refund.amount_cents, payment.currency, reason, words)


def estimate_ready(messages: Sequence[Message], now: dt.datetime) -> Mapping[int, Mail | NotOwed]:
    """Where the good-faith estimate is. The mail itself names no amount and carries no file."""
    theirs = Q(
        cohort__group_sessions__number__gte=F("first_week"),
        cohort__group_sessions__cancelled_at=None,
    )
    found = (
        Enrollment.objects.select_related("member", "cohort")
        .annotate(first_session=Min("cohort__group_sessions__starts_at", filter=theirs))
        .in_bulk([message.subject_id for message in messages])
    )

    def render(message: Message) -> Mail | NotOwed:
        enrollment = found[message.subject_id]
        if enrollment.status not in OWED_AN_ESTIMATE:
            return NotOwed("The seat is not theirs any more.")
        _tell_if_late(enrollment, enrollment.first_session, now)
        path = reverse("billing:paper", args=[enrollment.public_id, "estimate"])
        return compose(
            "estimate-ready",
            "Your cost overview is ready",
            {"member": enrollment.member, "url": settings.SITE_URL + path},
        )

    return {message.pk: render(message) for message in messages}


def _tell_if_late(enrollment: Enrollment, first: dt.datetime | None, now: dt.datetime) -> None:
    """A line in the log when the day is over by which the law wanted it sent."""
    if enrollment.confirmed_at is None or first is None:
        return
    zone = enrollment.cohort.zone
    due = estimate_due(
        scheduled=local(enrollment.confirmed_at, zone).date(),
        first_session=local(first, zone).date(),
    )
    if due is not None and local(now, zone).date() > due:
        log.warning("estimate_late", enrollment=str(enrollment.public_id), due=due.isoformat())


def previews(
    rehearsal: Rehearsal, decision: RefundDecision | None = None, *, ended: bool = False
) -> list[Mail]:
    """The very mails that would go out: one for each payment that money goes back to.

    Of a `decision` that waits the mail speaks as it was decided.
    """
    status = rehearsal.enrollment.status
    words = (
        _decided(decision, status)
        if decision
        else _words(
            basis=rehearsal.wish.basis,
            total=rehearsal.cents,
            paid=rehearsal.computed.lines[0].cents,
            frees_seat=rehearsal.wish.frees_seat,
            status=status,
            ended=ended,
        )
    )
    return _of_takes(rehearsal.enrollment, rehearsal.takes, words)


def previews_in_run(line: run_plan.Line, *, ended: bool) -> list[Mail]:
    """The very mails that one person of a run gets; `ended` when the group is not held any more."""
    enrollment = line.enrollment
    words = _words(
        basis=line.wish.basis,
        total=line.cents,
        paid=line.computed.lines[0].cents,
        frees_seat=line.wish.frees_seat,
        status=enrollment.status,
        ended=ended,
    )
    return _of_takes(enrollment, line.takes, words)


def _of_takes(seat: Enrollment, takes: Sequence[Take], words: _Words) -> list[Mail]:
    mails = [
        _refund_mail(seat.member, take.cents, seat.currency, Refund.Reason.DESK, words)
        for take in takes
    ]
    if mails:
        return mails
    bank = bank_words.at_the_end([seat]).get(seat.pk, "")
    return [seat_freed_mail(seat.member, ended=words.group_ended, bank=bank)]


def _decided(decision: RefundDecision, status: str) -> _Words:
    return _words(
        basis=decision.basis,
        total=decision.amount_cents,
        paid=decision.lines[0].cents,
        frees_seat=decision.frees_seat,
        status=status,
        ended=group_ended(decision),
    )


def _words(
    *, basis: str, total: int, paid: int, frees_seat: bool, status: str, ended: bool = False
) -> _Words:
    whole = total == paid and basis != "cancelled"
    return _Words(
        total=total,
        part="It is everything that you paid." if whole else PARTS.get(basis, ""),
        frees_seat=frees_seat,
        keeps_seat=not frees_seat and status in CONFIRMED,
        group_ended=ended,
    )


def _refund_mail(member: User, cents: int, currency: str, reason: str, words: _Words) -> Mail:
    amount = format_money(cents, currency)
    in_parts = words.total > cents
    context = {
        "member": member,
        "amount": amount,
        "reason": reason,
        "total": format_money(words.total, currency) if in_parts else "",
        "part": words.part if not in_parts else words.part.replace("It is", "Together it is"),
        "frees_seat": words.frees_seat,
        "keeps_seat": words.keeps_seat,
        "group_ended": words.group_ended,
        "of_a_part": words.of_a_part,
    }
    return compose("refund-sent", f"Your refund of {amount} is on its way", context)


def _later_part(payment: Payment) -> bool:
    """Whether it was for a later part of the price, by the saved card or on a page."""
    return payment.attempt is None or payment.attempt.instalment_id is not None
