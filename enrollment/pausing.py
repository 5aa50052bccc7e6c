"""A seat that is kept while its links and its door are closed, because a person decided so."""

import datetime as dt

from django.db import transaction

from accounts.models import User
from enrollment.models import Visit
from enrollment.moves import move
from enrollment.states import Status


@transaction.atomic
def pause(*, enrollment_id: int, actor: User, reason: str, now: dt.datetime) -> bool:
    """Keep the seat and close its links and its door; False if it was not open.

    Chairs in other groups' sessions to come are given back: the door would not open for them.
    """
    paused = move(
        enrollment_id=enrollment_id,
        sources=(Status.ACTIVE, Status.GRACE),
        target=Status.SUSPENDED,
        now=now,
        reason=reason,
        actor=actor,
    )
    if paused:
        Visit.objects.filter(
            enrollment=enrollment_id, given_back_at=None, session__starts_at__gt=now
        ).update(given_back_at=now)
    return paused


@transaction.atomic
def resume(*, enrollment_id: int, actor: User, reason: str, now: dt.datetime) -> bool:
    """Open a paused seat again; False if it was not paused."""
    return move(
        enrollment_id=enrollment_id,
        sources=(Status.SUSPENDED,),
        target=Status.ACTIVE,
        now=now,
        reason=reason,
        actor=actor,
    )
