"""Which version of the curriculum a cohort follows.

Derived, so nothing has to be kept in step: the newest one that was published before the cohort's
first session began, or until now while it has not. So a running cohort keeps the version that it
started with, and a cohort that has not begun follows what is published meanwhile.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import DateTimeField, Exists, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from sessions.models import Cohort, Curriculum, CurriculumWeek, GroupSession


def weeks_of(*, cohorts: Iterable[int], now: dt.datetime) -> dict[int, dict[int, CurriculumWeek]]:
    """By cohort and number, what each week teaches. One query."""
    in_force = _in_force(programme="curriculum__programme", cohort="cohort_id", now=now)
    weeks = (
        CurriculumWeek.objects.filter(curriculum__programme__cohorts__in=cohorts)
        .annotate(cohort_id=F("curriculum__programme__cohorts"))
        .filter(curriculum=in_force)
        .order_by("number")
    )
    found: dict[int, dict[int, CurriculumWeek]] = defaultdict(dict)
    for week in weeks:
        found[week.cohort_id][week.number] = week
    return found


@dataclass(frozen=True, slots=True)
class Group:
    """A cohort, the key of the version that it follows, and whether it keeps that one."""

    cohort: Cohort
    follows: int | None
    begun: bool


def present_groups(*, programmes: Iterable[int], now: dt.datetime) -> list[Group]:
    """Groups that are planned, open or running. One query."""
    sessions = GroupSession.objects.filter(cohort=OuterRef("pk"))
    ahead = sessions.filter(ends_at__gt=now, cancelled_at=None)
    groups = (
        Cohort.objects.filter(programme__in=programmes)
        .exclude(status=Cohort.Status.ARCHIVED)
        .filter(~Exists(sessions) | Exists(ahead))
        .annotate(
            follows=_in_force(programme="programme", cohort="pk", now=now),
            begun=Exists(_begun(OuterRef("pk"), now)),
        )
        .order_by("first_date", "pk")
    )
    return [Group(cohort, cohort.follows, cohort.begun) for cohort in groups]


def _in_force(*, programme: str, cohort: str, now: dt.datetime) -> Subquery:
    """The key of the version in force; both names are of the query that asks."""
    first = _begun(OuterRef(OuterRef(cohort)), now)
    began = Coalesce(
        Subquery(first.values("starts_at")[:1]), Value(now), output_field=DateTimeField()
    )
    versions = Curriculum.objects.filter(programme=OuterRef(programme), published_at__lte=began)
    return Subquery(versions.order_by("-version").values("pk")[:1])


def _begun(cohort: OuterRef, now: dt.datetime) -> "QuerySet[GroupSession]":
    """Its first session, once that has begun."""
    return GroupSession.objects.filter(cohort=cohort, number=1, starts_at__lt=now)
