"""What the pages about goals share."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from practice.goals import Aim, open_looks
from practice.models import RATED_WEEKS, Goal
from practice.own import OwnPractice
from practice.summary import GoalSummary, LookSummary, goals_of

GET_OR_POST = ["GET", "HEAD", "POST"]


@dataclass(frozen=True, slots=True)
class Look:
    """One of the four looks at a goal: done, open now, or still to come."""

    week: int
    done: LookSummary | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class Shown:
    goal: GoalSummary
    looks: list[Look]


def shown(goal: GoalSummary, practice: OwnPractice) -> Shown:
    """With those looks that the member's own weeks have; an ended one, with those that it had."""
    first = practice.enrollment.first_week
    reached = open_looks(practice)
    return Shown(
        goal,
        [
            Look(week, goal.looks.get(week), week in reached and not goal.ended_at)
            for week in RATED_WEEKS
            if week in goal.looks or (week >= first and not goal.ended_at)
        ],
    )


def around(practice: OwnPractice) -> dict[str, Any]:
    return {"practice": practice, "enrollment": practice.enrollment}


def aim_of(goal: Goal) -> Aim:
    return Aim.load(goal.content)


def goal_or_404(practice: OwnPractice, public_id: uuid.UUID) -> Goal:
    goals = Goal.objects.filter(enrollment=practice.enrollment).select_related("agreed_by")
    try:
        return goals.get(public_id=public_id)
    except Goal.DoesNotExist:
        raise Http404 from None


def ended(request: HttpRequest, practice: OwnPractice, goal: Goal) -> HttpResponse:
    """An ended goal is there to read."""
    found = next(one for one in goals_of(practice.enrollment) if one.public_id == goal.public_id)
    context = {**around(practice), "one": shown(found, practice)}
    status = 409 if request.method == "POST" else 200
    return render(request, "practice/goals/ended.html", context, status=status)
