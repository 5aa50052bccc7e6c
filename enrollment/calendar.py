"""The calendar file: a member's sessions with the door as their place, never the meeting."""

import datetime as dt
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from icalendar import Calendar, Event, vUri

from enrollment.models import Enrollment
from sessions.models import GroupSession


def sessions_ics(
    *, enrollment: Enrollment, sessions: Iterable[GroupSession], now: dt.datetime
) -> bytes:
    """An .ics of `sessions` for one member (RFC 5545).

    Instants are in UTC, so every calendar shows its owner's local time. UIDs are stable:
    a later file with a higher SEQUENCE moves the same entries, or cancels them.
    """
    host = urlsplit(settings.SITE_URL).hostname
    calendar = Calendar()
    calendar.add("prodid", f"-//{settings.PRACTICE_NAME}//Sessions//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for session in sessions:
        event = Event()
        event.add("uid", f"{enrollment.public_id}-{session.number}@{host}")
        event.add("dtstamp", now)
        event.add("dtstart", session.starts_at)
        event.add("dtend", session.ends_at)
        event.add("sequence", session.sequence)
        if session.cancelled_at is not None:
            event.add("status", "CANCELLED")
        event.add("summary", f"{settings.PRACTICE_NAME}: weekly session")
        event.add("description", f"Your private link: {enrollment.door_url}")
        event.add("location", enrollment.door_url)
        event.add("url", vUri(enrollment.door_url))
        # Friends who see a shared calendar read "busy" and nothing else.
        event.add("class", "PRIVATE")
        calendar.add_component(event)
    return bytes(calendar.to_ical())
