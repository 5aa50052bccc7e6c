"""A plan, its goals and who may see them as FHIR R4 resources: plain dictionaries, which `fhir.py`
has checked.

What members left out is left out here. Of what is not the member's `own` copy, so is what no page
shows to others: words about how it went, what a skipped week had, and dates.
"""

import datetime as dt
import zoneinfo
from collections.abc import Iterable
from typing import Any

from accounts.plain_text import seen
from enrollment.models import Enrollment
from practice.fhir_observed import level_of, rating_id
from practice.fhir_values import ATTAINMENT, TERMS, at, concept, same_id, subject
from practice.goals import Aim
from practice.models import Goal, GoalRating, Part, Share, WeekPlan
from practice.own import OwnPractice
from practice.planning import Outcome, Plan
from practice.sharing import Names, last_day
from practice.weeks import Week
from sessions.models import Area

# What of ours each part is as a resource.
CLASSES: dict[str, tuple[str, ...]] = {
    Part.PLAN: ("CarePlan",),
    Part.DIARY: ("Observation",),
    Part.GOALS: ("Goal", "Observation"),
    Part.ATTENDANCE: (),
}


# --- The plan ---------------------------------------------------------------------------


def care_plan(
    practice: OwnPractice, plans: Iterable[WeekPlan], goals: Iterable[Goal], *, own: bool
) -> dict[str, Any]:
    enrollment, today, days = practice.enrollment, practice.today, practice.weeks
    weeks = {week.number: week for week in days}
    over = bool(days) and days[-1].last_day < today
    plan: dict[str, Any] = {
        "resourceType": "CarePlan",
        "id": same_id(enrollment, "plan"),
        "status": "completed" if over else "active",
        "intent": "plan",
        "title": "Skills in everyday life",
        "category": [concept("Practice of skills in everyday activities")],
        "subject": subject(enrollment),
    }
    if days and own:
        plan["period"] = {
            "start": days[0].first_day.isoformat(),
            "end": days[-1].last_day.isoformat(),
        }
    if references := [{"reference": f"urn:uuid:{goal.public_id}"} for goal in goals]:
        plan["goal"] = references
    if activities := [_activity(one, weeks.get(one.week), today, own=own) for one in plans]:
        plan["activity"] = activities
    return plan


def _activity(row: WeekPlan, week: Week | None, today: dt.date, *, own: bool) -> dict[str, Any]:
    plan = Plan() if row.skipped and not own else Plan.load(row.content)
    detail: dict[str, Any] = {
        "status": _activity_status(row, plan, week, today),
        "description": _in_words(row, plan),
    }
    if skill := seen(plan.skill):
        detail["code"] = concept(skill)
    if when := seen(plan.when):
        detail["scheduledString"] = when
    activity: dict[str, Any] = {"detail": detail}
    if plan.outcome:
        activity["outcomeCodeableConcept"] = [concept(plan.outcome_label)]
    if own and (said := seen(plan.outcome_words)):
        activity["progress"] = [{"time": at(row.saved_at), "text": said}]
    return activity


def _activity_status(row: WeekPlan, plan: Plan, week: Week | None, today: dt.date) -> str:
    """A skipped week is nobody's failure, and a week of which nothing is told is unknown."""
    if row.skipped:
        return "cancelled"
    if plan.outcome == Outcome.NOT_THIS_TIME:
        return "not-started"
    if plan.was_practised:
        return "completed"
    if week is None or week.last_day < today:
        return "unknown"
    return "in-progress" if week.first_day <= today else "scheduled"


def _in_words(row: WeekPlan, plan: Plan) -> str:
    area = str(Area(plan.area).label) if plan.area else ""
    labelled = [("Area", area), *plan.eased]
    lines = [f"Week {row.week}", seen(plan.activity)]
    lines += [f"{label}: {words}" for label, value in labelled if (words := seen(value))]
    if plan.sure is not None:
        lines.append(f"How sure: {plan.sure} of 10")
    return ". ".join(line for line in lines if line)


# --- Goals ------------------------------------------------------------------------------


def goal(
    enrollment: Enrollment, row: Goal, ratings: Iterable[GoalRating], *, own: bool
) -> dict[str, Any]:
    aim = Aim.load(row.content)
    rated = [(one, level) for one in ratings if (level := level_of(one)) is not None]
    found: dict[str, Any] = {
        "resourceType": "Goal",
        "id": str(row.public_id),
        "lifecycleStatus": "completed" if row.ended_at else "active",
        "description": concept(seen(aim.title) or "A goal"),
        "subject": subject(enrollment),
        "expressedBy": subject(enrollment),
    }
    if own:
        found["startDate"] = row.made_at.astimezone(dt.UTC).date().isoformat()
    if expected := seen(aim.at(0)):
        found["target"] = [{"measure": concept(ATTAINMENT), "detailString": expected}]
    steps = zip(("-2", "-1", "0", "+1", "+2"), aim.levels, strict=True)
    if notes := [{"text": f"{level}: {words}"} for level, step in steps if (words := seen(step))]:
        found["note"] = notes
    if rated:
        found["achievementStatus"] = _achievement([level for _, level in rated])
        if own:
            found["statusDate"] = rated[-1][0].rated_at.astimezone(dt.UTC).date().isoformat()
        found["outcomeReference"] = [
            {"reference": f"urn:uuid:{rating_id(enrollment, row, one)}"} for one, _ in rated
        ]
    return found


def _achievement(levels: list[int]) -> dict[str, Any]:
    """From the last rating, and the one before where the goal is not reached."""
    last, before = levels[-1], levels[-2] if len(levels) > 1 else None
    if last >= 0:
        code = "achieved"
    elif before is None:
        code = "in-progress"
    else:
        code = "improving" if last > before else "worsening" if last < before else "no-change"
    return {"coding": [{"system": f"{TERMS}/goal-achievement", "code": code}]}


# --- Consent ----------------------------------------------------------------------------


def consent(
    enrollment: Enrollment,
    share: Share,
    now: dt.datetime,
    *,
    days_in: zoneinfo.ZoneInfo | None = None,
) -> dict[str, Any]:
    """With a practitioner as the member named them: nothing of the account at that address. With
    times, or with the days of a calendar alone."""
    chosen = [part for part in Part if part in share.parts]
    classes = sorted({kind for part in chosen for kind in CLASSES[part]})
    role = share.get_role_display()
    name = seen(Names.load(share.content).name)
    until = min(share.ends_at, share.withdrawn_at or share.ends_at)
    signed, end = at(share.signed_at), at(until)
    if days_in is not None:
        signed = share.signed_at.astimezone(days_in).date().isoformat()
        end = last_day(share, days_in).isoformat()
    provision: dict[str, Any] = {
        "type": "permit",
        "period": {"start": signed, "end": end},
        "actor": [
            {
                "role": concept(role, system=f"{TERMS}/v3-ParticipationType", code="IRCP"),
                "reference": {"display": name or role},
            }
        ],
        "code": [concept(part.label) for part in chosen],
    }
    if classes:
        system = "http://hl7.org/fhir/resource-types"
        provision["class"] = [{"system": system, "code": kind} for kind in classes]
    scope = {"system": f"{TERMS}/consentscope", "code": "patient-privacy"}
    return {
        "resourceType": "Consent",
        "id": str(share.public_id),
        "status": "active" if share.stands(now) else "inactive",
        "scope": concept("Who may see what a member shares", **scope),
        "category": [concept("Consent to share", system="http://loinc.org", code="59284-0")],
        "patient": subject(enrollment),
        "performer": [subject(enrollment)],
        "dateTime": signed,
        "policyRule": concept(f"Consent to share, version {share.terms_version} of its terms"),
        "provision": provision,
    }
