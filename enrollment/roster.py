"""Reading one group from within: who may, its people, their twelve weeks, a session's register.

The number of queries does not depend on how many members or sessions there are.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts.models import Role, User
from enrollment import attendance
from enrollment.attendance import CAME, EXPECTED, ON_THE_ROSTER
from enrollment.catalogue import public_groups
from enrollment.models import Attendance, AttendanceNote, Enrollment, Mark, Visit
from sessions.models import Cohort, GroupSession, Substitution

# Whoever leads one session only needs it, and those in it, so long before its start and after its
# end: to prepare, and to note who came.
AROUND = dt.timedelta(days=7)
NAMELESS = "No name given"
# No marks of anybody's: a cancelled session is neither attended nor missed, and who came through
# the door is not noted yet.
CANCELLED = "cancelled"
ARRIVED = "arrived"


def cohorts_of(leader: User) -> "QuerySet[Cohort]":
    """The groups that somebody may see from within: their own, or all for an admin."""
    groups = public_groups()
    if leader.role == Role.ADMIN:
        return groups
    if leader.role == Role.FACILITATOR:
        return groups.filter(facilitators=leader)
    return groups.none()


def sessions_of(leader: User, now: dt.datetime) -> "QuerySet[GroupSession]":
    """The sessions that somebody may see from within: those of their groups, and those in which
    they stand in for somebody, from a week before until a week after."""
    if not leader.leads:
        return GroupSession.objects.none()
    sessions = GroupSession.objects.exclude(cohort__status=Cohort.Status.DRAFT)
    stood_in = Substitution.objects.filter(substitute=leader).values("session")
    stands_in = Q(pk__in=stood_in, starts_at__lte=now + AROUND, ends_at__gt=now - AROUND)
    return sessions.filter(Q(cohort__in=cohorts_of(leader)) | stands_in)


def name_of(enrollment: Enrollment) -> str:
    """The name that they chose; an address is nobody's name."""
    return enrollment.member.display_name or NAMELESS


def members_of(cohorts: Iterable[int]) -> Mapping[int, list[Enrollment]]:
    found: dict[int, list[Enrollment]] = defaultdict(list)
    members = Enrollment.objects.filter(cohort__in=cohorts, status__in=ON_THE_ROSTER)
    for one in members.select_related("member").order_by("member__display_name", "pk"):
        found[one.cohort_id].append(one)
    return found


def marks_of(cohorts: Iterable[int], now: dt.datetime) -> Mapping[int, dict[int, str]]:
    """What counts for each enrolment: session's number → mark, in the sessions' order.

    What is noted about a session counts from its beginning. Two queries.
    """
    sessions = GroupSession.objects.filter(cohort__in=cohorts, cancelled_at=None)
    notes = AttendanceNote.objects.filter(session__in=sessions.filter(starts_at__lte=now))
    made_up = attendance.made_up(sessions)
    weeks: dict[tuple[int, int], str] = {}
    rows = notes.values_list("enrollment_id", "session_id", "session__number", "mark")
    for enrollment, session, number, mark in rows:
        counts = attendance.counted(mark, made_up=(enrollment, session) in made_up)
        weeks[enrollment, number] = counts
    for (enrollment, _), number in made_up.items():
        weeks.setdefault((enrollment, number), Mark.MADE_UP)
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for (enrollment, number), mark in sorted(weeks.items()):
        found[enrollment][number] = mark
    return found


# --- One group: twelve weeks by so many people ------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """One member in one week. `mark` is empty where there is nothing to say;
    `noted` says whether it counts, as nothing does before the session has begun."""

    session: GroupSession
    mark: str
    words: str
    noted: bool


@dataclass(frozen=True, slots=True)
class RosterRow:
    enrollment: Enrollment
    name: str
    cells: list[Cell]
    came: int
    counted: int
    flag: str

    @property
    def rate(self) -> int | None:
        """Percent of the sessions that count for this member; None before the first."""
        return round(100 * self.came / self.counted) if self.counted else None


@dataclass(frozen=True, slots=True)
class Roster:
    cohort: Cohort
    sessions: list[GroupSession]
    rows: list[RosterRow]

    @property
    def rate(self) -> int | None:
        counted = sum(row.counted for row in self.rows)
        return round(100 * sum(row.came for row in self.rows) / counted) if counted else None


def roster(*, cohort: Cohort, now: dt.datetime) -> Roster:
    """Everybody who is or was confirmed, and what became of each week. Six queries."""
    sessions = list(
        GroupSession.objects.filter(cohort=cohort).select_related("register").order_by("number")
    )
    arrivals = {
        (arrival.enrollment_id, arrival.session_id): arrival.arrived_at
        for arrival in Attendance.objects.filter(session__in=sessions)
    }
    notes = {
        (note.enrollment_id, note.session_id): note
        for note in AttendanceNote.objects.filter(session__in=sessions)
    }
    made_up = attendance.made_up(sessions)
    rows = []
    for one in members_of([cohort.pk])[cohort.pk]:
        cells = [
            _cell(
                one,
                session,
                notes.get((one.pk, session.pk)),
                arrivals.get((one.pk, session.pk)),
                (one.pk, session.pk) in made_up,
                now,
            )
            for session in sessions
        ]
        marks = [cell.mark for cell in cells if cell.noted]
        rows.append(
            RosterRow(
                enrollment=one,
                name=name_of(one),
                cells=cells,
                came=sum(mark in CAME for mark in marks),
                counted=sum(mark != Mark.EXCUSED for mark in marks),
                flag=attendance.flag(marks),
            )
        )
    return Roster(cohort, sessions, rows)


def _cell(
    member: Enrollment,
    session: GroupSession,
    note: AttendanceNote | None,
    arrived_at: dt.datetime | None,
    made_up: bool,
    now: dt.datetime,
) -> Cell:
    if session.cancelled_at is not None:
        return Cell(session, CANCELLED, "Cancelled", noted=False)
    if made_up and not (note and note.mark in CAME):
        return Cell(session, Mark.MADE_UP, Mark.MADE_UP.label, noted=True)
    if note is not None:
        words = Mark(note.mark).label
        if note.late_minutes:
            words = f"{words}, {note.late_minutes} min"
        return Cell(session, note.mark, words, noted=session.starts_at <= now)
    if session.number < member.first_week:
        return Cell(session, "", "Before they joined", noted=False)
    if arrived_at is not None:
        return Cell(session, ARRIVED, "Arrived, not noted yet", noted=False)
    return Cell(session, "", "Nothing noted", noted=False)


def as_table(found: Roster) -> list[list[str]]:
    """The roster as rows of words, with a head: for a spreadsheet."""
    head = ["Name", *(f"Week {session.number}" for session in found.sessions), "Attended", "Of"]
    body = [
        [
            row.name,
            *(cell.words if cell.mark else "" for cell in row.cells),
            str(row.came),
            str(row.counted),
        ]
        for row in found.rows
    ]
    return [head, *body]


# --- One session's register -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One member in the register: what counts now, or what the door suggests."""

    enrollment: Enrollment
    name: str
    arrived_at: dt.datetime | None
    note: AttendanceNote | None
    mark: str
    late_minutes: int | None
    said_absent: bool
    made_up: bool


def register_lines(*, session: GroupSession, now: dt.datetime) -> list[Line]:
    """Everybody expected in a session, prefilled from the door once it has begun. Five queries.

    Before, only an absence that was announced is suggested, which is all that can be noted.
    """
    begun = now >= session.starts_at
    arrivals = dict(
        Attendance.objects.filter(session=session).values_list("enrollment_id", "arrived_at")
    )
    notes = {
        note.enrollment_id: note
        for note in AttendanceNote.objects.filter(session=session).select_related("noted_by")
    }
    absent = set(session.absences.standing().values_list("enrollment_id", flat=True))
    made_up = {enrollment for enrollment, _ in attendance.made_up([session])}
    lines = []
    for one in attendance.expected(session).select_related("member"):
        note, arrived_at = notes.get(one.pk), arrivals.get(one.pk)
        mark, minutes = ("", None)
        if note is not None:
            mark, minutes = note.mark, note.late_minutes
        elif now >= session.ends_at or (begun if arrived_at else one.pk in absent):
            mark, minutes = attendance.suggest(
                arrived_at=arrived_at, starts_at=session.starts_at, said_absent=one.pk in absent
            )
        if begun and one.pk in made_up and mark not in CAME:
            mark = Mark.MADE_UP
        lines.append(
            Line(
                one,
                name_of(one),
                arrived_at,
                note,
                mark,
                minutes,
                said_absent=one.pk in absent,
                made_up=one.pk in made_up,
            )
        )
    return lines


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody from another group who has a chair in this session."""

    enrollment: Enrollment
    name: str
    arrived_at: dt.datetime | None


def visitors(*, sessions: Iterable[GroupSession]) -> Mapping[int, list[Visitor]]:
    """Who visits each session, by their names. One query."""
    arrival = Attendance.objects.filter(
        session=OuterRef("session"), enrollment=OuterRef("enrollment")
    )
    visits = (
        Visit.objects.filter(
            session__in=sessions,
            session__cancelled_at=None,
            given_back_at=None,
            enrollment__status__in=EXPECTED,
        )
        .select_related("enrollment__member")
        .annotate(arrived_at=Subquery(arrival.values("arrived_at")))
        .order_by("enrollment__member__display_name", "pk")
    )
    found: dict[int, list[Visitor]] = defaultdict(list)
    for visit in visits:
        one = visit.enrollment
        found[visit.session_id].append(Visitor(one, name_of(one), visit.arrived_at))
    return found
