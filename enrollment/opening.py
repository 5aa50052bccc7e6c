"""Opening a cohort to members: its twelve sessions, and exactly as many seats as it has chairs."""

import datetime as dt
import itertools

from django.db import transaction

from enrollment.models import Seat
from sessions import bookings, pricing
from sessions.models import Cohort
from sessions.schedule import ImpossibleSchedule, session_starts
from sessions.services import schedule_sessions


@transaction.atomic
def open_enrollment(*, cohort: Cohort) -> None:
    """Publish a cohort: write its twelve sessions and exactly `capacity` seats.

    Running it again changes nothing but what is missing. Raises ImpossibleSchedule, and
    bookings.Conflict when a leader or the link is wanted elsewhere at the same time.
    """
    lay_out(cohort=cohort)
    cohort.status = Cohort.Status.PUBLISHED
    cohort.save(update_fields=["status"])


def reasons_not_to_publish(*, cohort: Cohort, now: dt.datetime) -> list[str]:
    """What a person has to mend before members may pay for this group; empty when nothing."""
    reasons = []
    if not cohort.facilitators.exists():
        reasons.append("Choose a facilitator first: nobody would lead this group.")
    if words := pricing.too_little_to_pay(cohort.price_cents, max(cohort.starting_weeks)):
        reasons.append(words)
    try:
        starts = session_starts(cohort.first_date, cohort.wall_time, cohort.zone, cohort.skipped())
    except ImpossibleSchedule as error:
        reasons.append(str(error))
    else:
        if starts[max(cohort.starting_weeks) - 1] <= now:
            reasons.append("Nobody could join any more: choose a later first date.")
        reasons += bookings.conflicts(cohort=cohort, leaders=cohort.facilitators.all(), since=now)
    return reasons


@transaction.atomic
def lay_out(*, cohort: Cohort, since: dt.datetime | None = None) -> None:
    """Make the sessions, the seats and the bookings what the cohort now says.

    Sessions that ended before `since` keep the leaders whom they were booked for. Raises
    ImpossibleSchedule and bookings.Conflict.
    """
    stored = Cohort.objects.select_for_update().get(pk=cohort.pk)
    # After a change the sessions hold what members were told, and no plan undoes it.
    if not stored.version:
        schedule_sessions(cohort=cohort)
    add_chairs(cohort=cohort)
    bookings.book(cohort=cohort, since=since)


def add_chairs(*, cohort: Cohort) -> None:
    """Fill up to `capacity`. The numbers need not be 1 to 8: chairs may have been taken away."""
    there = set(Seat.objects.filter(cohort=cohort).values_list("number", flat=True))
    free = (number for number in itertools.count(1) if number not in there)
    missing = max(cohort.capacity - len(there), 0)
    Seat.objects.bulk_create(
        [Seat(cohort=cohort, number=number) for number in itertools.islice(free, missing)]
    )
