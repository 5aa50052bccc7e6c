"""Which version of the curriculum a cohort follows.

Derived, so nothing has to be kept in step: the newest one that was published before the cohort's
first session began, or until now while it has not. So a running cohort keeps the version that it
started with, and a cohort that has not begun follows what is published meanwhile.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from django.db.models import DateTimeField, F, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from sessions.models import Curriculum, CurriculumWeek, GroupSession


def weeks_of(*, cohorts: Iterable[int], now: dt.datetime) -> dict[int, dict[int, CurriculumWeek]]:
    """By cohort and number, what each week teaches. One query."""
    first = GroupSession.objects.filter(
        cohort=OuterRef(OuterRef("cohort_id")), number=1, starts_at__lt=now
    )
    began = Coalesce(
        Subquery(first.values("starts_at")[:1]), Value(now), output_field=DateTimeField()
    )
    in_force = Curriculum.objects.filter(
        programme=OuterRef("curriculum__programme"), published_at__lte=began
    ).order_by("-version")
    weeks = (
        CurriculumWeek.objects.filter(curriculum__programme__cohorts__in=cohorts)
        .annotate(cohort_id=F("curriculum__programme__cohorts"))
        .filter(curriculum=Subquery(in_force.values("pk")[:1]))
        .order_by("number")
    )
    found: dict[int, dict[int, CurriculumWeek]] = defaultdict(dict)
    for week in weeks:
        found[week.cohort_id][week.number] = week
    return found
