"""The mails about a seat that the desk freed, and about money that did not go back by itself.

Whoever loses a seat by a decision reads it once at least, whatever becomes of the money: in the
mail about the refund when Stripe has taken the order, else in a mail of its own.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from accounts.models import User
from billing import bank_words
from billing.models import Refund, RefundDecision, RunItem
from billing.refunds import NOT_OWED, REFUND_SENT, SEAT_FREED
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message, State
from sessions.pricing import format_money

Rendered = Mapping[int, Mail | NotOwed]


def seat_freed(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """Somebody's seat was freed, and no mail about a refund says so.

    Of money that still is to go back it says that somebody takes care of it.
    """
    known = RefundDecision.objects.select_related("enrollment__member", "run_item__run").annotate(
        told=Exists(_refunds_that_tell()), owed=Sum("refunds__amount_cents", filter=_still_owed())
    )
    decisions = known.in_bulk([message.subject_id for message in messages])
    at_bank = bank_words.at_the_end(decision.enrollment for decision in decisions.values())

    def render(message: Message) -> Mail | NotOwed:
        decision = decisions[message.subject_id]
        if decision.told:
            return NotOwed("The mail about the refund says it.")
        owed = format_money(decision.owed, decision.currency) if decision.owed else ""
        seat = decision.enrollment
        bank = at_bank.get(seat.pk, "")
        return seat_freed_mail(seat.member, ended=group_ended(decision), owed=owed, bank=bank)

    return {message.pk: render(message) for message in messages}


def _refunds_that_tell() -> "QuerySet[Refund]":
    """Of a decision: refunds whose mail went out, or will go out."""
    mails = Message.objects.filter(kind=REFUND_SENT, subject_id=OuterRef("pk"))
    sent = Exists(mails.filter(state=State.SENT))
    coming = ~Q(status=Refund.Status.FAILED) & Exists(
        mails.filter(state__in=(State.QUEUED, State.SENDING))
    )
    return Refund.objects.filter(decision=OuterRef("pk")).filter(Q(sent) | coming)


def _still_owed() -> Q:
    """Of a decision's refunds: those that Stripe has not taken, and nobody has settled."""
    asked = (Refund.Status.REQUESTED, Refund.Status.SUBMITTED)
    failed = Q(refunds__status=Refund.Status.FAILED, refunds__retry=None)
    return Q(refunds__status__in=asked) | failed & Q(refunds__resolved_at=None)


def seat_freed_mail(member: User, *, ended: bool = False, owed: str = "", bank: str = "") -> Mail:
    """`owed` is the amount that did not go back at once, `bank` what is said of one at a bank."""
    subject = "Your group can't be held any longer" if ended else "About your seat"
    context = {"member": member, "group_ended": ended, "owed": owed, "bank": bank}
    return compose("seat-freed", subject, context)


def told_of_seat() -> Exists:
    """Of a refund: whether a mail of its own has told already what became of the seat."""
    mails = Message.objects.filter(kind=SEAT_FREED, state=State.SENT)
    return Exists(mails.filter(subject_id=OuterRef("decision_id")))


def group_ended(decision: RefundDecision) -> bool:
    """Whether it was decided because the group is not held any more."""
    item: RunItem | None = getattr(decision, "run_item", None)
    return item is not None and item.run.ends_group


def refund_settled(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """A refund that failed was paid another way."""
    refunds = Refund.objects.select_related("payment__enrollment__member").in_bulk(
        [message.subject_id for message in messages]
    )

    def render(message: Message) -> Mail | NotOwed:
        refund = refunds[message.subject_id]
        if refund.resolved_at is None or refund.resolved_how.startswith(NOT_OWED):
            return NotOwed("It was not paid another way.")
        return settled_mail(refund)

    return {message.pk: render(message) for message in messages}


def settled_mail(refund: Refund) -> Mail:
    """What the member reads about money that went back another way; staff's words stay here."""
    amount = format_money(refund.amount_cents, refund.payment.currency)
    context = {"member": refund.payment.enrollment.member, "amount": amount}
    return compose("refund-settled", f"Your refund of {amount} went another way", context)
