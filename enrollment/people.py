"""One member as those who lead their group see them, and the answers that they may read.

The answers are shown to somebody for whom the audit log holds an entry of the last minutes, so
nobody reads them unseen: without an entry there is nothing that a page could show.
"""

import datetime as dt
import uuid
from dataclasses import dataclass, field, replace
from enum import StrEnum

import structlog
from django.db.models import QuerySet

from accounts import audit
from accounts.encryption import Unreadable
from accounts.models import Action, AuditEntry, Role, Subject, User
from enrollment import attendance, roster
from enrollment.intake import Answers, Line, for_leaders
from enrollment.models import Enrollment, Intake
from enrollment.states import Status
from sessions.models import Cohort, GroupSession

logger = structlog.get_logger(__name__)

# After a group's last session its leaders need nobody's answers much longer.
READABLE_AFTER = dt.timedelta(days=30)
# How long one look lasts: a reload, or "Back", is not another one.
LOOK = dt.timedelta(minutes=10)
# Whether a payment is overdue is not the leaders' affair.
STANDING: dict[str, str] = {
    Status.ACTIVE: "Confirmed",
    Status.GRACE: "Confirmed",
    Status.SUSPENDED: "Paused",
    Status.COMPLETED: "Completed",
}
LOOKS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Person:
    """A member as the reader meets them, and when their answers may be read.

    `row` is their line of the roster; None for somebody who is met in one session only.
    """

    enrollment: Enrollment
    name: str
    row: roster.RosterRow | None
    readable_from: dt.datetime | None
    readable_until: dt.datetime

    @property
    def standing(self) -> str:
        return STANDING[self.enrollment.status]

    def readable(self, now: dt.datetime) -> bool:
        return (self.readable_from or now) <= now <= self.readable_until


class Stage(StrEnum):
    """What the place for the answers holds."""

    HIDDEN = "hidden"
    SHOWN = "shown"
    NONE = "none"  # not given yet
    UNREADABLE = "unreadable"
    EARLY = "early"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers as the page shows them; `looks` is filled for admins only, newest first."""

    stage: Stage
    lines: list[Line] = field(default_factory=list)
    until: dt.datetime | None = None
    last_look: dt.datetime | None = None
    looks: list[AuditEntry] = field(default_factory=list)


def person(*, cohort: Cohort, public_id: uuid.UUID, now: dt.datetime) -> Person:
    """Raises Enrollment.DoesNotExist for somebody who is not on the group's roster."""
    found = roster.roster(cohort=cohort, now=now)
    for row in found.rows:
        if row.enrollment.public_id == public_id:
            last = max(session.ends_at for session in found.sessions)
            return Person(row.enrollment, row.name, row, None, last + READABLE_AFTER)
    raise Enrollment.DoesNotExist


def person_in(*, session: GroupSession, public_id: uuid.UUID) -> Person:
    """Somebody who is expected in the session or visits it, for whoever leads it that day.

    A substitute, or the leader of a visited group, has to know whom to call while the session
    lasts. Raises Enrollment.DoesNotExist for anybody else.
    """
    found = attendance.expected(session).filter(public_id=public_id).select_related("member")
    visitors = roster.visitors(sessions=[session]).get(session.pk, [])
    visiting = [one.enrollment for one in visitors if one.enrollment.public_id == public_id]
    for one in (*found, *visiting):
        return Person(
            enrollment=one,
            name=roster.name_of(one),
            row=None,
            readable_from=session.starts_at - roster.AROUND,
            readable_until=session.ends_at + roster.AROUND,
        )
    raise Enrollment.DoesNotExist


def look(
    *, person: Person, reader: User, now: dt.datetime, ip: str | None = None
) -> AuditEntry | None:
    """Write down that somebody reads the answers from now on; None if there are none to read.

    Pass the entry's key to `answered`, for as long as LOOK.
    """
    member = person.enrollment.member
    if not person.readable(now) or not _given(member):
        return None
    return audit.record(
        actor=reader,
        action=Action.INTAKE_READ,
        subject_kind=Subject.USER,
        subject_id=member.pk,
        now=now,
        ip=ip,
    )


def looks_at(member: User) -> "QuerySet[AuditEntry]":
    """Who read this member's answers and when, newest first."""
    return (
        AuditEntry.objects.filter(
            subject_kind=Subject.USER, subject_id=str(member.pk), action=Action.INTAKE_READ
        )
        .select_related("actor")
        .order_by("-pk")
    )


def answered(*, person: Person, reader: User, entry: int | None, now: dt.datetime) -> Answered:
    """The answers for the reader of the log's `entry`, if it is theirs, of this member and new."""
    looks = looks_at(person.enrollment.member)
    mine = looks.filter(actor=reader)
    found = Answered(
        Stage.HIDDEN,
        last_look=mine.values_list("at", flat=True).first(),
        looks=list(looks[:LOOKS_SHOWN]) if reader.role == Role.ADMIN else [],
    )
    if not person.readable(now):
        over = now > person.readable_until
        return replace(found, stage=Stage.OVER if over else Stage.EARLY)
    if not _given(person.enrollment.member):
        return replace(found, stage=Stage.NONE)
    now_looking = mine.filter(pk=entry, at__gt=now - LOOK).first() if entry else None
    if now_looking is None:
        return found
    lines = _read(person.enrollment)
    if lines is None:
        return replace(found, stage=Stage.UNREADABLE)
    return replace(found, stage=Stage.SHOWN, lines=lines, until=now_looking.at + LOOK)


def _given(member: User) -> bool:
    return Intake.objects.filter(member=member).exists()


def _read(enrollment: Enrollment) -> list[Line] | None:
    """None when no key opens them, or when they were asked in a form that is not known any more."""
    try:
        intake = Intake.objects.get(member=enrollment.member_id)
        return for_leaders(Answers.load(intake.answers))
    except (Unreadable, KeyError, TypeError, ValueError) as error:
        # Of the error only its kind: its words could quote an answer.
        logger.error(
            "intake answers cannot be read",
            enrollment=str(enrollment.public_id),
            error=type(error).__name__,
        )
        return None
