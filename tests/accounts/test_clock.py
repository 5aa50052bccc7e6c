"""Times in words."""

import datetime as dt
import zoneinfo

import pytest
from django.template import Context, Template
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts import clock

TUESDAY = dt.datetime(2026, 12, 2, 2, 0, tzinfo=dt.UTC)  # still Tuesday in the United States


@pytest.mark.parametrize(
    ("zone", "label"),
    [
        ("America/New_York", "Eastern"),
        ("America/Detroit", "Eastern"),
        ("America/Chicago", "Central"),
        ("America/Denver", "Mountain"),
        ("America/Phoenix", "Arizona"),
        ("America/Los_Angeles", "Pacific"),
        ("America/Anchorage", "Alaska"),
        ("Pacific/Honolulu", "Hawaii"),
        ("Asia/Kolkata", "Kolkata"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires"),
        ("UTC", "UTC"),
    ],
)
def test_zones_go_by_the_name_that_people_use(zone: str, label: str) -> None:
    assert clock.zone_label(zone) == clock.zone_label(zoneinfo.ZoneInfo(zone)) == label


def test_a_zone_that_shares_a_label_shares_the_clock() -> None:
    """Through a year of hours, so that both changes are in it."""
    hours = [dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=n) for n in range(8760)]
    by_label = {label: zoneinfo.ZoneInfo(key) for key, label in clock.US_ZONES.items()}
    for key, label in clock._LABELS.items():
        if key in clock.known_zones():
            zone = zoneinfo.ZoneInfo(key)
            assert all(
                hour.astimezone(zone).utcoffset() == hour.astimezone(by_label[label]).utcoffset()
                for hour in hours
            ), key


def test_every_zone_on_offer_exists_once_and_has_a_label_of_its_own() -> None:
    choices = clock.zone_choices("Asia/Kathmandu")
    assert {key for key, _ in choices} <= clock.known_zones()
    assert len({label for _, label in choices}) == len(choices)
    assert choices[:7] == list(clock.US_ZONES.items())
    assert clock.zone_choices("America/Denver") == clock.zone_choices()


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("America/Los_Angeles", "Tuesday, December 1, 6:00 PM Pacific"),
        ("America/New_York", "Tuesday, December 1, 9:00 PM Eastern"),
        ("Pacific/Honolulu", "Tuesday, December 1, 4:00 PM Hawaii"),
        ("Asia/Kolkata", "Wednesday, December 2, 7:30 AM Kolkata"),
    ],
)
def test_a_session_is_named_by_its_local_day_and_time(zone: str, words: str) -> None:
    assert clock.day_and_time(TUESDAY, zone) == words


def test_noon_and_midnight_are_twelve() -> None:
    noon = dt.datetime(2026, 12, 1, 12, tzinfo=dt.UTC)
    assert clock.time_of_day(noon, "UTC") == "12:00 PM UTC"
    assert clock.time_of_day(noon + dt.timedelta(hours=12), "UTC") == "12:00 AM UTC"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        clock.day_and_time(dt.datetime(2026, 12, 1, 18, 0), "UTC")  # noqa: DTZ001  the mistake


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (dt.timedelta(seconds=20), "now"),
        (dt.timedelta(minutes=1), "in 1 minute"),
        (dt.timedelta(minutes=35), "in 35 minutes"),
        (dt.timedelta(minutes=59, seconds=50), "in 1 hour"),
        (dt.timedelta(hours=5), "in 5 hours"),
        (dt.timedelta(hours=23, minutes=45), "tomorrow"),
        (-dt.timedelta(hours=25), "yesterday"),
        (dt.timedelta(days=1, hours=23), "in 2 days"),
        (dt.timedelta(days=12), "in 12 days"),
        (dt.timedelta(days=21), "in 3 weeks"),
        (-dt.timedelta(hours=3), "3 hours ago"),
    ],
)
def test_distances_are_said_in_one_unit(ahead: dt.timedelta, words: str) -> None:
    assert clock.in_words(TUESDAY + ahead, TUESDAY, "America/Los_Angeles") == words


@pytest.mark.parametrize(
    ("now", "at", "words"),
    [
        ("2026-11-30 02:00", "2026-12-01 18:00", "tomorrow"),  # 40 hours
        ("2026-11-30 23:30", "2026-12-02 00:30", "in 2 days"),  # 25 hours
        ("2026-11-30 23:30", "2026-12-01 18:30", "in 19 hours"),
        ("2026-11-30 02:00", "2026-12-02 00:30", "in 2 days"),
        ("2026-12-01 18:00", "2026-11-30 02:00", "yesterday"),
        ("2026-11-01 00:00", "2026-11-01 23:50", "in 25 hours"),  # the clocks go back
    ],
)
def test_days_are_those_of_the_readers_calendar(now: str, at: str, words: str) -> None:
    zone = zoneinfo.ZoneInfo("America/Los_Angeles")
    here, there = (dt.datetime.fromisoformat(one).replace(tzinfo=zone) for one in (now, at))
    utc = here.astimezone(dt.UTC), there.astimezone(dt.UTC)
    assert clock.in_words(utc[1], utc[0], zone) == words


@given(st.timedeltas(dt.timedelta(days=-700), dt.timedelta(days=700)))
def test_no_distance_is_said_as_sixty_minutes_or_zero_of_anything(ahead: dt.timedelta) -> None:
    words = clock.in_words(TUESDAY + ahead, TUESDAY, "America/Los_Angeles").split()
    if words not in (["now"], ["tomorrow"], ["yesterday"]):
        count = int(words[words[0] == "in"])
        limit = {"minute": 60, "hour": 24, "day": 14, "week": 101}
        unit = words[(words[0] == "in") + 1]
        assert 1 <= count < limit[unit.removesuffix("s")]
        assert unit.endswith("s") == (count != 1)


def test_pages_use_the_readers_zone_unless_another_is_named() -> None:
    page = Template(
        "{% load clock %}{{ at|day_and_time }}|{{ at|time_of_day:'America/New_York' }}|"
        "{{ at|day }}|{{ at|short_day:'Asia/Kolkata' }}|{{ at|in_words:now }}|{{ none|day }}"
    )
    words = {"at": TUESDAY, "now": TUESDAY - dt.timedelta(days=2), "none": None}
    with timezone.override("America/Los_Angeles"):
        assert page.render(Context(words)).split("|") == [
            "Tuesday, December 1, 6:00 PM Pacific",
            "9:00 PM Eastern",
            "Tuesday, December 1",
            "Wed, Dec 2",
            "in 2 days",
            "",
        ]
