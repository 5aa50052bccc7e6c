"""Public holidays of the country that a time zone belongs to.

The zone's country comes from the tables that the time zone database itself keeps, in the
`tzdata` package: `zone.tab` (a zone's country), `iso3166.tab` (its name) and `tzdata.zi` (older
names of zones). Only days that the whole country keeps are known: a zone names no province.
"""

import datetime as dt
import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources

import holidays

LANGUAGE = "en_US"
NONE: Mapping[dt.date, str] = {}


def among(days: Collection[dt.date], *, zone: str) -> dict[dt.date, str]:
    """Which of the days are public holidays where people live by that IANA zone, by name."""
    calendar = _calendar(zone, frozenset(day.year for day in days))
    return {day: calendar[day] for day in days if day in calendar}


def country_name(zone: str) -> str:
    """The country whose holidays `among` knows; empty where it knows none."""
    known = _calendar(zone, frozenset()) is not NONE
    return _tables().country_names[country_code(zone)] if known else ""


def country_code(zone: str) -> str:
    """The ISO 3166 code of the zone's country; empty for one of no place, as UTC."""
    return _tables().country_of.get(zone, "")


def _calendar(zone: str, years: frozenset[int]) -> Mapping[dt.date, str]:
    code = country_code(zone)
    try:
        return holidays.country_holidays(code, years=years, language=LANGUAGE) if code else NONE
    except NotImplementedError:  # a country that the library does not know
        return NONE


@dataclass(frozen=True, slots=True)
class _Tables:
    country_of: Mapping[str, str]
    country_names: Mapping[str, str]


@functools.cache
def _tables() -> _Tables:
    country_of = {row[2]: row[0] for row in _rows("zone.tab", "\t")}
    for row in _rows("tzdata.zi", " "):
        # "L America/New_York US/Eastern". A name without a place in it, as EST, is everybody's.
        if row[0] == "L" and "/" in row[2] and row[1] in country_of:
            country_of.setdefault(row[2], country_of[row[1]])
    return _Tables(country_of, {row[0]: row[1] for row in _rows("iso3166.tab", "\t")})


def _rows(name: str, separator: str) -> Iterator[list[str]]:
    text = (resources.files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split(separator)
