"""When a session moves or is cancelled in which people from other groups have chairs."""

import datetime as dt
from collections.abc import Iterable

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from enrollment import links
from enrollment.absences import expect_again
from enrollment.changes import Line
from enrollment.making_up import said_with
from enrollment.models import Absence, Visit
from enrollment.states import IN_STANDING
from outbox import services as outbox
from outbox.delivery import FRESH
from sessions.models import CohortChange, GroupSession


def visitors_of(lines: Iterable[Line]) -> "QuerySet[Visit]":
    """Chairs that people from other groups have in these sessions."""
    return Visit.objects.filter(
        session__in=[line.session.pk for line in lines],
        given_back_at=None,
        enrollment__status__in=IN_STANDING,
    )


def follow_change(*, change: CohortChange, lines: Iterable[Line], now: dt.datetime) -> int:
    """Bring visits and absences up to date; returns how many visitors are told. Runs in the
    transaction of the change.

    A chair in a cancelled session is given back, and its visitor expected in their own session
    again. Who has a chair elsewhere in place of a session that moves keeps it.
    """
    lines = list(lines)
    visits = visitors_of(lines)
    starts = [line.after for line in lines if line.after is not None]
    outbox.owe_again(
        kinds=(links.VISIT_LINK, links.VISIT_REMINDER),
        subject_ids=list(visits.values_list("pk", flat=True)),
        occasion_ids=[links.occasion(start) for start in starts],
    )
    rows = visits.annotate(change=F("pk") * 0 + change.pk).order_by()
    told = outbox.promise_each(
        kind=links.VISIT_CHANGED,
        rows=rows.values_list("enrollment__member_id", "pk", "change"),
        now=now + FRESH,
    )
    _give_back([line.session.pk for line in lines if line.after is None], now)
    elsewhere = Visit.objects.filter(
        enrollment=OuterRef("enrollment"), instead_of=OuterRef("session"), given_back_at=None
    )
    now_at = GroupSession.objects.filter(pk=OuterRef("session")).values("starts_at")
    moved = [line.session.pk for line in lines if line.after is not None]
    Absence.objects.filter(Exists(elsewhere), session__in=moved).update(starts_at=Subquery(now_at))
    return told


def _give_back(cancelled: list[int], now: dt.datetime) -> None:
    """A few rows each: a session has no more visitors than chairs."""
    live = Visit.objects.filter(session__in=cancelled, given_back_at=None)
    for visit in live.select_related("enrollment", "instead_of"):
        if said_with(visit).exists():
            expect_again(enrollment=visit.enrollment, session=visit.instead_of)
    live.update(given_back_at=now)
