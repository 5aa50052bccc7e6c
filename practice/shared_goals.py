"""Goals that a member and a practitioner look at together: agreeing on the steps, rating.

Both hold the consent's row, so neither happens after it has ended.
"""

import datetime as dt
import uuid

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import User
from enrollment.models import Enrollment
from practice import shared
from practice.models import RATED_WEEKS, Goal, GoalRating, Part
from practice.own import OwnPractice

CHANGED = "This goal was changed meanwhile, so nothing was saved. Here it is as it is now."
RATED = "Somebody rated this goal meanwhile, so nothing was saved. Here is what stands now."
NOT_YET = "This week has not begun yet."


class NotPossible(Exception):
    """Nothing was changed; the message says why."""


def agree(
    *, public_id: uuid.UUID, reader: User, goal: uuid.UUID, seen: int, now: dt.datetime
) -> None:
    """Note that the five steps are agreed on, as the page showed them.

    Raises Share.DoesNotExist, Goal.DoesNotExist, NotPossible.
    """
    with shared.held(public_id=public_id, reader=reader, part=Part.GOALS, now=now) as share:
        agree_on(enrollment=share.enrollment, goal=goal, by=reader, seen=seen, now=now)


def agree_on(
    *, enrollment: Enrollment, goal: uuid.UUID, by: User, seen: int, now: dt.datetime
) -> None:
    """For whoever may see the goals now, which the caller has made sure of. One agrees on what one
    has read: raises NotPossible for other steps, Goal.DoesNotExist for another member's goal."""
    found = Goal.objects.get(enrollment=enrollment, public_id=goal, ended_at=None)
    as_seen = Goal.objects.filter(pk=found.pk, revision=seen, ended_at=None)
    if not as_seen.update(agreed_by=by, agreed_at=now, revision=F("revision") + 1):
        raise NotPossible(CHANGED)


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
    now: dt.datetime,
) -> None:
    """Write down how far a goal is in one of the four weeks. `seen` is the revision of the rating
    on the page, 0 for none.

    Raises Share.DoesNotExist, Goal.DoesNotExist, NotPossible.
    """
    with shared.held(public_id=public_id, reader=reader, part=Part.GOALS, now=now) as share:
        if week not in open_weeks(practice):
            raise NotPossible(NOT_YET)
        found = Goal.objects.select_for_update(no_key=True).get(
            enrollment=share.enrollment_id, public_id=goal, ended_at=None
        )
        levels = [*(found.content.get("levels") or ()), "", "", "", "", ""]
        content = {"level": level, "words": str(levels[level + 2]), "note": note}
        if not _save(found, week, content, reader, seen, now):
            raise NotPossible(RATED)


def open_weeks(practice: OwnPractice) -> list[int]:
    """Those of the four that have begun."""
    begun = {week.number for week in practice.begun}
    return [week for week in RATED_WEEKS if week in begun]


def _save(
    goal: Goal, week: int, content: dict[str, object], by: User, seen: int, now: dt.datetime
) -> bool:
    if seen:
        as_seen = GoalRating.objects.filter(goal=goal, week=week, revision=seen)
        return bool(
            as_seen.update(content=content, rated_by=by, rated_at=now, revision=F("revision") + 1)
        )
    try:
        with transaction.atomic():
            GoalRating.objects.create(
                goal=goal, week=week, content=content, rated_by=by, rated_at=now
            )
    except IntegrityError:
        return False
    return True
