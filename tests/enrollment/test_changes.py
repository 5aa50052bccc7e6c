"""What a change of the dates would do, across clock changes, and what cannot be."""

import datetime as dt
import itertools
import zoneinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollment.changes import OF_DATES, Impossible, Kind, Plan, Wish, plan
from sessions.models import GroupSession
from sessions.schedule import session_starts

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
FIRST = dt.date(2026, 10, 6)  # a Tuesday; the clocks change on November 1
SIX = dt.time(18)
HOUR = dt.timedelta(hours=1)
NOW = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)  # weeks 1 and 2 are over


def twelve(
    first: dt.date = FIRST, wall_time: dt.time = SIX, zone: zoneinfo.ZoneInfo = NEW_YORK
) -> list[GroupSession]:
    starts = session_starts(first, wall_time, zone)
    return [
        GroupSession(number=number, starts_at=start, ends_at=start + HOUR)
        for number, start in enumerate(starts, start=1)
    ]


def made(wish: Wish, sessions: list[GroupSession] | None = None, **how: Any) -> Plan:
    settings = {"zone": NEW_YORK, "now": NOW, **how}
    return plan(wish=wish, sessions=sessions or twelve(), **settings)


def applied(found: Plan) -> None:
    """What making the change does to the sessions in memory."""
    for line in found.lines:
        length = line.length
        if line.after is None:
            line.session.cancelled_at = NOW
        else:
            line.session.starts_at, line.session.ends_at = line.after, line.after + length


def said(found: Plan, zone: zoneinfo.ZoneInfo = NEW_YORK) -> dict[int, str]:
    """Number → new local time, as "Thu Oct 29 18:00"."""
    return {
        line.number: f"{line.after.astimezone(zone):%a %b %-d %H:%M}" if line.after else "cancelled"
        for line in found.lines
    }


def test_one_session_moves_across_the_change_of_the_clocks() -> None:
    found = made(Wish(Kind.MOVE, 4, dt.date(2026, 11, 2), dt.time(17, 30)))
    assert said(found) == {4: "Mon Nov 2 17:30"}
    assert found.lines[0].after == dt.datetime(2026, 11, 2, 22, 30, tzinfo=dt.UTC)  # winter by now


@pytest.mark.parametrize(
    ("day", "wall_time", "read_as"),
    [
        ((2026, 11, 1), dt.time(1, 30), dt.datetime(2026, 11, 1, 5, 30, tzinfo=dt.UTC)),  # twice
        ((2027, 3, 14), dt.time(2, 30), dt.datetime(2027, 3, 14, 7, 30, tzinfo=dt.UTC)),  # never
    ],
)
def test_a_time_that_the_clock_skips_or_says_twice_is_read_as_calendars_do(
    day: tuple[int, int, int], wall_time: dt.time, read_as: dt.datetime
) -> None:
    date = dt.date(*day)
    sessions = twelve(first=date - dt.timedelta(weeks=3, days=1))
    now = sessions[0].starts_at
    found = made(Wish(Kind.MOVE, 4, date, wall_time), sessions, now=now)
    assert found.lines[0].after == read_as


def test_a_cancelled_week_is_replaced_at_the_end() -> None:
    found = made(Wish(Kind.REPLACE, 10))
    assert said(found) == {
        10: "Tue Dec 15 18:00",
        11: "Tue Dec 22 18:00",
        12: "Tue Dec 29 18:00",
    }


def test_the_replaced_week_keeps_the_wall_time_across_the_change_of_the_clocks() -> None:
    found = made(Wish(Kind.REPLACE, 3))
    assert [line.number for line in found.lines] == list(range(3, 13))
    assert {line.after.astimezone(NEW_YORK).time() for line in found.lines if line.after} == {SIX}
    assert {line.length for line in found.lines} == {HOUR}


def test_a_date_that_was_moved_or_cancelled_stays_so_when_the_weeks_move_on() -> None:
    sessions = twelve()
    applied(made(Wish(Kind.MOVE, 7, dt.date(2026, 11, 19), SIX), sessions))
    applied(made(Wish(Kind.CANCEL, 9), sessions))
    found = made(Wish(Kind.REPLACE, 6), sessions)
    assert said(found) == {
        6: "Thu Nov 19 18:00",
        7: "Tue Nov 24 18:00",
        8: "Tue Dec 8 18:00",
        10: "Tue Dec 15 18:00",
        11: "Tue Dec 22 18:00",
        12: "Tue Dec 29 18:00",
    }


def test_the_added_week_takes_the_free_date_of_a_cancelled_last_week() -> None:
    sessions = twelve()
    applied(made(Wish(Kind.CANCEL, 12), sessions))
    found = made(Wish(Kind.REPLACE, 8), sessions)
    assert said(found) == {
        8: "Tue Dec 1 18:00",
        9: "Tue Dec 8 18:00",
        10: "Tue Dec 15 18:00",
        11: "Tue Dec 22 18:00",  # where week 12 would have been
    }


def test_the_added_week_is_not_on_a_day_that_the_group_skips() -> None:
    sessions = twelve()
    for number in (11, 12):
        applied(made(Wish(Kind.CANCEL, number), sessions))
    skipped = {dt.date(2026, 12, 15), dt.date(2026, 12, 22)}
    found = made(Wish(Kind.REPLACE, 10), sessions, skipped=skipped)
    assert said(found) == {10: "Tue Dec 29 18:00"}


def test_cancelling_without_a_replacement_touches_nothing_else() -> None:
    assert said(made(Wish(Kind.CANCEL, 5))) == {5: "cancelled"}


def test_all_that_remain_go_to_another_weekday_and_time() -> None:
    sessions = twelve()
    applied(made(Wish(Kind.MOVE, 11, dt.date(2026, 12, 16), SIX), sessions))
    found = made(Wish(Kind.SHIFT, 10, dt.date(2026, 12, 10), dt.time(19)), sessions)
    assert said(found) == {
        10: "Thu Dec 10 19:00",
        11: "Thu Dec 17 19:00",  # moved alone before, and in line again
        12: "Thu Dec 24 19:00",
    }


WEEK_3, WEEK_5 = dt.date(2026, 10, 20), dt.date(2026, 11, 3)
REFUSED = {
    "it is over": (Wish(Kind.CANCEL, 2), "number", "Week 2 has begun already."),
    "no such week": (Wish(Kind.CANCEL, 13), "number", "Choose a session"),
    "no date": (Wish(Kind.MOVE, 5, None, SIX), "day", "Choose the new date."),
    "no time": (Wish(Kind.MOVE, 5, WEEK_5, None), "wall_time", "Choose the new time."),
    "nothing new": (Wish(Kind.MOVE, 5, WEEK_5, SIX), "day", "at that time already"),
    "the past": (Wish(Kind.MOVE, 3, dt.date(2026, 10, 14), SIX), "day", "That date has passed."),
    "long past": (Wish(Kind.MOVE, 3, dt.date(1926, 10, 14), SIX), "day", "That date has passed."),
    "earlier today": (Wish(Kind.MOVE, 3, dt.date(2026, 10, 15), dt.time(8)), "day", "in the past"),
    "before another": (Wish(Kind.MOVE, 5, WEEK_3, dt.time(10)), "day", "5 would come before"),
    "after another": (Wish(Kind.MOVE, 5, dt.date(2026, 11, 11), SIX), "day", "6 would come before"),
    "at once": (Wish(Kind.MOVE, 5, WEEK_3, SIX), "day", "5 would come before week 4"),
    "overlapping": (
        Wish(Kind.MOVE, 5, dt.date(2026, 11, 10), dt.time(17, 30)), "day", "5 and 6 would overlap",
    ),
    "far away": (Wish(Kind.SHIFT, 5, dt.date(9999, 12, 31), SIX), "day", "half a year"),
    "shifted into others": (Wish(Kind.SHIFT, 5, WEEK_3, SIX), "day", "5 would come before week 4"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_at_the_field_to_mend(case: str) -> None:
    wish, field, words = REFUSED[case]
    with pytest.raises(Impossible) as refused:
        made(wish)
    assert refused.value.field == field
    assert words in refused.value.message


def test_a_cancelled_session_is_not_changed_again() -> None:
    sessions = twelve()
    applied(made(Wish(Kind.CANCEL, 5), sessions))
    with pytest.raises(Impossible, match="still to come"):
        made(Wish(Kind.MOVE, 5, dt.date(2026, 11, 4), SIX), sessions)


wishes = st.builds(
    Wish,
    kind=st.sampled_from(OF_DATES),
    number=st.integers(1, 12),
    day=st.dates(dt.date(2026, 9, 1), dt.date(2027, 6, 1)),
    wall_time=st.times().map(lambda time: time.replace(second=0, microsecond=0)),
)
zones = st.sampled_from(["America/New_York", "America/Phoenix", "Europe/London", "Asia/Kolkata"])


@given(zone=zones, first=st.dates(FIRST, dt.date(2027, 4, 1)), asked=st.lists(wishes, max_size=8))
def test_whatever_is_asked_there_are_twelve_held_or_cancelled_and_in_order(
    zone: str, first: dt.date, asked: list[Wish]
) -> None:
    place = zoneinfo.ZoneInfo(zone)
    sessions = twelve(first, zone=place)
    for wish in asked:
        near = sessions[wish.number - 1].starts_at.astimezone(place).date()
        days = ((wish.day or near) - FIRST).days % 11 - 5
        close = Wish(wish.kind, wish.number, near + dt.timedelta(days=days), wish.wall_time)
        try:
            found = made(close, sessions, zone=place)
        except Impossible:
            continue
        applied(found)
        check(close, found, sessions, place)


def check(wish: Wish, found: Plan, sessions: list[GroupSession], zone: zoneinfo.ZoneInfo) -> None:
    held = [session for session in sessions if session.cancelled_at is None]
    assert [session.number for session in sessions] == list(range(1, 13))
    assert all(b.starts_at >= a.ends_at for a, b in itertools.pairwise(held))
    assert all(session.ends_at - session.starts_at == HOUR for session in held)
    assert all(line.after is None or line.after > NOW for line in found.lines)
    if wish.kind == Kind.SHIFT:
        # A time that the clock skips becomes an hour later, perhaps on the next day.
        late = wish.wall_time is not None and wish.wall_time.hour >= 22
        moved = {s.starts_at.astimezone(zone).weekday() for s in held if s.number >= wish.number}
        assert wish.day is not None
        assert late or moved == {wish.day.weekday()}
    if wish.kind == Kind.CANCEL:
        assert len(found.lines) == 1
