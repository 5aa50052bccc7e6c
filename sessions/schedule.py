"""When a cohort meets: twelve instants from a date, a wall time, a zone and skipped days.

Weeks are added to the wall clock, never to an instant: a group that meets at 18:00 in
New York meets at 18:00 there in summer and in winter, whatever UTC does.

Clock changes follow RFC 5545 (section 3.3.5), so calendars agree with us:
a wall time that the change skips is read with the offset before the gap (02:30 becomes
03:30), and one that happens twice means the first.
"""

import datetime as dt
import itertools
import zoneinfo
from collections import Counter
from collections.abc import Collection, Mapping

WEEKS = 12
WEEK = dt.timedelta(weeks=1)
# Beyond this many skipped weeks the dates are a mistake, not a plan.
LONGEST_SPAN_WEEKS = 26
# Hours on the clock: from, up to but not including.
TIMES_OF_DAY = {"morning": (0, 12), "afternoon": (12, 17), "evening": (17, 24)}


class ImpossibleSchedule(ValueError):
    """The dates contradict each other; the message says which, for the person who typed them."""


def meeting_dates(first: dt.date, skipped: Collection[dt.date] = ()) -> list[dt.date]:
    """Twelve dates, a week or more apart, on the weekday of `first`.

    Raises ImpossibleSchedule if a skipped date is no meeting day, or too many are skipped.
    """
    dates: list[dt.date] = []
    used: set[dt.date] = set()
    for week in range(LONGEST_SPAN_WEEKS):
        try:
            day = first + dt.timedelta(weeks=week)
        except OverflowError:
            raise ImpossibleSchedule("The first date is too far in the future.") from None
        if day in skipped:
            used.add(day)
            continue
        dates.append(day)
        if len(dates) == WEEKS:
            break
    else:
        raise ImpossibleSchedule(
            f"Twelve sessions do not fit into {LONGEST_SPAN_WEEKS} weeks: skip fewer dates."
        )
    stray = sorted(set(skipped) - used)
    if stray:
        raise ImpossibleSchedule(
            f"{stray[0].isoformat()} is not a meeting day of this group, so it cannot be skipped."
        )
    return dates


def usual_name(first: dt.date, wall_time: dt.time) -> str:
    """What a group is called that nobody gave a name: "Tuesday evenings"."""
    part = next(name for name, (_, end) in TIMES_OF_DAY.items() if wall_time.hour < end)
    return f"{first:%A} {part}s"


def instant(day: dt.date, wall_time: dt.time, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """The UTC instant of a wall time on a day; the module says how clock changes are read."""
    return dt.datetime.combine(day, wall_time.replace(fold=0), tzinfo=zone).astimezone(dt.UTC)


def session_starts(
    first: dt.date,
    wall_time: dt.time,
    zone: zoneinfo.ZoneInfo,
    skipped: Collection[dt.date] = (),
) -> list[dt.datetime]:
    """The twelve starts in UTC. Raises ImpossibleSchedule as `meeting_dates` does."""
    return [instant(day, wall_time, zone) for day in meeting_dates(first, skipped)]


def weeks_off(
    starts: Mapping[int, dt.datetime], zone: zoneinfo.ZoneInfo
) -> dict[int, list[dt.datetime]]:
    """The usual meeting times without a session, by the number of the session after each.

    `starts` has the sessions' starts by number, in their order. The usual time is the one that
    most of them keep on the group's own clock. Within half a week of a session there is no pause:
    that one was moved, not left out.
    """
    local = {number: start.astimezone(zone) for number, start in starts.items()}
    times = Counter((start.weekday(), start.time()) for start in local.values())
    off: dict[int, list[dt.datetime]] = {}
    for (_, before), (number, after) in itertools.pairwise(local.items()):
        weekday, wall_time = times.most_common(1)[0][0]
        day = before.date() + dt.timedelta(days=(weekday - before.weekday()) % 7)
        while (usual := dt.datetime.combine(day, wall_time, tzinfo=zone)) < after:
            if min(usual - before, after - usual) > WEEK / 2:
                off.setdefault(number, []).append(usual)
            day += WEEK
    return off
