"""After a move to another group: a member's goals come along, if they like.

Plans and diary belong to the weeks of the group before, where they can still be read. Whom a goal
was shared with there does not see it any more; sharing is signed anew.
"""

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, F, Q

from enrollment.models import Enrollment
from enrollment.states import Status
from practice.models import Goal
from practice.models.goals import MOST_GOALS
from practice.own import left_before


@dataclass(frozen=True, slots=True)
class Earlier:
    """The group before, and how many goals there are to bring."""

    enrollment: Enrollment
    goals: int


def earlier(*, enrollment: Enrollment) -> Earlier | None:
    """The latest group of the program that the member left with goals. One query.

    None in a group that they have left themselves.
    """
    if enrollment.status == Status.WITHDRAWN:
        return None
    groups = left_before(
        member=enrollment.member_id,
        at=enrollment.reserved_at,
        programme=enrollment.cohort.programme_id,
    )
    aims = Count("goals", filter=Q(goals__ended_at=None))
    found = groups.select_related("cohort").annotate(aims=aims).filter(aims__gt=0).first()
    return None if found is None else Earlier(found, found.aims)


@transaction.atomic
def bring(*, enrollment: Enrollment, source: Enrollment, now: dt.datetime) -> int:
    """Bring goals along, with their ratings, as far as there is room. Returns how many.

    Doing it twice is doing it once.
    """
    ids = sorted((enrollment.pk, source.pk))
    list(Enrollment.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
    current = Goal.objects.filter(enrollment=enrollment, ended_at=None)
    free = sorted(set(range(1, MOST_GOALS + 1)) - set(current.values_list("slot", flat=True)))
    goals = Goal.objects.filter(enrollment=source, ended_at=None).order_by("slot")
    brought = list(zip(goals, free, strict=False))
    for goal, slot in brought:
        Goal.objects.filter(pk=goal.pk).update(
            enrollment=enrollment,
            slot=slot,
            worked_on_with=None,
            saved_at=now,
            revision=F("revision") + 1,
        )
    return len(brought)
