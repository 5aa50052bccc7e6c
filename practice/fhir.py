"""A plan as FHIR R4: one Bundle with CarePlan, Goals, Observations and Consents, for a clinic.

It is built through the models of `fhir.resources`, so what goes out is valid or does not go out.
Why those of R4B serve for R4, and which codes are used: docs/decisions/0018. Whatever we have no
code for that we are sure of is said in words.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from enrollment.models import Enrollment
from practice import fhir_parts as parts
from practice.models import DiaryEntry, Goal, GoalRating, Part, Share, WeekPlan
from practice.own import OwnPractice, practice_of

CONTENT_TYPE = "application/fhir+json"


class NotShared(Exception):
    """This consent does not stand any more."""


def own_bundle(*, practice: OwnPractice) -> str:
    """Everything, for the member. Five queries."""
    shares = Share.objects.filter(enrollment=practice.enrollment)
    return _bundle(practice=practice, shown={*Part}, shares=shares, notes=True)


def bundle_for(*, share: Share, now: dt.datetime) -> str:
    """The parts that this share shows now, for its practitioner: of the diary no notes, and no
    other's consent. Raises NotShared once it was withdrawn or is over."""
    shown = {part for part in Part if share.shows(part, now)}
    if not shown:
        raise NotShared
    enrollment = (
        Enrollment.objects.select_related("cohort__programme", "member")
        .prefetch_related("cohort__group_sessions")
        .get(pk=share.enrollment_id)
    )
    practice = practice_of(enrollment=enrollment, now=now)
    return _bundle(practice=practice, shown=shown, shares=[share], notes=False)


def _bundle(
    *, practice: OwnPractice, shown: set[Part], shares: Iterable[Share], notes: bool
) -> str:
    enrollment = practice.enrollment
    found: list[dict[str, Any]] = [parts.patient(enrollment)]
    goals: list[Goal] = []
    if Part.GOALS in shown:
        goals = list(Goal.objects.filter(enrollment=enrollment))
        ratings = list(GoalRating.objects.filter(goal__enrollment=enrollment))
        for goal in goals:
            of_goal = [rating for rating in ratings if rating.goal_id == goal.pk]
            found.append(parts.goal(enrollment, goal, of_goal))
            found += [parts.rating(enrollment, goal, one) for one in of_goal]
    if Part.PLAN in shown:
        plans = WeekPlan.objects.filter(enrollment=enrollment)
        found.append(parts.care_plan(practice, plans, goals))
    if Part.DIARY in shown:
        diary = DiaryEntry.objects.filter(enrollment=enrollment)
        cards = (parts.card(enrollment, entry, notes=notes) for entry in diary)
        found += [card for card in cards if card]
    found += [parts.consent(enrollment, share, practice.now) for share in shares]
    return _checked(found, practice.now)


def _checked(resources: list[dict[str, Any]], now: dt.datetime) -> str:
    """As JSON. Raises pydantic.ValidationError for what is no FHIR."""
    # Here, because it takes 30 MB and most of a second, which most processes never need.
    from fhir.resources.R4B.bundle import Bundle

    entries = [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in resources]
    bundle = Bundle.model_validate(
        {
            "resourceType": "Bundle",
            "meta": {"security": [parts.RESTRICTED]},
            "type": "collection",
            "timestamp": now.isoformat(),
            "entry": entries,
        }
    )
    text: str = bundle.model_dump_json(indent=2)
    return text
