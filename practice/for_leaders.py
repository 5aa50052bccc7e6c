"""What whoever leads a session sees of its members' practice, before and during it.

By default one of two phrases about the week before the session, and nothing more. A member may
let them see the plan of that week, or the goals, or not even the phrase; then it reads as for
somebody who wrote nothing, also in their next group. An admin sees none of it: they lead no group
by being one.
"""

import datetime as dt
import uuid
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction

from accounts import audit
from accounts.models import Action, AuditEntry, Subject, User
from enrollment import attendance
from enrollment.models import Enrollment
from enrollment.people import LOOK
from enrollment.roster import name_of
from practice import aiming
from practice.diary import Card
from practice.models import DiaryEntry, SharedWithLeader, WeekPlan
from practice.planning import Plan
from practice.shared_goals import going_on
from practice.stored import content_of, rows_of
from practice.weeks import DAY, Week, own_weeks, week_of_card, zone_of
from sessions.leading import leads
from sessions.models import GroupSession

Kind = SharedWithLeader.Kind
# Without a row, a member lets them see this.
USUAL: tuple[str, ...] = (Kind.PRACTISED,)
BEYOND = (Kind.PLAN, Kind.GOALS)


@dataclass(frozen=True, slots=True)
class Line:
    """One member. `practised` is False as well when nothing may be said; `more` when a press opens
    what they chose to share besides."""

    enrollment: Enrollment
    name: str
    practised: bool
    more: bool


def parts_of(row: SharedWithLeader | None, latest: Container[str] | None) -> tuple[str, ...]:
    """What was chosen for a seat. Where nothing was, the usual, without what the `latest` choice in
    any other group left out."""
    if row is not None:
        return tuple(row.parts)
    return USUAL if latest is None else tuple(kind for kind in USUAL if kind in latest)


def _parts_by_seat(seats: Iterable[Enrollment]) -> dict[int, tuple[str, ...]]:
    """Of many at once. One query."""
    members = {seat.pk: seat.member_id for seat in seats}
    own: dict[int, SharedWithLeader] = {}
    latest: dict[int, list[str]] = {}
    rows = SharedWithLeader.objects.filter(enrollment__member__in=set(members.values()))
    for row in rows.select_related("enrollment").order_by("saved_at", "pk"):
        own[row.enrollment_id] = row
        latest[row.enrollment.member_id] = row.parts
    return {seat: parts_of(own.get(seat), latest.get(member)) for seat, member in members.items()}


def choose(*, enrollment: Enrollment, parts: Iterable[str], now: dt.datetime) -> None:
    """What whoever leads the group sees from now on; nothing at all is a choice too."""
    chosen = set(parts)
    SharedWithLeader.objects.update_or_create(
        enrollment=enrollment,
        defaults={"parts": [kind for kind in Kind.values if kind in chosen], "saved_at": now},
    )


def is_before(*, session: GroupSession, now: dt.datetime) -> bool:
    """Whether this is the session that comes next, or runs: for others the page holds nothing."""
    if session.cancelled_at is not None or session.ends_at <= now:
        return False
    earlier = GroupSession.objects.filter(
        cohort=session.cohort_id,
        cancelled_at=None,
        ends_at__gt=now,
        starts_at__lt=session.starts_at,
    )
    return not earlier.exists()


@transaction.atomic
def list_for(
    *, session: GroupSession, reader: User, now: dt.datetime, ip: str | None = None
) -> list[Line]:
    """Whether each member practised in the week before; the look is written down once in ten
    minutes. Raises GroupSession.DoesNotExist for somebody who does not lead this session."""
    if not leads(reader, session):
        raise GroupSession.DoesNotExist
    _write_down(f"session-{session.pk}", reader, now, ip)
    members = list(attendance.expected(session).select_related("member"))
    chosen = _parts_by_seat(members)
    practised = _practised(members, session)
    lines = []
    for one in members:
        parts = chosen[one.pk]
        lines.append(
            Line(
                one,
                name_of(one),
                practised=Kind.PRACTISED in parts and one.pk in practised,
                more=any(kind in parts for kind in BEYOND),
            )
        )
    return sorted(lines, key=lambda line: (line.name.casefold(), line.enrollment.pk))


@dataclass(frozen=True, slots=True)
class Opened:
    enrollment: Enrollment
    name: str
    parts: tuple[str, ...]


@contextmanager
def held(*, session: GroupSession, public_id: uuid.UUID, reader: User) -> Iterator[Opened]:
    """What one member shares beyond the usual, which stays so until the block ends.

    Raises Enrollment.DoesNotExist for anybody who does not share it, GroupSession.DoesNotExist as
    above.
    """
    if not leads(reader, session):
        raise GroupSession.DoesNotExist
    with transaction.atomic():
        expected = attendance.expected(session).select_related("member", "cohort__programme")
        enrollment = expected.get(public_id=public_id)
        row = (
            SharedWithLeader.objects.select_for_update(no_key=True)
            .filter(enrollment=enrollment)
            .first()
        )
        # None of these is usual, so a choice in another group adds nothing.
        parts = tuple(kind for kind in BEYOND if kind in parts_of(row, None))
        if not parts:
            raise Enrollment.DoesNotExist
        yield Opened(enrollment, name_of(enrollment), parts)


@contextmanager
def opened(
    *,
    session: GroupSession,
    public_id: uuid.UUID,
    reader: User,
    now: dt.datetime,
    ip: str | None = None,
) -> Iterator[Opened]:
    """As `held`, for reading: written down first, so that the member sees it."""
    with held(session=session, public_id=public_id, reader=reader) as found:
        _write_down(found.enrollment.pk, reader, now, ip)
        yield found


def agree(
    *,
    session: GroupSession,
    public_id: uuid.UUID,
    reader: User,
    goal: uuid.UUID,
    seen: int,
    now: dt.datetime,
) -> None:
    """Note that the five steps of a goal are agreed on with whoever leads.

    Raises as `held`, and Goal.DoesNotExist or aiming.NotPossible.
    """
    with held(session=session, public_id=public_id, reader=reader) as found:
        if Kind.GOALS not in found.parts:
            raise Enrollment.DoesNotExist
        about = going_on(enrollment=found.enrollment, goal=goal)
        aiming.agree(goal=about, by=reader, seen=seen, now=now)


def week_before(
    *, session: GroupSession, sessions: Iterable[GroupSession], enrollment: Enrollment
) -> Week | None:
    """The member's week that ends with this session: what was learned last before it."""
    return _last_before(session, _weeks_of(enrollment, sessions))


def _weeks_of(enrollment: Enrollment, sessions: Iterable[GroupSession]) -> list[Week]:
    zone = zone_of(enrollment.member.time_zone)
    return own_weeks(sessions=sessions, first_week=enrollment.first_week, teaches={}, zone=zone)


def _last_before(session: GroupSession, weeks: Iterable[Week]) -> Week | None:
    before = [week for week in weeks if week.starts_at < session.starts_at]
    return before[-1] if before else None


def _practised(members: list[Enrollment], session: GroupSession) -> set[int]:
    """Who noted a skill in that week, or that the plan went at least partly. Three queries."""
    sessions = list(GroupSession.objects.filter(cohort=session.cohort_id))
    all_weeks = {one.pk: _weeks_of(one, sessions) for one in members}
    weeks = {pk: _last_before(session, of_one) for pk, of_one in all_weeks.items()}
    days = [week for week in weeks.values() if week is not None]
    if not days:
        return set()
    found = set()
    cards = DiaryEntry.objects.filter(
        enrollment__in=members,
        # The day of the session too: what was saved before it belongs to the week before.
        day__range=(
            min(week.first_day for week in days),
            max(week.last_day for week in days) + DAY,
        ),
    )
    # Of a value that no key opens nothing can be said; the others' lines stand.
    for card in rows_of(cards, "content", "replaced"):
        week = weeks[card.enrollment_id]
        of_card = week_of_card(all_weeks[card.enrollment_id], card.day, card.saved_at)
        if week and of_card == week and Card.load(content_of(card)).skills:
            found.add(card.enrollment_id)
    plans = WeekPlan.objects.filter(enrollment__in=members, week__in={week.number for week in days})
    for plan in rows_of(plans):
        week = weeks[plan.enrollment_id]
        if not week or plan.week != week.number:
            continue
        if Plan.load(content_of(plan)).was_practised:
            found.add(plan.enrollment_id)
    return found


def _write_down(subject: object, reader: User, now: dt.datetime, ip: str | None) -> None:
    """A reload within ten minutes is the same look."""
    looks = AuditEntry.objects.filter(
        subject_kind=Subject.PRACTICE,
        subject_id=str(subject),
        action=Action.PRACTICE_READ,
        actor=reader,
        at__gt=now - LOOK,
    )
    if not looks.exists():
        audit.record(
            actor=reader,
            action=Action.PRACTICE_READ,
            subject_kind=Subject.PRACTICE,
            subject_id=subject,
            now=now,
            ip=ip,
        )
