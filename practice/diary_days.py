"""What the diary's pages list: days of weeks, and the skills that a day can have."""

import datetime as dt
from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from practice.diary import Card
from practice.models import DiaryEntry
from practice.own import OwnPractice
from practice.weeks import DAY, Week


class Day(NamedTuple):
    """One that can be noted; `card` is None for one that is blank, or whose card is not shown."""

    date: dt.date
    noted: bool
    is_today: bool
    card: Card | None = None


class DiaryWeek(NamedTuple):
    # None for days with a card that are in no week, as after a move to another zone.
    week: Week | None
    days: list[Day]


def dates_of(practice: OwnPractice, week: Week) -> list[dt.date]:
    """The days of a week until today that the diary takes, the first one first.

    On a day with two sessions it is the later week that has it.
    """
    today = practice.today
    last = today if practice.week_on(today) is week else min(week.last_day, today)
    days = [week.first_day + n * DAY for n in range((last - week.first_day).days + 1)]
    return [day for day in days if practice.week_on(day) is week]


def listed(practice: OwnPractice, entries: Mapping[dt.date, DiaryEntry]) -> list[DiaryWeek]:
    """All weeks that have begun with their days, the newest of both first; then other days that
    have a card."""
    cards = {day: Card.load(entry.content) for day, entry in entries.items()}

    def as_days(dates: Iterable[dt.date]) -> list[Day]:
        found = (Day(day, day in cards, day == practice.today, cards.get(day)) for day in dates)
        return sorted(found, key=lambda one: one.date, reverse=True)

    dates = [(week, dates_of(practice, week)) for week in reversed(practice.begun)]
    weeks = [DiaryWeek(week, as_days(of_week)) for week, of_week in dates]
    others = cards.keys() - {day for _, of_week in dates for day in of_week}
    return [*weeks, DiaryWeek(None, as_days(others))] if others else weeks


def of_week(practice: OwnPractice, week: Week, noted: Container[dt.date]) -> list[Day]:
    """The days of one week, in their order."""
    return [Day(day, day in noted, day == practice.today) for day in dates_of(practice, week)]


class Skills(NamedTuple):
    """What can be ticked on a day: its own week's, and those of the weeks before it."""

    own: list[str]
    earlier: list[str]


def skills_of(practice: OwnPractice, day: dt.date, *, noted: tuple[str, ...] = ()) -> Skills:
    """`noted` stays on offer, whatever became of the text of the weeks."""
    week = practice.week_on(day)
    own = list(dict.fromkeys(week.skills)) if week else []
    until = week.starts_at if week else practice.now
    # The latest first: it is the likeliest to be tried.
    before = [one for one in reversed(practice.begun) if one.starts_at < until]
    earlier = [skill for one in before for skill in one.skills]
    rest = [skill for skill in dict.fromkeys([*earlier, *noted]) if skill not in own]
    return Skills(own, rest)
