"""What forms of this room ask with: words of one's own, and a step on a scale from 1 to 10."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.choices import flatten_choices
from django.utils.html import format_html

from accounts.plain_text import seen

# Characters of one text. Enough for a page of a diary, and little enough to read again.
LONGEST = 1000
FROM_THE_LIST = "Choose one of those that are listed."
NO_ANSWER = ("", "No answer")
STEPS = [(str(number), str(number)) for number in range(1, 11)]


class WordsField(forms.CharField):
    """A text in somebody's own words, optional unless said otherwise.

    The browser is not told the limit: it would cut off what is pasted, and say nothing.
    """

    def __init__(self, *, lines: int = 1, **kwargs: Any) -> None:
        self.lines = lines
        words = {
            "max_length": "Use at most %(limit_value)d characters. These are %(show_value)d.",
            "null_characters_not_allowed": "Take out the character that cannot be stored.",
            **kwargs.pop("error_messages", {}),
        }
        widget = forms.Textarea(attrs={"rows": lines}) if lines > 1 else forms.TextInput()
        kwargs = {"required": False, "max_length": LONGEST, "widget": widget, **kwargs}
        super().__init__(error_messages=words, **kwargs)

    def to_python(self, value: Any) -> Any:
        """One line loses what cannot be seen. In more, the end of each counts as one character,
        for which browsers send two."""
        text: str = super().to_python(value) or ""
        if self.lines == 1 and "\0" not in text:
            return seen(text)
        return text.replace("\r\n", "\n")

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        return {k: v for k, v in super().widget_attrs(widget).items() if k != "maxlength"}


class ScaleSelect(forms.RadioSelect):
    """Radio buttons on one row, which wraps."""

    template_name = "practice/widgets/scale.html"


class ScaleField(forms.TypedChoiceField):
    """A whole number from 1 to 10, or None: the answer may be left out, and taken back."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=[*STEPS, NO_ANSWER],
            coerce=int,
            empty_value=None,
            required=False,
            widget=ScaleSelect,
            error_messages={"invalid_choice": FROM_THE_LIST},
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else str(value)


def show_beside(form: forms.Form, standing: Mapping[str, Any]) -> None:
    """Say at each field what is saved there, where it is not what the form holds."""
    for name, field in form.fields.items():
        saved = standing.get(name, "")
        if form.initial.get(name) == saved:
            continue
        words = dict(flatten_choices(getattr(field, "choices", ()))).get(str(saved), saved)
        if isinstance(field, forms.BooleanField):
            words = "ticked" if saved else "not ticked"
        said = format_html("Saved now: <strong>{}</strong>", words or "nothing")
        field.help_text = format_html("{} {}", field.help_text, said) if field.help_text else said
