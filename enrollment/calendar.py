"""Calendar files: sessions with the door as their place, never the meeting."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from icalendar import Calendar, Event, vUri

from enrollment.models import Enrollment, Visit
from sessions.models import GroupSession


@dataclass(frozen=True, slots=True)
class Entry:
    """One session in somebody's calendar. `url` is where they go for it, on this site.

    UIDs are stable: a later file with a higher SEQUENCE moves the same entry, or cancels it.
    """

    uid: str
    session: GroupSession
    summary: str
    description: str
    url: str


def host() -> str:
    """What makes a UID ours."""
    return urlsplit(settings.SITE_URL).hostname or ""


def member_entries(*, enrollment: Enrollment, sessions: Iterable[GroupSession]) -> list[Entry]:
    """`sessions` as one member meets them."""
    return [
        _by_a_door(f"{enrollment.public_id}-{session.number}", session, enrollment.door_url)
        for session in sessions
    ]


def visit_entry(visit: Visit) -> Entry:
    """The one session in which somebody has a chair."""
    return _by_a_door(str(visit.public_id), visit.session, visit.door_url)


def _by_a_door(name: str, session: GroupSession, door_url: str) -> Entry:
    """In words that tell nobody what it is."""
    return Entry(
        uid=f"{name}@{host()}",
        session=session,
        summary=f"{settings.PRACTICE_NAME}: weekly session",
        description=f"Your private link: {door_url}",
        url=door_url,
    )


def sessions_ics(
    *, enrollment: Enrollment, sessions: Iterable[GroupSession], now: dt.datetime
) -> bytes:
    """An .ics of `sessions` for one member (RFC 5545)."""
    entries = member_entries(enrollment=enrollment, sessions=sessions)
    return bytes(calendar_of(entries, now=now).to_ical())


def visit_ics(*, visit: Visit, now: dt.datetime) -> bytes:
    """An .ics of the one session in which somebody has a chair."""
    return bytes(calendar_of([visit_entry(visit)], now=now).to_ical())


def calendar_of(entries: Iterable[Entry], *, now: dt.datetime) -> Calendar:
    """Instants are in UTC, so every calendar shows its owner's local time."""
    calendar = Calendar()
    calendar.add("prodid", f"-//{settings.PRACTICE_NAME}//Sessions//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for entry in entries:
        calendar.add_component(_event(entry, now))
    return calendar


def _event(entry: Entry, now: dt.datetime) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", now)
    event.add("dtstart", entry.session.starts_at)
    event.add("dtend", entry.session.ends_at)
    event.add("sequence", entry.session.sequence)
    if entry.session.cancelled_at is not None:
        event.add("status", "CANCELLED")
    event.add("summary", entry.summary)
    event.add("description", entry.description)
    event.add("location", entry.url)
    event.add("url", vUri(entry.url))
    # Friends who see a shared calendar read "busy" and nothing else.
    event.add("class", "PRIVATE")
    return event
