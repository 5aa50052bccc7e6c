"""The numbers of the practice: seats, money by month, who waits for which weekday.

Sums are made by the database; the number of queries does not depend on how much there is.
"""

import dataclasses
import datetime as dt
import zoneinfo
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, ExtractIsoWeekDay, TruncMonth

from accounts import clock
from billing.models import Instalment, LedgerEntry
from enrollment.links import LONGEST_SESSION
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING, Status
from sessions.models import Cohort, GroupSession
from sessions.pricing import format_money

Kind = LedgerEntry.Kind
SEATED = (*IN_STANDING, Status.SUSPENDED, Status.COMPLETED)
KEPT = (Status.HELD, Status.AWAITING_FUNDS)
# Two conditions, not one `in`: each has an index of its own.
WAITING = Q(status=Status.WAITLISTED) | Q(status=Status.OFFERED)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
RANGES = {
    "month": "This month",
    "quarter": "Last 3 months",
    "year": "Last 12 months",
    "all": "Everything",
}
MONTHS_BACK = {"month": 0, "quarter": 2, "year": 11}


def since(name: str, *, now: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.datetime | None:
    """The start of a range: the first instant of a month in that zone; None for everything."""
    if name not in MONTHS_BACK:
        return None
    today = now.astimezone(zone)
    months = today.year * 12 + today.month - 1 - MONTHS_BACK[name]
    return dt.datetime(months // 12, months % 12 + 1, 1, tzinfo=zone)


@dataclasses.dataclass(frozen=True, slots=True)
class Month:
    """One month's money in one currency, in cents; what went is negative, `net` is the sum.

    `other` is fees, credits and adjustments.
    """

    starts: dt.date
    currency: str
    revenue: int
    refunds: int
    disputes: int
    other: int

    @property
    def net(self) -> int:
        return self.revenue + self.refunds + self.disputes + self.other


def by_month(*, start: dt.datetime | None, zone: zoneinfo.ZoneInfo) -> list[Month]:
    """Every month in which money moved since `start`, the earliest first. One query."""
    lines = LedgerEntry.objects.order_by()
    if start is not None:
        lines = lines.filter(at__gte=start)
    sums = (
        lines.annotate(month=TruncMonth("at", tzinfo=zone))
        .values("month", "currency")
        .annotate(
            revenue=_sum(Kind.CHARGE),
            refunds=_sum(Kind.REFUND, Kind.REFUND_FAILED),
            disputes=_sum(Kind.DISPUTE, Kind.DISPUTE_WON),
            other=_sum(Kind.FEE, Kind.CREDIT, Kind.ADJUSTMENT),
        )
        .order_by("month", "currency")
    )
    return [
        Month(
            row["month"].date(),
            row["currency"],
            row["revenue"],
            row["refunds"],
            row["disputes"],
            row["other"],
        )
        for row in sums
    ]


def _sum(*kinds: str) -> Sum:
    return Sum("amount_cents", filter=Q(kind__in=kinds), default=0)


@dataclasses.dataclass(frozen=True, slots=True)
class Filled:
    """How many of one group's seats are taken; `kept` are not paid for yet."""

    cohort: Cohort
    taken: int
    kept: int

    @property
    def free(self) -> int:
        return max(self.cohort.capacity - self.taken - self.kept, 0)

    @property
    def percent(self) -> int:
        return round(100 * self.taken / self.cohort.capacity)


def groups(*, start: dt.datetime | None) -> "QuerySet[Cohort]":
    """Groups that were on at or after `start`, the latest season first, with `taken` and `kept`.

    The seats are counted of those groups alone that are read.
    """
    found = Cohort.objects.exclude(status=Cohort.Status.DRAFT)
    if start is not None:
        running = GroupSession.objects.filter(
            ends_at__gte=start,
            starts_at__gte=start - LONGEST_SESSION,  # nothing less, and it has an index
        )
        found = found.filter(pk__in=running.values("cohort"))
    found = found.annotate(taken=_seats(SEATED), kept=_seats(KEPT))
    return found.order_by("-first_date", "wall_time", "pk")


def seats(of: Iterable[Any]) -> list[Filled]:
    """How full these groups are, which come from `groups`."""
    return [Filled(group, group.taken, group.kept) for group in of]


def _seats(statuses: tuple[Status, ...]) -> Coalesce:
    own = Enrollment.objects.filter(cohort=OuterRef("pk"), status__in=statuses).order_by()
    return Coalesce(Subquery(own.values("cohort").annotate(n=Count("pk")).values("n")), 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Demand:
    """Who waits, by the group's weekday and the zone in which they read the time."""

    zones: list[str]
    rows: list[tuple[str, list[int], int]]  # weekday, how many by zone, all of them

    @property
    def total(self) -> int:
        return sum(count for _, _, count in self.rows)

    @property
    def cells(self) -> list[tuple[str, list[tuple[str, int]], int]]:
        """The rows, each count with its zone."""
        return [
            (day, list(zip(self.zones, counts, strict=True)), all_of_them)
            for day, counts, all_of_them in self.rows
        ]


def waitlist() -> Demand:
    """Only those who wait now. One query."""
    counts: dict[tuple[int, str], int] = defaultdict(int)
    waiting = Enrollment.objects.filter(WAITING).annotate(
        day=ExtractIsoWeekDay("cohort__first_date")
    )
    rows = waiting.values_list("day", "member__time_zone").annotate(people=Count("pk"))
    for day, zone, people in rows.order_by():
        counts[day, clock.zone_label(zone)] += people  # some zones share a name
    zones = sorted({zone for _, zone in counts})
    days = sorted({day for day, _ in counts})
    by_zone = {day: [counts.get((day, zone), 0) for zone in zones] for day in days}
    return Demand(zones, [(WEEKDAYS[day - 1], by_zone[day], sum(by_zone[day])) for day in days])


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A table that another part adds to the page; its cells are words."""

    title: str
    hint: str
    head: list[str]
    rows: list[list[str]]

    @property
    def cells(self) -> list[list[tuple[str, str]]]:
        """The rows, each cell with its column's name."""
        return [list(zip(self.head, row, strict=True)) for row in self.rows]


def outstanding(now: dt.datetime) -> Table:
    """Parts of prices that are still to come, by the month in which they are due. One query."""
    due = Instalment.objects.filter(status=Instalment.Status.DUE)
    sums = (
        due.annotate(month=TruncMonth("due_at", tzinfo=dt.UTC))
        .values("month", "currency")
        .annotate(parts=Count("pk"), cents=Sum("amount_cents"), late=Count("pk", filter=_late(now)))
        .order_by("month", "currency")
    )
    rows = [
        [
            f"{row['month']:%B %Y}",
            str(row["parts"]),
            str(row["late"]),
            format_money(row["cents"], row["currency"]),
        ]
        for row in sums
    ]
    head = ["Due in", "Parts", "Late", "Together"]
    hint = "From members who pay in three parts." if rows else "Nothing is to come."
    return Table("Payments still to come", hint, head, rows)


def _late(now: dt.datetime) -> Q:
    return Q(due_at__lte=now)


# What else is counted: one function each, a constant number of queries.
MORE: list[Callable[[dt.datetime], Table]] = [outstanding]
