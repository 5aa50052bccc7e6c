"""Programmes and cohorts for tests of any room."""

import datetime as dt
from typing import Any

from sessions import curriculum
from sessions.models import Cohort, Curriculum, CurriculumWeek, Programme

FIRST_DATE = dt.date(2026, 10, 6)


def default_programme() -> Programme:
    """The seeded one, also where another test has emptied the database."""
    programme: Programme = curriculum.seed(
        Programme.objects, Curriculum.objects, CurriculumWeek.objects
    )
    return programme


def build_cohort(**fields: Any) -> Cohort:
    """A sound cohort that is not stored: Tuesdays at 6:00 PM in New York."""
    values: dict[str, Any] = {
        "name": "Tuesday evenings",
        "slug": "tuesday-evenings",
        "first_date": FIRST_DATE,
        "wall_time": dt.time(18),
        "time_zone": "America/New_York",
        "admitted_states": ["NY"],
        **fields,
    }
    if "programme" not in values:
        values["programme"] = default_programme()
    return Cohort(**values)


def make_cohort(**fields: Any) -> Cohort:
    cohort = build_cohort(**fields)
    cohort.save()
    return cohort
