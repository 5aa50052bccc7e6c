"""What was looked at, as FHIR R4 Observations: how far a goal is, days of the diary, its weeks.

What members left out is left out here.
"""

from typing import Any

from accounts.plain_text import seen
from enrollment.models import Enrollment
from practice.attainment import LEVELS
from practice.care import DiaryWeek
from practice.diary import Card
from practice.fhir_values import ATTAINMENT, TERMS, at, concept, same_id, subject
from practice.goals import Reached
from practice.models import DiaryEntry, Goal, GoalRating
from practice.stored import mapping, whole

SURVEY = [{"coding": [{"system": f"{TERMS}/observation-category", "code": "survey"}]}]
STRENGTH = "Strength of an emotion, from 0 to 10, before and after practicing a skill"
OF_A_WEEK = f"{STRENGTH}: the averages of a week"


def level_of(rating: GoalRating) -> int | None:
    return whole(mapping(rating.content), "level", LEVELS)


def rating_id(enrollment: Enrollment, row: Goal, rating: GoalRating) -> str:
    return same_id(enrollment, f"rating {row.public_id} {rating.week}")


def _of_week(number: int) -> dict[str, Any]:
    """Where no date is told: the pages name weeks by their numbers."""
    return {"code": concept("Week"), "valueInteger": number}


def rating(enrollment: Enrollment, row: Goal, one: GoalRating, *, own: bool) -> dict[str, Any]:
    """With its time for the member alone; for others with its week."""
    found: dict[str, Any] = {
        "resourceType": "Observation",
        "id": rating_id(enrollment, row, one),
        "status": "final",
        "category": SURVEY,
        "code": concept(ATTAINMENT),
        "subject": subject(enrollment),
        "focus": [{"reference": f"urn:uuid:{row.public_id}"}],
    }
    if own:
        found["effectiveDateTime"] = at(one.rated_at)
    else:
        found["component"] = [_of_week(one.week)]
    level = level_of(one)
    if level is None:
        found["dataAbsentReason"] = concept("Not readable")
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
            components.append({"code": concept(label), "valueInteger": strength})
    if skills := seen(", ".join(noted.skills)):
        components.append({"code": concept("Skills tried"), "valueString": skills})
    if activity := seen(noted.activity):
        components.append({"code": concept("Activity"), "valueString": activity})
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
        _of_week(one.week.number),
        {"code": concept("Days with something noted"), "valueInteger": one.days},
    ]
    for label, average in (("Before", one.before), ("After", one.after)):
        if average is not None:
            components.append({"code": concept(label), "valueQuantity": {"value": average}})
    counted = (f"{skill} ({times})" for skill, times in one.skills)
    if skills := seen(", ".join(counted)):
        components.append({"code": concept("Skills tried, and days"), "valueString": skills})
    return {
        **_noted(enrollment, f"diary of week {one.week.number}", OF_A_WEEK),
        "component": components,
    }


def _noted(enrollment: Enrollment, what: str, code: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": same_id(enrollment, what),
        "status": "final",
        "category": SURVEY,
        "code": concept(code),
        "subject": subject(enrollment),
        "performer": [subject(enrollment)],
    }
