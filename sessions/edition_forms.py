"""What admins type about a version of the curriculum. Each error says what to do."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.plain_text import NameField, seen
from sessions.editions import Text, fingerprint, text_of
from sessions.forms import LinesField, saved_now
from sessions.models import LONGEST_EXPLANATION, Area, CurriculumWeek, Module

LONGEST = 200
LONGEST_NAME = 80
MOST = 20


class TextsField(LinesField):
    """Short texts, one a line, without characters that cannot be seen."""

    def to_python(self, value: Any) -> Any:
        lines = super().to_python(value)
        return [text for line in lines if (text := line if "\0" in line else seen(line))]

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise ValidationError(self.error_messages["required"], code="required")
        if any("\0" in line for line in value):
            raise ValidationError(
                "Take out the character that cannot be stored, and try again.", code="null"
            )
        if len(value) > MOST:
            raise ValidationError(
                f"Write at most {MOST} lines. These are {len(value)}.", code="max_lines"
            )
        if wrong := list(self.wrong_in(value)):
            raise ValidationError(wrong)

    def wrong_in(self, lines: list[str]) -> Iterator[str]:
        """Sentences about lines that cannot be stored as they are."""
        if too_long := next((line for line in lines if len(line) > LONGEST), None):
            yield (
                f"Use at most {LONGEST} characters in a line. “{too_long[:30]}…” has "
                f"{len(too_long)}."
            )


def parted(line: str) -> tuple[str, str]:
    """A skill's name, and what stands after the first colon with a space, if anything does."""
    if line.startswith(":"):
        return "", line
    name, _, words = f"{line} ".partition(": ")
    return name.strip(), words.strip()


def as_line(skill: str, explanation: str) -> str:
    return f"{skill}: {explanation}" if explanation else skill


class SkillsField(TextsField):
    """Skills, one a line, each with what it is in plain words after a colon."""

    widget: forms.Widget = forms.Textarea(attrs={"rows": 10})

    def to_python(self, value: Any) -> Any:
        return [
            line if line.startswith(":") else as_line(*parted(line))
            for line in super().to_python(value)
        ]

    def wrong_in(self, lines: list[str]) -> Iterator[str]:
        met: set[str] = set()
        for line in lines:
            name, words = parted(line)
            if not name:
                yield f"Write the name of the skill before the colon in “{_start(line)}”."
            if len(name) > LONGEST_NAME:
                yield (
                    f"Use at most {LONGEST_NAME} characters for the name of a skill. "
                    f"“{_start(name)}” has {len(name)}. What it is goes after a colon and a space."
                )
            if len(words) > LONGEST_EXPLANATION:
                yield (
                    f"Use at most {LONGEST_EXPLANATION} characters to say what a skill is. The "
                    f"words about “{_start(name)}” have {len(words)}."
                )
            if name and name.casefold() in met:
                yield f"“{_start(name)}” is there twice. Take one of the two out."
            met.add(name.casefold())


def _start(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:30]}…"


class WeekForm(forms.Form):
    """One week of a draft: its title, its skills, and where in the day they are practised."""

    # What this page shows of the week, so that nobody's change is lost.
    seen = forms.CharField(required=False, max_length=16, widget=forms.HiddenInput)
    title = NameField(
        max_length=120,
        error_messages={
            "required": "Give the week a title.",
            "max_length": "Use at most %(limit_value)d characters for the title.",
        },
    )
    module = forms.ChoiceField(
        choices=Module.choices,
        error_messages={
            "required": "Choose a module.",
            "invalid_choice": "Choose one of the modules that are listed.",
        },
    )
    skills = SkillsField(
        help_text="One a line. After a colon, say in one plain sentence what it is: “STOP: Stop, "
        "take one step back, look around, then go on with care.”",
        error_messages={"required": "Name at least one skill."},
    )

    def __init__(self, *args: Any, week: CurriculumWeek, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.week = week
        for area in Area:
            self.fields[area] = TextsField(label=area.label, required=False)
        stored = text_of(week)
        self.initial = {
            "seen": fingerprint([week]),
            "title": stored.title,
            "module": stored.module,
            "skills": [as_line(skill, words) for skill, words in week.explained_skills],
            **{area: stored.activities.get(area, []) for area in Area},
            **self.initial,
        }

    def text(self) -> Text:
        """What a valid form says."""
        said = self.cleaned_data
        activities = {area.value: said[area] for area in Area if said[area]}
        skills = [parted(line) for line in said["skills"]]
        return Text(
            said["module"],
            said["title"],
            [name for name, _ in skills],
            activities,
            {name: words for name, words in skills if words},
        )

    def say_what_is_saved(self, names: Iterable[str], stored: Mapping[str, Any]) -> None:
        """At these fields, besides what was typed there."""
        for name in names:
            field, value = self.fields[name], stored[name]
            if name == "module":
                value = Module(value).label
            words = saved_now("; ".join(value) if isinstance(value, list) else value)
            field.help_text = f"{field.help_text} {words}" if field.help_text else words


class ApprovalForm(forms.Form):
    """A clinician's tick, which somebody else may type for them."""

    seen = forms.CharField(required=False, max_length=16, widget=forms.HiddenInput)
    clinician = NameField(
        label="Name and license of the clinician",
        help_text="For example “Ana Diaz, PsyD, California PSY 12345”.",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": "Enter the name and the license of the clinician.",
            "max_length": "Use at most %(limit_value)d characters.",
        },
    )
    agreed = forms.BooleanField(
        label="A licensed clinician has read this version and approves it",
        error_messages={"required": "Tick this once a clinician has read all twelve weeks."},
    )
