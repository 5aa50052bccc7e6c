"""The intake answers as a value: what is asked, and how it is stored."""

import dataclasses
import datetime as dt
from typing import Any, NamedTuple, Self

from sessions.us_states import US_STATES


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


class Line(NamedTuple):
    """One answer in words; `phone` is the number in them, for a telephone to dial."""

    label: str
    words: str
    phone: str = ""


def for_leaders(answers: Answers) -> list[Line]:
    """What those who lead a member's group may read of the answers, and nothing else.

    Not the date of birth: that somebody is of age was asked before the first group.
    """
    voicemail = "Safe to leave one" if answers.voicemail_ok else "Do not leave one"
    therapist = answers.therapist_name or "Yes, without a name"
    return [
        Line("Legal name", answers.legal_name),
        Line("State", US_STATES.get(answers.state, answers.state)),
        Line("Phone", answers.phone, _to_dial(answers.phone)),
        Line("Voicemail", voicemail),
        Line(
            "Emergency contact",
            f"{answers.emergency_name} ({answers.emergency_relation})",
        ),
        Line(
            "Phone of the emergency contact",
            answers.emergency_phone,
            _to_dial(answers.emergency_phone),
        ),
        Line("Individual therapist", therapist if answers.has_therapist else "None"),
        Line("What makes sessions easier", answers.accommodations or "Nothing named"),
    ]


def _to_dial(number: str) -> str:
    """Without what people write between the digits; an extension is typed in by hand."""
    return "".join(sign for sign in number.partition("x")[0] if sign in "+0123456789")
