"""Which days belong to which week, on the member's own calendar."""

import datetime as dt
import zoneinfo

import pytest

from practice.own import own_practice
from practice.weeks import own_weeks, week_of, week_of_card
from sessions.models import GroupSession
from tests.enrollment.builders import FIRST_SESSION, HOUR, a_cohort, a_confirmed_seat, a_member

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
TOKYO = zoneinfo.ZoneInfo("Asia/Tokyo")
WEEK = dt.timedelta(weeks=1)


def a_session(number: int, starts_at: dt.datetime, *, cancelled: bool = False) -> GroupSession:
    return GroupSession(
        number=number,
        starts_at=starts_at,
        ends_at=starts_at + HOUR,
        cancelled_at=starts_at if cancelled else None,
    )


TWELVE = [a_session(n, FIRST_SESSION + (n - 1) * WEEK) for n in range(1, 13)]


def test_a_week_lasts_from_its_session_to_the_day_before_the_next() -> None:
    weeks = own_weeks(sessions=TWELVE, first_week=1, teaches={}, zone=NEW_YORK)
    assert [week.number for week in weeks] == list(range(1, 13))
    assert (weeks[0].first_day, weeks[0].last_day) == (dt.date(2026, 10, 6), dt.date(2026, 10, 12))
    assert week_of(weeks, dt.date(2026, 10, 12)) == weeks[0]
    assert week_of(weeks, dt.date(2026, 10, 13)) == weeks[1]
    assert week_of(weeks, dt.date(2026, 10, 5)) is None


def test_a_member_far_away_counts_by_their_own_calendar() -> None:
    weeks = own_weeks(sessions=TWELVE, first_week=1, teaches={}, zone=TOKYO)
    assert weeks[0].first_day == dt.date(2026, 10, 7)


def test_the_last_week_goes_on_for_four() -> None:
    last = own_weeks(sessions=TWELVE, first_week=1, teaches={}, zone=NEW_YORK)[-1]
    assert last.last_day - last.first_day == dt.timedelta(days=27)


def test_who_joined_later_has_the_weeks_since_then() -> None:
    weeks = own_weeks(sessions=TWELVE, first_week=5, teaches={}, zone=NEW_YORK)
    assert [week.number for week in weeks] == list(range(5, 13))


def test_a_cancelled_session_leaves_its_days_to_the_week_before() -> None:
    sessions = [a_session(s.number, s.starts_at, cancelled=s.number == 2) for s in TWELVE]
    weeks = own_weeks(sessions=sessions, first_week=1, teaches={}, zone=NEW_YORK)
    assert [week.number for week in weeks][:2] == [1, 3]
    assert weeks[0].last_day == dt.date(2026, 10, 19)


def test_of_two_sessions_on_one_day_the_later_one_counts() -> None:
    sessions = [TWELVE[0], a_session(2, FIRST_SESSION + HOUR)]
    weeks = own_weeks(sessions=sessions, first_week=1, teaches={}, zone=NEW_YORK)
    found = week_of(weeks, dt.date(2026, 10, 6))
    assert found is not None
    assert found.number == 2


def test_a_card_of_the_day_of_a_session_is_of_the_week_that_it_was_saved_in() -> None:
    weeks = own_weeks(sessions=TWELVE, first_week=1, teaches={}, zone=NEW_YORK)
    day, begins = dt.date(2026, 10, 13), FIRST_SESSION + WEEK
    assert week_of_card(weeks, day, begins - HOUR) == weeks[0]
    assert week_of_card(weeks, day, begins) == weeks[1]
    # Any other day is of its week whenever it is saved; before the first there is none.
    assert week_of_card(weeks, day + WEEK / 7, begins - HOUR) == weeks[1]
    assert week_of_card(weeks, dt.date(2026, 10, 6), FIRST_SESSION - HOUR) == weeks[0]
    assert week_of_card(weeks, dt.date(2026, 10, 5), FIRST_SESSION) is None
    twice = [*TWELVE[:1], a_session(2, TWELVE[1].starts_at - 3 * HOUR), *TWELVE[1:]]
    weeks = own_weeks(sessions=twice, first_week=1, teaches={}, zone=NEW_YORK)
    assert week_of_card(weeks, day, begins - HOUR) == weeks[1]
    assert week_of_card(weeks, day, begins - 4 * HOUR) == weeks[0]


@pytest.mark.django_db
def test_only_what_was_taught_can_be_practised() -> None:
    enrollment = a_confirmed_seat()
    member, public_id = enrollment.member, enrollment.public_id
    before = own_practice(member=member, public_id=public_id, now=FIRST_SESSION - HOUR)
    assert (before.current, before.begun) == (None, [])
    after = own_practice(member=member, public_id=public_id, now=FIRST_SESSION + WEEK)
    assert after.current is not None
    assert (after.current.number, len(after.begun)) == (2, 2)
    assert after.current.skills[0] == "STOP"
    assert after.may_note(dt.date(2026, 10, 13))
    assert not after.may_note(dt.date(2026, 10, 14))  # tomorrow
    assert not after.may_note(dt.date(2026, 10, 5))  # before the first session


@pytest.mark.django_db
def test_today_is_the_members_own() -> None:
    member = a_member(time_zone="Asia/Tokyo")
    enrollment = a_confirmed_seat(cohort=a_cohort(), member=member)
    practice = own_practice(member=member, public_id=enrollment.public_id, now=FIRST_SESSION)
    assert practice.today == dt.date(2026, 10, 7)
