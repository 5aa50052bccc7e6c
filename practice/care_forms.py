"""Forms about sharing, and about what is shared. Their errors say what to do."""

import datetime as dt
import uuid
from typing import Any

from django import forms

from accounts.plain_text import NameField, validate_seen
from practice import consent
from practice.care import signed
from practice.fields import WordsField
from practice.goals import LEVEL_WORDS
from practice.models import RATED_WEEKS, PractitionerRole, Proposal, SharedWithLeader
from practice.proposals import Way
from practice.sharing import LONGEST, Choice
from practice.weeks import Week

LISTED = "Choose among those that are listed."
TOO_LONG = "Use at most %(limit_value)d characters. These are %(show_value)d."
NUL = "Take out the character that cannot be stored, and try again."
AGAIN = "Please open this page again and press once more."
A_DATE = "Enter a date as 2026-12-01."
LEVELS = [
    (str(level), f"{signed(level)}: {words.lower()}")
    for level, words in reversed(LEVEL_WORDS.items())
]


class KindForm(forms.Form):
    """Django's own words name only what is wrong."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            words = {
                "invalid_choice": LISTED,
                "invalid_list": LISTED,
                "max_length": TOO_LONG,
                "null_characters_not_allowed": NUL,
            }
            field.error_messages.update(words)
            # A browser would cut what is pasted, without a word.
            field.widget.attrs.pop("maxlength", None)


def part_choices() -> list[tuple[str, str]]:
    return [(part.value, words.name) for part, words in consent.CURRENT.parts.items()]


class ShareForm(KindForm):
    """Whom to show what, until when. Without an address for somebody who is known already."""

    name = NameField(
        max_length=80,
        label="Their name",
        help_text="As you know them. You see it in the list of who opened what.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    email = forms.EmailField(
        max_length=254,  # as long as an account's
        label="Their email address",
        help_text="They sign in with it. Please check each letter.",
        error_messages={"invalid": "Enter an address like name@example.org."},
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label="What they are to you",
        choices=PractitionerRole.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what they are to you."},
    )
    parts = forms.MultipleChoiceField(
        label="What they see",
        choices=part_choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="The next page says exactly what each means.",
        error_messages={"required": "Choose at least one part to share."},
    )
    until = forms.DateField(
        label="Until when",
        help_text="The last day. A year at most; you can end it at any moment before.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": A_DATE},
    )

    def __init__(self, *args: Any, today: dt.date, known: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        if known:
            del self.fields["email"]

    def clean_until(self) -> dt.date:
        until: dt.date = self.cleaned_data["until"]
        if until < self.today:
            raise forms.ValidationError("Choose today or a later day.")
        if until > self.today + LONGEST:
            raise forms.ValidationError("Choose a day within a year from today.")
        return until

    def choice(self) -> Choice:
        said = self.cleaned_data
        return Choice(
            name=said["name"],
            email=said.get("email", ""),
            role=PractitionerRole(said["role"]),
            parts=said["parts"],
            until=said["until"],
        )


class SignForm(KindForm):
    """The signature below what was shown. `key` makes a second press the same one."""

    signature = NameField(
        max_length=80,
        label="Your name, as your signature",
        help_text="They see it, so that they know whose plan it is.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    key = forms.UUIDField(widget=forms.HiddenInput, error_messages={"invalid": AGAIN})
    terms = forms.IntegerField(widget=forms.HiddenInput, error_messages={"invalid": AGAIN})


class LeaderForm(KindForm):
    parts = forms.MultipleChoiceField(
        label="What whoever leads your group sees",
        choices=[
            (SharedWithLeader.Kind.PRACTISED, "Whether you practiced this week"),
            (SharedWithLeader.Kind.PLAN, "Your plan of this week, and how it went"),
            (SharedWithLeader.Kind.GOALS, "Your goals, and how far you are, without notes"),
        ],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Nothing at all is an answer, so it is not called optional.
        self.fields["parts"].by_choice = True  # type: ignore[attr-defined]


class ProposalForm(KindForm):
    """What a practitioner writes to one of the weeks that have begun."""

    week = forms.TypedChoiceField(label="To which week", coerce=int)
    kind = forms.ChoiceField(
        label="What it is",
        choices=[
            (Proposal.Kind.COMMENT, "A comment, which asks for no answer"),
            (Proposal.Kind.ADAPTATION, "A way to make it easier, to be added to the plan"),
            (Proposal.Kind.ACTIVITY, "Another activity, in place of the one in the plan"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what it is."},
    )
    way = forms.ChoiceField(
        label="What it changes, if it makes it easier",
        choices=[("", "Choose one"), *Way.choices],
        required=False,
    )
    text = WordsField(
        lines=3,
        required=True,
        label="Your words",
        help_text="The member reads them, and others who see the plan. Up to 1,000 characters.",
        validators=[validate_seen],
    )
    key = forms.UUIDField(widget=forms.HiddenInput, error_messages={"invalid": AGAIN})

    def __init__(self, *args: Any, weeks: list[Week], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["week"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(week.number), _title(week)) for week in reversed(weeks)]
        self.fields["way"].by_choice = True  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("kind") != Proposal.Kind.ADAPTATION:
            said["way"] = ""
        elif not said.get("way") and "way" not in self.errors:
            self.add_error("way", "Choose what would be made easier.")
        return said


def _title(week: Week) -> str:
    return f"Week {week.number}: {week.teaches.title}" if week.teaches else f"Week {week.number}"


class RatingForm(KindForm):
    """How far one goal was in one week; `seen` is the revision of what stood there, 0 for nothing,
    and `goal_seen` that of the goal, whose steps the page shows."""

    goal = forms.UUIDField(widget=forms.HiddenInput, error_messages={"invalid": AGAIN})
    week = forms.TypedChoiceField(
        choices=[(str(week), str(week)) for week in RATED_WEEKS],
        coerce=int,
        widget=forms.HiddenInput,
    )
    seen = forms.IntegerField(
        widget=forms.HiddenInput, min_value=0, max_value=10**6, error_messages={"invalid": AGAIN}
    )
    goal_seen = forms.IntegerField(
        widget=forms.HiddenInput, min_value=0, max_value=10**6, error_messages={"invalid": AGAIN}
    )
    level = forms.TypedChoiceField(
        label="How far",
        choices=LEVELS,
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how far it is."},
    )
    note = WordsField(
        lines=3,
        label="A note",
        help_text="The member reads it, and others who see the goals. Up to 1,000 characters.",
    )

    @property
    def has_place(self) -> bool:
        """Whether it says which goal and week it is about, so that it can be shown again there."""
        return not self.errors.keys() & {"goal", "week", "seen", "goal_seen"}

    def is_about(self, goal: uuid.UUID, week: int) -> bool:
        said = self.cleaned_data
        return said.get("goal") == goal and said.get("week") == week


class TakeBackForm(KindForm):
    """The name of its button, whose value says which."""

    take_back = forms.UUIDField()


class AgreeForm(KindForm):
    goal = forms.UUIDField(widget=forms.HiddenInput)
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=10**6)


class DecideForm(KindForm):
    """`seen` is the revision of the plan on the page, 0 for none."""

    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=10**6)
