"""The one writer of an enrolment's status, and of the history that explains it."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from accounts.models import User
from enrollment.models import Enrollment, EnrollmentMove
from enrollment.states import Status, check_move


def move(
    *,
    enrollment_id: int,
    sources: Iterable[Status],
    target: Status,
    now: dt.datetime,
    reason: str,
    actor: User | None = None,
    only_if: dict[str, Any] | None = None,
    **fields: Any,
) -> bool:
    """Set the status if it still is one of `sources` (and `only_if` holds); say whether it did.

    Each source is tried by a guarded UPDATE, so of two processes exactly one wins; the loser
    gets False and reads again. Must run inside the caller's transaction.
    Raises ForbiddenMove for a move that `states.MOVES` does not list.
    """
    for source in sources:
        check_move(source, target)
        won = Enrollment.objects.filter(pk=enrollment_id, status=source, **(only_if or {})).update(
            status=target, **fields
        )
        if won:
            record(
                enrollment_id=enrollment_id,
                source=source,
                target=target,
                now=now,
                reason=reason,
                actor=actor,
            )
            return True
    return False


def record(
    *,
    enrollment_id: int,
    source: str,
    target: Status,
    now: dt.datetime,
    reason: str,
    actor: User | None,
) -> None:
    EnrollmentMove.objects.create(
        enrollment_id=enrollment_id,
        source=source,
        target=target,
        at=now,
        actor=actor,
        reason=reason,
    )
