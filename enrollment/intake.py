"""The intake answers as a value: what is asked, and how it is stored."""

import dataclasses
import datetime as dt
from typing import Any, Self


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What has to be known before a first session, and not more.

    No ratings of suicidality and no free text about crises: nobody watches this form.
    """

    legal_name: str
    date_of_birth: dt.date
    state: str
    phone: str
    voicemail_ok: bool
    emergency_name: str
    emergency_relation: str
    emergency_phone: str
    has_therapist: bool
    therapist_name: str = ""
    accommodations: str = ""

    def age_on(self, day: dt.date) -> int:
        """Full years; somebody born on February 29 has their birthday on March 1."""
        born = self.date_of_birth
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))

    def dump(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "date_of_birth": self.date_of_birth.isoformat()}

    @classmethod
    def load(cls, stored: dict[str, Any]) -> Self:
        """What is asked today; answers to questions that were dropped since are left out."""
        asked = {field.name for field in dataclasses.fields(cls)}
        known = {name: value for name, value in stored.items() if name in asked}
        born = dt.date.fromisoformat(stored["date_of_birth"])
        return cls(**{**known, "date_of_birth": born})
