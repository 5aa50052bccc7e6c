"""What a leader types to change the dates of a group."""

import datetime as dt
import zoneinfo
from collections.abc import Sequence
from typing import Any

from django import forms

from accounts import clock
from enrollment.changes import Kind, Wish
from sessions.models import GroupSession

NEEDS_A_TIME = (Kind.MOVE, Kind.SHIFT)
CHOICES = [
    (Kind.MOVE, "Move this one session"),
    (Kind.REPLACE, "Cancel it, with another week at the end: it and all later ones move on"),
    (Kind.CANCEL, "Cancel it without another week"),
    (Kind.SHIFT, "Move it and all later ones, to another weekday or time"),
]


def _short(at: dt.datetime, zone: zoneinfo.ZoneInfo) -> str:
    """A time that fits into a list on a phone."""
    return f"{clock.short_day(at, zone)}, {clock.time_of_day(at, zone)}"


class ChangeForm(forms.Form):
    """One change. Date and time are the group's own, and needed only where something moves."""

    number = forms.TypedChoiceField(label="Which session?", coerce=int)
    kind = forms.ChoiceField(
        label="What happens?",
        choices=CHOICES,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what happens."},
    )
    day = forms.DateField(
        label="New date",
        required=False,
        help_text="Only when it moves.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a date as 2026-12-01."},
    )
    wall_time = forms.TimeField(
        label="New time",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "Enter a time as 18:00."},
    )
    reason = forms.CharField(
        label="Why?",
        required=False,
        max_length=200,
        help_text="Kept in the history for those who lead the group. It is never mailed.",
    )
    # Which dates this page shows, so that nobody's change is lost.
    version = forms.IntegerField(
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(("required", "invalid"), "Please open this page again."),
    )

    def __init__(
        self,
        *args: Any,
        sessions: Sequence[GroupSession],
        zone: zoneinfo.ZoneInfo,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        number = self.fields["number"]
        assert isinstance(number, forms.ChoiceField)
        number.choices = [
            (one.number, f"Week {one.number}: {_short(one.starts_at, zone)}") for one in sessions
        ]
        number.error_messages["invalid_choice"] = "Choose a session that is still to come."
        label = clock.zone_label(zone)
        self.fields["wall_time"].help_text = f"Only when it moves, on the group's clock ({label})."

    def clean(self) -> dict[str, Any]:
        """A session that moves needs to know where to."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("kind") in NEEDS_A_TIME:
            for field, words in (
                ("day", "Choose the new date."),
                ("wall_time", "Choose the new time."),
            ):
                if not cleaned.get(field) and field not in self.errors:
                    self.add_error(field, words)
        return cleaned

    def wish(self) -> Wish:
        """What was asked for, once the form is valid."""
        said = self.cleaned_data
        moves = said["kind"] in NEEDS_A_TIME
        day: dt.date | None = said["day"] if moves else None
        return Wish(
            kind=said["kind"],
            number=said["number"],
            day=day,
            wall_time=said["wall_time"] if moves else None,
        )
