"""What is typed and ticked on a card of the diary."""

from typing import Any

from django import forms
from django.forms.boundfield import BoundWidget

from practice.diary import LONGEST_ACTIVITY, LONGEST_NOTE, STRENGTHS, Card
from practice.diary_days import Skills

TEXT_WORDS = {
    "null_characters_not_allowed": "Take out the character that cannot be stored, and try again."
}
CHOICE_WORDS = {
    "invalid_choice": "Choose one of those that are listed.",
    "invalid_list": "Choose among those that are listed.",
}


class TextField(forms.CharField):
    """A text of any lines. Too long, it is refused: a browser's own limit would cut off the rest
    of what somebody pastes without a word."""

    def __init__(self, *, named: str, longest: int, **kwargs: Any) -> None:
        words = {
            **TEXT_WORDS,
            "max_length": f"{named} has %(show_value)d characters; {longest:,} fit.",
        }
        super().__init__(required=False, max_length=longest, error_messages=words, **kwargs)

    def to_python(self, value: Any) -> str:
        text: str = super().to_python(value) or ""
        return text.replace("\r\n", "\n")

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {"autocomplete": "off"}


class StrengthField(forms.TypedChoiceField):
    """0 to 10, or nothing, which is the first choice: so it can be taken back without a script."""

    def __init__(self, *, label: str) -> None:
        super().__init__(
            label=label,
            required=False,
            coerce=int,
            empty_value=None,
            choices=[("", "Leave blank"), *((str(n), str(n)) for n in STRENGTHS)],
            widget=forms.RadioSelect,
            error_messages=CHOICE_WORDS,
        )


class CardForm(forms.Form):
    skills = forms.MultipleChoiceField(
        label="Skills you tried",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages=CHOICE_WORDS,
    )
    activity = TextField(
        label="While doing what?", named="“While doing what?”", longest=LONGEST_ACTIVITY
    )
    before = StrengthField(label="How strong was the emotion before?")
    after = StrengthField(label="And after?")
    note = TextField(
        label="A note for yourself",
        named="The note",
        longest=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, skills: Skills, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = skills
        field = self.fields["skills"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(skill, skill) for skill in (*skills.own, *skills.earlier)]

    @property
    def own_skills(self) -> list[BoundWidget]:
        return list(self["skills"])[: len(self.offered.own)]

    @property
    def earlier_skills(self) -> list[BoundWidget]:
        return list(self["skills"])[len(self.offered.own) :]

    @property
    def shows_earlier(self) -> bool:
        """Something is ticked among the earlier ones, which are folded away otherwise."""
        ticked = self["skills"].value() or ()
        return not self.offered.own or any(skill in ticked for skill in self.offered.earlier)

    def card(self) -> Card:
        """Of a form that is valid."""
        given = self.cleaned_data
        return Card(**{**given, "skills": tuple(given["skills"])})
