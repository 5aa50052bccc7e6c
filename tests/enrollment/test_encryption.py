"""Intake answers at rest: unreadable in the table, readable with any key that is still kept."""

import dataclasses
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib import admin
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from pytest_django.fixtures import Settings

from accounts.encryption import Unreadable
from enrollment import services
from enrollment.intake import Answers
from enrollment.models import Intake
from tests.enrollment.builders import NOW, a_member, an_intake, answers

pytestmark = pytest.mark.django_db

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def raw() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT answers FROM enrollment_intake")
        return str(cursor.fetchone()[0])


def telling(given: Answers) -> list[str]:
    """Everything that was typed, and the names of the questions."""
    stored = given.dump()
    return [*stored, *(str(value) for value in stored.values() if len(str(value)) > 2)]


def stored() -> Answers:
    return Answers.load(Intake.objects.get().answers)


def test_what_was_answered_is_read_back() -> None:
    given = an_intake(a_member(), accommodations="Captions, please", has_therapist=True)
    assert stored() == given


def test_the_table_holds_no_answer() -> None:
    given = an_intake(a_member(), therapist_name="Dr. Imogen Vale", accommodations="Captions")
    column = raw()
    assert [word for word in telling(given) if word in column] == []
    assert column.startswith("gAAAA")


def test_the_same_answers_look_different_each_time() -> None:
    member = a_member()
    an_intake(member)
    first = raw()
    an_intake(member)
    assert raw() != first


def test_a_new_key_in_front_reads_old_rows_and_writes_new_ones(settings: Settings) -> None:
    settings.INTAKE_KEYS = [OLD]
    member = a_member()
    given = an_intake(member)

    settings.INTAKE_KEYS = [NEW, OLD]
    assert stored() == given
    services.save_intake(member=member, answers=given, now=NOW)

    settings.INTAKE_KEYS = [NEW]
    assert stored() == given


def test_a_wrong_key_raises_and_hands_out_nothing(settings: Settings) -> None:
    settings.INTAKE_KEYS = [OLD]
    an_intake(a_member())
    settings.INTAKE_KEYS = [NEW]
    with pytest.raises(Unreadable) as caught:
        Intake.objects.get()
    assert raw() not in str(caught.value)
    with pytest.raises(Unreadable):
        list(Intake.objects.values_list("answers"))


def test_a_value_that_was_tampered_with_is_unreadable() -> None:
    an_intake(a_member())
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE enrollment_intake SET answers = overlay(answers placing 'x' from 30)"
        )
    with pytest.raises(Unreadable):
        Intake.objects.get()


@pytest.mark.parametrize("keys", [[], ["too short"]])
def test_keys_that_are_none_are_a_mistake_in_the_settings(
    settings: Settings, keys: list[str]
) -> None:
    settings.INTAKE_KEYS = keys
    with pytest.raises(ImproperlyConfigured, match="INTAKE_KEYS"):
        an_intake(a_member())


def test_a_dump_of_the_database_carries_no_answers() -> None:
    given = an_intake(a_member())
    dump = serializers.serialize("json", Intake.objects.all())
    assert [str(v) for v in given.dump().values() if len(str(v)) > 4 and str(v) in dump] == []


@pytest.mark.parametrize("form", ["json", "xml"])
def test_a_dump_is_loaded_again_as_it_was(form: str) -> None:
    given = an_intake(a_member(), accommodations="Captions, please")
    dump = serializers.serialize(form, Intake.objects.all())
    Intake.objects.all().delete()
    for one in serializers.deserialize(form, dump):
        one.save()
    assert stored() == given
    assert raw().startswith("gAAAA")


def test_answers_are_not_in_the_admin() -> None:
    assert admin.site.is_registered(Intake) is False
    inlines: list[Any] = [
        inline.model for site in admin.site._registry.values() for inline in site.inlines
    ]
    assert Intake not in inlines


def test_answers_to_questions_of_earlier_days_are_left_out() -> None:
    stored = {**answers().dump(), "email_ok": True}
    assert Answers.load(stored) == answers()


def test_answers_hold_what_is_asked_and_no_ratings() -> None:
    assert [field.name for field in dataclasses.fields(answers())] == [
        "legal_name",
        "date_of_birth",
        "state",
        "phone",
        "voicemail_ok",
        "emergency_name",
        "emergency_relation",
        "emergency_phone",
        "has_therapist",
        "therapist_name",
        "accommodations",
    ]
