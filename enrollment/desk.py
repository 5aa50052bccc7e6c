"""Reading the leader's desk: this week's sessions, and whom each one expects.

The number of queries does not depend on how many groups, members or sessions there are.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from enrollment import attendance, roster
from enrollment.attendance import EXPECTED
from enrollment.door import opening_time
from enrollment.models import Absence, Attendance, Enrollment
from enrollment.roster import AROUND, marks_of, members_of, sessions_of
from sessions.models import CurriculumWeek, GroupSession, Substitution
from sessions.teaching import weeks_of

AHEAD = dt.timedelta(days=7)
# So long the desk reminds of a session whose attendance nobody closed.
REMINDS = dt.timedelta(days=14)
WHO = ("absent", "substitute")


class Stage(StrEnum):
    """Where a session stands on the clock."""

    COMING = "coming"
    DOOR_OPEN = "door_open"
    RUNNING = "running"
    ENDED = "ended"
    CANCELLED = "cancelled"


def stage(session: GroupSession, now: dt.datetime) -> Stage:
    if session.cancelled_at is not None:
        return Stage.CANCELLED
    if now >= session.ends_at:
        return Stage.ENDED
    if now >= session.starts_at:
        return Stage.RUNNING
    return Stage.DOOR_OPEN if now >= opening_time(session) else Stage.COMING


@dataclass(frozen=True, slots=True)
class Person:
    """One member as the leader of a session meets them."""

    enrollment: Enrollment
    name: str
    arrived_at: dt.datetime | None
    is_new: bool = False
    flag: str = ""
    said_absent: bool = False
    visiting: bool = False

    @property
    def awaited(self) -> bool:
        """Whoever said that they cannot come is not waited for, and welcome all the same."""
        return self.arrived_at is not None or not self.said_absent


@dataclass(frozen=True, slots=True)
class SessionAtDesk:
    session: GroupSession
    stage: Stage
    opens_at: dt.datetime
    week: CurriculumWeek | None
    people: list[Person]
    closed: bool
    substitutions: list[Substitution]

    @property
    def arrived(self) -> int:
        return sum(1 for person in self.people if person.arrived_at)

    @property
    def to_note(self) -> list[Person]:
        """Who deserves a look before the session: new, visiting, missed, or not coming."""
        return [
            person
            for person in self.people
            if person.is_new or person.flag or person.visiting or not person.awaited
        ]

    @property
    def awaited(self) -> list[Person]:
        return [person for person in self.people if person.awaited]


def desk(*, leader: User, since: dt.datetime, now: dt.datetime) -> list[SessionAtDesk]:
    """The leader's sessions from `since` to a week from now, soonest first, and one that runs.

    A session that began before `since` stays until its end: for some readers it is midnight then.
    """
    sessions = sessions_of(leader, now).filter(
        Q(starts_at__gte=since) | Q(ends_at__gt=now), starts_at__lt=now + AHEAD
    )
    return at_desk(sessions=sessions.order_by("starts_at", "pk"), now=now)


def next_led(*, sessions: Iterable[SessionAtDesk], own: Collection[int], leader: User) -> set[int]:
    """The ids of those, of sessions in their order, that come next in their group or run, and that
    this person leads (`sessions.leading.leads`): an admin has all of them at their desk. `own` are
    the ids of the groups that they lead."""
    first: dict[int, SessionAtDesk] = {}
    for one in sessions:
        if one.stage not in (Stage.ENDED, Stage.CANCELLED):
            first.setdefault(one.session.cohort_id, one)
    return {
        one.session.pk
        for cohort, one in first.items()
        if cohort in own or any(swap.substitute_id == leader.pk for swap in one.substitutions)
    }


@dataclass(frozen=True, slots=True)
class StandingIn:
    """A session that somebody leads instead of `absent`; before `opens_at` it is only a date.

    `opens_at` is None where it is open.
    """

    session: GroupSession
    absent: User
    opens_at: dt.datetime | None


def standing_in(*, leader: User, now: dt.datetime) -> list[StandingIn]:
    """Where somebody leads for somebody else, and what they may still look back at. One query."""
    own = leader.substitutions.filter(session__ends_at__gt=now - AROUND, session__cancelled_at=None)
    rows = own.annotate(is_open=Exists(sessions_of(leader, now).filter(pk=OuterRef("session"))))
    return [
        StandingIn(
            session=one.session,
            absent=one.absent,
            opens_at=None if one.is_open else one.session.starts_at - AROUND,
        )
        for one in rows.select_related("absent", "session__cohort").order_by("session__starts_at")
    ]


def still_open(*, leader: User, now: dt.datetime) -> list[GroupSession]:
    """The sessions of the last days that they lead, even for an admin, and whose register is not
    closed. One query."""
    led = Q(cohort__in=leader.cohorts_led.all())
    stood_in = Q(pk__in=leader.substitutions.values("session"))
    somebody = Enrollment.objects.filter(
        cohort=OuterRef("cohort"), status__in=EXPECTED, first_week__lte=OuterRef("number")
    )
    found = sessions_of(leader, now).filter(
        led | stood_in,
        Exists(somebody),
        ends_at__gt=now - REMINDS,
        ends_at__lte=now,
        cancelled_at=None,
        register=None,
    )
    return list(found.select_related("cohort").order_by("starts_at", "pk"))


def at_desk(*, sessions: "QuerySet[GroupSession]", now: dt.datetime) -> list[SessionAtDesk]:
    """Each session with the people expected in it. Ten queries."""
    found = list(sessions.select_related("cohort__programme", "register"))
    cohorts = {session.cohort_id for session in found}
    members = members_of(cohorts)
    marks = marks_of(cohorts, now)
    held = _held(cohorts, now)
    swaps: dict[int, list[Substitution]] = defaultdict(list)
    for swap in Substitution.objects.filter(session__in=found).select_related(*WHO):
        swaps[swap.session_id].append(swap)
    weeks = weeks_of(cohorts=cohorts, now=now)
    arrivals = {
        (arrival.session_id, arrival.enrollment_id): arrival.arrived_at
        for arrival in Attendance.objects.filter(session__in=found)
    }
    absences = set(
        Absence.objects.standing()
        .filter(session__in=found)
        .values_list("session_id", "enrollment_id")
    )
    visitors = roster.visitors(sessions=found)

    def person(one: Enrollment, session: GroupSession) -> Person:
        return Person(
            enrollment=one,
            name=roster.name_of(one),
            arrived_at=arrivals.get((session.pk, one.pk)),
            is_new=not any(n >= one.first_week for n in held[session.cohort_id]),
            flag=attendance.flag(marks[one.pk].values()),
            said_absent=(session.pk, one.pk) in absences,
        )

    return [
        SessionAtDesk(
            session=session,
            stage=stage(session, now),
            opens_at=opening_time(session),
            week=weeks[session.cohort_id].get(session.number),
            people=[
                person(one, session)
                for one in members[session.cohort_id]
                if one.first_week <= session.number
                and one.status in EXPECTED
                and session.cancelled_at is None
            ]
            + [
                Person(visitor.enrollment, visitor.name, visitor.arrived_at, visiting=True)
                for visitor in visitors.get(session.pk, [])
            ],
            closed=hasattr(session, "register"),
            substitutions=swaps[session.pk],
        )
        for session in found
    ]


def _held(cohorts: Iterable[int], now: dt.datetime) -> Mapping[int, list[int]]:
    """The numbers of the sessions that are over, by cohort."""
    found: dict[int, list[int]] = defaultdict(list)
    over = GroupSession.objects.filter(cohort__in=cohorts, ends_at__lte=now, cancelled_at=None)
    for cohort, number in over.values_list("cohort_id", "number"):
        found[cohort].append(number)
    return found
