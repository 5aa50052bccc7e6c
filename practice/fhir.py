"""A plan as FHIR R4: one Bundle with CarePlan, Goals, Observations and Consents, for a clinic.

It is built through the models of `fhir.resources`, so what goes out is valid or does not go out.
Why those of R4B serve for R4, and which codes are used: docs/decisions/0018. Whatever we have no
code for that we are sure of is said in words.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from enrollment.models import Enrollment
from practice import care
from practice import fhir_observed as observed
from practice import fhir_parts as parts
from practice import fhir_values as values
from practice.models import DiaryEntry, Goal, GoalRating, Part, Share, WeekPlan
from practice.own import OwnPractice
from practice.sharing import Names

CONTENT_TYPE = "application/fhir+json"


class NotShared(Exception):
    """This consent does not stand any more."""


class NotFhir(Exception):
    """What was built is no FHIR. It names the fields, and nothing of what stands in them."""


def own_bundle(*, practice: OwnPractice) -> str:
    """Everything, for the member. Five queries."""
    enrollment = practice.enrollment
    goals = list(Goal.objects.filter(enrollment=enrollment))
    plans = WeekPlan.objects.filter(enrollment=enrollment)
    diary = DiaryEntry.objects.filter(enrollment=enrollment)
    found = [
        values.patient(enrollment, enrollment.member.display_name),
        *_goals(enrollment, goals, own=True),
        parts.care_plan(practice, plans, goals, own=True),
        *filter(None, (observed.card(enrollment, entry) for entry in diary)),
        *(parts.consent(enrollment, one, practice.now) for one in enrollment.shares.all()),
    ]
    return _checked(found, practice.now)


def bundle_for(*, share: Share, now: dt.datetime) -> str:
    """What this share shows now, for its practitioner, and no more than the pages under /care/ do:
    of the diary each week in numbers, of goals and weeks those of now and before, no date but the
    days of the consent, and no other's. Raises NotShared once it was withdrawn or is over."""
    shown = {part for part in Part if share.shows(part, now)}
    if not shown:
        raise NotShared
    enrollment = share.enrollment
    practice = care.practice_behind(enrollment=enrollment, now=now)
    found = [values.patient(enrollment, Names.load(share.content).signature)]
    goals: list[Goal] = []
    if Part.GOALS in shown:
        goals = list(Goal.objects.filter(enrollment=enrollment, ended_at=None))
        found += _goals(enrollment, goals, own=False)
    if Part.PLAN in shown:
        begun = [week.number for week in practice.begun]
        plans = WeekPlan.objects.filter(enrollment=enrollment, week__in=begun)
        found.append(parts.care_plan(practice, plans, goals, own=False))
    if Part.DIARY in shown:
        weeks = reversed(care.diary_weeks(practice=practice))
        found += filter(None, (observed.diary_week(enrollment, week) for week in weeks))
    return _checked([*found, parts.consent(enrollment, share, now, days_in=practice.zone)], now)


def _goals(enrollment: Enrollment, goals: list[Goal], *, own: bool) -> Iterator[dict[str, Any]]:
    """Each with its ratings. One query."""
    ratings = list(GoalRating.objects.filter(goal__in=goals))
    for goal in goals:
        of_goal = [rating for rating in ratings if rating.goal_id == goal.pk]
        yield parts.goal(enrollment, goal, of_goal, own=own)
        yield from (observed.rating(enrollment, goal, one, own=own) for one in of_goal)


def _checked(resources: list[dict[str, Any]], now: dt.datetime) -> str:
    """As JSON. Raises NotFhir."""
    # Here, because they take 30 MB and most of a second, which most processes never need.
    from fhir.resources.R4B.bundle import Bundle
    from pydantic import ValidationError

    entries = [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in resources]
    content = {
        "resourceType": "Bundle",
        "meta": {"security": [values.RESTRICTED]},
        "type": "collection",
        "timestamp": now.isoformat(),
        "entry": entries,
    }
    try:
        bundle = Bundle.model_validate(content)
    except ValidationError as error:
        fields = [".".join(map(str, flaw["loc"])) for flaw in error.errors(include_input=False)]
        # Its own words quote what a member wrote, and would stand in the log.
        raise NotFhir(", ".join(fields)) from None
    text: str = bundle.model_dump_json(indent=2)
    return text
