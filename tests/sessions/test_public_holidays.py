"""Which days a country keeps, found by the zone in which a group meets."""

import datetime as dt

import pytest

from accounts import clock
from sessions.public_holidays import among, country_code, country_name

CHRISTMAS = dt.date(2026, 12, 25)


@pytest.mark.parametrize(
    ("zone", "country", "day", "name"),
    [
        ("America/New_York", "United States", dt.date(2026, 11, 26), "Thanksgiving Day"),
        ("Pacific/Honolulu", "United States", dt.date(2026, 11, 26), "Thanksgiving Day"),
        ("America/Phoenix", "United States", dt.date(2026, 11, 26), "Thanksgiving Day"),
        ("America/Puerto_Rico", "Puerto Rico", dt.date(2026, 11, 26), "Thanksgiving Day"),
        ("America/Toronto", "Canada", dt.date(2026, 7, 1), "Canada Day"),
        ("Europe/London", "Britain (UK)", dt.date(2026, 5, 4), "May Day"),
        ("Asia/Kolkata", "India", dt.date(2027, 1, 26), "Republic Day"),
        ("Europe/Berlin", "Germany", dt.date(2026, 10, 3), "German Unity Day"),
    ],
)
def test_a_zones_country_names_its_days_in_english(
    zone: str, country: str, day: dt.date, name: str
) -> None:
    assert country_name(zone) == country
    plain = dt.date(2026, 11, 17)
    assert among([plain, day], zone=zone) == {day: name}


@pytest.mark.parametrize("zone", ["America/Toronto", "Europe/London", "Asia/Kolkata"])
def test_thanksgiving_is_kept_in_the_united_states_only(zone: str) -> None:
    assert among([dt.date(2026, 11, 26)], zone=zone) == {}


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "Etc/GMT+5", "EST", "CET", "No/Where"])
def test_a_zone_of_no_place_has_no_holidays(zone: str) -> None:
    assert (country_code(zone), country_name(zone), among([CHRISTMAS], zone=zone)) == ("", "", {})


@pytest.mark.parametrize(
    ("older", "code"),
    [("US/Eastern", "US"), ("America/Fort_Wayne", "US"), ("Asia/Calcutta", "IN")],
)
def test_an_older_name_of_a_zone_is_of_the_same_country(older: str, code: str) -> None:
    assert country_code(older) == code


def test_every_zone_that_people_choose_from_is_of_a_country_but_utc() -> None:
    without = [zone for zone, _ in clock.zone_choices() if not country_name(zone)]
    assert without == ["UTC"]


def test_a_country_that_the_library_does_not_know_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr("holidays.country_holidays", unknown)
    zone = "America/New_York"
    assert (country_name(zone), among([CHRISTMAS], zone=zone)) == ("", {})


def test_days_of_two_years_and_of_none_are_answered() -> None:
    new_year = dt.date(2027, 1, 1)
    found = among([CHRISTMAS, new_year], zone="America/New_York")
    assert set(found) == {CHRISTMAS, new_year}
    assert among([], zone="America/New_York") == {}
