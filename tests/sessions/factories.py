"""Programmes and cohorts for tests of any room."""

import datetime as dt
from typing import Any

from sessions import curriculum
from sessions.models import Cohort, Curriculum, CurriculumWeek, Programme
from tests.accounts.people import make_person

FIRST_DATE = dt.date(2026, 10, 6)


def default_programme() -> Programme:
    """The seeded one, also where another test has emptied the database."""
    programme: Programme = curriculum.seed(
        Programme.objects, Curriculum.objects, CurriculumWeek.objects
    )
    return programme


def a_version(
    programme: Programme,
    *,
    at: dt.datetime | None,
    weeks: dict[int, dict[str, Any]],
    first: bool = False,
) -> Curriculum:
    """The next version, with these weeks; published at that moment, or a draft.

    Only the first may be published without a clinician, so every other one has one.
    """
    email = f"editor{programme.pk}-{programme.curricula.count()}@example.org"
    made = Curriculum.objects.create(
        programme=programme,
        version=programme.curricula.count() + 1,
        clinician="" if first else "Dr. Ada Reyes, PsyD",
        approved_by=None if first else make_person(email),
        approved_at=None if first else at,
    )
    for number, fields in weeks.items():
        made.weeks.create(number=number, **{"module": "mindfulness", "title": "Text", **fields})
    made.published_at = at
    made.save(update_fields=["published_at"])
    return made


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
