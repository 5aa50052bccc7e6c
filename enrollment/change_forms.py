"""What a leader types to change a published group: its dates, who leads, where it meets."""

import datetime as dt
import zoneinfo
from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts import clock
from enrollment import history, rescheduling
from enrollment.changes import Kind, Wish
from enrollment.handovers import NewLeaders, StandIn
from enrollment.meeting_links import Relink
from enrollment.moments import MomentForm
from sessions import leading
from sessions.forms import LinkField
from sessions.models import Cohort, GroupSession, https_only

STILL_TO_COME = "Choose a session that is still to come."
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


class ChangingForm(forms.Form):
    """One change of a group, on the version that the page shows, with a reason."""

    reason = forms.CharField(
        label="Why?",
        required=False,
        max_length=200,
        help_text="Kept in the history for those who lead the group. It is never mailed.",
    )
    # What this page shows, so that nobody's change is lost.
    version = forms.IntegerField(
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(("required", "invalid"), "Please open this page again."),
    )

    def __init__(self, *args: Any, cohort: Cohort, now: dt.datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("version", cohort.version)
        self.cohort = cohort
        self.sessions = list(self.changeable(now))
        self.offer()

    def changeable(self, now: dt.datetime) -> "QuerySet[GroupSession]":
        """The sessions that this form can change."""
        return history.sessions_ahead(self.cohort, now)

    def offer(self) -> None:
        """Fill in what there is to choose from."""

    def wish(self) -> Any:
        """What was asked for, once the form is valid."""
        raise NotImplementedError

    def choices(self, name: str, choices: list[tuple[Any, str]], refusal: str) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        field.error_messages["invalid_choice"] = refusal

    def session_choices(self) -> list[tuple[Any, str]]:
        zone = self.cohort.zone
        return [
            (one.number, f"Week {one.number}: {_short(one.starts_at, zone)}")
            for one in self.sessions
        ]


class ChangeForm(MomentForm, ChangingForm):
    """Other dates. Date and time are the group's own, and needed only where something moves."""

    number = forms.TypedChoiceField(label="Which session?", coerce=int)
    kind = forms.ChoiceField(
        label="What happens?",
        choices=CHOICES,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what happens."},
    )
    field_order = ("number", "kind", "day", "wall_time")

    def changeable(self, now: dt.datetime) -> "QuerySet[GroupSession]":
        return rescheduling.coming_sessions(cohort=self.cohort, now=now)

    def offer(self) -> None:
        self.choices("number", self.session_choices(), STILL_TO_COME)
        day, wall_time = self.fields["day"], self.fields["wall_time"]
        day.label, wall_time.label = "New date", "New time"
        day.help_text = "Only when it moves."
        label = clock.zone_label(self.cohort.zone)
        wall_time.help_text = f"Only when it moves, on the group's clock ({label})."

    def clean(self) -> dict[str, Any]:
        """A session that moves needs to know where to."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("kind") in NEEDS_A_TIME:
            self.ask_when(cleaned, day="Choose the new date.", wall_time="Choose the new time.")
        return cleaned

    def wish(self) -> Wish:
        said = self.cleaned_data
        moves = said["kind"] in NEEDS_A_TIME
        day: dt.date | None = said["day"] if moves else None
        return Wish(
            kind=said["kind"],
            number=said["number"],
            day=day,
            wall_time=said["wall_time"] if moves else None,
        )


class SubstituteForm(ChangingForm):
    """Somebody leads one session for somebody else, or does not any more."""

    number = forms.TypedChoiceField(label="Which session?", coerce=int)
    absent = forms.TypedChoiceField(label="Who cannot lead it?", coerce=int)
    substitute = forms.TypedChoiceField(
        label="Who leads it instead?",
        coerce=int,
        help_text="Whoever it is must be licensed where the group's members are.",
    )
    field_order = ("number", "absent", "substitute")

    def offer(self) -> None:
        team = leading.team(self.cohort)
        sessions = []
        for one, (number, words) in zip(self.sessions, self.session_choices(), strict=True):
            there = team.substitutions.get(one.pk, ())
            swaps = ", ".join(f"{swap.substitute} for {swap.absent}" for swap in there)
            sessions.append((number, f"{words} ({swaps})" if swaps else words))
        team_choices = [(one.pk, str(one)) for one in team.facilitators]
        others = [one for one in leading.who_may_lead() if one not in team.facilitators]
        people = [
            ("", "Choose"),
            *((one.pk, str(one)) for one in others),
            (0, "Nobody: the usual leader leads it after all"),
        ]
        self.choices("number", sessions, STILL_TO_COME)
        self.choices("absent", team_choices, "Choose one of the group's leaders.")
        self.choices("substitute", people, "Choose somebody who leads groups.")
        self.fields["substitute"].error_messages["required"] = "Choose who leads it."

    def wish(self) -> StandIn:
        said = self.cleaned_data
        return StandIn(said["number"], said["absent"], said["substitute"] or None)


class LeadersForm(ChangingForm):
    """Who leads the group from now on."""

    leaders = forms.TypedMultipleChoiceField(
        label="Who leads the group from now on?",
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        help_text="Whoever is added sees the whole group at once; whoever is removed sees nothing "
        "of it any more.",
        error_messages={"required": "Choose at least one leader."},
    )
    field_order = ("leaders",)

    def offer(self) -> None:
        team = leading.team(self.cohort)
        people = {one.pk: str(one) for one in (*leading.who_may_lead(), *team.facilitators)}
        self.choices("leaders", list(people.items()), "Choose people who lead groups.")
        self.initial.setdefault("leaders", team.ids)

    def wish(self) -> NewLeaders:
        return NewLeaders(frozenset(self.cleaned_data["leaders"]))


class LinkForm(ChangingForm):
    """Where the group meets, always or once."""

    number = forms.TypedChoiceField(label="For which sessions?", coerce=int)
    url = LinkField(
        label="New meeting link",
        required=False,
        validators=[https_only],
        help_text="Empty for one session: it meets where the group does. Empty for all: each "
        "session gets a new room that nobody can know beforehand.",
    )
    field_order = ("number", "url")

    def offer(self) -> None:
        choices = [(0, "All that are still to come"), *self.session_choices()]
        self.choices("number", choices, STILL_TO_COME)

    def wish(self) -> Relink:
        return Relink(self.cleaned_data["number"], self.cleaned_data["url"])
