"""A member whose payment is overdue: in grace, paused, and back. Billing says when and why.

Each is one move of the enrolment, so of two processes one wins; the other gets False.
"""

import datetime as dt

from django.db import transaction

from enrollment import links
from enrollment.models import Absence, Visit
from enrollment.moves import move
from enrollment.states import Status
from outbox import services as outbox
from sessions.models import GroupSession


@transaction.atomic
def into_grace(*, enrollment_id: int, now: dt.datetime, reason: str) -> bool:
    """A payment is overdue: nothing changes for the member yet. False if they are not active."""
    return move(
        enrollment_id=enrollment_id,
        sources=(Status.ACTIVE,),
        target=Status.GRACE,
        now=now,
        reason=reason,
    )


@transaction.atomic
def suspend(*, enrollment_id: int, now: dt.datetime, reason: str) -> bool:
    """Pause a member whose payment stayed overdue: no links and no door, but the seat is kept.

    A chair in another group goes back at once, and their own session expects them again.
    """
    paused = move(
        enrollment_id=enrollment_id,
        sources=(Status.GRACE,),
        target=Status.SUSPENDED,
        now=now,
        reason=reason,
    )
    if paused:
        visits = Visit.objects.filter(
            enrollment=enrollment_id, given_back_at=None, session__starts_at__gt=now
        )
        for session_id, taken_at in list(visits.values_list("instead_of", "taken_at")):
            Absence.objects.filter(
                enrollment=enrollment_id, session=session_id, said_at=taken_at
            ).delete()
        visits.update(given_back_at=now)
    return paused


@transaction.atomic
def resume(*, enrollment_id: int, now: dt.datetime, reason: str) -> bool:
    """What was overdue is paid: an active member again, with the link if a session is near."""
    resumed = move(
        enrollment_id=enrollment_id,
        sources=(Status.GRACE, Status.SUSPENDED),
        target=Status.ACTIVE,
        now=now,
        reason=reason,
    )
    if resumed:
        _owe_links_again(enrollment_id=enrollment_id, now=now)
        links.promise_links(now=now, enrollment_id=enrollment_id)
    return resumed


def _owe_links_again(*, enrollment_id: int, now: dt.datetime) -> None:
    """A link that was promised before a pause, and found not owed during it, is owed after it."""
    ahead = GroupSession.objects.filter(
        cohort__enrollments=enrollment_id, ends_at__gt=now, cancelled_at=None
    )
    outbox.owe_again(
        kinds=(links.SESSION_LINK, links.SESSION_REMINDER),
        subject_ids=[enrollment_id],
        occasion_ids=[links.occasion(at) for at in ahead.values_list("starts_at", flat=True)],
    )
