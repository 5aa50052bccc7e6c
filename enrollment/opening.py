"""Opening a cohort to members: its twelve sessions, and exactly as many seats as it has chairs."""

import datetime as dt

from django.db import transaction

from enrollment.models import Seat
from sessions.models import Cohort
from sessions.schedule import ImpossibleSchedule, session_starts
from sessions.services import schedule_sessions


@transaction.atomic
def open_enrollment(*, cohort: Cohort) -> None:
    """Publish a cohort: write its twelve sessions and exactly `capacity` seats.

    Running it again changes nothing but what is missing. Raises ImpossibleSchedule.
    """
    lay_out(cohort=cohort)
    cohort.status = Cohort.Status.PUBLISHED
    cohort.save(update_fields=["status"])


def reasons_not_to_publish(*, cohort: Cohort, now: dt.datetime) -> list[str]:
    """What a person has to mend before members may pay for this group; empty when nothing."""
    reasons = []
    if not cohort.facilitators.exists():
        reasons.append("Choose a facilitator first: nobody would lead this group.")
    try:
        starts = session_starts(cohort.first_date, cohort.wall_time, cohort.zone, cohort.skipped())
    except ImpossibleSchedule as error:
        reasons.append(str(error))
    else:
        if starts[max(cohort.starting_weeks) - 1] <= now:
            reasons.append("Nobody could join any more: choose a later first date.")
    return reasons


@transaction.atomic
def lay_out(*, cohort: Cohort) -> None:
    """Make the sessions and the seats what the cohort now says. Raises ImpossibleSchedule."""
    Cohort.objects.select_for_update().get(pk=cohort.pk)
    schedule_sessions(cohort=cohort)
    Seat.objects.bulk_create(
        [Seat(cohort=cohort, number=number) for number in range(1, cohort.capacity + 1)],
        ignore_conflicts=True,
    )
