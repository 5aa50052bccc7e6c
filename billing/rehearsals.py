"""The rehearsal of a refund: everything that a press would do, computed and not yet done.

Reads only. What it showed (`Seen`) is compared with what holds when somebody presses.
"""

import dataclasses
import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Sum

from accounts import clock
from billing import facts, plans, policy
from billing.facts import Agreed, Money, Source
from billing.models import Instalment, Payment, RefundDecision
from billing.policy import Basis, Computed
from billing.seat_effects import SeatEffect, seat_effect
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING, Status
from sessions.pricing import format_money

CONFIRMED = (*IN_STANDING, Status.SUSPENDED)


class Impossible(Exception):
    """What was asked for cannot be done. `field` is where it was typed, or empty."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody at the desk chose. `amount_cents` counts for Basis.AMOUNT only."""

    basis: Basis
    amount_cents: int = 0
    frees_seat: bool = False


@dataclass(frozen=True, slots=True)
class Take:
    """So many cents go back to the card that one payment came from."""

    payment: Payment
    cents: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rehearsal showed, as far as something else may change it."""

    basis: str
    frees_seat: bool
    cents: int
    status: str
    held: int
    paid: int
    back: int
    # Each payment by its number, with the cents that can go back from it.
    left: dict[str, int]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Everything that a press would do, before it is pressed."""

    enrollment: Enrollment
    wish: Wish
    computed: Computed
    agreed: Agreed
    left_at: dt.datetime | None
    money: Money
    takes: list[Take]
    blocked: list[Source]
    seat: SeatEffect
    dues: list[str]
    needs_second: bool
    seen: Seen

    @property
    def cents(self) -> int:
        return self.computed.cents


# --- What comes from elsewhere ----------------------------------------------------------


def remaining_dues(enrollment: Enrollment, *, frees_seat: bool) -> list[str]:
    """The parts that are still to be paid, in words, and what becomes of them."""
    standing = plans.standing(enrollment)
    due = [one for one in standing.parts if one.status == Instalment.Status.DUE] if standing else []
    if not due:
        return []
    zone = enrollment.member.time_zone
    fate = "it is not asked for any more" if frees_seat else "it stays due"
    return [
        f"Part {one.number}: {format_money(one.amount_cents, one.currency)}, due on "
        f"{clock.day(one.due_at, zone)}: {fate}."
        for one in due
    ]


# --- Looking ----------------------------------------------------------------------------


def computed_by(*, enrollment: Enrollment, now: dt.datetime) -> dict[Basis, Computed]:
    """What each basis comes to now, for the choice between them."""
    known, terms = facts.facts_of(enrollment, now), facts.agreed_terms(enrollment).terms
    then = facts.left_at(enrollment) or now
    return {
        basis: policy.compute(basis=basis, facts=known, terms=terms, now=then)
        for basis in Basis
        if basis is not Basis.AMOUNT
    }


def rehearse(
    *,
    enrollment: Enrollment,
    wish: Wish,
    now: dt.datetime,
    apart_from: RefundDecision | None = None,
) -> Rehearsal:
    """What would happen; a constant number of queries. Raises Impossible.

    Whoever has left is not charged for what was held since. `apart_from` is the waiting
    decision that is looked at anew.
    """
    if apart_from is None and enrollment.refund_decisions.filter(status="waiting").exists():
        raise Impossible("", "A decision about this seat waits for a second person already.")
    known, agreed = facts.facts_of(enrollment, now), facts.agreed_terms(enrollment)
    left_at = facts.left_at(enrollment)
    then = left_at or now
    computed = policy.compute(
        basis=wish.basis,
        facts=known,
        terms=agreed.terms,
        now=then,
        amount_cents=wish.amount_cents,
    )
    money, sources = facts.money_of(enrollment), facts.refundable_payments(enrollment)
    check(enrollment, wish, computed, money, sources)
    return Rehearsal(
        enrollment=enrollment,
        wish=wish,
        computed=computed,
        agreed=agreed,
        left_at=left_at,
        money=money,
        takes=takes_from(computed.cents, sources),
        blocked=[one for one in sources if one.obstacle],
        seat=seat_effect(
            enrollment=enrollment,
            has_seat=enrollment.status in CONFIRMED,
            frees=wish.frees_seat,
            now=now,
        ),
        dues=remaining_dues(enrollment, frees_seat=wish.frees_seat),
        needs_second=_needs_second(enrollment, computed.cents),
        seen=Seen(
            basis=wish.basis,
            frees_seat=wish.frees_seat,
            cents=computed.cents,
            status=enrollment.status,
            held=len(known.held(then)),
            paid=money.paid,
            back=money.back + money.failed,
            left={str(one.payment.pk): one.left for one in sources if not one.obstacle},
        ),
    )


def check(
    enrollment: Enrollment,
    wish: Wish,
    computed: Computed,
    money: Money,
    sources: list[Source],
) -> None:
    """Refuse what cannot be, in the words and at the field that mend it. Raises Impossible."""
    if wish.frees_seat and enrollment.status not in CONFIRMED:
        raise Impossible("seat", "They have no confirmed seat, so there is none to free.")
    wanted = wish.amount_cents if wish.basis is Basis.AMOUNT else computed.cents
    field = "amount" if wish.basis is Basis.AMOUNT else "basis"
    if wanted < 0:
        raise Impossible("amount", "An amount cannot be less than nothing.")
    if wanted == 0:
        if wish.frees_seat:
            return
        raise Impossible(field, _nothing(enrollment, wish, money))
    currency = enrollment.currency
    most = most_cents(money, sources)
    if wanted <= most:
        return
    words = f"That is more than what can go back now, which is {format_money(most, currency)}."
    if money.paid <= 0:
        words = _unpaid(enrollment)
    elif most < money.left:
        blocked = (one for one in sources if one.obstacle)
        reasons = (f"{format_money(one.left, currency)}: {one.obstacle}" for one in blocked)
        words = " ".join([words, *reasons])
    raise Impossible(field, words)


def most_cents(money: Money, sources: list[Source]) -> int:
    """What can go back now at most."""
    return min(money.left, sum(one.left for one in sources if not one.obstacle))


def bank_words(cents: int, currency: str) -> str:
    amount = format_money(cents, currency)
    return f"The bank holds {amount} because of a dispute, so it cannot be given back from here."


def _unpaid(enrollment: Enrollment) -> str:
    held = facts.held_by_bank(enrollment)
    if held:
        return bank_words(held, enrollment.currency)
    return "Nothing was paid for this seat, so there is nothing to give back."


def _nothing(enrollment: Enrollment, wish: Wish, money: Money) -> str:
    if money.paid <= 0:
        return _unpaid(enrollment)
    if wish.basis is Basis.AMOUNT:
        return "Type the amount that goes back, for example 24.92."
    if money.left == 0:
        return "Everything that was paid has gone back already, or is on its way."
    return "By this nothing goes back. Choose another way, or free the seat only."


def takes_from(cents: int, sources: list[Source]) -> list[Take]:
    """Newest payment first, each as far as it reaches."""
    takes = []
    for one in sources:
        part = 0 if one.obstacle else min(one.left, cents)
        if part:
            takes.append(Take(one.payment, part))
            cents -= part
    return takes


def _needs_second(enrollment: Enrollment, cents: int) -> bool:
    """Above the limit, counting what one person alone gave back of this enrolment before, and of
    those that its money came from: the limit is not passed in small pieces, nor by a move."""
    limit: int | None = settings.REFUND_SECOND_PERSON_CENTS
    if limit is None or cents == 0:
        return False
    alone = RefundDecision.objects.filter(
        enrollment__in=facts.paid_by(enrollment),
        status="done",
        needs_second=False,
        by_member=False,
    )
    before: int = alone.aggregate(cents=Sum("amount_cents"))["cents"] or 0
    return before + cents > limit


# --- What changed meanwhile -------------------------------------------------------------


def differences(seen: Seen | None, now: Seen, currency: str) -> list[str]:
    """What is different now, in sentences."""
    if seen is None:
        return ["What this page showed is not known any more."]
    words = []
    if seen.status != now.status:
        before, after = (Status(one.status).label for one in (seen, now))
        words.append(f"The seat was “{before}” and is “{after}” now.")
    if seen.held != now.held:
        words.append(f"{now.held} sessions were held by now, not {seen.held}.")
    for name, one, other in (
        ("paid", seen.paid, now.paid),
        ("given back or on its way", seen.back, now.back),
    ):
        if one != other:
            now_words, then_words = (format_money(cents, currency) for cents in (other, one))
            words.append(f"{now_words} is {name}, not {then_words}.")
    if seen.cents != now.cents:
        now_words, then_words = (format_money(one.cents, currency) for one in (now, seen))
        words.append(f"It comes to {now_words}, not {then_words}.")
    return words or ["The payments that it comes from are not the same."]


def as_dict(seen: Seen) -> dict[str, object]:
    """For the page, which sends it back with the press."""
    return dataclasses.asdict(seen)
