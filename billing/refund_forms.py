"""What somebody at the money desk types about a refund."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from billing.kind_forms import KindForm
from billing.models import RefundDecision
from billing.policy import Basis, Computed
from billing.rehearsals import Wish
from sessions.pricing import format_money

DOLLARS = re.compile(r"\$?\s*([0-9]{1,3}(?:,[0-9]{3}){1,2}|[0-9]{1,7})(?:\.([0-9]{2}))?", re.ASCII)

# An amount all the same, only of too many digits.
TOO_LONG = re.compile(r"\$?\s*[0-9,]{8,}(?:\.[0-9]{2})?", re.ASCII)


class CentsField(forms.Field):
    """An amount in dollars, as exact cents: "24.92", "$1,299.00", "25"."""

    widget: forms.Widget = forms.TextInput(
        attrs={"inputmode": "decimal", "autocomplete": "off", "maxlength": 20}
    )

    def prepare_value(self, value: Any) -> Any:
        return format_money(value).removeprefix("$") if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        typed = str(value or "").strip()
        if not typed:
            return None
        match = DOLLARS.fullmatch(typed)
        if match is None and TOO_LONG.fullmatch(typed):
            raise ValidationError("That is more than can be typed here.")
        if match is None:
            raise ValidationError("Type dollars and cents, for example 24.92.")
        return int(match[1].replace(",", "")) * 100 + int(match[2] or 0)


class RefundForm(KindForm):
    """How much, and what becomes of the seat: two choices. Each way shows what it comes to."""

    by_choice = ("amount",)

    basis = forms.ChoiceField(
        label="How much goes back?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how much goes back."},
    )
    amount = CentsField(
        label="Amount in dollars",
        required=False,
        help_text="Only for “Another amount”, for example 24.92.",
    )
    seat = forms.ChoiceField(
        label="What becomes of the seat?",
        choices=[("keep", "They keep it"), ("free", "It is free again from now on")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what becomes of the seat."},
    )
    reason = forms.CharField(
        label="Why?",
        required=False,
        max_length=200,
        help_text="Kept for whoever handles money. It is never mailed.",
    )

    def __init__(
        self,
        *args: Any,
        computed: Mapping[Basis, Computed],
        currency: str,
        has_seat: bool,
        most: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        # Whoever chose before it was too much hears why; nobody is offered it anew.
        offered = [
            basis
            for basis in Basis
            if self.is_bound or (computed[basis].cents <= most if basis in computed else most > 0)
        ]
        if not most and not self.is_bound:
            offered = []
            del fields["amount"]
        ways = [(basis.value, _label(basis, computed.get(basis), currency)) for basis in offered]
        ways += [("nothing", "Nothing: only the seat is freed")] * has_seat
        # Last, so that its field stands below it.
        fields["basis"].choices = sorted(ways, key=lambda way: way[0] == Basis.AMOUNT)
        if not has_seat:
            del fields["seat"]

    @property
    def offers(self) -> bool:
        """Whether there is anything to choose."""
        fields: dict[str, Any] = self.fields
        return bool(fields["basis"].choices)

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        basis = said.get("basis")
        if basis == Basis.AMOUNT and "amount" in said and not said["amount"]:
            self.add_error("amount", "Type the amount that goes back, for example 24.92.")
        if basis == "nothing" and said.get("seat") == "keep":
            self.add_error("basis", "Nothing goes back and the seat is kept: so nothing is done.")
        return said

    def wish(self) -> Wish:
        """What was asked for, once the form is valid."""
        said = self.cleaned_data
        basis = Basis.AMOUNT if said["basis"] == "nothing" else Basis(said["basis"])
        typed = said["basis"] == Basis.AMOUNT
        return Wish(basis, said["amount"] if typed else 0, said.get("seat") == "free")


class SeenForm(KindForm):
    """A press on a preview; `seen` is what it showed."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def words(self) -> str:
        """What was typed, once the form is valid."""
        said: str = self.cleaned_data.get("how", "")
        return said


class SettledForm(SeenForm):
    """That a refund which failed was paid another way."""

    how = forms.CharField(
        label="How was it paid?",
        max_length=200,
        help_text="For example “Check 1042, sent on March 3”. It stands in the ledger.",
        error_messages={"required": "Say how it was paid."},
    )


class NotOwedForm(SeenForm):
    """That a refund which failed is not owed any more."""

    how = forms.CharField(
        label="Where did the money go?",
        max_length=180,
        help_text="For example \u201cRefunded in Stripe\u2019s dashboard on March 3\u201d.",
        error_messages={"required": "Say why it is not owed any more."},
    )


def _label(basis: Basis, computed: Computed | None, currency: str) -> str:
    words = RefundDecision.Basis(basis).label
    return f"{words}: {format_money(computed.cents, currency)}" if computed else words
