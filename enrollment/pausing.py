"""A seat that is kept while its links and its door are closed. Billing says when and why.

A payment is overdue (grace, then a pause), or a person decided so. Each is one move of the
enrolment, so of two processes one wins; the other gets False.
"""

import datetime as dt

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from accounts.models import User
from enrollment import links
from enrollment.models import Absence, Enrollment, EnrollmentMove, Visit
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
    """Pause a member whose payment stayed overdue. False if they are not in grace."""
    return _pause((Status.GRACE,), enrollment_id, None, reason, now)


@transaction.atomic
def pause(*, enrollment_id: int, actor: User, reason: str, now: dt.datetime) -> bool:
    """A person pauses a seat; False if it was not open."""
    return _pause((Status.ACTIVE, Status.GRACE), enrollment_id, actor, reason, now)


def _pause(
    sources: tuple[Status, ...],
    enrollment_id: int,
    actor: User | None,
    reason: str,
    now: dt.datetime,
) -> bool:
    """No links and no door, but the seat is kept.

    A chair in another group goes back at once, and their own session expects them again.
    """
    paused = move(
        enrollment_id=enrollment_id,
        sources=sources,
        target=Status.SUSPENDED,
        now=now,
        reason=reason,
        actor=actor,
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


def paused_by_people() -> "QuerySet[Enrollment]":
    """Who is paused because somebody decided so; then money alone does not end it."""
    moves = EnrollmentMove.objects.filter(enrollment=OuterRef("pk")).order_by("-at", "-pk")
    return Enrollment.objects.alias(moved_by=Subquery(moves.values("actor")[:1])).filter(
        status=Status.SUSPENDED, moved_by__isnull=False
    )


@transaction.atomic
def resume(*, enrollment_id: int, now: dt.datetime, reason: str, actor: User | None = None) -> bool:
    """An active member again, with the link if a session is near; False if nothing was paused.

    A pause that a person decided about ends by a person (`actor`).
    """
    if actor is None and paused_by_people().filter(pk=enrollment_id).exists():
        return False
    resumed = move(
        enrollment_id=enrollment_id,
        sources=(Status.GRACE, Status.SUSPENDED),
        target=Status.ACTIVE,
        now=now,
        reason=reason,
        actor=actor,
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
