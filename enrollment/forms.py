"""What members type: about themselves, their agreements, and where they are today."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.forms.boundfield import BoundField

from enrollment.agreements import CURRENT, Agreement
from enrollment.attendance import LATEST, MINUTE
from enrollment.intake import Answers
from enrollment.models import Mark
from sessions.us_states import US_STATES

ADULT = 18
STATE_CHOICES = [("", "Choose a state"), *US_STATES.items()]
ELSEWHERE = ("--", "Outside the United States")
NO_SUCH_DATE = "This date does not exist. Check the month and the day."
NO_SUCH_MONTH = "The month is a number from 1 to 12."
SHORT_YEAR = "Write the year with four digits, for example 1990."


def phone_number(whose: str) -> RegexValidator:
    """A number with its area code, as people write it; the error names whose it is."""
    return RegexValidator(
        r"^(?=(?:\D*\d){10,15}\D*$)[0-9+().\- x]+$",
        f"Enter {whose} phone number with its area code, for example 555 010 1234.",
    )


class DatePartsWidget(forms.MultiWidget):
    """Month, day and year as three boxes: easier for a birthday than any calendar."""

    template_name = "components/date_parts.html"
    use_fieldset = True
    parts = ("month", "day", "year")

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        boxes: dict[str, forms.Widget | type[forms.Widget]] = {
            part: forms.TextInput(
                attrs={"inputmode": "numeric", "autocomplete": f"bday-{part}", "size": size}
            )
            for part, size in zip(self.parts, ("2", "2", "4"), strict=True)
        }
        super().__init__(boxes, attrs)

    def decompress(self, value: dt.date | None) -> list[int | None]:
        return [value.month, value.day, value.year] if value else [None, None, None]


class DatePartsField(forms.MultiValueField):
    """A date from three boxes; a day that does not exist is an error that says so."""

    widget = DatePartsWidget

    def __init__(self, **kwargs: Any) -> None:
        number = forms.IntegerField(min_value=1, max_value=9999)
        super().__init__(fields=(number, number, number), require_all_fields=True, **kwargs)

    def compress(self, data_list: Sequence[int]) -> dt.date | None:
        if not data_list:
            return None
        month, day, year = data_list
        if month > 12:
            raise ValidationError(NO_SUCH_MONTH)
        if year < 1000:
            raise ValidationError(SHORT_YEAR)
        try:
            return dt.date(year, month, day)
        except ValueError:
            raise ValidationError(NO_SUCH_DATE) from None

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except ValidationError as error:
            codes = {part.code for part in error.error_list}
            if "invalid" in codes:
                raise ValidationError("Enter the month, day and year in numbers.") from None
            if codes & {"min_value", "max_value"}:
                raise ValidationError(NO_SUCH_DATE) from None
            raise


YES_NO = (("yes", "Yes"), ("no", "No"))


class IntakeForm(forms.Form):
    """The short questions before a first group. Every answer is stored encrypted."""

    # First, because it decides whether the other questions are worth answering.
    state = forms.ChoiceField(
        label="Where will you be during the sessions?",
        help_text="The people who lead a group have to be licensed in the state where you are.",
        choices=STATE_CHOICES,
        error_messages={"required": "Choose the state where you will be during the sessions."},
    )
    legal_name = forms.CharField(
        label="Your full legal name",
        help_text="For your records with us. Your group sees only the name you chose.",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    date_of_birth = DatePartsField(
        label="Date of birth",
        help_text="Month, day, year. For example 3 28 1991.",
        error_messages={"required": "Enter your date of birth: month, day and year."},
    )
    phone = forms.CharField(
        label="Your phone number",
        max_length=30,
        validators=[phone_number("your")],
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )
    voicemail_ok = forms.BooleanField(
        label="It is safe to leave a voicemail on this number", required=False
    )
    emergency_name = forms.CharField(
        label="Emergency contact: their name",
        help_text="Somebody we may call if we are worried about your safety.",
        max_length=120,
    )
    emergency_relation = forms.CharField(
        label="Emergency contact: who they are to you",
        help_text="For example sister, partner, friend.",
        max_length=60,
    )
    emergency_phone = forms.CharField(
        label="Emergency contact: their phone number",
        max_length=30,
        validators=[phone_number("your emergency contact's")],
        widget=forms.TextInput(attrs={"type": "tel"}),
    )
    has_therapist = forms.ChoiceField(
        label="Do you see an individual therapist?",
        choices=YES_NO,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose yes or no. Either is fine."},
    )
    therapist_name = forms.CharField(
        label="Your therapist's name (optional)", max_length=120, required=False
    )
    accommodations = forms.CharField(
        label="Anything that would make the sessions easier for you? (optional)",
        help_text="For example captions, camera off at times, larger text.",
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_date_of_birth(self) -> dt.date:
        born: dt.date = self.cleaned_data["date_of_birth"]
        if born >= self.today or born.year < self.today.year - 120:
            raise ValidationError("Check the year: this can't be your date of birth.")
        adult_on = (born.year + ADULT, born.month, born.day)
        if (self.today.year, self.today.month, self.today.day) < adult_on:
            raise ValidationError(
                "These groups are for people who are 18 or older. If you need support now, "
                "call or text 988, at any hour."
            )
        return born

    def answers(self) -> Answers:
        """The cleaned answers as one value."""
        data = self.cleaned_data
        return Answers(**{**data, "has_therapist": data["has_therapist"] == "yes"})

    @staticmethod
    def initial_from(answers: Answers | None) -> dict[str, Any]:
        if answers is None:
            return {}
        stored = {**answers.dump(), "date_of_birth": answers.date_of_birth}
        return {**stored, "has_therapist": "yes" if answers.has_therapist else "no"}


class AgreementsForm(forms.Form):
    """One box for each agreement; all are needed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for agreement in CURRENT:
            self.fields[agreement.kind] = forms.BooleanField(
                label=agreement.label,
                error_messages={
                    "required": f"“{agreement.title}”: tick this box to go on, or write to us "
                    "if something in it does not work for you."
                },
            )

    def with_texts(self) -> list[tuple[BoundField, Agreement]]:
        return [(self[agreement.kind], agreement) for agreement in CURRENT]


class DoorForm(forms.Form):
    """Where the member is today: a facilitator may only work where they are licensed."""

    location = forms.ChoiceField(
        label="Where are you right now?",
        help_text="We ask each time, because the law looks at where you are today.",
        choices=[*STATE_CHOICES, ELSEWHERE],
        error_messages={"required": "Choose the state you are in right now."},
    )


class NoteForm(forms.Form):
    """One line of a session's register: what became of one member."""

    NOTHING = ("", "Not noted")
    EARLY = "Before a session begins, only “Excused” can be noted."

    mark = forms.ChoiceField(required=False, choices=[NOTHING, *Mark.choices])
    late_minutes = forms.IntegerField(
        required=False,
        min_value=1,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "max": LATEST // MINUTE}),
    )
    # When the note that this page shows was written, so that nobody's word is lost.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, early: bool, settled: bool, **kwargs: Any) -> None:
        """`early`: the session has not begun. `settled`: its register is closed, so that a note
        can be corrected and not taken back."""
        super().__init__(*args, **kwargs)
        mark = self.fields["mark"]
        assert isinstance(mark, forms.ChoiceField)
        if early:
            standing = self.initial.get("mark")
            offered = [one for one in Mark.choices if one[0] in (Mark.EXCUSED, standing)]
            mark.choices = [self.NOTHING, *offered]
            mark.error_messages["invalid_choice"] = self.EARLY
        elif settled and self.initial.get("seen"):
            mark.choices = Mark.choices
            mark.required = True
            mark.error_messages["required"] = (
                "This attendance is closed, so each line keeps its mark. Choose the right one."
            )

    def clean(self) -> dict[str, Any]:
        """Late needs its minutes, and too many of them are an absence."""
        cleaned: dict[str, Any] = super().clean() or {}
        minutes, limit = cleaned.get("late_minutes"), LATEST // MINUTE
        if cleaned.get("mark") != Mark.LATE:
            cleaned["late_minutes"] = None
        elif minutes is None and "late_minutes" not in self.errors:
            self.add_error("late_minutes", "How many minutes late?")
        elif minutes is not None and minutes > limit:  # whole numbers, however long
            self.add_error("mark", f"More than {limit} minutes late counts as absent.")
        return cleaned

    def clean_seen(self) -> dt.datetime | None:
        text: str = self.cleaned_data["seen"]
        try:
            return dt.datetime.fromisoformat(text) if text else None
        except ValueError:
            raise forms.ValidationError("Please open this page again.") from None
