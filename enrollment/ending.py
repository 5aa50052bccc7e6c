"""A group that cannot be held any more: no session, no newcomer, no link, from now on.

Money is somebody else's business: `billing/runs.py` calls this when it begins to give it back.
"""

import datetime as dt

from django.db.models import QuerySet

from accounts.models import User
from enrollment import history, links, visit_changes, waitlist
from enrollment.changes import Line
from enrollment.models import Enrollment
from enrollment.rescheduling import write_sessions, written
from enrollment.states import Status
from sessions import leading
from sessions.models import Cohort, CohortChange, GroupSession
from sessions.services import last_joinable

# Somebody may still pay for these seats, or has just done so.
MAY_BE_PAID = (Status.HELD, Status.AWAITING_FUNDS)


def sessions_left(cohort: Cohort, now: dt.datetime) -> "QuerySet[GroupSession]":
    """The sessions that are not over, also one that runs: those that ending cancels."""
    return history.sessions_ahead(cohort, now)


def end_group(
    *, cohort_id: int, version: int, actor: User, reason: str, now: dt.datetime
) -> CohortChange:
    """Cancel what is left of a group, and close it for good; seats and money come after.

    All or nothing. The door is shut and no link goes out from the commit on, because no session
    is left. Who waits is told that it is over; a seat that is kept and not paid goes when the
    sweep has closed its payment page. Who still is a member when the mail goes out, is told too.
    Raises history.ChangedMeanwhile when the group is not at `version` any more.
    """
    with history.on_version(cohort_id=cohort_id, version=version) as cohort:
        team = leading.team(cohort)
        lines = [Line(one, one.starts_at, None) for one in sessions_left(cohort, now)]
        write_sessions(lines, now)
        history.book(cohort, "", now)
        cohort.status = Cohort.Status.ARCHIVED
        cohort.joinable_until = last_joinable(cohort, cohort.group_sessions.all())
        cohort.save(update_fields=["status", "joinable_until"])
        numbers = [line.number for line in lines]
        change = CohortChange.objects.create(
            cohort=cohort,
            at=now,
            actor=actor,
            kind=CohortChange.Kind.END,
            number=min(numbers, default=1),
            reason=reason,
            details=[written(line) for line in lines],
        )
        history.lock_enrollments(cohort)
        if numbers:
            history.tell_members(
                kind=links.SCHEDULE_CHANGED, change=change, last=max(numbers), now=now
            )
            visit_changes.follow_change(change=change, lines=lines, now=now)
        there = {one.pk: one for line in lines for one in team.of(line.session)}
        leaders = ({one.pk: one for one in team.facilitators} | there).values()
        history.tell_leaders(kind=links.LED_DATES_CHANGED, change=change, people=leaders, now=now)
        _end_waiting(cohort, actor, now)
        # A payment page may be open: the sweep asks Stripe to close it, and frees the seat then.
        unpaid = Enrollment.objects.filter(cohort=cohort, status=Status.HELD)
        unpaid.filter(held_until__gt=now).update(held_until=now)
    return change


def _end_waiting(cohort: Cohort, actor: User, now: dt.datetime) -> None:
    """Tell who waits that joining is over; an offered seat is taken back, and offered to nobody."""
    for pk in list(waitlist.waiting(cohort.pk).values_list("pk", flat=True)):
        waitlist.end_waiting(enrollment_id=pk, now=now)
    offered = Enrollment.objects.filter(cohort=cohort, status=Status.OFFERED)
    for pk in list(offered.values_list("pk", flat=True)):
        waitlist.leave(
            enrollment_id=pk,
            seen=Status.OFFERED,
            now=now,
            reason="The group is not held any more",
            actor=actor,
        )
