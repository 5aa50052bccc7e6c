"""Times in words: always in a named zone, the way people in the United States say them."""

import datetime as dt
import functools
import zoneinfo

from django.utils import dateformat

DEFAULT_ZONE = "America/New_York"

# The zones that people here call by a name of their own; every other is called by its city.
US_ZONES: dict[str, str] = {
    "America/New_York": "Eastern",
    "America/Chicago": "Central",
    "America/Denver": "Mountain",
    "America/Phoenix": "Arizona",
    "America/Los_Angeles": "Pacific",
    "America/Anchorage": "Alaska",
    "Pacific/Honolulu": "Hawaii",
}
_SAME_CLOCK: dict[str, tuple[str, ...]] = {
    "Eastern": (
        "America/Detroit", "America/Fort_Wayne", "America/Indianapolis", "America/Louisville",
        "America/Indiana/Indianapolis", "America/Indiana/Marengo", "America/Indiana/Petersburg",
        "America/Indiana/Vevay", "America/Indiana/Vincennes", "America/Indiana/Winamac",
        "America/Kentucky/Louisville", "America/Kentucky/Monticello", "US/Eastern",
        "US/East-Indiana", "US/Michigan", "EST5EDT",
    ),
    "Central": (
        "America/Menominee", "America/Indiana/Knox", "America/Indiana/Tell_City",
        "America/Knox_IN", "America/North_Dakota/Beulah", "America/North_Dakota/Center",
        "America/North_Dakota/New_Salem", "US/Central", "US/Indiana-Starke", "CST6CDT",
    ),
    "Mountain": ("America/Boise", "America/Shiprock", "Navajo", "US/Mountain", "MST7MDT"),
    "Arizona": ("US/Arizona",),
    "Pacific": ("US/Pacific", "PST8PDT"),
    "Alaska": (
        "America/Juneau", "America/Metlakatla", "America/Nome", "America/Sitka",
        "America/Yakutat", "US/Alaska",
    ),
    "Hawaii": ("Pacific/Johnston", "US/Hawaii"),
}  # fmt: skip
_LABELS = US_ZONES | {key: label for label, keys in _SAME_CLOCK.items() for key in keys}

# Where members travel; a person's own zone joins the list when it is not in it.
TRAVEL_ZONES = (
    "America/Puerto_Rico", "Pacific/Guam", "Pacific/Pago_Pago", "America/Halifax",
    "America/Toronto", "America/Vancouver", "America/Mexico_City", "America/Bogota",
    "America/Sao_Paulo", "America/Argentina/Buenos_Aires", "Europe/London", "Europe/Lisbon",
    "Europe/Paris", "Europe/Berlin", "Europe/Athens", "Europe/Istanbul", "Africa/Cairo",
    "Africa/Lagos", "Africa/Nairobi", "Africa/Johannesburg", "Asia/Jerusalem", "Asia/Dubai",
    "Asia/Karachi", "Asia/Kolkata", "Asia/Dhaka", "Asia/Bangkok", "Asia/Manila",
    "Asia/Shanghai", "Asia/Seoul", "Asia/Tokyo", "Australia/Perth", "Australia/Sydney",
    "Pacific/Auckland", "UTC",
)  # fmt: skip

# Names that some systems list and others do not.
_NOT_PLACES = {"Factory", "localtime"}


@functools.cache
def known_zones() -> frozenset[str]:
    """Every IANA name that may be stored. Cached: the list is read from the disk."""
    return frozenset(zoneinfo.available_timezones() - _NOT_PLACES)


def zone_label(zone: zoneinfo.ZoneInfo | str) -> str:
    """What people call the zone: Pacific, Arizona; elsewhere its city: Kolkata, Buenos Aires."""
    key = str(zone)
    return _LABELS.get(key) or key.rpartition("/")[2].replace("_", " ")


def zone_choices(own: str = "") -> list[tuple[str, str]]:
    """Keys and labels for a select: US zones, then `own` if it is elsewhere, then others."""
    keys = dict.fromkeys([*US_ZONES, own, *TRAVEL_ZONES] if own else [*US_ZONES, *TRAVEL_ZONES])
    return [(key, zone_label(key)) for key in keys]


def local(at: dt.datetime, zone: zoneinfo.ZoneInfo | str) -> dt.datetime:
    """The same instant on that zone's clock. Raises ValueError without an offset."""
    if at.utcoffset() is None:
        raise ValueError("This time has no zone, so nobody can say when it is.")
    return at.astimezone(zoneinfo.ZoneInfo(zone) if isinstance(zone, str) else zone)


# One session's time is written for each of its members, and on page after page.
_remembered = functools.lru_cache(maxsize=4096)


@_remembered
def time_of_day(at: dt.datetime, zone: zoneinfo.ZoneInfo | str) -> str:
    """As in "6:00 PM Pacific"."""
    return f"{dateformat.format(local(at, zone), 'g:i A')} {zone_label(zone)}"


@_remembered
def day(at: dt.datetime, zone: zoneinfo.ZoneInfo | str) -> str:
    """As in "Tuesday, December 1"."""
    return dateformat.format(local(at, zone), "l, F j")


@_remembered
def weekday(at: dt.datetime, zone: zoneinfo.ZoneInfo | str) -> str:
    """As in "Tuesday"."""
    return dateformat.format(local(at, zone), "l")


@_remembered
def short_day(at: dt.datetime, zone: zoneinfo.ZoneInfo | str) -> str:
    """As in "Tue, Dec 1"."""
    return dateformat.format(local(at, zone), "D, M j")


def day_and_time(at: dt.datetime, zone: zoneinfo.ZoneInfo | str) -> str:
    """As in "Tuesday, December 1, 6:00 PM Pacific"."""
    return f"{day(at, zone)}, {time_of_day(at, zone)}"


def _rounded(minutes: int, days: int) -> tuple[int, str]:
    """Days are those of the calendar, so that the next one is never "in 2 days"."""
    if minutes < 60:
        return minutes, "minute"
    hours = round(minutes / 60)
    if hours < 24 or days == 0:  # a day on which the clock goes back has 25
        return hours, "hour"
    return (days, "day") if days < 14 else (round(days / 7), "week")


def in_words(at: dt.datetime, now: dt.datetime, zone: zoneinfo.ZoneInfo | str) -> str:
    """As in "in 35 minutes", "tomorrow", "in 2 days", "3 hours ago"; "now" within half a minute.

    From a day away on, the days are counted on that zone's calendar.
    """
    minutes = round(abs(at - now) / dt.timedelta(minutes=1))
    if minutes == 0:
        return "now"
    days = abs((local(at, zone).date() - local(now, zone).date()).days)
    count, unit = _rounded(minutes, days)
    if (count, unit) == (1, "day"):
        return "tomorrow" if at > now else "yesterday"
    words = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"in {words}" if at > now else f"{words} ago"
