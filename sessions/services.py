"""Writing a cohort's calendar."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable

from django.db import transaction
from django.forms import model_to_dict

from sessions import schedule
from sessions.models import Cohort, GroupSession


@transaction.atomic
def schedule_sessions(*, cohort: Cohort) -> list[GroupSession]:
    """Write the cohort's twelve sessions from its clock, keeping each session's own link.

    Not for a cohort whose dates were changed since: its sessions hold what members were told.
    Raises schedule.ImpossibleSchedule when the cohort's dates contradict each other.
    """
    starts = schedule.session_starts(
        cohort.first_date, cohort.wall_time, cohort.zone, cohort.skipped()
    )
    length = dt.timedelta(minutes=cohort.duration_minutes)
    cohort.joinable_until = starts[max(cohort.starting_weeks) - 1]
    cohort.save(update_fields=["joinable_until"])
    return GroupSession.objects.bulk_create(
        [
            GroupSession(cohort=cohort, number=number, starts_at=start, ends_at=start + length)
            for number, start in enumerate(starts, start=1)
        ],
        update_conflicts=True,
        unique_fields=["cohort", "number"],
        update_fields=["starts_at", "ends_at"],
    )


def last_joinable(cohort: Cohort, sessions: Iterable[GroupSession]) -> dt.datetime | None:
    """The start of the last session at which one may join; None when all of those are cancelled."""
    starts = [
        session.starts_at
        for session in sessions
        if session.number in cohort.starting_weeks and session.cancelled_at is None
    ]
    return max(starts, default=None)


def entry_session(*, cohort: Cohort, now: dt.datetime) -> GroupSession | None:
    """The session a new member would begin with; None when it is too late to join."""
    return (
        GroupSession.objects.filter(
            cohort=cohort,
            number__in=cohort.starting_weeks,
            starts_at__gt=now,
            cancelled_at=None,
        )
        .order_by("starts_at")
        .first()
    )


def fingerprint(cohort: Cohort) -> str:
    """What is planned for the group, leaders and skipped dates too, as a few characters: others
    once anybody has changed it. One query.

    Not for a cohort with changes that are not stored. `Cohort.version` counts something else:
    what was changed after members were told.
    """
    planned = model_to_dict(cohort)
    planned["facilitators"] = sorted(one.pk for one in planned["facilitators"])
    return hashlib.sha256(json.dumps(planned, default=str).encode()).hexdigest()[:16]
