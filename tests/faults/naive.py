"""A deliberate break, for gunicorn: times in words are read off the system's own clock."""

import datetime as dt
import zoneinfo

from accounts import clock
from tests.faults.abroad import application

__all__ = ["application"]


def system_time(at: dt.datetime, zone: zoneinfo.ZoneInfo | str) -> dt.datetime:
    return dt.datetime.fromtimestamp(at.timestamp())  # noqa: DTZ006  the break


clock.local = system_time
