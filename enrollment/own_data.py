"""What this room keeps about a member, for that member."""

import datetime as dt

from django.db.models import Count

from accounts.clock import local
from accounts.exports import Room, Table, fields, register
from accounts.models import User
from enrollment.models import (
    Absence,
    Attendance,
    AttendanceNote,
    CalendarFeed,
    Consent,
    Enrollment,
    EnrollmentMove,
    Intake,
    Visit,
)


def stays(person: User, now: dt.datetime) -> list[str]:
    """Two queries."""
    seats = Enrollment.objects.filter(member=person, confirmed_at__isnull=False)
    lines = []
    for seat in seats.select_related("cohort").annotate(came=Count("attendances")).order_by("pk"):
        since = local(seat.confirmed_at or seat.reserved_at, person.time_zone)
        lines.append(
            f"Your place in {seat.cohort.name} since {since:%B} {since.day}, {since.year}, what "
            f"you agreed to, and which sessions you came to ({seat.came} so far)."
        )
    if Intake.objects.filter(member=person).exists():
        lines.append("Your answers to our questions before your first group.")
    return lines


GROUP = {"group": "enrollment__cohort__name"}
SESSION = {**GROUP, "week": "session__number", "session": "session__starts_at"}
ROOM = Room(
    "groups",
    "your groups, your answers, what you agreed to, and which sessions you came to",
    (
        Table(
            "answers",
            lambda person: Intake.objects.filter(member=person),
            fields("answers", "updated_at"),
        ),
        Table(
            "groups",
            lambda person: Enrollment.objects.filter(member=person).order_by("pk"),
            {
                **fields("public_id", "status", "first_week", "price_cents", "off_cents"),
                **fields("price_words", "currency", "reserved_at", "waiting_since"),
                **fields("confirmed_at", group="cohort__name", seat="seat__number"),
            },
        ),
        Table(
            "changes",
            lambda person: EnrollmentMove.objects.filter(enrollment__member=person).order_by("pk"),
            fields("source", "target", "at", **GROUP),
        ),
        Table(
            "agreements",
            lambda person: Consent.objects.filter(enrollment__member=person).order_by("pk"),
            fields("kind", "version", "accepted_at", "ip", **GROUP),
        ),
        Table(
            "arrivals",
            lambda person: Attendance.objects.filter(enrollment__member=person).order_by("pk"),
            fields("arrived_at", "location", **SESSION),
        ),
        Table(
            "attendance",
            lambda person: AttendanceNote.objects.filter(enrollment__member=person).order_by("pk"),
            fields("mark", "late_minutes", "noted_at", **SESSION),
        ),
        Table(
            "absences",
            lambda person: Absence.objects.filter(enrollment__member=person).order_by("pk"),
            fields("said_at", "starts_at", **SESSION),
        ),
        Table(
            "visits",
            lambda person: Visit.objects.filter(enrollment__member=person).order_by("pk"),
            fields("taken_at", "given_back_at", instead_of_week="instead_of__number", **SESSION),
        ),
        Table(
            "calendar",
            lambda person: CalendarFeed.objects.filter(person=person),
            fields("made_at"),
        ),
    ),
    stays,
)


def register_room() -> None:
    register(ROOM)
