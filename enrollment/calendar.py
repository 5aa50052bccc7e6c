"""The calendar file: a member's sessions with the door as their place, never the meeting."""

import datetime as dt
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from icalendar import Calendar, Event, vUri

from enrollment.models import Enrollment, Visit
from sessions.models import GroupSession


def sessions_ics(
    *, enrollment: Enrollment, sessions: Iterable[GroupSession], now: dt.datetime
) -> bytes:
    """An .ics of `sessions` for one member (RFC 5545).

    Instants are in UTC, so every calendar shows its owner's local time. UIDs are stable:
    a later file with a higher SEQUENCE moves the same entries, or cancels them.
    """
    door = enrollment.door_url
    return _file(
        _entry(f"{enrollment.public_id}-{session.number}", session, door, now)
        for session in sessions
    )


def visit_ics(*, visit: Visit, now: dt.datetime) -> bytes:
    """An .ics of the one session in which somebody has a chair."""
    return _file([_entry(str(visit.public_id), visit.session, visit.door_url, now)])


def _file(entries: Iterable[Event]) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", f"-//{settings.PRACTICE_NAME}//Sessions//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for entry in entries:
        calendar.add_component(entry)
    return bytes(calendar.to_ical())


def _entry(uid: str, session: GroupSession, door_url: str, now: dt.datetime) -> Event:
    event = Event()
    event.add("uid", f"{uid}@{urlsplit(settings.SITE_URL).hostname}")
    event.add("dtstamp", now)
    event.add("dtstart", session.starts_at)
    event.add("dtend", session.ends_at)
    event.add("sequence", session.sequence)
    if session.cancelled_at is not None:
        event.add("status", "CANCELLED")
    event.add("summary", f"{settings.PRACTICE_NAME}: weekly session")
    event.add("description", f"Your private link: {door_url}")
    event.add("location", door_url)
    event.add("url", vUri(door_url))
    # Friends who see a shared calendar read "busy" and nothing else.
    event.add("class", "PRIVATE")
    return event
