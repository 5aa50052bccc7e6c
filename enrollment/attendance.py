"""Who came, who came late, who did not: what the door saw, what the leader noted.

A note counts; without one, what the door saw suggests it. Closing a session's register writes
the suggestion down for everybody who has no note, so that what counts later was somebody's word.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from accounts.models import User
from enrollment.models import Attendance, AttendanceNote, Enrollment, Mark, Register, Visit
from enrollment.states import IN_STANDING, Status
from sessions.models import GroupSession

# Whoever comes later than this has missed the session (the policy that members agree to).
LATEST = dt.timedelta(minutes=15)
MINUTE = dt.timedelta(minutes=1)
MISSED = (Mark.ABSENT,)
CAME = (Mark.PRESENT, Mark.LATE, Mark.MADE_UP)
# So many misses in a row ask for so much. At four a person decides, never the program.
FLAGS = {2: "check in", 3: "reach out", 4: "decide together how to go on"}
# Excused or not, after so many sessions away somebody asks how they are.
AWAY = 3
# Whoever is paused cannot come in, so nobody misses them; their weeks until then stay known.
EXPECTED = (*IN_STANDING, Status.COMPLETED)
ON_THE_ROSTER = (*EXPECTED, Status.SUSPENDED)


class TooEarly(Exception):
    """Nobody has come or missed anything yet; the message says what has to be waited for."""


class Closed(Exception):
    """The register is closed: everybody in it keeps a note, which can still be corrected."""


class ChangedMeanwhile(Exception):
    """Somebody else noted something about these members since the page was opened."""

    def __init__(self, notes: "Sequence[AttendanceNote]") -> None:
        super().__init__()
        self.notes = notes


@dataclass(frozen=True, slots=True)
class Noted:
    """What somebody says about one member: `seen` is the time of the note they had before them.

    Without a mark they take that note back.
    """

    enrollment_id: int
    mark: Mark | None
    late_minutes: int | None = None
    seen: dt.datetime | None = None


def suggest(
    *, arrived_at: dt.datetime | None, starts_at: dt.datetime, said_absent: bool = False
) -> tuple[Mark, int | None]:
    """What the door's record means, with whole minutes for somebody who came late.

    Whoever said beforehand that they cannot come is excused.
    """
    if arrived_at is None or arrived_at - starts_at > LATEST:
        return (Mark.EXCUSED if said_absent else Mark.ABSENT), None
    late = int((arrived_at - starts_at) / MINUTE)
    return (Mark.LATE, late) if late >= 1 else (Mark.PRESENT, None)


def misses_in_a_row(marks: Iterable[str]) -> int:
    """How many of the latest sessions were missed without a break; `marks` oldest first.

    An excused absence neither counts nor breaks the row.
    """
    row = 0
    for mark in marks:
        if mark in MISSED:
            row += 1
        elif mark in CAME:
            row = 0
    return row


def away_in_a_row(marks: Iterable[str]) -> int:
    """How many of the latest sessions somebody was not at, excused ones too; oldest first."""
    row = 0
    for mark in marks:
        row = 0 if mark in CAME else row + 1
    return row


def flag(marks: Iterable[str]) -> str:
    """What the latest marks, oldest first, ask of the leader; empty when nothing.

    An excuse counts as no miss; but whoever is away again and again is not forgotten for it.
    """
    marks = list(marks)
    misses, away = misses_in_a_row(marks), away_in_a_row(marks)
    if asked := FLAGS.get(min(misses, max(FLAGS))):
        return f"Missed {misses} in a row: {asked}"
    return f"Away {away} in a row: {FLAGS[2]}" if away >= AWAY else ""


def made_up(sessions: Iterable[GroupSession]) -> dict[tuple[int, int], int]:
    """(enrolment, session) → week, where a member came to it in another group. One query.

    What the door saw there counts before a note that they were absent here: the note may have
    been written before they went.
    """
    visits = Visit.objects.filter(
        instead_of__in=sessions,
        given_back_at=None,
        session__attendances__enrollment=F("enrollment"),
        session__attendances__arrived_at__lte=F("session__starts_at") + LATEST,
    )
    rows = visits.values_list("enrollment_id", "instead_of_id", "instead_of__number")
    return {(enrollment, session): number for enrollment, session, number in rows}


def counted(mark: str, *, made_up: bool) -> str:
    """The mark that counts; empty without any."""
    return Mark.MADE_UP if made_up and mark not in CAME else mark


def expected(session: GroupSession) -> "QuerySet[Enrollment]":
    """Those whose place in this session is theirs, by their name; nobody when it is cancelled."""
    if session.cancelled_at is not None:
        return Enrollment.objects.none()
    return Enrollment.objects.filter(
        cohort=session.cohort_id, status__in=EXPECTED, first_week__lte=session.number
    ).order_by("member__display_name", "pk")


@transaction.atomic
def note(*, session: GroupSession, noted: Sequence[Noted], actor: User, now: dt.datetime) -> None:
    """Write down what the leader says. All or nothing.

    Before the session begins nobody can be anything but excused: otherwise raises TooEarly.
    Raises ChangedMeanwhile when somebody else's note would be lost, Closed when one is taken back
    after the register was closed, and Enrollment.DoesNotExist for somebody who is not expected in
    this session.
    """
    wanted = {one.enrollment_id: one for one in noted}
    marks = {one.mark for one in noted if one.mark is not None}
    if now < session.starts_at and marks - {Mark.EXCUSED}:
        raise TooEarly("Before a session begins, only “Excused” can be noted. Nothing was saved.")
    members = (
        expected(session)
        .filter(pk__in=wanted)
        .order_by("pk")
        .select_for_update(no_key=True, of=("self",))
    )
    if len(members) != len(wanted):
        raise Enrollment.DoesNotExist
    standing = {
        row.enrollment_id: row
        for row in AttendanceNote.objects.filter(session=session, enrollment__in=wanted)
    }
    unseen = [row for pk, row in standing.items() if row.noted_at != wanted[pk].seen]
    if unseen or any(one.seen and pk not in standing for pk, one in wanted.items()):
        raise ChangedMeanwhile(unseen)
    back = [pk for pk, one in wanted.items() if one.mark is None]
    # Asked when the members are locked, which closing waits for.
    if back and Register.objects.filter(session=session).exists():
        raise Closed
    AttendanceNote.objects.filter(session=session, enrollment__in=back).delete()
    for pk, one in wanted.items():
        if one.mark is None:
            continue
        AttendanceNote.objects.update_or_create(
            session=session,
            enrollment_id=pk,
            defaults={
                "mark": one.mark,
                "late_minutes": one.late_minutes if one.mark == Mark.LATE else None,
                "noted_by": actor,
                "noted_at": now,
            },
        )


@transaction.atomic
def close_register(*, session: GroupSession, actor: User, now: dt.datetime) -> bool:
    """Note for everybody without a note what the door saw; False if it was closed already.

    Raises TooEarly before the session has ended; a cancelled one never does.
    """
    if now < session.ends_at or session.cancelled_at is not None:
        raise TooEarly("The attendance can be closed once the session has ended.")
    try:
        with transaction.atomic():
            Register.objects.create(session=session, closed_at=now, closed_by=actor)
    except IntegrityError:
        return False
    arrivals = dict(
        Attendance.objects.filter(session=session).values_list("enrollment_id", "arrived_at")
    )
    said_absent = set(session.absences.standing().values_list("enrollment_id", flat=True))
    elsewhere = {enrollment for enrollment, _ in made_up([session])}
    # Locked, so that nobody takes a note back after we looked who has one.
    members = expected(session).order_by("pk").select_for_update(no_key=True, of=("self",))
    every = list(members.values_list("pk", flat=True))
    noted = set(AttendanceNote.objects.filter(session=session).values_list("enrollment", flat=True))
    notes = []
    for pk in every:
        if pk in noted:
            continue
        mark, minutes = suggest(
            arrived_at=arrivals.get(pk),
            starts_at=session.starts_at,
            said_absent=pk in said_absent,
        )
        mark = Mark(counted(mark, made_up=pk in elsewhere))
        notes.append(
            AttendanceNote(
                session=session,
                enrollment_id=pk,
                mark=mark,
                late_minutes=minutes,
                noted_by=actor,
                noted_at=now,
            )
        )
    AttendanceNote.objects.bulk_create(notes, ignore_conflicts=True)
    return True
