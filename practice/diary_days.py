"""What the diary's pages list: days of weeks, and the skills that a day can have."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from practice.diary import Card
from practice.models import DiaryEntry
from practice.own import OwnPractice
from practice.weeks import DAY, Week, week_of_card


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


def week_of_day(practice: OwnPractice, day: dt.date, entry: DiaryEntry | None) -> Week | None:
    """The week that has this day, of those that have begun: the one that its card counts in, or
    would count in if it were saved now."""
    if entry is None:
        return practice.week_on(day)
    week = week_of_card(practice.weeks, day, entry.saved_at)
    return week if week in practice.begun else None


def days_until_today(practice: OwnPractice, weeks: list[Week]) -> list[dt.date]:
    """Those that the diary takes, from the first of these weeks on."""
    if not weeks:
        return []
    first, last = weeks[0].first_day, min(practice.today, practice.weeks[-1].last_day)
    days = (first + n * DAY for n in range((last - first).days + 1))
    return [day for day in days if practice.may_note(day)]


def listed(practice: OwnPractice, entries: Mapping[dt.date, DiaryEntry]) -> list[DiaryWeek]:
    """All weeks that have begun and have days, the newest of both first; then other days that have
    a card."""
    cards = {day: Card.load(entry.content) for day, entry in entries.items()}

    def as_days(dates: Iterable[dt.date]) -> list[Day]:
        found = (Day(day, day in cards, day == practice.today, cards.get(day)) for day in dates)
        return sorted(found, key=lambda one: one.date, reverse=True)

    found: dict[Week | None, list[dt.date]] = {week: [] for week in reversed(practice.begun)}
    found[None] = []
    for day in {*entries, *days_until_today(practice, practice.begun)}:
        found[week_of_day(practice, day, entries.get(day))].append(day)
    return [DiaryWeek(week, as_days(days)) for week, days in found.items() if days]


def of_week(practice: OwnPractice, week: Week, entries: Mapping[dt.date, DiaryEntry]) -> list[Day]:
    """The days of one week until today, in their order; and today, whichever week has its card."""
    today = practice.today
    return [
        Day(day, day in entries, day == today)
        for day in days_until_today(practice, [week])
        if day == today or week_of_day(practice, day, entries.get(day)) is week
    ]


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
