"""What staff see of a group's waitlist: who waits since when, and why they wait."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Max

from enrollment import waitlist
from enrollment.models import Enrollment, Seat, Visit
from enrollment.roster import name_of
from enrollment.seats import free_seats
from enrollment.states import Status
from sessions.models import Cohort

CLOSED = "The group takes no new members any more"
TOO_NEAR = "The next session at which one can begin is too near for an offer"
FULL = "No seat is free"
IN_A_MINUTE = "A seat is free, and is offered within a minute"


@dataclass(frozen=True, slots=True)
class Line:
    """One person: `until` for an offer that runs, else why they wait, in words."""

    enrollment: Enrollment
    name: str
    place: int | None
    why: str
    until: dt.datetime | None


def lines(*, cohort: Cohort, now: dt.datetime) -> list[Line]:
    """Those who have an offer, then those who wait, in their order. At most six queries."""
    found = list(
        Enrollment.objects.filter(cohort=cohort, status__in=(Status.OFFERED, Status.WAITLISTED))
        .select_related("member")
        .order_by("status", "waiting_since", "pk")  # "offered" comes before "waitlisted"
    )
    waiting = [one for one in found if one.status == Status.WAITLISTED]
    free, why = _free_now(cohort, now) if waiting else (0, "")
    offered = [
        Line(one, name_of(one), None, "", one.held_until)
        for one in found
        if one.status == Status.OFFERED
    ]
    return offered + [
        Line(one, name_of(one), number, IN_A_MINUTE if number <= free else why, None)
        for number, one in enumerate(waiting, start=1)
    ]


def _free_now(cohort: Cohort, now: dt.datetime) -> tuple[int, str]:
    """How many seats the next in line will be offered, and why the others get none."""
    if not waitlist.takes(cohort, now):
        return 0, CLOSED
    offer = waitlist.terms(cohort=cohort, now=now)
    if offer is None:
        return 0, TOO_NEAR
    free = free_seats(first_week=offer.first_week).filter(cohort=cohort).count()
    chairs = Seat.objects.filter(cohort=cohort, enrollment=None)
    visits = Visit.objects.filter(
        seat__in=chairs, given_back_at=None, session__number__gte=offer.first_week
    )
    last = visits.aggregate(last=Max("session__number"))["last"]
    if last is None:
        return free, FULL
    return free, f"A visitor from another group sits on the free chair until week {last}"


def seats_to_offer(*, cohort: Cohort, now: dt.datetime) -> int:
    """How many seats could be offered now, to whomever. `cohort` with its programme."""
    offer = waitlist.terms(cohort=cohort, now=now)
    return free_seats(first_week=offer.first_week).filter(cohort=cohort).count() if offer else 0


def waiting_count(cohort: Cohort) -> int:
    """Who waits, and who has an offer."""
    return Enrollment.objects.filter(
        cohort=cohort, status__in=(Status.OFFERED, Status.WAITLISTED)
    ).count()
