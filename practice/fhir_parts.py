"""Our rows as FHIR R4 resources: plain dictionaries, which `fhir.py` has checked.

What members left out is left out here.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from accounts.plain_text import seen
from enrollment.models import Enrollment
from practice.attainment import LEVELS
from practice.care import DiaryWeek
from practice.diary import Card
from practice.goals import Aim, Reached
from practice.models import DiaryEntry, Goal, GoalRating, Part, Share, WeekPlan
from practice.own import OwnPractice
from practice.planning import Outcome, Plan
from practice.sharing import Names
from practice.stored import mapping, whole
from practice.weeks import Week
from sessions.models import Area

TERMS = "http://terminology.hl7.org/CodeSystem"
RESTRICTED = {"system": f"{TERMS}/v3-Confidentiality", "code": "R", "display": "restricted"}
SURVEY = [{"coding": [{"system": f"{TERMS}/observation-category", "code": "survey"}]}]
ATTAINMENT = "Goal attainment scaling, from -2 to +2, where 0 is what was expected"
STRENGTH = "Strength of an emotion, from 0 to 10, before and after practicing a skill"
OF_A_WEEK = f"{STRENGTH}: the averages of a week"
# What of ours each part is as a resource.
CLASSES: dict[str, tuple[str, ...]] = {
    Part.PLAN: ("CarePlan",),
    Part.DIARY: ("Observation",),
    Part.GOALS: ("Goal", "Observation"),
    Part.ATTENDANCE: (),
}


def _id(enrollment: Enrollment, what: str) -> str:
    """The same at each export, so that a system that takes it in again knows it."""
    return str(uuid.uuid5(enrollment.public_id, what))


def _at(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")


def _concept(words: str, **coding: str) -> dict[str, Any]:
    return {"coding": [coding], "text": words} if coding else {"text": words}


def _subject(enrollment: Enrollment) -> dict[str, str]:
    return {"reference": f"urn:uuid:{_id(enrollment, 'patient')}"}


def patient(enrollment: Enrollment, name: str) -> dict[str, Any]:
    """Nothing but a name: the one used in the group, or as it was signed for the reader."""
    return {
        "resourceType": "Patient",
        "id": _id(enrollment, "patient"),
        "name": [{"use": "usual", "text": seen(name) or "A member"}],
    }


# --- The plan ---------------------------------------------------------------------------


def care_plan(
    practice: OwnPractice, plans: Iterable[WeekPlan], goals: Iterable[Goal], *, words: bool
) -> dict[str, Any]:
    """With the member's `words` about how it went for the member alone: no consent names them."""
    enrollment, today, days = practice.enrollment, practice.today, practice.weeks
    weeks = {week.number: week for week in days}
    over = bool(days) and days[-1].last_day < today
    plan: dict[str, Any] = {
        "resourceType": "CarePlan",
        "id": _id(enrollment, "plan"),
        "status": "completed" if over else "active",
        "intent": "plan",
        "title": "Skills in everyday life",
        "category": [_concept("Practice of skills in everyday activities")],
        "subject": _subject(enrollment),
    }
    if days:
        plan["period"] = {
            "start": days[0].first_day.isoformat(),
            "end": days[-1].last_day.isoformat(),
        }
    if references := [{"reference": f"urn:uuid:{goal.public_id}"} for goal in goals]:
        plan["goal"] = references
    if activities := [_activity(one, weeks.get(one.week), today, words=words) for one in plans]:
        plan["activity"] = activities
    return plan


def _activity(row: WeekPlan, week: Week | None, today: dt.date, *, words: bool) -> dict[str, Any]:
    plan = Plan.load(row.content)
    detail: dict[str, Any] = {
        "status": _activity_status(row, plan, week, today),
        "description": _in_words(row, plan),
    }
    if skill := seen(plan.skill):
        detail["code"] = _concept(skill)
    if when := seen(plan.when):
        detail["scheduledString"] = when
    activity: dict[str, Any] = {"detail": detail}
    if plan.outcome:
        activity["outcomeCodeableConcept"] = [_concept(plan.outcome_label)]
    if words and (said := seen(plan.outcome_words)):
        activity["progress"] = [{"time": _at(row.saved_at), "text": said}]
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


def goal(enrollment: Enrollment, row: Goal, ratings: Iterable[GoalRating]) -> dict[str, Any]:
    aim = Aim.load(row.content)
    rated = [(one, level) for one in ratings if (level := level_of(one)) is not None]
    found: dict[str, Any] = {
        "resourceType": "Goal",
        "id": str(row.public_id),
        "lifecycleStatus": "completed" if row.ended_at else "active",
        "description": _concept(seen(aim.title) or "A goal"),
        "subject": _subject(enrollment),
        "expressedBy": _subject(enrollment),
        "startDate": row.made_at.astimezone(dt.UTC).date().isoformat(),
    }
    if expected := seen(aim.at(0)):
        found["target"] = [{"measure": _concept(ATTAINMENT), "detailString": expected}]
    steps = zip(("-2", "-1", "0", "+1", "+2"), aim.levels, strict=True)
    if notes := [{"text": f"{level}: {words}"} for level, step in steps if (words := seen(step))]:
        found["note"] = notes
    if rated:
        found["achievementStatus"] = _achievement([level for _, level in rated])
        found["statusDate"] = rated[-1][0].rated_at.astimezone(dt.UTC).date().isoformat()
        found["outcomeReference"] = [
            {"reference": f"urn:uuid:{_rating_id(enrollment, row, one)}"} for one, _ in rated
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


def level_of(rating: GoalRating) -> int | None:
    return whole(mapping(rating.content), "level", LEVELS)


def _rating_id(enrollment: Enrollment, row: Goal, rating: GoalRating) -> str:
    return _id(enrollment, f"rating {row.public_id} {rating.week}")


def rating(enrollment: Enrollment, row: Goal, one: GoalRating) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resourceType": "Observation",
        "id": _rating_id(enrollment, row, one),
        "status": "final",
        "category": SURVEY,
        "code": _concept(ATTAINMENT),
        "subject": _subject(enrollment),
        "focus": [{"reference": f"urn:uuid:{row.public_id}"}],
        "effectiveDateTime": _at(one.rated_at),
    }
    level = level_of(one)
    if level is None:
        found["dataAbsentReason"] = _concept("Not readable")
    else:
        found["valueInteger"] = level
    if words := seen(Reached.load(one.content).note):
        found["note"] = [{"text": words}]
    return found


# --- The diary --------------------------------------------------------------------------


def card(enrollment: Enrollment, entry: DiaryEntry) -> dict[str, Any] | None:
    """One day, for the member themselves; None without anything to say."""
    noted = Card.load(entry.content)
    components: list[dict[str, Any]] = []
    for label, strength in (("Before", noted.before), ("After", noted.after)):
        if strength is not None:
            components.append({"code": _concept(label), "valueInteger": strength})
    if skills := seen(", ".join(noted.skills)):
        components.append({"code": _concept("Skills tried"), "valueString": skills})
    if activity := seen(noted.activity):
        components.append({"code": _concept("Activity"), "valueString": activity})
    words = seen(noted.note)
    if not components and not words:
        return None
    found = {
        **_noted(enrollment, f"diary {entry.day.isoformat()}", STRENGTH),
        "effectiveDateTime": entry.day.isoformat(),
    }
    if components:
        found["component"] = components
    if words:
        found["note"] = [{"text": words}]
    return found


def diary_week(enrollment: Enrollment, one: DiaryWeek) -> dict[str, Any] | None:
    """One week in numbers, for a practitioner; None when nothing was noted in it."""
    if not one.days:
        return None
    components: list[dict[str, Any]] = [
        {"code": _concept("Days with something noted"), "valueInteger": one.days}
    ]
    for label, average in (("Before", one.before), ("After", one.after)):
        if average is not None:
            components.append({"code": _concept(label), "valueQuantity": {"value": average}})
    counted = (f"{skill} ({times})" for skill, times in one.skills)
    if skills := seen(", ".join(counted)):
        components.append({"code": _concept("Skills tried, and days"), "valueString": skills})
    return {
        **_noted(enrollment, f"diary of week {one.week.number}", OF_A_WEEK),
        "effectivePeriod": {
            "start": one.week.first_day.isoformat(),
            "end": one.week.last_day.isoformat(),
        },
        "component": components,
    }


def _noted(enrollment: Enrollment, what: str, code: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": _id(enrollment, what),
        "status": "final",
        "category": SURVEY,
        "code": _concept(code),
        "subject": _subject(enrollment),
        "performer": [_subject(enrollment)],
    }


# --- Consent ----------------------------------------------------------------------------


def consent(enrollment: Enrollment, share: Share, now: dt.datetime) -> dict[str, Any]:
    """With a practitioner as the member named them: nothing of the account at that address."""
    chosen = [part for part in Part if part in share.parts]
    classes = sorted({kind for part in chosen for kind in CLASSES[part]})
    role = share.get_role_display()
    name = seen(Names.load(share.content).name)
    until = min(share.ends_at, share.withdrawn_at or share.ends_at)
    provision: dict[str, Any] = {
        "type": "permit",
        "period": {"start": _at(share.signed_at), "end": _at(until)},
        "actor": [
            {
                "role": _concept(role, system=f"{TERMS}/v3-ParticipationType", code="IRCP"),
                "reference": {"display": name or role},
            }
        ],
        "code": [_concept(part.label) for part in chosen],
    }
    if classes:
        system = "http://hl7.org/fhir/resource-types"
        provision["class"] = [{"system": system, "code": kind} for kind in classes]
    scope = {"system": f"{TERMS}/consentscope", "code": "patient-privacy"}
    return {
        "resourceType": "Consent",
        "id": str(share.public_id),
        "status": "active" if share.stands(now) else "inactive",
        "scope": _concept("Who may see what a member shares", **scope),
        "category": [_concept("Consent to share", system="http://loinc.org", code="59284-0")],
        "patient": _subject(enrollment),
        "performer": [_subject(enrollment)],
        "dateTime": _at(share.signed_at),
        "policyRule": _concept(f"Consent to share, version {share.terms_version} of its terms"),
        "provision": provision,
    }
