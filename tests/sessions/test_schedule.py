"""Twelve sessions, whatever the calendar does."""

import datetime as dt
import zoneinfo
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.clock import known_zones
from sessions import schedule
from sessions.schedule import (
    ImpossibleSchedule,
    instant,
    meeting_dates,
    session_starts,
    weeks_off,
)

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
EVENING = dt.time(18)

zones = st.sampled_from(sorted(known_zones())).map(zoneinfo.ZoneInfo)
dates = st.dates(dt.date(1970, 1, 1), dt.date(2100, 12, 31))
wall_times = st.times().map(lambda time: time.replace(microsecond=0))
# Which of the first weeks are skipped; twelve must fit into twenty-six.
skipped_weeks = st.sets(st.integers(0, 25), max_size=14)


def skipped(first: dt.date, weeks: set[int]) -> set[dt.date]:
    return {first + dt.timedelta(weeks=week) for week in weeks}


def is_in_a_gap(day: dt.date, time: dt.time, zone: zoneinfo.ZoneInfo) -> bool:
    """Whether no clock in the zone ever shows this: it does not survive the way to UTC and back."""
    wall = dt.datetime.combine(day, time, tzinfo=zone)
    return wall.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None) != wall.replace(
        tzinfo=None
    )


@given(dates, wall_times, zones, skipped_weeks)
@example(dt.date(2026, 10, 6), EVENING, NEW_YORK, {7})
@example(dt.date(2026, 1, 18), dt.time(2, 30), NEW_YORK, set())
@example(dt.date(2026, 8, 16), dt.time(1, 30), NEW_YORK, set())
def test_there_are_always_twelve_at_the_same_time_on_the_same_weekday(
    first: dt.date, time: dt.time, zone: zoneinfo.ZoneInfo, weeks: set[int]
) -> None:
    left_out = skipped(first, {week for week in weeks if week < 12 + len(weeks)})
    try:
        days = meeting_dates(first, left_out)
    except ImpossibleSchedule:
        # A skipped week after the last session: the next test is about those.
        left_out = set()
        days = meeting_dates(first)
    starts = session_starts(first, time, zone, left_out)

    assert len(days) == len(starts) == 12
    assert all(day.weekday() == first.weekday() for day in days)
    assert not left_out & set(days)
    assert all(earlier < later for earlier, later in pairwise(starts))
    for day, start in zip(days, starts, strict=True):
        assert start.tzinfo is dt.UTC
        shown = start.astimezone(zone)
        if is_in_a_gap(day, time, zone):
            # Read with the offset before the gap, the time lands as far behind it.
            assert shown.replace(tzinfo=None) > dt.datetime.combine(day, time)
        else:
            assert (shown.date(), shown.time()) == (day, time)


@given(dates, wall_times, zones)
def test_a_time_that_comes_twice_means_the_first(
    day: dt.date, time: dt.time, zone: zoneinfo.ZoneInfo
) -> None:
    again = dt.datetime.combine(day, time.replace(fold=1), tzinfo=zone).astimezone(dt.UTC)
    if not is_in_a_gap(day, time, zone):
        assert instant(day, time, zone) <= again
    assert instant(day, time.replace(fold=1), zone) == instant(day, time, zone)


@given(dates, skipped_weeks)
def test_skipping_weeks_moves_the_end_and_nothing_else(first: dt.date, weeks: set[int]) -> None:
    usable = sorted(weeks)
    for count, week in enumerate(usable):
        if week >= 12 + count:  # after the twelfth session there is nothing to skip
            usable = usable[:count]
            break
    days = meeting_dates(first, skipped(first, set(usable)))
    everything = [first + dt.timedelta(weeks=week) for week in range(12 + len(usable))]
    assert sorted([*days, *skipped(first, set(usable))]) == everything


def test_the_evening_stays_at_six_when_new_york_leaves_summer_time() -> None:
    starts = session_starts(dt.date(2026, 10, 27), EVENING, NEW_YORK)
    assert starts[:2] == [
        dt.datetime(2026, 10, 27, 22, tzinfo=dt.UTC),
        dt.datetime(2026, 11, 3, 23, tzinfo=dt.UTC),
    ]


def test_the_evening_stays_at_six_when_new_york_enters_summer_time() -> None:
    starts = session_starts(dt.date(2027, 3, 9), EVENING, NEW_YORK)
    assert starts[:2] == [
        dt.datetime(2027, 3, 9, 23, tzinfo=dt.UTC),
        dt.datetime(2027, 3, 16, 22, tzinfo=dt.UTC),
    ]


@pytest.mark.parametrize(
    ("zone", "day", "time", "expected"),
    [
        # A gap: 2:30 is read as Eastern Standard Time, which is 3:30 in the new time.
        ("America/New_York", "2027-03-14", "02:30", "2027-03-14 07:30"),
        # An overlap: the first 1:30, still in summer time.
        ("America/New_York", "2026-11-01", "01:30", "2026-11-01 05:30"),
        # No changes at all.
        ("America/Phoenix", "2026-07-01", "18:00", "2026-07-02 01:00"),
        ("America/Phoenix", "2026-12-01", "18:00", "2026-12-02 01:00"),
        ("Pacific/Honolulu", "2026-07-01", "18:00", "2026-07-02 04:00"),
        ("Pacific/Honolulu", "2026-12-01", "18:00", "2026-12-02 04:00"),
        ("Asia/Kolkata", "2026-12-01", "18:00", "2026-12-01 12:30"),
        # Clocks here jump at midnight: the day of the change begins at 1:00.
        ("America/Havana", "2027-03-14", "00:30", "2027-03-14 05:30"),
        # Half an hour of summer time: 10:30 in winter, 11 in summer.
        ("Australia/Lord_Howe", "2026-07-01", "18:00", "2026-07-01 07:30"),
        ("Australia/Lord_Howe", "2026-12-01", "18:00", "2026-12-01 07:00"),
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03 15:45"),
        # A whole day that was left out when the island crossed the date line.
        ("Pacific/Apia", "2011-12-30", "18:00", "2011-12-31 04:00"),
    ],
)
def test_clock_changes_follow_the_calendar_standard(
    zone: str, day: str, time: str, expected: str
) -> None:
    found = instant(
        dt.date.fromisoformat(day), dt.time.fromisoformat(time), zoneinfo.ZoneInfo(zone)
    )
    assert f"{found:%Y-%m-%d %H:%M}" == expected


def test_members_in_arizona_see_the_hour_move() -> None:
    starts = session_starts(dt.date(2026, 10, 27), EVENING, NEW_YORK)
    hours = [start.astimezone(zoneinfo.ZoneInfo("America/Phoenix")).hour for start in starts[:2]]
    assert hours == [15, 16]


def test_a_date_that_is_no_meeting_day_cannot_be_skipped() -> None:
    with pytest.raises(ImpossibleSchedule, match="2026-11-26 is not a meeting day"):
        meeting_dates(dt.date(2026, 10, 6), {dt.date(2026, 11, 26)})


def test_a_date_after_the_last_session_cannot_be_skipped() -> None:
    after = dt.date(2026, 10, 6) + dt.timedelta(weeks=12)
    with pytest.raises(ImpossibleSchedule, match="is not a meeting day"):
        meeting_dates(dt.date(2026, 10, 6), {after})


def test_too_many_skipped_dates_are_a_mistake() -> None:
    first = dt.date(2026, 10, 6)
    with pytest.raises(ImpossibleSchedule, match="skip fewer dates"):
        meeting_dates(first, skipped(first, set(range(15))))


def test_fourteen_skipped_dates_still_leave_twelve_sessions() -> None:
    first = dt.date(2026, 10, 6)
    days = meeting_dates(first, skipped(first, set(range(14))))
    assert (days[0], days[-1]) == (
        first + dt.timedelta(weeks=14),
        first + dt.timedelta(weeks=schedule.LONGEST_SPAN_WEEKS - 1),
    )


def test_the_end_of_the_calendar_is_refused_in_words() -> None:
    with pytest.raises(ImpossibleSchedule, match="too far in the future"):
        meeting_dates(dt.date(9999, 12, 1))


# --- Weeks without a session ---------------------------------------------------------------


def plain(**moved: tuple[dt.date, int]) -> dict[int, dt.datetime]:
    """Twelve Tuesday evenings from October 6, 2026; week 3 as `w3=(date, hour)`."""
    starts = dict(enumerate(session_starts(dt.date(2026, 10, 6), EVENING, NEW_YORK), start=1))
    return starts | {
        int(week[1:]): instant(day, dt.time(hour), NEW_YORK) for week, (day, hour) in moved.items()
    }


def days_off(starts: dict[int, dt.datetime]) -> dict[int, list[str]]:
    off = weeks_off(starts, NEW_YORK)
    assert {at.time() for days in off.values() for at in days} <= {EVENING}
    return {number: [f"{at:%a %m-%d}" for at in days] for number, days in off.items()}


@given(dates, wall_times, zones, skipped_weeks)
def test_exactly_the_skipped_dates_between_two_sessions_are_weeks_off(
    first: dt.date, time: dt.time, zone: zoneinfo.ZoneInfo, weeks: set[int]
) -> None:
    try:
        held = meeting_dates(first, skipped(first, weeks))
        starts = session_starts(first, time, zone, skipped(first, weeks))
    except ImpossibleSchedule:
        return
    between = {day for day in skipped(first, weeks) if held[0] < day < held[-1]}
    if any(is_in_a_gap(day, time, zone) for day in held):
        return
    off = weeks_off(dict(enumerate(starts, start=1)), zone)
    assert [at.date() for days in off.values() for at in days] == sorted(between)


@pytest.mark.parametrize(
    "moved",
    [
        (dt.date(2026, 10, 22), 17),  # two days later
        (dt.date(2026, 10, 19), 17),  # a day and an hour earlier
        (dt.date(2026, 10, 17), 18),  # three days earlier
        (dt.date(2026, 10, 20), 9),  # the same day
    ],
)
def test_a_week_whose_session_was_moved_is_no_week_off(moved: tuple[dt.date, int]) -> None:
    assert days_off(plain(w3=moved)) == {}


def test_a_session_that_is_moved_to_its_neighbours_leaves_its_own_week_off() -> None:
    assert days_off(plain(w3=(dt.date(2026, 10, 14), 18))) == {4: ["Tue 10-20"]}
    assert days_off(plain(w3=(dt.date(2026, 10, 26), 18))) == {3: ["Tue 10-20"]}


def test_a_group_that_meets_on_another_weekday_from_now_on_has_no_week_off() -> None:
    starts = plain()
    later = {week: at + dt.timedelta(days=2) for week, at in starts.items() if week >= 5}
    assert days_off(starts | later) == {}


def test_a_replaced_week_is_a_week_off() -> None:
    starts = session_starts(dt.date(2026, 10, 6), EVENING, NEW_YORK, {dt.date(2026, 11, 3)})
    assert days_off(dict(enumerate(starts, start=1))) == {5: ["Tue 11-03"]}
    assert weeks_off({}, NEW_YORK) == {}
