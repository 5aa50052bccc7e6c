"""The forms about disputes and about the comparison with Stripe."""

import datetime as dt
from typing import Any

from django import forms

from billing.kind_forms import KindForm

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
    """A line that puts the ledger right. Cents, never a fraction of one."""

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

    def clean_amount(self) -> int:
        """In cents."""
        cents = int(self.cleaned_data["amount"] * 100)
        if cents == 0:
            raise forms.ValidationError("A line of zero moves nothing. Write an amount.")
        return cents


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
