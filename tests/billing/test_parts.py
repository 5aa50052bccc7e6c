"""What the three parts come to, and when they are due."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import parts
from tests.enrollment.builders import NOW, a_cohort, a_held_seat, session

DAY = dt.timedelta(days=1)
FAR = NOW + 90 * DAY
ZONE = "America/New_York"


def test_the_first_parts_carry_what_does_not_divide() -> None:
    assert parts.amounts(29_900) == [9_967, 9_967, 9_966]
    assert parts.amounts(30_000) == [10_000, 10_000, 10_000]
    assert parts.amounts(6_001) == [2_001, 2_000, 2_000]


@given(st.integers(parts.LEAST_CENTS, 10**7))
def test_any_price_is_parted_to_the_cent_into_parts_that_can_be_charged(cents: int) -> None:
    found = parts.amounts(cents)
    assert sum(found) == cents
    assert max(found) - min(found) <= 1
    assert min(found) >= 50


def days(found: list[parts.Part]) -> list[str]:
    zone = zoneinfo.ZoneInfo(ZONE)
    return [part.due_at.astimezone(zone).strftime("%m-%d %H:%M") for part in found]


def test_they_are_due_after_four_and_eight_weeks_in_the_morning_over_the_change_of_clocks() -> None:
    found = parts.calendar(total_cents=29_900, now=NOW, last_due=FAR, zone=ZONE)
    assert found[0].due_at == NOW
    assert days(found)[1:] == ["10-27 10:00", "11-24 10:00"]


def test_the_last_is_due_by_the_given_day_and_the_second_in_the_middle() -> None:
    last = NOW + 40 * DAY
    found = parts.calendar(total_cents=29_900, now=NOW, last_due=last, zone=ZONE)
    assert days(found)[1:] == ["10-19 10:00", "11-08 10:00"]
    assert found[2].due_at <= last


@given(st.integers(14, 90), st.integers(0, 24 * 60))
def test_no_part_is_due_after_the_last_day_nor_before_the_one_before(
    ahead: int, minutes: int
) -> None:
    now = NOW + dt.timedelta(minutes=minutes)
    last = now + ahead * DAY
    found = parts.calendar(total_cents=29_900, now=now, last_due=last, zone=ZONE)
    dues = [part.due_at for part in found]
    assert dues == sorted(dues)
    assert dues[-1] <= last


def test_a_part_is_stored_and_read_as_it_was() -> None:
    found = parts.calendar(total_cents=29_900, now=NOW, last_due=FAR, zone=ZONE)
    assert [parts.Part.load(part.dump()) for part in found] == found


def test_the_fingerprint_tells_days_and_amounts_and_not_minutes() -> None:
    def seen(now: dt.datetime, cents: int = 29_900) -> str:
        found = parts.calendar(total_cents=cents, now=now, last_due=FAR, zone=ZONE)
        return parts.fingerprint(found, ZONE)

    assert seen(NOW) == seen(NOW + dt.timedelta(minutes=3))
    assert seen(NOW) != seen(NOW + DAY)
    assert seen(NOW) != seen(NOW, 30_000)


@pytest.mark.django_db
def test_they_are_offered_by_the_eighth_session() -> None:
    enrollment = a_held_seat()
    found = parts.offered(enrollment=enrollment, total_cents=29_900, now=NOW)
    assert found is not None
    assert found[-1].due_at <= session(enrollment.cohort, 8).starts_at
    late = session(enrollment.cohort, 1).starts_at - dt.timedelta(hours=1)
    found = parts.offered(enrollment=enrollment, total_cents=29_900, now=late)
    assert found is not None
    assert found[-1].due_at <= session(enrollment.cohort, 8).starts_at


@pytest.mark.django_db
@pytest.mark.parametrize("why", ["switched off", "too little", "too near to its end"])
def test_they_are_not_offered(why: str) -> None:
    cohort = a_cohort(admission="modules")
    enrollment = a_held_seat(cohort=cohort)
    cents, now = 29_900, NOW
    if why == "switched off":
        enrollment.cohort.programme.instalments = False
    elif why == "too little":
        cents = parts.LEAST_CENTS - 1
    else:
        now = session(cohort, 8).starts_at - 13 * DAY
    assert parts.offered(enrollment=enrollment, total_cents=cents, now=now) is None
