"""What goes back to a member at a moment, and why: pure, in cents, by the terms they agreed to.

A result explains itself: its lines add up to its cents. A session counts as held once it has
ended; one that we cancelled without another in its place never does.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sessions.pricing import format_money, value_of_sessions

NONE = dt.timedelta(0)


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of the "refunds" agreement, in numbers.

    Everything goes back until `full_until` before the first session; after that the part for
    the sessions that were not held, less a fee. The fee is never taken from sessions that we
    cancelled.
    """

    version: str
    full_until: dt.timedelta = NONE
    fee_cents: int = 0


# By the version that a member agreed to (`enrollment/agreements.py`). A new text is a new
# version and a new line here; no line is ever changed, for it is what somebody bought.
TERMS: dict[str, Terms] = {
    "2026-11": Terms(version="2026-11"),
}


class Basis(StrEnum):
    """How an amount is found."""

    POLICY = "policy"
    ATTENDED = "attended"
    CANCELLED = "cancelled"
    FULL = "full"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Meeting:
    """What the policy has to know of a session."""

    number: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one enrolment. With instalments `paid_cents` is less than the price.

    `back_cents` went back already, or is on its way; `moving_cents` are reserved for another group
    that the member is paying for just now. `bank_cents` a bank holds or has given back to them:
    they are no part of `paid_cents`. `price_cents` is for `first_week` to the
    last. `attended` are the numbers of the sessions that the member came to.
    """

    paid_cents: int
    price_cents: int
    first_week: int
    sessions: Sequence[Meeting]
    back_cents: int = 0
    moving_cents: int = 0
    bank_cents: int = 0
    attended: frozenset[int] = frozenset()
    currency: str = "usd"

    @property
    def bought(self) -> list[Meeting]:
        """The member's own sessions: the first one that they paid for, and all after it."""
        return [one for one in self.sessions if one.number >= self.first_week]

    def held(self, now: dt.datetime) -> frozenset[int]:
        """The numbers of their sessions that are over."""
        return frozenset(
            one.number for one in self.bought if not one.cancelled and one.ends_at <= now
        )

    @property
    def cancelled(self) -> frozenset[int]:
        return frozenset(one.number for one in self.bought if one.cancelled)

    def value(self, numbers: Iterable[int]) -> int:
        return value_of_sessions(self.price_cents, self.first_week, numbers)


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the computation. What is taken off is negative."""

    label: str
    cents: int

    def words(self, currency: str = "usd") -> str:
        return f"{self.label}: {format_money(self.cents, currency)}"


@dataclass(frozen=True, slots=True)
class Computed:
    """So much goes back. The lines add up to it."""

    cents: int
    basis: Basis
    lines: tuple[Line, ...]


@dataclass(slots=True)
class _Sum:
    """A sum that never falls below zero, with its lines."""

    cents: int = 0
    lines: list[Line] = field(default_factory=list)

    def add(self, label: str, cents: int) -> None:
        self.cents += cents
        self.lines.append(Line(label, cents))

    def take(self, label: str, cents: int, *, at_most: str = "") -> None:
        """Take off what is there of `cents`; `at_most` says why it may be less."""
        taken = min(cents, self.cents)
        if at_most and taken < cents:
            label = f"{label} {at_most}"
        self.add(label, -taken)


def compute(
    *,
    basis: Basis,
    facts: Facts,
    terms: Terms,
    now: dt.datetime,
    amount_cents: int = 0,
) -> Computed:
    """What goes back at `now`, never less than nothing nor more than is left of what was paid.

    `amount_cents` is what somebody chose, for Basis.AMOUNT; of that too no more than is left.
    """
    if basis is Basis.CANCELLED:
        return _for_cancelled(facts, now)
    total = _Sum()
    _add_paid(total, facts)
    if basis in (Basis.POLICY, Basis.ATTENDED):
        _take_sessions(total, basis, facts, terms, now)
    _take_back(total, facts)
    if basis is Basis.AMOUNT:
        stays = total.cents - min(max(amount_cents, 0), total.cents)
        if stays:
            total.take("Stays with us", stays)
    return Computed(total.cents, basis, tuple(total.lines))


def _add_paid(total: _Sum, facts: Facts) -> None:
    total.add("Paid", max(facts.paid_cents, 0) + facts.bank_cents)
    if facts.bank_cents:
        total.take("Held or given back by the bank", facts.bank_cents)


def full_until(*, facts: Facts, terms: Terms) -> dt.datetime | None:
    """Until when everything goes back; None when every session was cancelled: for ever."""
    starts = [one.starts_at for one in facts.bought if not one.cancelled]
    return min(starts) - terms.full_until if starts else None


def in_words(terms: Terms) -> list[tuple[str, str]]:
    """What comes back by these terms, as (when, what) for whoever agreed to them."""
    days = terms.full_until.days
    fee = f", less a fee of {format_money(terms.fee_cents)}" if terms.fee_cents else ""
    return [
        (
            f"Until {days} days before your first session" if days else "Before your first session",
            "you get everything back.",
        ),
        (
            "After that" if days else "After it",
            f"you get back the part for the sessions that have not been held yet{fee}.",
        ),
        ("A session that we cancel and don\u2019t replace", "is always paid back."),
    ]


def _take_sessions(total: _Sum, basis: Basis, facts: Facts, terms: Terms, now: dt.datetime) -> None:
    until = full_until(facts=facts, terms=terms)
    if until is None:
        total.add("Every session was cancelled by us: nothing is kept", 0)
        return
    if now < until:
        days = terms.full_until.days
        when = f"{days} days or more before" if days else "Before"
        total.add(f"{when} the first session: nothing is kept", 0)
        return
    held = facts.held(now)
    count = len(facts.bought)
    if basis is Basis.ATTENDED:
        used = held & facts.attended
        label = f"{len(used)} of {_sessions(count)} attended"
    else:
        used = held
        label = f"{len(used)} of {_sessions(count)} held"
    value = facts.value(used)
    short = f"({format_money(value, facts.currency)}, of which no more was paid)"
    total.take(label, value, at_most=short)
    if terms.fee_cents:
        # What we cancelled goes back whole, so the fee comes from the rest only.
        rest = max(total.cents - facts.value(facts.cancelled), 0)
        total.take("Fee", min(terms.fee_cents, rest))
    if facts.cancelled:
        total.add(f"{_were(len(facts.cancelled))} cancelled by us: nothing is kept", 0)


def _for_cancelled(facts: Facts, now: dt.datetime) -> Computed:
    """The sessions that we cancelled, for a member who stays."""
    total = _Sum()
    cancelled = facts.cancelled
    total.add(f"{_were(len(cancelled))} cancelled by us", facts.value(cancelled))
    held = facts.value(facts.held(now))
    paid_for = min(total.cents, max(facts.paid_cents - held, 0))
    if paid_for < total.cents:
        total.take("Not paid yet", total.cents - paid_for)
    _take_back(total, facts)
    return Computed(total.cents, Basis.CANCELLED, tuple(total.lines))


def _take_back(total: _Sum, facts: Facts) -> None:
    if facts.back_cents > 0:
        whole = format_money(facts.back_cents, facts.currency)
        total.take(
            "Given back already, or on its way", facts.back_cents, at_most=f"({whole} in all)"
        )
    if facts.moving_cents > 0:
        total.take("Kept for the move to another group", facts.moving_cents)


def _sessions(count: int) -> str:
    return "1 session was" if count == 1 else f"{count} sessions were"


def _were(count: int) -> str:
    return _sessions(count) if count else "No session was"
