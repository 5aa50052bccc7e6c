"""What becomes of a seat when its member leaves, and who has it next. Reads only."""

import datetime as dt
from dataclasses import dataclass

from enrollment import waitlist
from enrollment.models import Enrollment, Visit
from enrollment.roster import name_of
from sessions.models import Cohort, GroupSession
from sessions.services import entry_session


@dataclass(frozen=True, slots=True)
class NextInLine:
    """Who is offered the seat in the moment in which it is free, and what they are offered."""

    enrollment: Enrollment
    name: str
    terms: waitlist.Terms


@dataclass(frozen=True, slots=True)
class SeatEffect:
    """How many sessions of theirs stop, and who may have the seat next.

    With nobody in line anybody may reserve it, unless the group takes nobody new any more.
    """

    has_seat: bool
    frees: bool
    sessions_ahead: int
    visits_ahead: int
    next_in_line: NextInLine | None
    open_to_all: bool


def seat_effect(
    *, enrollment: Enrollment, has_seat: bool, frees: bool, now: dt.datetime
) -> SeatEffect:
    """A constant number of queries."""
    ahead = GroupSession.objects.filter(
        cohort=enrollment.cohort_id,
        number__gte=enrollment.first_week,
        ends_at__gt=now,
        cancelled_at=None,
    )
    visits = Visit.objects.filter(
        enrollment=enrollment, given_back_at=None, session__starts_at__gt=now
    )
    return SeatEffect(
        has_seat=has_seat,
        frees=frees,
        sessions_ahead=ahead.count(),
        visits_ahead=visits.count(),
        next_in_line=next_in_line(enrollment.cohort, now),
        open_to_all=can_be_joined(enrollment.cohort, now),
    )


def next_in_line(cohort: Cohort, now: dt.datetime) -> NextInLine | None:
    """Who is offered a seat that is free again; None when nobody waits, or nobody can join."""
    offer = waitlist.terms(cohort=cohort, now=now)
    first = waitlist.next_in_line(cohort_id=cohort.pk) if offer else None
    return NextInLine(first, name_of(first), offer) if first and offer else None


def can_be_joined(cohort: Cohort, now: dt.datetime) -> bool:
    """Whether a newcomer could have a seat of this group."""
    published = cohort.status == Cohort.Status.PUBLISHED
    return published and entry_session(cohort=cohort, now=now) is not None
