"""The default programme that every installation starts with."""

import re

import pytest
from django.core.exceptions import ValidationError

from sessions import curriculum
from sessions.models import (
    Area,
    Curriculum,
    CurriculumWeek,
    Module,
    Programme,
    validate_explained,
)
from tests.sessions.factories import a_version, default_programme

pytestmark = pytest.mark.django_db


def first_version() -> Curriculum:
    return default_programme().curricula.get()


def test_twelve_weeks_in_three_blocks_that_open_with_mindfulness() -> None:
    weeks = list(first_version().weeks.all())
    assert [week.number for week in weeks] == list(range(1, 13))
    opening = [week.number for week in weeks if week.module == Module.MINDFULNESS]
    assert opening == [1, 5, 9]
    assert {week.module for week in weeks} == set(Module.values)


def test_every_week_names_skills_and_where_to_practise_them() -> None:
    for week in first_version().weeks.all():
        week.full_clean()
        assert week.skills
        assert set(week.activities) == set(Area.values)


def test_every_skill_is_explained_in_one_plain_sentence() -> None:
    for week in first_version().weeks.all():
        assert list(dict(week.explained_skills)) == week.skills
        for skill, words in week.explained_skills:
            assert re.fullmatch(r"[A-Z][^.!?]{40,198}\.", words), skill
            assert re.search(r"\byou", words, re.IGNORECASE), skill
            # They stand on the card of the diary, which asks for no such thing.
            assert not re.search(r"suicid|harm|urge|hurt", words, re.IGNORECASE), skill


def test_a_fresh_seed_explains_as_the_migrations_do() -> None:
    other = Programme.objects.create(name="Other", slug="other")
    curriculum.seed_weeks(other, Curriculum.objects, CurriculumWeek.objects)
    seeded = {week.number: week.explained for week in other.curricula.get().weeks.all()}
    assert seeded == {week.number: week.explained for week in first_version().weeks.all()}
    assert seeded[2]["STOP"].startswith("When you are about to act in the heat")


@pytest.mark.parametrize(
    ("value", "sound"),
    [
        ({}, True),
        ({"STOP": "x" * 200}, True),
        ({"STOP": "x" * 201}, False),
        ({"STOP": ""}, False),
        ({"STOP": 1}, False),
        (["STOP"], False),
    ],
)
def test_an_explanation_is_a_short_text(value: object, sound: bool) -> None:
    if sound:
        validate_explained(value)
        return
    with pytest.raises(ValidationError):
        validate_explained(value)


def test_seeding_again_keeps_what_staff_wrote() -> None:
    programme = default_programme()
    draft = a_version(programme, at=None, weeks={1: {"title": "Our own title"}})
    again = curriculum.seed(Programme.objects, Curriculum.objects, CurriculumWeek.objects)
    assert again == programme
    assert draft.weeks.get().title == "Our own title"
    assert programme.curricula.count() == 2
    assert programme.curricula.get(version=1).weeks.count() == 12


def test_what_the_payment_processor_shows_is_neutral() -> None:
    assert default_programme().public_name == "12-week program"
