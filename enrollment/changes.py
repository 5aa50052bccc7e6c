"""Changing the dates of a group that is under way: what would become of each session.

Pure: nothing is read or written here, and the time is an argument. Three changes:

- one session moves to another date and time on the group's clock;
- one session is cancelled, with another week at the end (it and all later ones take the place of
  the next) or without;
- all sessions from one on move: that one to a new date and time, the later ones by as many days,
  all on its weekday and at its time.

What was cancelled before stays where it was. In the middle its date stays free; after the last
session that is held it is as good as any other, so the week that is added comes a week after that
session, or later if the group skips that day. Whether the leaders and the
link are free at the new times is not asked here: `sessions.bookings` knows.
"""

import datetime as dt
import itertools
import zoneinfo
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sessions.models import CohortChange, GroupSession
from sessions.schedule import instant

Kind = CohortChange.Kind
OF_DATES = (Kind.MOVE, Kind.REPLACE, Kind.CANCEL, Kind.SHIFT)
WEEK = dt.timedelta(weeks=1)
# Nobody moves a group's session further off than that; a year's slip of the finger is caught.
FURTHEST = dt.timedelta(days=183)


class Impossible(ValueError):
    """The change cannot be; the message says why, and `field` what to mend in the form."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for. `day` and `wall_time` are the group's, for moves and shifts."""

    kind: str
    number: int
    day: dt.date | None = None
    wall_time: dt.time | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One session that changes. `after` is None when it is cancelled."""

    session: GroupSession
    before: dt.datetime
    after: dt.datetime | None

    @property
    def number(self) -> int:
        return self.session.number

    @property
    def length(self) -> dt.timedelta:
        return self.session.ends_at - self.session.starts_at


@dataclass(frozen=True, slots=True)
class Plan:
    """A change that can be made: the sessions that it changes, by their numbers."""

    wish: Wish
    lines: tuple[Line, ...]

    def after(self, sessions: Iterable[GroupSession]) -> dict[int, dt.datetime]:
        """The starts of the sessions that are held once the change is made, by number."""
        starts = {s.number: s.starts_at for s in sessions if s.cancelled_at is None}
        for line in self.lines:
            if line.after is None:
                del starts[line.number]
            else:
                starts[line.number] = line.after
        return starts


def plan(
    *,
    wish: Wish,
    sessions: Sequence[GroupSession],
    zone: zoneinfo.ZoneInfo,
    now: dt.datetime,
    skipped: Collection[dt.date] = (),
) -> Plan:
    """What the wish does to the cohort's `sessions`; `skipped` are days on which it does not meet.

    Raises Impossible.
    """
    held = sorted((s for s in sessions if s.cancelled_at is None), key=lambda s: s.number)
    affected = [s for s in held if s.number >= wish.number]
    if not affected or affected[0].number != wish.number:
        raise Impossible("number", "Choose a session that is still to come.")
    if affected[0].starts_at <= now:
        raise Impossible("number", f"Week {wish.number} has begun already.")
    if wish.day is not None and wish.day < now.astimezone(zone).date():
        raise Impossible("day", "That date has passed.")
    made = Plan(wish, tuple(_lines(wish, affected, zone, skipped)))
    if not made.lines:
        raise Impossible("day", f"Week {wish.number} is at that time already.")
    field = field_of(wish)
    _refuse_the_past(made, field, now)
    _refuse_disorder(made, field, held)
    return made


def field_of(wish: Wish) -> str:
    """Where the form says that the new times cannot be: a replacement has no date of its own."""
    return "number" if wish.kind == Kind.REPLACE else "day"


def _lines(
    wish: Wish,
    affected: Sequence[GroupSession],
    zone: zoneinfo.ZoneInfo,
    skipped: Collection[dt.date],
) -> list[Line]:
    first = affected[0]
    if wish.kind == Kind.CANCEL:
        return [Line(first, first.starts_at, None)]
    if wish.kind == Kind.REPLACE:
        added = _week_after(affected[-1], zone, skipped)
        starts = [*(s.starts_at for s in affected[1:]), added]
    else:
        moved = affected[:1] if wish.kind == Kind.MOVE else affected
        starts = _moved(wish, moved, zone)
    lines = (
        Line(session, session.starts_at, start)
        for session, start in zip(affected, starts, strict=False)
    )
    return [line for line in lines if line.after != line.before]


def _week_after(
    last: GroupSession, zone: zoneinfo.ZoneInfo, skipped: Collection[dt.date]
) -> dt.datetime:
    start = last.starts_at.astimezone(zone)
    day = start.date() + WEEK
    while day in skipped:
        day += WEEK
    return instant(day, start.time(), zone)


def _moved(wish: Wish, moved: Sequence[GroupSession], zone: zoneinfo.ZoneInfo) -> list[dt.datetime]:
    """The new start of each: the first on the wished day, the others as many days further."""
    if wish.day is None:
        raise Impossible("day", "Choose the new date.")
    if wish.wall_time is None:
        raise Impossible("wall_time", "Choose the new time.")
    days = [session.starts_at.astimezone(zone).date() for session in moved]
    distance = wish.day - days[0]
    if abs(distance) > FURTHEST:
        raise Impossible("day", "That is more than half a year away. Check the date.")
    return [
        instant(_nearest(day + distance, wish.day.weekday()), wish.wall_time, zone) for day in days
    ]


def _nearest(day: dt.date, weekday: int) -> dt.date:
    """The day of that weekday closest to `day`: a session that was moved alone falls in line."""
    return day + dt.timedelta(days=(weekday - day.weekday() + 3) % 7 - 3)


def _refuse_the_past(made: Plan, field: str, now: dt.datetime) -> None:
    for line in made.lines:
        if line.after is not None and line.after <= now:
            raise Impossible(field, f"Week {line.number} would be in the past.")


def _refuse_disorder(made: Plan, field: str, held: Sequence[GroupSession]) -> None:
    """Weeks build on each other, and nobody can be in two sessions at once."""
    starts = made.after(held)
    lengths = {session.number: session.ends_at - session.starts_at for session in held}
    for earlier, later in itertools.pairwise(sorted(starts)):
        if starts[later] <= starts[earlier]:
            raise Impossible(field, f"Week {later} would come before week {earlier}.")
        if starts[later] < starts[earlier] + lengths[earlier]:
            raise Impossible(field, f"Weeks {earlier} and {later} would overlap.")
