"""How far a goal is, at one of the four looks. It may be late, and it may be corrected."""

import datetime as dt

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import User
from practice.aiming import CHANGED, Changed, NotPossible
from practice.goals import Aim, Reached, open_looks
from practice.models import Goal, GoalRating
from practice.own import OwnPractice

NOT_YET = "This week has not begun yet."
RATED = "Somebody rated this goal meanwhile, so nothing was saved. Here is what stands now."
ENDED = "This goal was ended."


class Rewritten(Changed):
    """The goal reads otherwise than on the page: one says how far one is of what one has read."""


@transaction.atomic
def rate(
    *,
    practice: OwnPractice,
    goal: Goal,
    week: int,
    level: int,
    note: str,
    by: User,
    seen: int,
    goal_seen: int,
    now: dt.datetime,
) -> None:
    """Save how far the goal is. `goal_seen` is the revision of the goal that the page showed, and
    `seen` that of the rating, 0 for none.

    Raises NotPossible for a week that has not begun or a goal that was ended, Rewritten when the
    goal was saved since, and Changed when somebody rated it since.
    """
    if week not in open_looks(practice):
        raise NotPossible(NOT_YET)
    # Ending, erasing and writing anew wait for this, so no rating comes after them.
    goals = Goal.objects.select_for_update(no_key=True)
    stands = goals.filter(pk=goal.pk, ended_at=None).first()
    if stands is None:
        raise NotPossible(ENDED)
    if stands.revision != goal_seen:
        raise Rewritten(CHANGED)
    words = Aim.load(stands.content).at(level)
    content = Reached(level=level, words=words, note=note).dump()
    if not _save(goal=stands, week=week, content=content, by=by, seen=seen, now=now):
        raise Changed(RATED)


def _save(
    *, goal: Goal, week: int, content: dict[str, object], by: User, seen: int, now: dt.datetime
) -> bool:
    if seen:
        found = GoalRating.objects.filter(goal=goal, week=week, revision=seen)
        return bool(
            found.update(content=content, rated_by=by, rated_at=now, revision=F("revision") + 1)
        )
    try:
        with transaction.atomic():
            GoalRating.objects.create(
                goal=goal, week=week, content=content, rated_by=by, rated_at=now
            )
    except IntegrityError:
        return False
    return True
