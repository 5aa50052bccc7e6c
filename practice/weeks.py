"""Which days belong to which of a member's weeks.

A week begins on the day of its session, on the member's own calendar, and lasts until the day
before the next one. The last goes on for four weeks: nobody has to stop on the last evening. A
session that was cancelled has no week.
"""

import datetime as dt
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from accounts import clock
from sessions.models import CurriculumWeek, GroupSession

LAST_LASTS = dt.timedelta(weeks=4)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Week:
    """One of a member's own weeks; both days belong to it. `teaches` is None without a text."""

    number: int
    starts_at: dt.datetime
    first_day: dt.date
    last_day: dt.date
    teaches: CurriculumWeek | None

    @property
    def skills(self) -> list[str]:
        return list(self.teaches.skills) if self.teaches else []

    @property
    def explained_skills(self) -> list[tuple[str, str]]:
        """Each skill, and what it is; empty where the curriculum does not say so."""
        return self.teaches.explained_skills if self.teaches else []

    def what_is(self, skill: str) -> str:
        """Its sentence, as above."""
        return dict(self.explained_skills).get(skill, "")

    @property
    def says_what_they_are(self) -> bool:
        return any(words for _, words in self.explained_skills)

    def has_begun(self, now: dt.datetime) -> bool:
        """What it teaches can be practised: its session has begun."""
        return self.starts_at <= now


def own_weeks(
    *,
    sessions: Iterable[GroupSession],
    first_week: int,
    teaches: Mapping[int, CurriculumWeek],
    zone: zoneinfo.ZoneInfo,
) -> list[Week]:
    """The weeks of a member who began with `first_week`, in the order of their days."""
    held = sorted(
        (s for s in sessions if s.cancelled_at is None and s.number >= first_week),
        key=lambda session: session.starts_at,
    )
    days = [session.starts_at.astimezone(zone).date() for session in held]
    ends = [day - DAY for day in days[1:]] + [day + LAST_LASTS - DAY for day in days[-1:]]
    return [
        Week(
            session.number, session.starts_at, first, max(first, last), teaches.get(session.number)
        )
        for session, first, last in zip(held, days, ends, strict=True)
    ]


def zone_of(stored: str) -> zoneinfo.ZoneInfo:
    """A member's zone. A stored one can vanish when the server's zone list changes."""
    return zoneinfo.ZoneInfo(stored if stored in clock.known_zones() else clock.DEFAULT_ZONE)


def week_of(weeks: Iterable[Week], day: dt.date) -> Week | None:
    """The week that a day belongs to; of two sessions on one day, the later one's."""
    found = [week for week in weeks if week.first_day <= day <= week.last_day]
    return found[-1] if found else None


def week_of_card(weeks: Sequence[Week], day: dt.date, saved_at: dt.datetime) -> Week | None:
    """The week that a card of the diary belongs to, of all of a member's weeks in their order.

    What was saved on the day of a session before it began was lived with the skill of the week
    before, where there is one. Whoever changes it afterwards has lived the rest of that day with
    the new one: then it is of that week, as whatever is first noted later.
    """
    week = week_of(weeks, day)
    if week is None:
        return None
    at = weeks.index(week)
    while at and weeks[at].first_day == day and saved_at < weeks[at].starts_at:
        at -= 1
    return weeks[at]
