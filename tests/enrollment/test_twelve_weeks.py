"""One group through its twelve weeks, with changes on the way: every mail that each member gets."""

import datetime as dt
import zoneinfo
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from icalendar import Calendar

from accounts.models import Role, User
from enrollment import (
    absences,
    door,
    handovers,
    links,
    making_up,
    offers,
    rescheduling,
    roster,
    services,
)
from enrollment.changes import Kind, Wish
from enrollment.handovers import StandIn
from enrollment.models import Enrollment, Mark, Visit
from outbox.models import Message, State
from outbox.services import deliver_due
from sessions.models import Cohort
from tests.enrollment.builders import a_cohort, a_confirmed_seat, a_member
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
HOUR = dt.timedelta(hours=1)
DAYTIME = range(8, 21)
THURSDAYS = (
    "10-08", "10-15", "10-22", "10-29", "11-05", "11-12",
    "11-19", "11-26", "12-03", "12-10", "12-17", "12-24",
)  # fmt: skip


def at(month: int, day: int, hour: int, minute: int = 0) -> dt.datetime:
    """An instant of 2026 on the group's clock."""
    return dt.datetime(2026, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(dt.UTC)


def run(events: dict[dt.datetime, Callable[[dt.datetime], object]]) -> None:
    """Look at the clock every hour of the day, as the application does every minute."""
    now, end = at(9, 28, 12), at(12, 31, 0)
    while now < end:
        if now.astimezone(NEW_YORK).hour in DAYTIME:
            events.pop(now, nothing)(now)
            links.promise_links(now=now)
            if Message.objects.filter(state=State.QUEUED).exists():
                moment = now + dt.timedelta(seconds=10)
                deliver_due(clock=partial(lambda instant: instant, moment))
        now += HOUR
    assert not events


def nothing(now: dt.datetime) -> None:
    """What happens in most hours."""


def got(member: User) -> list[str]:
    """Kind and occasion of each mail that the member was sent, as "link 10-06 18:00"."""
    names = {
        links.SESSION_LINK: "link",
        links.SESSION_REMINDER: "reminder",
        links.VISIT_LINK: "visit link",
        links.VISIT_REMINDER: "visit reminder",
    }
    mails = []
    for message in Message.objects.filter(recipient=member, state=State.SENT).order_by("sent_at"):
        if message.kind in names:
            when = links.minute(message.occasion_id).astimezone(NEW_YORK)
            mails.append(f"{names[message.kind]} {when:%m-%d %H:%M}")
        else:
            mails.append(message.kind)
    return mails


def both(*sessions: str) -> list[str]:
    return [f"{kind} {when}" for when in sessions for kind in ("link", "reminder")]


# --- A whole season: moved, replaced, a substitute, a visit -------------------------------


def calendar_of(member: User, sink: SmtpSink) -> set[dt.datetime]:
    """The entries in a member's own calendar after opening every file that they were sent.

    As RFC 5545 has it: a file with the same UID and no lower SEQUENCE replaces the entry.
    """
    entries: dict[str, Any] = {}
    for mail in sink.messages:
        assert len(mail.rcpt_tos) == 1
        if mail.rcpt_tos != [member.email]:
            continue
        for attachment in mail.message.iter_attachments():
            for event in Calendar.from_ical(attachment.get_content()).walk("VEVENT"):
                known = entries.get(str(event["uid"]))
                if known is None or event["sequence"] >= known["sequence"]:
                    entries[str(event["uid"])] = event
    kept = [event for event in entries.values() if event.get("status") != "CANCELLED"]
    return {event.decoded("dtstart") for event in kept}


def starts(cohort: Cohort, first_week: int = 1) -> set[dt.datetime]:
    sessions = cohort.group_sessions.filter(number__gte=first_week, cancelled_at=None)
    return set(sessions.values_list("starts_at", flat=True))


def test_a_season_with_a_move_a_replaced_week_a_substitute_and_a_visit(
    smtp_sink: SmtpSink,
) -> None:
    tuesdays = a_cohort(admission=Cohort.Admission.MODULE_STARTS)
    thursdays = a_cohort(name="Thursday evenings", starts_at=at(10, 8, 19))
    dana, luis, mei = (
        a_member(role=Role.FACILITATOR, display_name=name, time_zone="America/New_York")
        for name in ("Dana Reyes", "Luis Ortega", "Mei Tanaka")
    )
    tuesdays.facilitators.add(dana)
    thursdays.facilitators.add(luis)
    ada, bea, cleo, dora = (
        a_member(display_name=name, time_zone="America/New_York")
        for name in ("Ada", "Bea", "Cleo", "Dora")
    )

    def joins(member: User, cohort: Cohort) -> Callable[[dt.datetime], object]:
        return lambda now: a_confirmed_seat(cohort=cohort, member=member, now=now)

    def changes(wish: Wish) -> Callable[[dt.datetime], object]:
        def change(now: dt.datetime) -> None:
            version = Cohort.objects.get(pk=tuesdays.pk).version
            rescheduling.apply(
                cohort_id=tuesdays.pk, wish=wish, version=version, actor=dana, reason="", now=now
            )

        return change

    def mei_stands_in(now: dt.datetime) -> None:
        handovers.apply(
            cohort_id=tuesdays.pk,
            wish=StandIn(7, absent=dana.pk, substitute=mei.pk),
            version=Cohort.objects.get(pk=tuesdays.pk).version,
            actor=dana,
            reason="A wedding",
            now=now,
        )

    def ada_takes_a_chair(now: dt.datetime) -> None:
        seat = Enrollment.objects.get(member=ada)
        week = absences.own_week(enrollment=seat, number=8, now=now)
        [host] = offers.offers(week=week, now=now)
        making_up.take_chair(week=week, session_id=host.pk, now=now)

    def ada_goes_in(now: dt.datetime) -> None:
        visit = Visit.objects.get()
        doorway = door.look(token=visit.door_token, user=ada, now=now)
        assert door.enter(doorway=doorway, location="NY", now=now)

    def leaves(now: dt.datetime) -> None:
        seat = Enrollment.objects.get(member=bea)
        services.withdraw(enrollment_id=seat.pk, actor=bea, reason="Left", now=now)

    run(
        {
            at(9, 28, 12): joins(ada, tuesdays),
            at(9, 28, 13): joins(bea, tuesdays),
            at(9, 28, 14): joins(dora, thursdays),
            at(10, 20, 10): changes(Wish(Kind.MOVE, 3, dt.date(2026, 10, 22), dt.time(17))),
            at(11, 2, 9): changes(Wish(Kind.REPLACE, 5)),
            at(11, 5, 9): joins(cleo, tuesdays),
            at(11, 20, 9): mei_stands_in,  # week 7 is on November 24 by now
            at(11, 22, 9): ada_takes_a_chair,  # week 8, on December 1 by now
            at(11, 25, 9): leaves,
            at(11, 26, 19): ada_goes_in,
        }
    )

    until_week_7 = [
        "seat-confirmed",
        *both("10-06 18:00", "10-13 18:00"),
        "link 10-20 18:00",
        "schedule-changed",
        *both("10-22 17:00", "10-27 18:00"),
        "schedule-changed",
        *both("11-10 18:00", "11-17 18:00"),
        "leaders-changed",
    ]
    last_weeks = both("12-08 18:00", "12-15 18:00", "12-22 18:00", "12-29 18:00")
    assert got(ada) == [
        *until_week_7,
        "visit-confirmed",
        *both("11-24 18:00"),
        "visit link 11-26 19:00",
        "visit reminder 11-26 19:00",
        *last_weeks,
    ]
    assert got(bea) == [*until_week_7, *both("11-24 18:00")]
    assert got(cleo) == [
        "seat-confirmed",
        *both("11-10 18:00", "11-17 18:00"),
        "leaders-changed",
        *both("11-24 18:00", "12-01 18:00"),
        *last_weeks,
    ]
    assert got(dora) == [
        "seat-confirmed",
        *both(*(f"{day} 19:00" for day in THURSDAYS)),
    ]
    assert got(dana) == []  # every change was her own
    assert got(mei) == ["leading-changed"]
    assert got(luis) == []
    everybody = (ada, bea, cleo, dora, dana, luis, mei)
    assert len(smtp_sink.messages) == sum(len(got(person)) for person in everybody)

    row, _ = roster.roster(cohort=tuesdays, now=at(12, 30, 12)).rows
    assert (row.name, row.cells[7].mark) == ("Ada", Mark.MADE_UP)
    assert calendar_of(ada, smtp_sink) == starts(tuesdays) | {at(11, 26, 19)}
    assert calendar_of(bea, smtp_sink) == starts(tuesdays)
    assert calendar_of(cleo, smtp_sink) == starts(tuesdays, first_week=5)
    assert calendar_of(dora, smtp_sink) == starts(thursdays)
