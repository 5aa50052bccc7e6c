"""What a member chooses before paying."""

from typing import Any

from django import forms

from accounts import clock
from billing.kind_forms import KindForm
from billing.parts import Part, fingerprint
from sessions.pricing import format_money

FULL, PARTS = "full", "parts"


class WayForm(KindForm):
    """All at once or in three parts, with every amount and date in words."""

    way = forms.ChoiceField(label="How would you like to pay?", widget=forms.RadioSelect)
    # The calendar that this page shows, so that nobody agrees to another one.
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, *args: Any, parts: list[Part], total_cents: int, currency: str, zone: str
    ) -> None:
        super().__init__(*args)
        full = f"In full: {format_money(total_cents, currency)} today"
        field = self.fields["way"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(FULL, full), (PARTS, in_words(parts, currency, zone))]
        field.help_text = "The card you use for the first part is charged for the others."
        self.initial = {"way": FULL, "seen": fingerprint(parts, zone)}


def in_words(parts: list[Part], currency: str, zone: str) -> str:
    """As in "In 3 parts: $99.67 today, $99.67 on Monday, December 21, and …"."""
    first, *others = parts
    later = [
        f"{format_money(part.amount_cents, currency)} on {clock.day(part.due_at, zone)}"
        for part in others
    ]
    today = f"{format_money(first.amount_cents, currency)} today"
    return f"In {len(parts)} parts: {', '.join([today, *later[:-1]])}, and {later[-1]}"
