"""Our rows as FHIR R4 resources: plain dictionaries, which `fhir.py` has checked.

What members wrote is read tolerantly, by the names of its keys: what is missing is left out.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from accounts.plain_text import seen
from enrollment.models import Enrollment
from practice.models import DiaryEntry, Goal, GoalRating, Part, Share, WeekPlan
from practice.own import OwnPractice
from practice.weeks import Week
from sessions.models import Area

TERMS = "http://terminology.hl7.org/CodeSystem"
RESTRICTED = {"system": f"{TERMS}/v3-Confidentiality", "code": "R", "display": "restricted"}
SURVEY = [{"coding": [{"system": f"{TERMS}/observation-category", "code": "survey"}]}]
ATTAINMENT = "Goal attainment scaling, from -2 to +2, where 0 is what was expected"
STRENGTH = "Strength of an emotion before and after practicing a skill"
LEVELS = (-2, -1, 0, 1, 2)
EASIER = {
    "easier_task": "Easier by the task",
    "easier_place": "Easier by the place",
    "easier_tool": "Easier by a tool",
    "easier_person": "Easier by a person",
}
# What of ours each part is as a resource.
CLASSES: dict[str, tuple[str, ...]] = {
    Part.PLAN: ("CarePlan",),
    Part.DIARY: ("Observation",),
    Part.GOALS: ("Goal", "Observation"),
    Part.ATTENDANCE: (),
}


def text(value: object) -> str:
    """Whatever was stored as one line; empty when there is nothing to read."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return ", ".join(words for one in value if (words := text(one)))
    return "" if value is None or isinstance(value, bool) else seen(str(value))


def number(value: object) -> int | None:
    """Every scale here is within a hundred; anything else was not typed on one of our pages."""
    fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 100
    return value if isinstance(value, int) and fits else None


def _said(content: Any) -> dict[str, Any]:
    return content if isinstance(content, dict) else {}


def _id(enrollment: Enrollment, what: str) -> str:
    """The same at each export, so that a system that takes it in again knows it."""
    return str(uuid.uuid5(enrollment.public_id, what))


def _at(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")


def _concept(words: str, **coding: str) -> dict[str, Any]:
    return {"coding": [coding], "text": words} if coding else {"text": words}


def _subject(enrollment: Enrollment) -> dict[str, str]:
    return {"reference": f"urn:uuid:{_id(enrollment, 'patient')}"}


def patient(enrollment: Enrollment) -> dict[str, Any]:
    """Nothing but the name that the member chose for their group."""
    name = text(enrollment.member.display_name) or "A member"
    return {
        "resourceType": "Patient",
        "id": _id(enrollment, "patient"),
        "name": [{"use": "usual", "text": name}],
    }


# --- The plan ---------------------------------------------------------------------------


def care_plan(
    practice: OwnPractice, plans: Iterable[WeekPlan], goals: Iterable[Goal]
) -> dict[str, Any]:
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
    if activities := [_activity(one, weeks.get(one.week), today) for one in plans]:
        plan["activity"] = activities
    return plan


def _activity(plan: WeekPlan, week: Week | None, today: dt.date) -> dict[str, Any]:
    said = _said(plan.content)
    went = text(said.get("went")).replace("_", " ")
    detail: dict[str, Any] = {
        "status": _activity_status(plan, went, week, today),
        "description": _in_words(plan, said),
    }
    if skill := text(said.get("skill")):
        detail["code"] = _concept(skill)
    if when := text(said.get("when")):
        detail["scheduledString"] = when
    activity: dict[str, Any] = {"detail": detail}
    if went:
        activity["outcomeCodeableConcept"] = [_concept(went)]
    if words := text(said.get("went_words")):
        activity["progress"] = [{"time": _at(plan.saved_at), "text": words}]
    return activity


def _activity_status(plan: WeekPlan, went: str, week: Week | None, today: dt.date) -> str:
    """A skipped week is nobody's failure, and a week of which nothing is told is unknown."""
    if plan.skipped:
        return "cancelled"
    if went:
        return "completed"
    if week is None or week.last_day < today:
        return "unknown"
    return "in-progress" if week.first_day <= today else "scheduled"


def _in_words(plan: WeekPlan, said: dict[str, Any]) -> str:
    area = text(said.get("area"))
    labelled = {"Area": dict(Area.choices).get(area, area)}
    labelled |= {label: text(said.get(key)) for key, label in EASIER.items()}
    lines = [f"Week {plan.week}", text(said.get("activity"))]
    lines += [f"{label}: {words}" for label, words in labelled.items() if words]
    if (sure := number(said.get("sure"))) is not None:
        lines.append(f"How sure: {sure} of 10")
    return ". ".join(line for line in lines if line)


# --- Goals ------------------------------------------------------------------------------


def goal(enrollment: Enrollment, row: Goal, ratings: Iterable[GoalRating]) -> dict[str, Any]:
    said = _said(row.content)
    levels = said.get("levels")
    steps = [text(one) for one in levels] if isinstance(levels, list) else []
    rated = [(one, level) for one in ratings if (level := level_of(one)) is not None]
    found: dict[str, Any] = {
        "resourceType": "Goal",
        "id": str(row.public_id),
        "lifecycleStatus": "completed" if row.ended_at else "active",
        "description": _concept(text(said.get("title")) or "A goal"),
        "subject": _subject(enrollment),
        "expressedBy": _subject(enrollment),
        "startDate": row.made_at.astimezone(dt.UTC).date().isoformat(),
    }
    if len(steps) == len(LEVELS):
        expected = steps[LEVELS.index(0)]
        if expected:
            found["target"] = [{"measure": _concept(ATTAINMENT), "detailString": expected}]
        named = zip(("-2", "-1", "0", "+1", "+2"), steps, strict=True)
        if notes := [{"text": f"{level}: {step}"} for level, step in named if step]:
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
    level = number(_said(rating.content).get("level"))
    return level if level in LEVELS else None


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
    if words := text(_said(one.content).get("note")):
        found["note"] = [{"text": words}]
    return found


# --- The diary --------------------------------------------------------------------------


def card(enrollment: Enrollment, entry: DiaryEntry, *, notes: bool) -> dict[str, Any] | None:
    """One day; None without anything to say. What is in the member's own words only with
    `notes`."""
    said = _said(entry.content)
    components = []
    for key, label in (("before", "Before"), ("after", "After")):
        if (strength := number(said.get(key))) is not None:
            components.append({"code": _concept(label), "valueInteger": strength})
    if skills := text(said.get("skills")):
        components.append({"code": _concept("Skills tried"), "valueString": skills})
    if notes and (activity := text(said.get("activity"))):
        components.append({"code": _concept("Activity"), "valueString": activity})
    words = text(said.get("note")) if notes else ""
    if not components and not words:
        return None
    found: dict[str, Any] = {
        "resourceType": "Observation",
        "id": _id(enrollment, f"diary {entry.day.isoformat()}"),
        "status": "final",
        "category": SURVEY,
        "code": _concept(STRENGTH),
        "subject": _subject(enrollment),
        "performer": [_subject(enrollment)],
        "effectiveDateTime": entry.day.isoformat(),
    }
    if components:
        found["component"] = components
    if words:
        found["note"] = [{"text": words}]
    return found


# --- Consent ----------------------------------------------------------------------------


def consent(enrollment: Enrollment, share: Share, now: dt.datetime) -> dict[str, Any]:
    """With a practitioner as the member named them: nothing of the account at that address."""
    chosen = [part for part in Part if part in share.parts]
    classes = sorted({kind for part in chosen for kind in CLASSES[part]})
    role = share.get_role_display()
    until = min(share.ends_at, share.withdrawn_at or share.ends_at)
    provision: dict[str, Any] = {
        "type": "permit",
        "period": {"start": _at(share.signed_at), "end": _at(until)},
        "actor": [
            {
                "role": _concept(role, system=f"{TERMS}/v3-ParticipationType", code="IRCP"),
                "reference": {"display": text(_said(share.content).get("name")) or role},
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
