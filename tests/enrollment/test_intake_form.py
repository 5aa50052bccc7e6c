"""What is typed into "About you": sound answers, and words for every mistake."""

import datetime as dt

import pytest

from enrollment.forms import IntakeForm
from tests.enrollment.builders import answers

TODAY = dt.date(2026, 9, 22)

TYPED = {
    "legal_name": "Samira Ruth Okafor",
    "date_of_birth_month": "3",
    "date_of_birth_day": "28",
    "date_of_birth_year": "1991",
    "state": "NY",
    "phone": "212 555 0134",
    "emergency_name": "Noor Okafor",
    "emergency_relation": "sister",
    "emergency_phone": "212 555 0177",
    "has_therapist": "no",
}

NO_SUCH_DATE = "This date does not exist. Check the month and the day."
NOT_YOURS = "Check the year: this can't be your date of birth."
NO_SUCH_MONTH = "The month is a number from 1 to 12."
SHORT_YEAR = "Write the year with four digits, for example 1990."
NUMBERS = "Enter the month, day and year in numbers."
NEEDED = "Enter your date of birth: month, day and year."


def form(**changes: str) -> IntakeForm:
    return IntakeForm({**TYPED, **changes}, today=TODAY)


def born(month: str, day: str, year: str) -> IntakeForm:
    return form(date_of_birth_month=month, date_of_birth_day=day, date_of_birth_year=year)


def test_sound_answers_become_one_value() -> None:
    assert form().is_valid()
    assert form().errors == {}
    sound = form()
    sound.full_clean()
    assert sound.answers() == answers()


@pytest.mark.parametrize(
    ("month", "day", "year", "message"),
    [
        ("2", "30", "1991", NO_SUCH_DATE),
        ("2", "29", "1991", NO_SUCH_DATE),
        ("13", "1", "1991", NO_SUCH_MONTH),
        ("0", "10", "1991", NO_SUCH_DATE),
        ("-1", "10", "1991", NO_SUCH_DATE),
        ("1", "10", "99999", NO_SUCH_DATE),
        ("March", "28", "1991", NUMBERS),
        ("March", "0", "1991", NUMBERS),
        ("3", "x", "y", NUMBERS),
        ("3", "9" * 5000, "1991", NUMBERS),
        ("", "", "", NEEDED),
        ("3", "28", "", NEEDED),
        ("9", "22", "2026", NOT_YOURS),
        ("9", "23", "2026", NOT_YOURS),
        ("3", "28", "2091", NOT_YOURS),
        ("3", "28", "91", SHORT_YEAR),
        ("3", "28", "1891", NOT_YOURS),
    ],
)
def test_an_impossible_date_says_what_is_wrong(
    month: str, day: str, year: str, message: str
) -> None:
    assert born(month, day, year).errors == {"date_of_birth": [message]}


@pytest.mark.parametrize(
    ("month", "day", "year", "admitted"),
    [
        ("9", "22", "2008", True),
        ("9", "23", "2008", False),
        ("2", "29", "2008", True),
        ("12", "31", "2020", False),
    ],
)
def test_members_are_eighteen_or_older(month: str, day: str, year: str, admitted: bool) -> None:
    errors = born(month, day, year).errors
    assert ("date_of_birth" not in errors) == admitted
    if not admitted:
        assert "988" in errors["date_of_birth"][0]


def test_who_was_born_on_february_29_is_eighteen_on_march_1() -> None:
    leap = {"date_of_birth_month": "2", "date_of_birth_day": "29", "date_of_birth_year": "2008"}
    on = {
        day: IntakeForm({**TYPED, **leap}, today=day).is_valid()
        for day in (dt.date(2026, 2, 28), dt.date(2026, 3, 1))
    }
    assert list(on.values()) == [False, True]
    leapling = answers(date_of_birth=dt.date(2008, 2, 29))
    assert [leapling.age_on(day) for day in on] == [17, 18]


@pytest.mark.parametrize(
    ("field", "whose"), [("phone", "your"), ("emergency_phone", "your emergency contact's")]
)
@pytest.mark.parametrize(
    "number", ["12345", "212 555 013", "call me", "212 555 0134; drop", "1" * 16, "+1 212"]
)
def test_a_phone_number_needs_its_area_code(field: str, whose: str, number: str) -> None:
    message = f"Enter {whose} phone number with its area code, for example 555 010 1234."
    assert form(**{field: number}).errors == {field: [message]}


@pytest.mark.parametrize(
    "number",
    ["2125550134", "(212) 555-0134", "+1 212.555.0134", "212-555-0134 x12", "+44 20 7946 0958"],
)
def test_a_phone_number_may_be_written_as_people_do(number: str) -> None:
    assert form(phone=number).errors == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("legal_name", ""),
        ("legal_name", "   "),
        ("legal_name", "x" * 121),
        ("state", ""),
        ("state", "ZZ"),
        ("has_therapist", ""),
        ("has_therapist", "maybe"),
        ("emergency_name", ""),
        ("emergency_relation", ""),
        ("accommodations", "x" * 501),
    ],
)
def test_an_answer_that_is_missing_or_too_long_is_named_at_its_field(
    field: str, value: str
) -> None:
    assert list(form(**{field: value}).errors) == [field]


def test_an_empty_form_names_every_question_that_needs_an_answer() -> None:
    assert list(IntakeForm({}, today=TODAY).errors) == [
        "state",
        "legal_name",
        "date_of_birth",
        "phone",
        "emergency_name",
        "emergency_relation",
        "emergency_phone",
        "has_therapist",
    ]


def test_stored_answers_fill_the_form_again() -> None:
    given = answers(has_therapist=True, therapist_name="Imogen Vale")
    again = IntakeForm(initial=IntakeForm.initial_from(given), today=TODAY)
    page = again.as_p()
    for typed in ("Samira Ruth Okafor", 'value="1991"', "Imogen Vale", "212 555 0177"):
        assert typed in page
