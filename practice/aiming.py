"""Setting a goal, writing it anew, agreeing on it, ending it.

Each is one guarded statement: whoever saw an older wording changes nothing and is told.
"""

import datetime as dt
import uuid

from django.db import IntegrityError, transaction
from django.db.models import F, Prefetch, QuerySet

from accounts.models import User
from enrollment.models import Enrollment
from practice.goals import Aim
from practice.models import Goal, GoalRating
from practice.models.goals import MOST_GOALS


class NotPossible(Exception):
    """Nothing was changed; the message says why and what to do."""


class ThreeAlready(NotPossible):
    """A fourth goal at a time: each keeps its meaning by there being few."""


class Changed(NotPossible):
    """Saved by another page or person since it was shown."""


CHANGED = "This goal was changed meanwhile, so nothing was saved. Here it is as it is now."


def goals_of(enrollment: Enrollment) -> QuerySet[Goal]:
    """With their ratings and who agreed; those that go on first. Two queries."""
    ratings = GoalRating.objects.select_related("rated_by").order_by("week")
    return (
        Goal.objects.filter(enrollment=enrollment)
        .select_related("agreed_by")
        .prefetch_related(Prefetch("ratings", ratings))
        .order_by(F("ended_at").asc(nulls_first=True), "slot", "pk")
    )


@transaction.atomic
def set_goal(*, enrollment: Enrollment, aim: Aim, key: uuid.UUID, now: dt.datetime) -> Goal:
    """A new goal in a free slot; `key` was made with the page, so a second press finds the first.

    Raises ThreeAlready.
    """
    # Whoever brings goals along from another group looks for free slots under the same lock.
    Enrollment.objects.select_for_update(no_key=True).get(pk=enrollment.pk)
    for slot in range(1, MOST_GOALS + 1):
        try:
            with transaction.atomic():
                return Goal.objects.create(
                    public_id=key,
                    enrollment=enrollment,
                    slot=slot,
                    content=aim.dump(),
                    made_at=now,
                    saved_at=now,
                )
        except IntegrityError:  # the slot is taken, or this goal is there already
            if made := Goal.objects.filter(public_id=key).first():
                if made.enrollment_id != enrollment.pk:
                    raise Changed("Please open this page again and save once more.") from None
                return made
    raise ThreeAlready("You have three goals. End one of them to make room for another.")


def change_goal(*, goal: Goal, aim: Aim, seen: int, now: dt.datetime) -> None:
    """Save the goal's new words. Other levels than before take an agreement away: it was on those.

    Raises Changed.
    """
    changed = {"content": aim.dump(), "saved_at": now, "revision": F("revision") + 1}
    if aim.levels != Aim.load(goal.content).levels:
        changed |= {"agreed_by": None, "agreed_at": None}
    # What was compared with is what is replaced.
    if goal.revision != seen or not _as_seen(goal, seen).update(**changed):
        raise Changed(CHANGED)


def agree(*, goal: Goal, by: User, seen: int, now: dt.datetime) -> None:
    """Note with whom the levels were agreed. Raises Changed: one agrees on what one has read."""
    done = _as_seen(goal, seen).update(agreed_by=by, agreed_at=now, revision=F("revision") + 1)
    if not done:
        raise Changed(CHANGED)


def end_goal(*, goal: Goal, seen: int, now: dt.datetime) -> None:
    """Its slot is free; its words and ratings stay. Raises Changed."""
    if not _as_seen(goal, seen).update(ended_at=now, revision=F("revision") + 1):
        raise Changed("This goal was saved elsewhere meanwhile. Please look once more.")


def _as_seen(goal: Goal, seen: int) -> QuerySet[Goal]:
    return Goal.objects.filter(pk=goal.pk, revision=seen, ended_at=None)
