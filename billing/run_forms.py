"""What somebody at the money desk says about a refund of many people."""

from collections.abc import Sequence
from typing import Any

from django import forms

from billing.kind_forms import KindForm
from billing.policy import Basis
from billing.run_plan import Whom
from enrollment.models import Enrollment
from enrollment.roster import name_of

EVERYBODY, SOME = "everybody", "some"


class RunForm(KindForm):
    """Who, how much, and what becomes of the seats."""

    by_choice = ("members", "seat")

    who = forms.ChoiceField(
        label="Who gets money back?",
        choices=[
            (EVERYBODY, "Everybody: we cannot hold this group any more"),
            (SOME, "Only those whom I choose: the group goes on"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose who gets money back."},
    )
    members = forms.TypedMultipleChoiceField(
        label="Whom?",
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Only for “those whom I choose”.",
        error_messages={"invalid_choice": "Choose among the members of this group."},
    )
    basis = forms.ChoiceField(
        label="How much goes back?",
        choices=[
            (Basis.POLICY.value, "The part for sessions that are not held"),
            (Basis.FULL.value, "Everything that is left, also for sessions that were held"),
            (Basis.CANCELLED.value, "The part for sessions that we cancelled, for who stays"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how much goes back."},
    )
    seat = forms.ChoiceField(
        label="What becomes of their seats?",
        choices=[("keep", "They keep them"), ("free", "They are free again from now on")],
        required=False,
        widget=forms.RadioSelect,
        help_text="Only for “those whom I choose”. When the group is not held, every seat ends.",
    )
    reason = forms.CharField(
        label="Why?",
        required=False,
        max_length=200,
        help_text="Kept for staff. It is never mailed.",
    )

    def __init__(self, *args: Any, people: Sequence[Enrollment], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["members"].choices = [(one.pk, _label(one)) for one in people]

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if said.get("who") == SOME:
            if not said.get("members") and "members" not in self.errors:
                self.add_error("members", "Choose at least one member.")
            if not said.get("seat") and "seat" not in self.errors:
                self.add_error("seat", "Choose what becomes of their seats.")
        elif said.get("who") == EVERYBODY and said.get("basis") == Basis.CANCELLED:
            self.add_error("basis", "Nobody stays in a group that is not held: choose another way.")
        return said

    def whom(self) -> Whom:
        """What was asked for, once the form is valid."""
        said = self.cleaned_data
        ends = said["who"] == EVERYBODY
        return Whom(
            ends_group=ends,
            basis=Basis(said["basis"]),
            frees_seat=ends or said["seat"] == "free",
            chosen=frozenset() if ends else frozenset(said["members"]),
        )


class AsideForm(KindForm):
    """That a person takes care of somebody outside of the run."""

    how = forms.CharField(
        label="What do you do instead?",
        max_length=200,
        help_text="For example “The bank decides about the dispute first”. Only staff see it.",
        error_messages={"required": "Say what you do instead."},
    )


def _label(enrollment: Enrollment) -> str:
    return f"{name_of(enrollment)} ({enrollment.get_status_display().lower()})"
