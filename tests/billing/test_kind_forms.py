"""Errors in the forms about money say what to do."""

import importlib
import pkgutil

import pytest
from django import forms
from django.core.validators import MaxLengthValidator

import billing
from billing.kind_forms import KindForm
from billing.price_forms import CodeForm
from sessions.models import Programme
from tests.billing.people import a_billing_admin, at_the_desk

pytestmark = pytest.mark.django_db

DJANGOS = ("This field is required", "Select a valid", "Ensure", "Enter a valid", "Enter a whole ")


class EachKind(KindForm):
    number = forms.IntegerField(min_value=2, max_value=4)
    decimal = forms.DecimalField(max_digits=4, decimal_places=2)
    day = forms.DateField()
    choice = forms.ChoiceField(choices=[("a", "A")])
    choices = forms.MultipleChoiceField(choices=[("a", "A")])
    row = forms.ModelChoiceField(Programme.objects.all())
    words = forms.CharField(max_length=3, min_length=2)
    own = forms.CharField(
        error_messages={"required": "Say what it is."}, validators=[MaxLengthValidator(1, "Less.")]
    )


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("number", "two", "Enter a whole number, for example 20."),
        ("number", "1", "Enter 2 or more."),
        ("number", "5", "Enter 4 or less."),
        ("decimal", "much", "Enter a number, for example 49.50."),
        ("decimal", "1.001", "Enter at most 2 digits after the point."),
        ("decimal", "1234567", "Enter a smaller amount."),
        ("day", "tomorrow", "Enter a date as 2026-12-01."),
        ("choice", "", "Choose one."),
        ("choice", "b", "Choose one of those that are listed."),
        ("choices", ["b"], "Choose one of those that are listed."),
        ("row", "77", "Choose one of those that are listed."),
        ("words", "a", "Use at least 2 characters."),
        ("words", "abcd", "Use at most 3 characters. These are 4."),
        ("words", "a\0", "Take out the character that cannot be stored, and try again."),
        ("own", "", "Say what it is."),
    ],
)
def test_each_mistake_is_told_by_what_to_do(field: str, typed: str | list[str], words: str) -> None:
    assert words in EachKind({field: typed}).errors[field]


def test_every_form_about_money_is_a_kind_one() -> None:
    for module in pkgutil.iter_modules(billing.__path__):
        if module.name.endswith("forms"):
            importlib.import_module(f"billing.{module.name}")
    unkind = {
        one.__name__
        for one in forms.Form.__subclasses__()
        if one.__module__.startswith("billing.") and one is not KindForm
    }
    assert unkind == set()


def test_nothing_at_all_is_answered_by_no_word_of_djangos() -> None:
    reply = at_the_desk(a_billing_admin()).post("/money/codes/new/", {"limit": "x", "cohort": "x"})
    assert reply.status_code == 422
    words = reply.content.decode()
    assert [one for one in DJANGOS if one in words] == ["Enter a whole "]  # … number, for example


@pytest.mark.parametrize(("kind", "other"), [("percent", "amount"), ("amount", "percent")])
def test_what_stands_at_the_other_choice_does_not_count(kind: str, other: str) -> None:
    desk = at_the_desk(a_billing_admin())
    said = {"code": "AUTUMN", "kind": kind, kind: "25", other: "much"}
    assert desk.post("/money/codes/new/", said).status_code == 200
    said[kind] = ""
    words = desk.post("/money/codes/new/", said).content.decode()
    assert 'id="id_' + kind + '_error"' in words
    assert 'id="id_' + other + '_error"' not in words


def test_neither_of_two_choices_is_called_optional() -> None:
    words = at_the_desk(a_billing_admin()).get("/money/codes/new/").content.decode()
    for label in ("How many percent?", "How many dollars?"):
        assert f"{label}</label>" in words
    assert CodeForm.by_choice == ("percent", "amount")
