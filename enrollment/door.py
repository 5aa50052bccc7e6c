"""The join door: who you are, whether you are in good standing, and the clock, at the click.

Mails and calendar files carry the door's address only. The meeting's own address leaves
this module in one place, as the target of a redirect for somebody who may enter now.
"""

import dataclasses
import datetime as dt
from enum import StrEnum

from django.db import transaction

from accounts.models import User
from enrollment.models import Attendance, Enrollment, Visit
from enrollment.states import IN_STANDING, Status
from sessions.models import GroupSession


class DoorState(StrEnum):
    OPEN = "open"
    EARLY = "early"
    ENDED_TODAY = "ended_today"
    OVER = "over"
    CANCELLED = "cancelled"
    NO_STANDING = "no_standing"
    NOT_YOURS = "not_yours"
    GIVEN_BACK = "given_back"
    UNKNOWN = "unknown"
    STATE_NOT_ADMITTED = "state_not_admitted"


# Long enough that an evening's link, opened after the session, speaks of that session.
JUST_ENDED = dt.timedelta(hours=3)


@dataclasses.dataclass(frozen=True, slots=True)
class Doorway:
    """What the door answers. `session` is the one meant: running, next, or just ended.

    With `visit` it is another group's session, in which the member has a chair.
    """

    state: DoorState
    enrollment: Enrollment | None = None
    session: GroupSession | None = None
    opens_at: dt.datetime | None = None
    next_session: GroupSession | None = None
    visit: Visit | None = None


def look(*, token: str, user: User, now: dt.datetime) -> Doorway:
    """Whether `user` may enter by this link now, and if not, why."""
    enrollment = (
        Enrollment.objects.select_related("cohort__programme").filter(door_token=token).first()
    )
    if enrollment is None:
        return _look_at_visit(token, user, now)
    if enrollment.member_id != user.pk:
        return Doorway(DoorState.NOT_YOURS)
    if enrollment.status == Status.COMPLETED:
        return Doorway(DoorState.OVER, enrollment)
    if enrollment.status not in IN_STANDING:
        return Doorway(DoorState.NO_STANDING, enrollment)
    return _by_the_clock(enrollment, now)


def _look_at_visit(token: str, user: User, now: dt.datetime) -> Doorway:
    """The door of one session in another group."""
    visit = (
        Visit.objects.select_related("enrollment__cohort", "session__cohort__programme")
        .filter(door_token=token)
        .first()
    )
    if visit is None:
        return Doorway(DoorState.UNKNOWN)
    if visit.enrollment.member_id != user.pk:
        return Doorway(DoorState.NOT_YOURS)
    session = visit.session
    here = Doorway(DoorState.OPEN, visit.enrollment, session, opening_time(session), None, visit)
    if visit.enrollment.status not in IN_STANDING:
        return dataclasses.replace(here, state=DoorState.NO_STANDING)
    if session.cancelled_at is not None:
        return dataclasses.replace(here, state=DoorState.CANCELLED)
    if visit.given_back_at is not None:
        return dataclasses.replace(here, state=DoorState.GIVEN_BACK)
    if now >= session.ends_at:
        return dataclasses.replace(here, state=DoorState.ENDED_TODAY)
    if now < opening_time(session):
        return dataclasses.replace(here, state=DoorState.EARLY)
    return here


def _by_the_clock(enrollment: Enrollment, now: dt.datetime) -> Doorway:
    """What the door answers to somebody in good standing."""
    near = list(
        GroupSession.objects.filter(
            cohort=enrollment.cohort_id,
            number__gte=enrollment.first_week,
            ends_at__gt=now - JUST_ENDED,
        ).order_by("starts_at")
    )
    for session in near:
        # The same cohort is loaded already, with what the redirect will need.
        session.cohort = enrollment.cohort
    held = [session for session in near if session.cancelled_at is None]
    coming = next((session for session in held if session.ends_at > now), None)
    ended = next((session for session in held if session.ends_at <= now), None)
    cancelled = next(
        (s for s in near if s.cancelled_at and opening_time(s) <= now < s.ends_at), None
    )
    opens_at = opening_time(coming) if coming else None
    if cancelled is not None and (opens_at is None or now < opens_at):
        return Doorway(DoorState.CANCELLED, enrollment, cancelled, opens_at, coming)
    if coming is not None and opens_at is not None:
        if now >= opens_at:
            return Doorway(DoorState.OPEN, enrollment, coming, opens_at)
        if ended is None:
            return Doorway(DoorState.EARLY, enrollment, coming, opens_at, coming)
        return Doorway(DoorState.ENDED_TODAY, enrollment, ended, opens_at, coming)
    return Doorway(DoorState.OVER, enrollment, ended)


def last_location(member: User) -> str:
    """The state from which the member joined last; empty the first time, to be chosen."""
    arrivals = Attendance.objects.filter(enrollment__member=member).order_by("-arrived_at")
    return arrivals.values_list("location", flat=True).first() or ""


def opening_time(session: GroupSession) -> dt.datetime:
    minutes = session.cohort.programme.door_opens_minutes
    return session.starts_at - dt.timedelta(minutes=minutes)


@transaction.atomic
def enter(*, doorway: Doorway, location: str, now: dt.datetime) -> str | None:
    """Record the arrival and return the meeting's address; None if the door is not open.

    Standing is read again under a lock, so a withdrawal that commits before the arrival is
    recorded keeps the door closed. The first arrival's time stays.
    """
    if doorway.state != DoorState.OPEN or not doorway.enrollment or not doorway.session:
        return None
    standing = Enrollment.objects.select_for_update().filter(
        pk=doorway.enrollment.pk, status__in=IN_STANDING
    )
    # A session that was cancelled since the look has no meeting to lead to.
    held = GroupSession.objects.filter(pk=doorway.session.pk, cancelled_at=None)
    if not standing.exists() or not held.exists():
        return None
    visit = doorway.visit
    if visit and not Visit.objects.filter(pk=visit.pk, given_back_at=None).exists():
        return None
    Attendance.objects.get_or_create(
        enrollment=doorway.enrollment,
        session=doorway.session,
        defaults={"arrived_at": now, "location": location},
    )
    return doorway.session.joining_url
