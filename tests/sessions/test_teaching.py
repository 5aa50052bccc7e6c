"""Which version of the curriculum a cohort follows."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from sessions.models import Cohort, Curriculum, Programme
from sessions.teaching import weeks_of
from tests.enrollment.builders import FIRST_SESSION, HOUR, NOW, a_cohort
from tests.sessions import factories

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)


def a_version(programme: Programme, at: dt.datetime | None, title: str) -> Curriculum:
    return factories.a_version(programme, at=at, weeks={1: {"title": title}})


def title(cohort: Cohort, now: dt.datetime) -> str:
    return weeks_of(cohorts=[cohort.pk], now=now)[cohort.pk][1].title


def test_a_group_that_has_not_begun_follows_the_newest() -> None:
    cohort = a_cohort()
    a_version(cohort.programme, NOW, "second")
    assert title(cohort, NOW - MINUTE) == "Starting out, and noticing your state of mind"
    assert title(cohort, NOW) == "second"


def test_a_running_group_keeps_the_version_that_it_started_with() -> None:
    cohort = a_cohort()
    a_version(cohort.programme, FIRST_SESSION - HOUR, "before")
    a_version(cohort.programme, FIRST_SESSION + HOUR, "after")
    assert title(cohort, FIRST_SESSION + 10 * HOUR) == "before"
    assert title(a_cohort(starts_at=FIRST_SESSION + 5 * HOUR), FIRST_SESSION + 10 * HOUR) == "after"


def test_a_draft_teaches_nobody() -> None:
    cohort = a_cohort()
    a_version(cohort.programme, None, "draft")
    assert title(cohort, FIRST_SESSION) == "Starting out, and noticing your state of mind"


def test_each_group_has_its_own_program() -> None:
    first, other = a_cohort(), Programme.objects.create(name="Other", slug="other")
    second = a_cohort(programme=other)
    a_version(other, NOW, "elsewhere")
    found = weeks_of(cohorts=[first.pk, second.pk], now=NOW)
    assert (len(found[first.pk]), found[second.pk][1].title) == (12, "elsewhere")


def test_the_database_wants_a_clinician_before_publication() -> None:
    programme = a_cohort().programme
    with pytest.raises(IntegrityError), transaction.atomic():
        Curriculum.objects.create(programme=programme, version=2, published_at=NOW)


def test_the_database_keeps_one_draft_of_a_program() -> None:
    programme = a_cohort().programme
    Curriculum.objects.create(programme=programme, version=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        Curriculum.objects.create(programme=programme, version=3)
