"""The ledger as a file: every line, in constant memory, without anybody's name or address."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, QuerySet, Sum

from accounts.plain_text import harmless
from billing.models import LedgerEntry
from sessions.models import Cohort

HEAD = (
    "time (UTC)", "enrolment", "group", "kind", "amount", "amount in cents", "currency",
    "Stripe id", "reason", "actor",
)  # fmt: skip
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """Which lines: from one day to another, both included, on the clock of UTC; of one group."""

    first: dt.date | None = None
    last: dt.date | None = None
    cohort: Cohort | None = None

    def __str__(self) -> str:
        """As in "2026-11-01..2026-11-30 group 12", for the audit log."""
        days = f"{self.first or ''}..{self.last or ''}"
        return f"{days} group {self.cohort.pk}" if self.cohort else days


def lines(part: Part) -> "QuerySet[LedgerEntry]":
    """The lines in the order in which they were posted to time."""
    found = LedgerEntry.objects.order_by("at", "pk")
    if part.first:
        found = found.filter(at__gte=_midnight(part.first))
    if part.last:
        found = found.filter(at__lt=_midnight(part.last + dt.timedelta(days=1)))
    if part.cohort:
        found = found.filter(enrollment__cohort=part.cohort)
    return found


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def sums(part: Part) -> list[tuple[str, int, int]]:
    """For each currency: how many lines, and their cents. One query."""
    by_currency = lines(part).order_by("currency").values_list("currency")
    return list(by_currency.annotate(count=Count("pk"), cents=Sum("amount_cents")))


def rows(part: Part) -> Iterator[tuple[str, ...]]:
    """The head, then line by line from a cursor of the database's."""
    yield HEAD
    found = lines(part).values_list(
        "at",
        "enrollment__public_id",
        "enrollment__cohort__slug",
        "kind",
        "amount_cents",
        "currency",
        "stripe_id",
        "reason",
        "actor_id",
    )
    for at, public_id, group, kind, cents, currency, stripe_id, reason, actor in found.iterator(
        chunk_size=CHUNK
    ):
        yield (
            at.astimezone(dt.UTC).isoformat(),
            str(public_id),
            harmless(group),
            kind,
            decimal(cents),
            str(cents),
            currency,
            harmless(stripe_id),
            harmless(reason),
            f"person {actor}" if actor else "",
        )


def decimal(cents: int) -> str:
    """As in "-299.05": for programs, so with no sign of a currency and no commas."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{rest:02}"
