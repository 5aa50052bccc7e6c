"""The forms about disputes and about the comparison with Stripe."""

import datetime as dt
from typing import Any

from django import forms

from billing.kind_forms import KindForm
from billing.remedies import Gap
from sessions.pricing import format_money

LONGEST_PERIOD = dt.timedelta(days=92)


class ReasonForm(KindForm):
    """Why somebody decides so; `seen` is what the page showed them."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    reason = forms.CharField(
        label="Why",
        help_text="For whoever reads the history. Nothing about health.",
        max_length=150,
        error_messages={"required": "Write a few words about why."},
    )


class AdjustForm(ReasonForm):
    """A line that puts the ledger right: the whole `gap` or a part of it, in cents."""

    amount = forms.DecimalField(
        label="Amount",
        help_text="As 12.50. With a minus for money that went.",
        max_digits=8,
        decimal_places=2,
        error_messages={
            "required": "Write an amount.",
            "invalid": "Write an amount as 12.50 or -12.50.",
            "max_decimal_places": "An amount has at most two digits after the point.",
        },
    )
    field_order = ("amount", "reason", "seen")

    def __init__(self, *args: Any, gap: Gap, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gap, self.currency = gap, currency

    def clean_amount(self) -> int:
        """In cents."""
        cents = int(self.cleaned_data["amount"] * 100)
        if cents == 0:
            raise forms.ValidationError("A line of zero moves nothing. Write an amount.")
        if not self.gap.takes(cents):
            right = format_money(self.gap.cents, self.currency)
            raise forms.ValidationError(
                f"With that the books would differ more, or the other way. {right} makes both the "
                "same; less than that is possible too."
            )
        return cents

    @property
    def left_cents(self) -> int:
        """What still differs after this line, once the form is valid."""
        left: int = self.gap.cents - self.cleaned_data["amount"]
        return left


class LeftForm(KindForm):
    """That somebody knows what still differs after a line that is not the whole of it."""

    left = forms.IntegerField(widget=forms.HiddenInput, required=False)
    known = forms.BooleanField()

    def __init__(self, data: Any = None, *, left: int, currency: str) -> None:
        super().__init__(data, initial={"left": left}, auto_id="left_%s")
        fields: dict[str, Any] = self.fields
        amount = format_money(left, currency)
        fields["known"].label = f"I know that {amount} still differs"
        fields["known"].error_messages["required"] = (
            f"Tick that you know that {amount} still differs, or go back and change the amount."
        )
        if not left:
            del fields["known"]


class PeriodForm(KindForm):
    """Which days are compared; both are part of it, in UTC."""

    first = forms.DateField(
        label="From",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": "Choose the first day.",
            "invalid": "Enter a date as 2026-12-01.",
        },
    )
    last = forms.DateField(
        label="To",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": "Choose the last day.",
            "invalid": "Enter a date as 2026-12-01.",
        },
    )

    def __init__(self, *args: Any, now: dt.datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = now.date()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first is None or last is None:
            return cleaned
        if last < first:
            self.add_error("last", "The last day is before the first. Choose a later one.")
        elif first > self.today:
            self.add_error("first", "That day is still to come. Choose an earlier one.")
        elif last - first >= LONGEST_PERIOD:
            self.add_error("last", f"At most {LONGEST_PERIOD.days} days at a time.")
        return cleaned
