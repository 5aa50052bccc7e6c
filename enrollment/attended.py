"""Which sessions a member attended, as a paper for an insurer has to say it.

Each session that counts is listed with the one where they really were: another group's, when they
made it up there. What the leader noted counts before what the door saw, as everywhere.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import F, Max

from accounts.models import User
from enrollment.attendance import LATEST, suggest
from enrollment.models import Attendance, AttendanceNote, Enrollment, Mark, Visit
from enrollment.states import Status
from sessions import leading
from sessions.models import GroupSession

# Came to this very session, not to one in its place.
THERE = (Mark.PRESENT, Mark.LATE)


@dataclass(frozen=True, slots=True)
class Attended:
    """`own` is the session of the member's group, `held` the one where they and others were."""

    own: GroupSession
    held: GroupSession
    people: int
    leaders: tuple[User, ...]


def left_at(enrollment: Enrollment) -> dt.datetime | None:
    """When the member's place ended before the group did; None while it did not."""
    ended = (Status.WITHDRAWN, Status.CANCELLED)
    if enrollment.status not in (*ended, Status.LATE_PAID):
        return None
    found: dt.datetime | None = enrollment.moves.filter(target__in=ended).aggregate(at=Max("at"))[
        "at"
    ]
    return found


def attended(*, enrollment: Enrollment, now: dt.datetime) -> list[Attended]:
    """In the order of the group's sessions. Eight queries, however many sessions."""
    over = GroupSession.objects.filter(
        cohort=enrollment.cohort_id,
        number__gte=enrollment.first_week,
        cancelled_at=None,
        ends_at__lte=now,
    ).order_by("number")
    own = {session.pk: session for session in over}
    elsewhere = _visits(enrollment, own, now)
    where = {pk: elsewhere.get(pk, session) for pk, session in own.items()}
    there = _marks([*own, *(session.pk for session in elsewhere.values())])
    teams = leading.teams({session.cohort_id for session in where.values()})
    found = []
    for pk, session in own.items():
        mark = there.get(pk, {}).get(enrollment.pk)
        # Where they were elsewhere counts before a note that they were absent here. What was made
        # up at a time that nobody knows is left out: nobody could answer for such a line.
        held = session if mark in THERE else elsewhere.get(pk)
        if held is None:
            continue
        people = sum(one in THERE for one in there.get(held.pk, {}).values())
        team = teams.get(held.cohort_id, leading.NOBODY)
        found.append(Attended(session, held, people, team.of(held)))
    return found


def _visits(
    enrollment: Enrollment, own: Mapping[int, GroupSession], now: dt.datetime
) -> dict[int, GroupSession]:
    """Own session → the one of another group that they came to in its place."""
    visits = Visit.objects.filter(
        enrollment=enrollment,
        instead_of__in=own,
        given_back_at=None,
        session__cancelled_at=None,
        session__ends_at__lte=now,
        session__attendances__enrollment=enrollment,
        session__attendances__arrived_at__lte=F("session__starts_at") + LATEST,
    ).select_related("session")
    return {visit.instead_of_id: visit.session for visit in visits}


def _marks(sessions: Collection[int]) -> dict[int, dict[int, str]]:
    """Session → enrolment → mark: the note, else what the door saw."""
    found: dict[int, dict[int, str]] = {}
    mark: str
    for arrival in Attendance.objects.filter(session__in=sessions).select_related("session"):
        mark, _ = suggest(arrived_at=arrival.arrived_at, starts_at=arrival.session.starts_at)
        found.setdefault(arrival.session_id, {})[arrival.enrollment_id] = mark
    notes = AttendanceNote.objects.filter(session__in=sessions)
    for session, enrollment, mark in notes.values_list("session_id", "enrollment_id", "mark"):
        found.setdefault(session, {})[enrollment] = mark
    return found
