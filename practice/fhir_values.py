"""What every resource of FHIR that we make is made of: ids, times, words with a code, a name."""

import datetime as dt
import uuid
from typing import Any

from accounts.plain_text import seen
from enrollment.models import Enrollment

TERMS = "http://terminology.hl7.org/CodeSystem"
RESTRICTED = {"system": f"{TERMS}/v3-Confidentiality", "code": "R", "display": "restricted"}
ATTAINMENT = "Goal attainment scaling, from -2 to +2, where 0 is what was expected"


def same_id(enrollment: Enrollment, what: str) -> str:
    """The same at each export, so that a system that takes it in again knows it."""
    return str(uuid.uuid5(enrollment.public_id, what))


def at(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")


def concept(words: str, **coding: str) -> dict[str, Any]:
    return {"coding": [coding], "text": words} if coding else {"text": words}


def subject(enrollment: Enrollment) -> dict[str, str]:
    return {"reference": f"urn:uuid:{same_id(enrollment, 'patient')}"}


def patient(enrollment: Enrollment, name: str) -> dict[str, Any]:
    """Nothing but a name: the one used in the group, or as it was signed for the reader."""
    return {
        "resourceType": "Patient",
        "id": same_id(enrollment, "patient"),
        "name": [{"use": "usual", "text": seen(name) or "A member"}],
    }
