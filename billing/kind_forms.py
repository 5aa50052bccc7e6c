"""Forms whose errors say what to do. Django's own words name only what is wrong."""

from typing import Any, ClassVar

from django import forms

# By the code of the error, for every kind of field, and for some kinds in place of these.
WORDS = {
    "invalid_choice": "Choose one of those that are listed.",
    "invalid_list": "Choose among those that are listed.",
    "min_value": "Enter %(limit_value)s or more.",
    "max_value": "Enter %(limit_value)s or less.",
    "max_digits": "Enter a smaller amount.",
    "max_whole_digits": "Enter a smaller amount.",
    "max_decimal_places": "Enter at most %(max)s digits after the point.",
    "min_length": "Use at least %(limit_value)d characters.",
    "max_length": "Use at most %(limit_value)d characters. These are %(show_value)d.",
    "null_characters_not_allowed": "Take out the character that cannot be stored, and try again.",
}
INVALID: dict[type[forms.Field], str] = {
    forms.IntegerField: "Enter a whole number, for example 20.",
    forms.DecimalField: "Enter a number, for example 49.50.",
    forms.DateField: "Enter a date as 2026-12-01.",
}
CHOOSE = "Choose one."


class KindForm(forms.Form):
    """Says what to do, where a field has no words of its own.

    (“This field is required.” becomes “Please fill this in.” in the templates, for every form.)
    """

    # Not needed by themselves, but by a choice beside them: so they are not called optional.
    by_choice: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            for code, words in _words_for(field).items():
                if field.error_messages.get(code) == _djangos(field).get(code):
                    field.error_messages[code] = words
        for name in self.by_choice:
            if name in self.fields:
                self.fields[name].by_choice = True  # type: ignore[attr-defined]  # for field.html


def _words_for(field: forms.Field) -> dict[str, str]:
    words = dict(WORDS)
    if isinstance(field, forms.ChoiceField | forms.ModelChoiceField):
        words["required"] = CHOOSE
    for kind, invalid in INVALID.items():
        # Decimals are integers to Django; the last that fits is the nearest.
        if isinstance(field, kind):
            words["invalid"] = invalid
    return words


def _djangos(field: forms.Field) -> dict[str, Any]:
    """What the field would say if nobody had given it words."""
    messages: dict[str, Any] = {}
    for kind in reversed(type(field).__mro__):
        messages.update(getattr(kind, "default_error_messages", {}))
    return messages
