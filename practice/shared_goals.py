"""Goals that a member and a practitioner look at together: agreeing on the steps, rating.

Both hold the consent's row, so neither happens after it has ended; and a goal of somebody else is
as one that never was.
"""

import datetime as dt
import uuid

from accounts.models import User
from enrollment.models import Enrollment
from practice import aiming, rating, shared
from practice.models import Goal, Part
from practice.own import OwnPractice


def agree(
    *, public_id: uuid.UUID, reader: User, goal: uuid.UUID, seen: int, now: dt.datetime
) -> None:
    """Note that the five steps are agreed on, as the page showed them.

    Raises Share.DoesNotExist, Goal.DoesNotExist, aiming.NotPossible.
    """
    with shared.held(public_id=public_id, reader=reader, part=Part.GOALS, now=now) as share:
        found = going_on(enrollment=share.enrollment, goal=goal)
        aiming.agree(goal=found, by=reader, seen=seen, now=now)


def rate(
    *,
    public_id: uuid.UUID,
    reader: User,
    practice: OwnPractice,
    goal: uuid.UUID,
    week: int,
    level: int,
    note: str,
    seen: int,
    goal_seen: int,
    now: dt.datetime,
) -> None:
    """Write down how far a goal is in one of the four weeks, as `rating.rate` does.

    Raises Share.DoesNotExist, Goal.DoesNotExist, aiming.NotPossible.
    """
    with shared.held(public_id=public_id, reader=reader, part=Part.GOALS, now=now) as share:
        rating.rate(
            practice=practice,
            goal=going_on(enrollment=share.enrollment, goal=goal),
            week=week,
            level=level,
            note=note,
            by=reader,
            seen=seen,
            goal_seen=goal_seen,
            now=now,
        )


def going_on(*, enrollment: Enrollment, goal: uuid.UUID) -> Goal:
    """Raises Goal.DoesNotExist for one that was ended, or another member's."""
    return Goal.objects.get(enrollment=enrollment, public_id=goal, ended_at=None)
