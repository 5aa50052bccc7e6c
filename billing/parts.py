"""How a price is parted in three: amounts and dates, computed and never stored half."""

import dataclasses
import datetime as dt
import zoneinfo
from typing import Any, Self

from enrollment.models import Enrollment
from sessions.models import GroupSession

PARTS = 3
# After the first part, which is paid at once.
INTERVAL = dt.timedelta(days=28)
# The last part is due by the member's eighth session, or their last if they have fewer ...
LAST_BY_SESSION = 8
# ... and where that is sooner than this there is nothing to be spread.
SHORTEST = dt.timedelta(days=14)
LEAST_CENTS = 6_000
# So long before a part is taken from the saved card, its member hears of it.
TOLD_BEFORE = dt.timedelta(days=3)
# On the member's clock: nobody is charged, and gets a mail about it, at night.
HOUR_OF_DAY = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    number: int
    amount_cents: int
    due_at: dt.datetime

    def dump(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "due_at": self.due_at.isoformat()}

    @classmethod
    def load(cls, stored: dict[str, Any]) -> Self:
        due_at = dt.datetime.fromisoformat(stored["due_at"])
        return cls(stored["number"], stored["amount_cents"], due_at)


def amounts(total_cents: int) -> list[int]:
    """Three amounts that add up to the cent; the first ones carry what does not divide."""
    through = [-(-total_cents * count // PARTS) for count in range(PARTS + 1)]
    return [through[n + 1] - through[n] for n in range(PARTS)]


def calendar(*, total_cents: int, now: dt.datetime, last_due: dt.datetime, zone: str) -> list[Part]:
    """The three parts: now, after 28 days and after 56; sooner where `last_due` asks for it."""
    last = min(now + 2 * INTERVAL, last_due)
    middle = min(now + INTERVAL, now + (last - now) / 2)
    dues = [now, _by_day(middle, zone), _by_day(last, zone)]
    return [
        Part(number, cents, due_at)
        for number, (cents, due_at) in enumerate(
            zip(amounts(total_cents), dues, strict=True), start=1
        )
    ]


def _by_day(at: dt.datetime, zone: str) -> dt.datetime:
    """That day's morning on the reader's clock, or the moment itself where that is earlier."""
    local = at.astimezone(zoneinfo.ZoneInfo(zone))
    morning = local.replace(hour=HOUR_OF_DAY, minute=0, second=0, microsecond=0)
    return min(at, morning.astimezone(dt.UTC))


def offered(*, enrollment: Enrollment, total_cents: int, now: dt.datetime) -> list[Part] | None:
    """The calendar that somebody may choose for `total_cents`, or None. One query."""
    if not enrollment.cohort.programme.instalments or total_cents < LEAST_CENTS:
        return None
    starts = GroupSession.objects.filter(
        cohort=enrollment.cohort_id, number__gte=enrollment.first_week, cancelled_at=None
    ).order_by("starts_at")
    own = list(starts.values_list("starts_at", flat=True)[:LAST_BY_SESSION])
    if not own or own[-1] - now < SHORTEST:
        return None
    zone = enrollment.member.time_zone
    return calendar(total_cents=total_cents, now=now, last_due=own[-1], zone=zone)


def fingerprint(parts: list[Part], zone: str) -> str:
    """What a page showed: the amounts and the days on which they are due."""
    where = zoneinfo.ZoneInfo(zone)
    return " ".join(f"{p.amount_cents}@{p.due_at.astimezone(where).date()}" for p in parts)
