"""Which chairs a member may take in place of one of their own sessions.

The same week of the program, within seven days of their own session; offered from two weeks before
it, so that nobody fills another group's chairs for a season. In a group that admits their state,
not at the hour of another session of theirs, and with a chair that is empty in that session.
"""

import datetime as dt

from django.db.models import F, Q, QuerySet

from accounts.encryption import Unreadable
from enrollment.absences import NEAR, Week
from enrollment.intake import Answers
from enrollment.models import Enrollment, Intake, Seat, Visit
from enrollment.states import LIVE
from sessions.models import Cohort, GroupSession

AHEAD = dt.timedelta(weeks=2)
OPEN = (Cohort.Status.PUBLISHED, Cohort.Status.CLOSED)


def offers(*, week: Week, now: dt.datetime) -> list[GroupSession]:
    """The sessions in which the member may take a chair, soonest first. At most six queries."""
    if week.came or week.session.cancelled_at or week.session.starts_at > now + AHEAD:
        return []
    state = _state_of(week.enrollment)
    own = _own_times(week)
    near = [
        session
        for session in parallel(week, now)
        if state in session.cohort.admitted_states
        and not any(start < session.ends_at and session.starts_at < end for start, end in own)
    ]
    return _with_a_chair(near)


def parallel(week: Week, now: dt.datetime) -> "QuerySet[GroupSession]":
    """The same week of the programme in other people's groups, still to begin."""
    own = week.session
    mine = Enrollment.objects.filter(member=week.enrollment.member_id, status__in=LIVE)
    return (
        GroupSession.objects.filter(
            number=own.number,
            cancelled_at=None,
            cohort__programme=own.cohort.programme_id,
            cohort__status__in=OPEN,
            starts_at__gt=now,
            starts_at__range=(own.starts_at - NEAR, own.starts_at + NEAR),
        )
        .exclude(cohort__in=mine.values("cohort"))
        .exclude(cohort=own.cohort_id)
        .select_related("cohort__programme")
        .order_by("starts_at", "pk")
    )


def _state_of(enrollment: Enrollment) -> str:
    """Where the member says that they are; empty when nobody can read it, which opens no group."""
    intake = Intake.objects.filter(member=enrollment.member_id).first()
    try:
        return Answers.load(intake.answers).state if intake else ""
    except (Unreadable, KeyError, TypeError, ValueError):
        return ""


def _own_times(week: Week) -> list[tuple[dt.datetime, dt.datetime]]:
    """When the member is elsewhere: their other sessions, and chairs that they have already."""
    member, around = week.enrollment.member_id, 2 * NEAR
    near = Q(starts_at__range=(week.session.starts_at - around, week.session.starts_at + around))
    sessions = GroupSession.objects.filter(
        near,
        cancelled_at=None,
        cohort__enrollments__member=member,
        cohort__enrollments__status__in=LIVE,
        cohort__enrollments__first_week__lte=F("number"),
    ).exclude(pk=week.session.pk)
    visited = GroupSession.objects.filter(
        near, visits__enrollment__member=member, visits__given_back_at=None
    )
    return [
        times
        for found in (sessions, visited)
        for times in found.values_list("starts_at", "ends_at")
    ]


def _with_a_chair(sessions: list[GroupSession]) -> list[GroupSession]:
    """Those in which a chair is empty. Two queries."""
    if not sessions:
        return []
    number = sessions[0].number
    seats = Seat.objects.filter(
        Q(enrollment=None) | Q(enrollment__first_week__gt=number),
        cohort__in={session.cohort_id for session in sessions},
    ).values_list("cohort_id", "pk")
    free: dict[int, set[int]] = {}
    for cohort, seat in seats:
        free.setdefault(cohort, set()).add(seat)
    taken: dict[int, set[int | None]] = {}
    visits = Visit.objects.filter(session__in=sessions, given_back_at=None)
    for pk, chair in visits.values_list("session_id", "seat_id"):
        taken.setdefault(pk, set()).add(chair)
    return [one for one in sessions if free.get(one.cohort_id, set()) - taken.get(one.pk, set())]
