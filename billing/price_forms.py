"""What staff type to make a promotion code, or to give somebody a price."""

import datetime as dt
import decimal
import re
import zoneinfo
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from accounts import clock
from billing import codes
from billing.kind_forms import KindForm
from billing.models import PersonalPrice, PromotionCode
from sessions.models import Cohort, Programme
from sessions.schedule import instant

MOST = 10_000  # dollars
# Commas part thousands only: "49,50" is a slip, not four thousand dollars.
TYPED = re.compile(r"\$?\s*(-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)", re.ASCII)
HAS_ONE = "They have a price for this already. End that one first."


class Dollars(forms.DecimalField):
    """Dollars as somebody types them, exact; `cents` of it is an integer."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_value=MOST,
            decimal_places=2,
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            error_messages={
                "invalid": "Enter an amount in dollars, for example 49.50.",
                "max_decimal_places": "Enter dollars and cents, for example 49.50.",
            },
            **kwargs,
        )

    def to_python(self, value: Any) -> Any:
        """With or without the sign and the commas."""
        typed = str(value or "").strip()
        said = TYPED.fullmatch(typed)
        if typed and said is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(said[1].replace(",", "") if said else "")


def cents(dollars: decimal.Decimal) -> int:
    return int(dollars.scaleb(2))


class GroupField(forms.ModelChoiceField):
    """A group that can still be paid for, by its name and first date."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Cohort.objects.none(), required=False, **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}, from {obj.first_date:%b} {obj.first_date.day}, {obj.first_date.year}"


def open_groups() -> Any:
    """Groups for which somebody may still be going to pay."""
    return Cohort.objects.exclude(status=Cohort.Status.ARCHIVED).order_by("first_date", "name")


class CodeForm(KindForm):
    by_choice = ("percent", "amount")

    code = forms.CharField(
        label="Code",
        help_text="4 to 24 letters, digits or hyphens. Capitals or not is the same.",
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(
        label="What does it take off?",
        help_text="Choose one of the two, and say how much below it.",
        choices=[("percent", "A part, in percent"), ("amount", "An amount, in dollars")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a part or an amount."},
    )
    percent = forms.IntegerField(
        label="How many percent?",
        required=False,
        min_value=1,
        max_value=100,
        help_text="1 to 100. Leave it empty for an amount.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={
            "invalid": "Enter a whole number from 1 to 100.",
            "min_value": "Enter a whole number from 1 to 100.",
            "max_value": "Enter a whole number from 1 to 100.",
        },
    )
    amount = Dollars(
        label="How many dollars?",
        required=False,
        min_value=decimal.Decimal("0.01"),
        help_text="For example 49.50. Leave it empty for a part.",
    )
    limit = forms.IntegerField(
        label="How many may use it?",
        required=False,
        min_value=1,
        max_value=100_000,
        help_text="Nothing here means: as many as like.",
    )
    starts_on = forms.DateField(
        label="First day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Nothing here means: from now on.",
    )
    expires_on = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="It works until midnight at the end of this day. Nothing here means: no end.",
    )
    cohort = GroupField(label="Only for this group", empty_label="Every group")
    programme = forms.ModelChoiceField(
        Programme.objects.order_by("name"),
        label="Only for this program",
        required=False,
        empty_label="Every program",
    )
    note = forms.CharField(
        label="Note", required=False, max_length=200, help_text="For staff. Members never see it."
    )

    def __init__(self, *args: Any, zone: str, now: dt.datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.now = zoneinfo.ZoneInfo(zone), now
        fields: dict[str, Any] = self.fields
        fields["cohort"].queryset = open_groups()
        for name in ("starts_on", "expires_on"):
            fields[name].help_text += f" Days are those of {clock.zone_label(zone)} time."

    def clean_code(self) -> str:
        code = codes.normal(self.cleaned_data["code"])
        RegexValidator(r"^[A-Z0-9-]{4,24}\Z", "Use 4 to 24 letters, digits or hyphens.")(code)
        if PromotionCode.objects.filter(code=code).exists():
            raise ValidationError("There is a code of this name already, used or not.")
        return code

    def clean(self) -> Any:
        said = self.cleaned_data
        self._clean_how_much(said)
        if said.get("cohort") and said.get("programme"):
            self.add_error("programme", "Choose a group or a program, not both.")
        self._clean_days(said)
        return super().clean()

    def _clean_how_much(self, said: dict[str, Any]) -> None:
        """The field of the choice is needed; what stands in the other one does not count."""
        kind = said.get("kind")
        if kind is None:
            return
        self.errors.pop("amount" if kind == "percent" else "percent", None)
        if kind not in self.errors and said.get(kind) is None:
            how = "percent" if kind == "percent" else "dollars"
            self.add_error(kind, f"Enter how many {how} it takes off.")

    def _clean_days(self, said: dict[str, Any]) -> None:
        """Days on the reader's clock: from a first midnight to the one after the last day."""
        first, last = said.get("starts_on"), said.get("expires_on")
        if first and not 2020 <= first.year <= 2100:
            self.add_error("starts_on", "Choose a day of this century.")
            return
        if last and not 2020 <= last.year <= 2100:
            self.add_error("expires_on", "Choose a day of this century.")
            return
        starts = self._midnight(first) if first else self.now
        said["starts_at"] = max(starts, self.now)
        said["expires_at"] = self._midnight(last + dt.timedelta(days=1)) if last else None
        if said["expires_at"] and said["expires_at"] <= said["starts_at"]:
            words = "Choose a day that is not over, and not before the first."
            self.add_error("expires_on", words)

    def _midnight(self, day: dt.date) -> dt.datetime:
        return instant(day, dt.time(), self.zone)

    def wish(self) -> PromotionCode:
        """The code that was asked for, not stored, once the form is valid."""
        said = self.cleaned_data
        percent = said["kind"] == "percent"
        return PromotionCode(
            code=said["code"],
            percent_off=said["percent"] if percent else None,
            amount_off_cents=None if percent else cents(said["amount"]),
            limit=said["limit"],
            starts_at=said["starts_at"],
            expires_at=said["expires_at"],
            cohort=said["cohort"],
            programme=said["programme"],
            note=said["note"],
        )


class PriceForm(KindForm):
    price = Dollars(
        label="Price for all 12 sessions",
        min_value=decimal.Decimal(0),
        help_text="In dollars. 0 is a free place: no card is asked for.",
    )
    cohort = GroupField(
        label="For which group?",
        empty_label="Any group",
        help_text="It holds until somebody ends it here.",
    )
    reason = forms.CharField(
        label="Why?", max_length=200, help_text="For staff. Members never see it."
    )

    def __init__(self, *args: Any, member_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.member_id = member_id
        fields: dict[str, Any] = self.fields
        fields["cohort"].queryset = open_groups()

    def clean(self) -> Any:
        said = self.cleaned_data
        if "cohort" not in said:
            return super().clean()
        cohort = said["cohort"]
        held = PersonalPrice.objects.filter(member=self.member_id, cohort=cohort, ended_at=None)
        if held.exists():
            self.add_error("cohort", HAS_ONE)
        price = said.get("price")
        if cohort and price is not None and cents(price) >= max(cohort.price_cents, 1):
            self.add_error("price", "This is not less than the list price of that group.")
        return super().clean()
