"""The mails about money. Neutral subjects; the amount and the way, nothing else."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accounts.models import User
from billing.decisions import SEAT_FREED
from billing.models import Refund, RefundDecision
from billing.refunds import REFUND_SENT
from billing.rehearsals import CONFIRMED, Rehearsal
from outbox.kinds import register
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message
from sessions.pricing import format_money

Rendered = Mapping[int, Mail | NotOwed]
# What part of the money it is, in the member's words.
PARTS = {
    "policy": "It is the part for the sessions that had not been held.",
    "attended": "It is the part for the sessions that you did not attend.",
    "cancelled": "It is the part for sessions that we cancelled.",
    "full": "It is all that was left of what you paid.",
}


def register_kinds() -> None:
    register(REFUND_SENT, refund_sent)
    register(SEAT_FREED, seat_freed)


@dataclass(frozen=True, slots=True)
class _Words:
    """What a mail about a refund says besides the amount."""

    total: int = 0
    part: str = ""
    frees_seat: bool = False
    keeps_seat: bool = False


def refund_sent(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """Money is on its way back, and why. Not owed while a refund has failed."""
    refunds = Refund.objects.select_related(
        "payment__enrollment__member", "enrollment", "decision"
    ).in_bulk([message.subject_id for message in messages])

    def render(message: Message) -> Mail | NotOwed:
        refund = refunds[message.subject_id]
        if refund.status == Refund.Status.FAILED:
            return NotOwed("The refund failed.")
        return _refund_mail(
            refund.payment.enrollment.member,
            refund.amount_cents,
            refund.payment.currency,
            refund.reason,
            _decided(refund.decision, refund.enrollment.status) if refund.decision else _Words(),
        )

    return {message.pk: render(message) for message in messages}


def seat_freed(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """Somebody's seat was freed and no money goes back, so that no other mail says it."""
    decisions = RefundDecision.objects.select_related("enrollment__member").in_bulk(
        [message.subject_id for message in messages]
    )
    return {
        message.pk: _seat_freed_mail(decisions[message.subject_id].enrollment.member)
        for message in messages
    }


def previews(rehearsal: Rehearsal, decision: RefundDecision | None = None) -> list[Mail]:
    """The very mails that would go out: one for each payment that money goes back to.

    Of a `decision` that waits the mail speaks as it was decided.
    """
    member, currency = rehearsal.enrollment.member, rehearsal.enrollment.currency
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
        )
    )
    mails = [
        _refund_mail(member, take.cents, currency, Refund.Reason.DESK, words)
        for take in rehearsal.takes
    ]
    return mails or [_seat_freed_mail(member)]


def _decided(decision: RefundDecision, status: str) -> _Words:
    return _words(
        basis=decision.basis,
        total=decision.amount_cents,
        paid=decision.lines[0].cents,
        frees_seat=decision.frees_seat,
        status=status,
    )


def _words(*, basis: str, total: int, paid: int, frees_seat: bool, status: str) -> _Words:
    whole = total == paid and basis != "cancelled"
    return _Words(
        total=total,
        part="It is everything that you paid." if whole else PARTS.get(basis, ""),
        frees_seat=frees_seat,
        keeps_seat=not frees_seat and status in CONFIRMED,
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
    }
    return compose("refund-sent", f"Your refund of {amount} is on its way", context)


def _seat_freed_mail(member: User) -> Mail:
    return compose("seat-freed", "You have left the group", {"member": member})
