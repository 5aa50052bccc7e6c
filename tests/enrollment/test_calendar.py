"""The calendar file, as a program that reads such files finds it."""

import datetime as dt

import pytest
from django.test import override_settings
from icalendar import Calendar

from enrollment.calendar import sessions_ics
from enrollment.models import Enrollment
from sessions.models import GroupSession

LONGEST_LINE = 75  # octets, says RFC 5545
NOW = dt.datetime(2026, 9, 1, 12, 30, 5, tzinfo=dt.timezone(dt.timedelta(hours=2)))
START = dt.datetime(2026, 10, 6, 22, tzinfo=dt.UTC)
ENROLLMENT = Enrollment(door_token="t" * 32)
SESSIONS = [
    GroupSession(
        number=number,
        starts_at=START + dt.timedelta(weeks=number - 1),
        ends_at=START + dt.timedelta(weeks=number - 1, hours=1),
        room="secret-room",
        meeting_url="https://meet.example/secret",
    )
    for number in (1, 2)
]


def written() -> bytes:
    return sessions_ics(enrollment=ENROLLMENT, sessions=SESSIONS, now=NOW)


@override_settings(SITE_URL="https://grouport.example", PRACTICE_NAME="Grouport")
def test_a_reader_of_calendars_finds_every_value() -> None:
    calendar = Calendar.from_ical(written())
    assert (calendar["VERSION"], calendar["METHOD"]) == ("2.0", "PUBLISH")
    assert calendar["PRODID"] == "-//Grouport//Sessions//EN"
    door = f"https://grouport.example/join/{'t' * 32}/"
    for event, session in zip(calendar.events, SESSIONS, strict=True):
        assert (event.start, event.end) == (session.starts_at, session.ends_at)
        assert event.DTSTAMP == NOW
        assert event["UID"] == f"{ENROLLMENT.public_id}-{session.number}@grouport.example"
        assert (event["SEQUENCE"], event["CLASS"]) == (0, "PRIVATE")
        assert event["SUMMARY"] == "Grouport: weekly session"
        assert event["DESCRIPTION"] == f"Your private link: {door}"
        assert (event["LOCATION"], event["URL"]) == (door, door)
        assert event.errors == []
    assert b"secret" not in written()


@pytest.mark.parametrize(
    "name",
    [
        "Group, port; and \\ more",
        "Two\nlines",
        "日本語のグループ" * 12,
    ],
)
def test_any_name_is_read_as_it_was_written(name: str) -> None:
    with override_settings(PRACTICE_NAME=name):
        calendar = Calendar.from_ical(written())
        lines = written().split(b"\r\n")
    assert {str(event["SUMMARY"]) for event in calendar.events} == {f"{name}: weekly session"}
    assert max(map(len, lines)) <= LONGEST_LINE
    assert not any(b"\n" in line or b"\r" in line for line in lines)
