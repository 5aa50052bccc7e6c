"""Chairs: who sits on one for the twelve weeks, and who visits on one for a single session.

A chair is claimed by a guarded UPDATE on its row, found with SKIP LOCKED where the database has
it, so buyers never wait for each other. A chair on which somebody visits is not sold for a week
in which they sit there.
"""

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from enrollment.models import Seat, Visit
from sessions.models import GroupSession


def free_seats(*, first_week: int) -> "QuerySet[Seat]":
    """Chairs that nobody has, nor visits on in `first_week` or later."""
    visited = Visit.objects.filter(
        seat=OuterRef("pk"), given_back_at=None, session__number__gte=first_week
    )
    return Seat.objects.filter(~Exists(visited), enrollment=None)


def claim_seat(*, cohort_id: int, enrollment_id: int, first_week: int) -> bool:
    """Give the enrolment any free chair; False when there is none. Runs in a transaction.

    Visitors are few: the first look does not ask for them, and the guard refuses their chairs.
    """
    seat = find_free_seat(cohort_id=cohort_id)
    while seat is not None:
        if take_seat(seat_id=seat, enrollment_id=enrollment_id, first_week=first_week):
            return True
        seat = find_free_seat(cohort_id=cohort_id, first_week=first_week)
    return False


def find_free_seat(*, cohort_id: int, first_week: int | None = None) -> int | None:
    """A chair that nobody has and nobody else is taking right now. Runs in a transaction.

    With `first_week` also one on which nobody visits in that week or later.
    """
    free = free_seats(first_week=first_week) if first_week else Seat.objects.filter(enrollment=None)
    seats = free.filter(cohort_id=cohort_id)
    if connection.features.has_select_for_update_skip_locked:
        seats = seats.select_for_update(skip_locked=True)
    return seats.values_list("pk", flat=True).first()


def take_seat(*, seat_id: int, enrollment_id: int, first_week: int) -> bool:
    """The guard that makes overselling impossible: the row count decides who has the chair.

    It asks for visits again: the row may have been locked a moment after a visitor committed,
    and what `find_free_seat` saw of visits is older than its lock.
    """
    free = free_seats(first_week=first_week).filter(pk=seat_id)
    return bool(free.update(enrollment_id=enrollment_id))


def release_seat(*, enrollment_id: int) -> None:
    Seat.objects.filter(enrollment_id=enrollment_id).update(enrollment=None)


# --- For one session ----------------------------------------------------------------------


def empty_chairs(*, session: GroupSession) -> "QuerySet[Seat]":
    """Chairs on which nobody sits in this session: not sold, or only for later weeks.

    Those that are sold for later come first, so that a visitor keeps nobody from joining.
    """
    visited = Visit.objects.filter(session=session, given_back_at=None, seat__isnull=False)
    return (
        Seat.objects.filter(
            Q(enrollment=None) | Q(enrollment__first_week__gt=session.number),
            cohort=session.cohort_id,
        )
        .exclude(pk__in=visited.values("seat"))
        .order_by(F("enrollment").asc(nulls_last=True), "number")
    )
