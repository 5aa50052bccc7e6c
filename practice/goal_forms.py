"""A goal in a member's words, and how far it is."""

from typing import Any

from django import forms

from practice.attainment import LEVELS
from practice.fields import WordsField
from practice.goals import MOST_LEVEL, MOST_NOTE, MOST_TITLE, Aim, Reached

# The order in which they are asked: what is expected first, the rest is measured by it.
FIELDS = {0: "expected", 1: "more", 2: "much_more", -1: "less", -2: "much_less"}


class Words(WordsField):
    """Two lines, unless said otherwise, that have to be filled in."""

    def __init__(self, *, most: int, lines: int = 2, required: bool = True, **kwargs: Any) -> None:
        super().__init__(max_length=most, lines=lines, required=required, **kwargs)


class AimForm(forms.Form):
    title = Words(
        label="What do you want to be able to do?",
        help_text="Something from your days, in your own words. For example: cook dinner at home.",
        most=MOST_TITLE,
        error_messages={"required": "Write down what you want to be able to do."},
    )
    expected = Words(
        label="What would be a good, realistic result after these weeks?",
        help_text="This is what you expect. For example: I cook on two evenings of the week.",
        most=MOST_LEVEL,
        error_messages={"required": "Write down a result that would be good and realistic."},
    )
    more = Words(
        label="A little more than expected",
        help_text="For example: on three evenings.",
        most=MOST_LEVEL,
        error_messages={"required": "Write down what would be a little more than that."},
    )
    much_more = Words(
        label="Much more than expected",
        help_text="For example: on most evenings, and I ask somebody to join me.",
        most=MOST_LEVEL,
        required=False,
    )
    less = Words(
        label="A little less than expected",
        help_text="For example: on one evening.",
        most=MOST_LEVEL,
        error_messages={"required": "Write down what would be a little less than that."},
    )
    much_less = Words(
        label="Much less than expected",
        help_text="For many people this is how it is today. For example: I don\u2019t cook.",
        most=MOST_LEVEL,
        required=False,
    )

    @classmethod
    def showing(cls, aim: Aim) -> "AimForm":
        levels = {name: aim.at(level) for level, name in FIELDS.items()}
        return cls(initial={"title": aim.title, **levels})

    def clean(self) -> dict[str, Any]:
        """Two levels that read the same cannot be told apart later."""
        cleaned = super().clean() or self.cleaned_data
        first_of: dict[str, str] = {}
        for name in FIELDS.values():
            written = " ".join(cleaned.get(name, "").casefold().split())
            if written and written in first_of:
                label = self.fields[first_of[written]].label
                self.add_error(name, f"This reads the same as \u201c{label}\u201d. Change one.")
            first_of.setdefault(written, name)
        return cleaned

    def aim(self) -> Aim:
        worst, less, expected, more, best = (self.cleaned_data[FIELDS[one]] for one in LEVELS)
        title = self.cleaned_data["title"]
        return Aim(title=title, levels=(worst, less, expected, more, best))


class RatingForm(forms.Form):
    """Which of the five levels fits best, and a note if one helps."""

    level = forms.TypedChoiceField(
        label="Which of these fits best?",
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose the one that fits best.",
            "invalid_choice": "Choose one of the five.",
        },
    )
    note = Words(
        label="Anything to remember about it",
        most=MOST_NOTE,
        lines=3,
        required=False,
    )

    def __init__(self, *args: Any, aim: Aim, past_week: int | None = None, **kwargs: Any) -> None:
        """`past_week` is the look's own, when it is over: it is asked about, not today."""
        super().__init__(*args, **kwargs)
        level = self.fields["level"]
        if past_week is not None:
            level.label = f"How was it in week {past_week}?"
        assert isinstance(level, forms.ChoiceField)
        level.choices = [
            (one, f"{words}: {own}" if own else words) for one, words, own in aim.steps
        ]

    @classmethod
    def showing(
        cls, aim: Aim, reached: Reached | None, *, past_week: int | None = None
    ) -> "RatingForm":
        shown = {"level": reached.level, "note": reached.note} if reached else {}
        return cls(aim=aim, past_week=past_week, initial=shown)
