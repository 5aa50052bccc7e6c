"""What giving money back to many people of a group would do: each cent, each seat, each mail.

The same rules as for one person (`decisions.py`), for all of them in a constant number of queries.
"""

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Sum

from billing import disputes, facts, policy
from billing.facts import Agreed, Money, Source
from billing.models import Instalment, LedgerEntry, RefundDecision
from billing.policy import Basis, Computed, Facts, Meeting
from billing.rehearsals import CONFIRMED, Impossible, Take, Wish, check, takes_from
from enrollment import ending
from enrollment.models import Enrollment
from enrollment.states import Status
from sessions.models import Cohort, GroupSession

WAITS_ALREADY = "A decision about this seat waits for a second person already."


@dataclass(frozen=True, slots=True)
class Whom:
    """Who gets money back, how much, and what becomes of their seats.

    With `ends_group` it is everybody, every seat is freed, and no session is held any more.
    """

    ends_group: bool
    basis: Basis
    frees_seat: bool
    # Keys of enrolments; of no meaning when the group ends.
    chosen: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Line:
    """One person. `obstacle` says why it cannot be done by itself, and then `cents` is 0."""

    enrollment: Enrollment
    wish: Wish
    cents: int
    computed: Computed
    paid: int
    takes: list[Take]
    obstacle: str
    # Cents of what they paid that their bank took in a dispute; `paid` is without them.
    at_bank: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole run before it is pressed. `left_out` get nothing, and nothing happens to them."""

    cohort: Cohort
    whom: Whom
    lines: list[Line]
    left_out: list[Line]
    # Members with a seat that is kept for them and not paid yet, and those who wait for one.
    unpaid: int
    waiting: int
    sessions_left: int
    # People of the lines who pay in parts, and have some still to pay.
    pay_in_parts: int
    needs_second: bool

    @property
    def done(self) -> list[Line]:
        return [line for line in self.lines if not line.obstacle]

    @property
    def blocked(self) -> list[Line]:
        return [line for line in self.lines if line.obstacle]

    @property
    def cents(self) -> int:
        return sum(line.cents for line in self.lines)

    @property
    def seen(self) -> str:
        """What somebody looked at, as far as something else may change it."""
        shown = [self.cohort.version, self.cohort.status, *dataclasses.astuple(self.whom)[:3]]
        people = [
            [line.enrollment.pk, line.enrollment.status, line.cents, line.obstacle]
            for line in (*self.lines, *self.left_out)
        ]
        return hashlib.sha256(json.dumps([shown, people]).encode()).hexdigest()[:32]


def members(cohort: Cohort) -> list[Enrollment]:
    """Who has a confirmed seat, by name. One query."""
    found = Enrollment.objects.filter(cohort=cohort, status__in=CONFIRMED)
    return list(found.select_related("member", "cohort").order_by("member__display_name", "pk"))


def plan(*, cohort: Cohort, whom: Whom, now: dt.datetime) -> Plan:
    """What a press would do now, in a constant number of queries."""
    people = [one for one in members(cohort) if whom.ends_group or one.pk in whom.chosen]
    keys = [one.pk for one in people]
    money, terms = facts.money_of_each(keys), facts.agreed_terms_of_each(keys)
    sources = facts.refundable_payments_of_each(people)
    undecided = _undecided(keys)
    meetings = _meetings(cohort, now, ends=whom.ends_group)
    every = [
        _line(one, whom, money[one.pk], terms[one.pk], sources[one.pk], meetings, now)
        for one in people
    ]
    every = [
        _blocked(line, WAITS_ALREADY) if line.enrollment.pk in undecided else line for line in every
    ]
    taken = _at_banks(keys)
    every = [dataclasses.replace(one, at_bank=taken.get(one.enrollment.pk, 0)) for one in every]
    lines = [line for line in every if _concerns(line)]
    statuses = Enrollment.objects.filter(cohort=cohort).values_list("status", flat=True)
    there = list(statuses)
    return Plan(
        cohort=cohort,
        whom=whom,
        lines=lines,
        left_out=[line for line in every if not _concerns(line)],
        unpaid=sum(status in ending.MAY_BE_PAID for status in there),
        waiting=sum(status in (Status.WAITLISTED, Status.OFFERED) for status in there),
        sessions_left=ending.sessions_left(cohort, now).count(),
        pay_in_parts=Enrollment.objects.filter(
            pk__in=[line.enrollment.pk for line in lines],
            instalments__status=Instalment.Status.DUE,
        )
        .distinct()
        .count(),
        needs_second=_needs_second(lines),
    )


def _concerns(line: Line) -> bool:
    """Whether something is done for them, or has to be decided by a person."""
    return bool(line.cents or line.obstacle or line.wish.frees_seat)


def _meetings(cohort: Cohort, now: dt.datetime, *, ends: bool) -> list[Meeting]:
    """The group's sessions; when it ends, those that are left are cancelled."""
    return [
        Meeting(
            one.number,
            one.starts_at,
            one.ends_at,
            one.cancelled_at is not None or (ends and one.ends_at > now),
        )
        for one in GroupSession.objects.filter(cohort=cohort).order_by("number")
    ]


def _line(
    enrollment: Enrollment,
    whom: Whom,
    money: Money,
    agreed: Agreed,
    sources: list[Source],
    meetings: list[Meeting],
    now: dt.datetime,
) -> Line:
    wish = Wish(whom.basis, 0, whom.frees_seat)
    known = Facts(
        paid_cents=money.paid,
        back_cents=money.back + money.failed,
        price_cents=enrollment.price_cents,
        first_week=enrollment.first_week,
        sessions=meetings,
        currency=enrollment.currency,
    )
    computed = policy.compute(basis=whom.basis, facts=known, terms=agreed.terms, now=now)
    line = Line(
        enrollment,
        wish,
        computed.cents,
        computed,
        money.paid,
        takes_from(computed.cents, sources),
        "",
    )
    if not computed.cents:
        return line
    if enrollment.currency != enrollment.cohort.currency:
        return _blocked(line, "Their price is in another currency: decide about them alone.")
    try:
        check(enrollment, wish, computed, money, sources)
    except Impossible as error:
        return _blocked(line, error.message)
    return line


def _at_banks(enrollments: Collection[int]) -> dict[int, int]:
    """What banks have taken of each one's money, in cents. One query."""
    lines = LedgerEntry.objects.filter(enrollment__in=enrollments, kind__in=disputes.DISPUTED)
    taken = lines.order_by().values_list("enrollment").annotate(cents=-Sum("amount_cents"))
    return {pk: cents for pk, cents in taken if cents > 0}


def _blocked(line: Line, words: str) -> Line:
    return dataclasses.replace(line, cents=0, takes=[], obstacle=words)


def _undecided(enrollments: Collection[int]) -> set[int]:
    """Those about whom a decision waits for a second person."""
    waiting = RefundDecision.objects.filter(enrollment__in=enrollments, status="waiting")
    return set(waiting.values_list("enrollment", flat=True))


def _needs_second(lines: list[Line]) -> bool:
    """Above the limit in all, or for one person together with what one alone gave back before."""
    limit: int | None = settings.REFUND_SECOND_PERSON_CENTS
    total = sum(line.cents for line in lines)
    if limit is None or total == 0:
        return False
    chains = facts.paid_by_each([line.enrollment for line in lines])
    alone = RefundDecision.objects.filter(
        enrollment__in={pk for chain in chains.values() for pk in chain},
        status="done",
        needs_second=False,
    )
    before = dict(alone.order_by().values_list("enrollment").annotate(cents=Sum("amount_cents")))
    return total > limit or any(
        line.cents
        and sum(before.get(pk, 0) for pk in chains[line.enrollment.pk]) + line.cents > limit
        for line in lines
    )
