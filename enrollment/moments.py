"""A date and a time on a group's clock, as somebody types them."""

from typing import Any

from django import forms


class MomentForm(forms.Form):
    """Both are needed only where something is said to happen then: `ask_when` asks for them."""

    day = forms.DateField(
        label="Date",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a date as 2026-12-01."},
    )
    wall_time = forms.TimeField(
        label="Time",
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "Enter a time as 18:00."},
    )

    def ask_when(self, cleaned: dict[str, Any], *, day: str, wall_time: str) -> bool:
        """Whether both are given; adds those words at the one that is missing."""
        for field, words in (("day", day), ("wall_time", wall_time)):
            if cleaned.get(field) is None and field not in self.errors:
                self.add_error(field, words)
        return cleaned.get("day") is not None and cleaned.get("wall_time") is not None
