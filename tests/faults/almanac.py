"""`python -m tests.faults.almanac`: what the rules of time say in the system's zone, as lines.

The sessions of groups that meet across changes of the clock, and how long the clock's entries
wait at certain moments.
"""

import datetime as dt
import sys
import zoneinfo

import time_machine
from celery.schedules import crontab

from grouport.celery import app
from sessions.schedule import session_starts
from tests.faults import abroad  # sets the system's zone

__all__ = ["abroad"]
GROUPS = (
    ("America/New_York", dt.date(2026, 10, 6), dt.time(18)),
    ("America/New_York", dt.date(2026, 10, 25), dt.time(1, 30)),  # twice on November 1
    ("America/Los_Angeles", dt.date(2027, 1, 24), dt.time(2, 30)),  # not on March 14
    ("Asia/Kolkata", dt.date(2026, 10, 6), dt.time(0, 15)),
)
MOMENTS = ("2026-11-01T03:39:59Z", "2026-11-01T09:39:00Z", "2026-11-01T09:41:00Z")


def lines() -> list[str]:
    written = []
    for zone, first, wall in GROUPS:
        starts = session_starts(first, wall, zoneinfo.ZoneInfo(zone))
        written += [f"{zone} {start.isoformat()}" for start in starts]
    for moment in MOMENTS:
        with time_machine.travel(dt.datetime.fromisoformat(moment), tick=False):
            written += [f"{moment} {name} {wait}" for name, wait in waits()]
    return written


def waits() -> list[tuple[str, dt.timedelta]]:
    """How long from now each entry with a time of day or an hour waits, had it run just now."""
    now = dt.datetime.now(dt.UTC)
    return [
        (name, entry["schedule"].remaining_estimate(now))
        for name, entry in sorted(app.conf.beat_schedule.items())
        if isinstance(entry["schedule"], crontab)
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()))
