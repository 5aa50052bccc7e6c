"""The default programme that every installation starts with."""

import pytest

from sessions import curriculum
from sessions.models import Area, Curriculum, CurriculumWeek, Module, Programme
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
