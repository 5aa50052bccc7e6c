"""What staff type about a group, and form fields for the short lists that it keeps."""

import datetime as dt
import decimal
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.dateformat import format as formatted
from django.utils.dateformat import time_format
from django.utils.html import escape

from accounts import clock
from accounts.models import Role, User
from accounts.plain_text import NameField
from sessions import leading, pricing, schedule
from sessions.models import Cohort
from sessions.services import fingerprint


class LinesField(forms.CharField):
    """A list of short texts, one a line."""

    widget: forms.Widget = forms.Textarea(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(self.prepare_value(initial)) != self.to_python(data))


class CodesField(LinesField):
    """A list of codes or dates, parted by commas or spaces: "CA, NY"."""

    widget: forms.Widget = forms.TextInput(attrs={"size": 80})

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return str(value or "").replace(",", " ").upper().split()


class LeadersField(forms.ModelMultipleChoiceField):
    """People by their ids. What is no id is refused before the database is asked: SQLite ends
    with an error at a number beyond its own."""

    def clean(self, value: Any) -> Any:
        for pk in value or ():
            if not (pk.isascii() and pk.isdigit() and len(pk) < 18):
                raise ValidationError("Choose people who lead groups.", code="invalid_choice")
        return super().clean(value)


class LinkField(forms.URLField):
    """Where a group meets. An address that is too long is called that, and nothing else."""

    def __init__(self, **kwargs: Any) -> None:
        words = {"invalid": "Enter an address that starts with https://."}
        kwargs = {"max_length": 200, "assume_scheme": "https", "error_messages": words, **kwargs}
        super().__init__(widget=forms.URLInput(attrs={"autocomplete": "off"}), **kwargs)

    def run_validators(self, value: Any) -> None:
        if self.max_length and len(value) > self.max_length:
            raise ValidationError(
                f"This address is too long: it has {len(value)} characters, and "
                f"{self.max_length} is the most."
            )
        super().run_validators(value)


class PlanForm(forms.ModelForm):
    """A group in one short form: first what differs from group to group, then what seldom does.

    A facilitator who plans always leads the group themselves, and the price is not theirs to set:
    a new group, or one of another program, costs the program's list price.
    """

    # What this page shows of a stored draft, so that nobody's change is lost.
    seen = forms.CharField(required=False, max_length=16, widget=forms.HiddenInput)
    name = NameField(
        required=False,
        max_length=80,
        help_text="Left empty, it is the weekday and the time of day: “Tuesday evenings”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    price = forms.DecimalField(
        label="Price for all 12 sessions, in dollars",
        min_value=0,
        max_value=10_000,
        decimal_places=2,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    admitted_states = CodesField(
        label="States",
        help_text="Where the leaders are licensed, as two-letter codes: CA, NY.",
        error_messages={"required": "List at least one state, for example CA, NY."},
    )
    time_zone = forms.ChoiceField(label="Time zone of the group")
    meeting_url = LinkField(
        label="Meeting link",
        required=False,
        help_text="Your own video room, the same each week. Without one, each session gets a new "
        "room that nobody can know beforehand.",
    )

    class Meta:
        model = Cohort
        fields = (
            "first_date",
            "wall_time",
            "time_zone",
            "facilitators",
            "admitted_states",
            "name",
            "programme",
            "duration_minutes",
            "capacity",
            "price",
            "admission",
            "meeting_url",
        )
        field_classes = {"facilitators": LeadersField}
        labels = {
            "programme": "Program",
            "first_date": "First session",
            "wall_time": "Starts at",
            "duration_minutes": "Minutes",
            "capacity": "Seats",
            "admission": "Members may join",
            "facilitators": "Leaders",
        }
        help_texts = {
            "first_date": "Its weekday is the group's: twelve sessions, a week apart.",
            "wall_time": "On the clock in the group's zone, summer and winter.",
            "duration_minutes": "60 to 120.",
        }
        widgets = {
            "first_date": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
            "wall_time": forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
            "admission": forms.RadioSelect,
            "facilitators": forms.CheckboxSelectMultiple,
        }
        error_messages = {
            "first_date": {"invalid": "Enter the date of the first session."},
            "wall_time": {"invalid": "Enter the time at which each session starts."},
        }

    def __init__(self, *args: Any, planner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.planner = planner
        fields: dict[str, Any] = self.fields
        fields["facilitators"].queryset = leading.who_may_lead()
        choices = clock.zone_choices(self.instance.time_zone or self.initial.get("time_zone", ""))
        fields["time_zone"].choices = choices
        fields["programme"].empty_label = None
        cents = self.instance.price_cents
        self.initial.setdefault("price", decimal.Decimal(cents).scaleb(-2))
        if self.instance.pk is None:
            del fields["seen"]
        else:
            self.initial["seen"] = fingerprint(self.instance)
        if self.plans_their_own:
            del fields["price"]
            fields["facilitators"].queryset = fields["facilitators"].queryset.exclude(pk=planner.pk)
            leaders = self.initial.get("facilitators", ())
            self.initial["facilitators"] = [one for one in leaders if one != planner]
            fields["facilitators"].label = "Who leads it with you"
            fields["facilitators"].help_text = "You lead it. Choose nobody to lead it alone."
            fields["programme"].help_text = "A new group costs the program's list price."

    @property
    def plans_their_own(self) -> bool:
        """Whether the planner is a facilitator, who plans no others' groups."""
        return self.planner.role != Role.ADMIN

    def clean_facilitators(self) -> Any:
        chosen = self.cleaned_data["facilitators"]
        if not self.plans_their_own:
            return chosen
        return User.objects.filter(Q(pk=self.planner.pk) | Q(pk__in=[one.pk for one in chosen]))

    def clean_capacity(self) -> Any:
        capacity, programme = self.cleaned_data["capacity"], self.cleaned_data.get("programme")
        if programme and capacity > programme.max_capacity:
            raise ValidationError(f"This program seats at most {programme.max_capacity}.")
        return capacity

    def clean(self) -> Any:
        """Dates that were skipped belong to the weekday and the season they were skipped in."""
        if self.cleaned_data.get("price") and "admission" in self.cleaned_data:
            refuse_too_little(
                self, "price", int(self.cleaned_data["price"] * 100), self.cleaned_data["admission"]
            )
        if "first_date" in self.changed_data:
            self.instance.skipped_dates = []
        said = self.cleaned_data
        if not said.get("name") and "first_date" in said and "wall_time" in said:
            said["name"] = schedule.usual_name(said["first_date"], said["wall_time"])
        return super().clean()

    def save(self, commit: bool = True) -> Cohort:
        if not self.plans_their_own:
            self.instance.price_cents = int(self.cleaned_data["price"] * 100)
        elif self.instance.pk is None or "programme" in self.changed_data:
            self.instance.price_cents = self.instance.programme.list_price_cents
        self.instance.currency = self.instance.programme.currency
        saved: Cohort = super().save(commit)
        return saved

    def typed_otherwise(self) -> list[str]:
        """The fields in which something else was typed than what is stored."""
        return [name for name in self.changed_data if name != "seen"]

    def say_what_is_saved(self, names: Iterable[str]) -> None:
        """At these fields, besides what was typed there."""
        stored = PlanForm(instance=self.instance, planner=self.planner)
        for name in names:
            field = self.fields[name]
            words = saved_now(_in_words(stored.fields[name], stored.initial[name]))
            field.help_text = f"{field.help_text} {words}" if field.help_text else words


def _in_words(field: Any, value: Any) -> str:
    if isinstance(field, forms.ModelMultipleChoiceField):
        return leading.names(value) or "nobody"
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        return {str(key): str(label) for key, label in choices}.get(str(value), str(value))
    if isinstance(value, dt.date):
        return formatted(value, "l, F j, Y")
    if isinstance(value, dt.time):
        return time_format(value, "g:i A")
    return str(field.prepare_value(value))


def saved_now(words: object) -> str:
    """For a hint, whose markup is kept: so what somebody typed is escaped."""
    return f"<strong>Saved now: {escape(words) or 'nothing'}.</strong>"


def refuse_too_little(form: forms.BaseForm, field: str, price_cents: int, admission: str) -> None:
    """Say at the price that nobody could pay it by card."""
    weeks = Cohort.STARTING_WEEKS[admission]
    if words := pricing.too_little_to_pay(price_cents, max(weeks)):
        form.add_error(field, words)


class CapacityForm(forms.Form):
    # How many at most is the program's to say.
    capacity = forms.IntegerField(label="Seats", min_value=1)
    # What this page shows, so that nobody's change is lost.
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
