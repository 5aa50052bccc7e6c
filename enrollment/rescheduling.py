"""Previewing and making a change of a cohort's dates. The rules are in `changes.py`.

Two people may look at the same group: a change is made only on the version of the dates that its
preview showed.
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, QuerySet

from accounts.models import User
from enrollment import links, making_up
from enrollment.changes import Busy, Impossible, Line, Plan, Wish, field_of, plan
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING
from outbox import services as outbox
from outbox.delivery import FRESH
from sessions import bookings
from sessions.models import Cohort, CohortChange, GroupSession
from sessions.pricing import share_of_session
from sessions.services import last_joinable


class ChangedMeanwhile(Exception):
    """Somebody else changed the dates since the preview was made."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one cancelled session was worth to so many members who paid the same."""

    cents: int
    currency: str
    members: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do, for somebody to decide."""

    plan: Plan
    told: int
    visitors: int
    shares: list[Share]


@dataclass(frozen=True, slots=True)
class Done:
    change: CohortChange
    told: int


def coming_sessions(*, cohort: Cohort, now: dt.datetime) -> "QuerySet[GroupSession]":
    """The sessions that can still be changed."""
    sessions = GroupSession.objects.filter(cohort=cohort, starts_at__gt=now, cancelled_at=None)
    return sessions.order_by("number")


def preview(*, cohort: Cohort, wish: Wish, now: dt.datetime) -> Preview:
    """What the wish would do now, in a constant number of queries. Raises changes.Impossible."""
    made = _plan(cohort, wish, now)
    concerned = _concerned(cohort, made)
    cancelled = [line for line in made.lines if line.after is None]
    shares: Counter[tuple[int, str]] = Counter()
    told = 0
    for first_week, price, currency in concerned.values_list(
        "first_week", "price_cents", "currency"
    ):
        told += 1
        for line in cancelled:
            shares[share_of_session(price, first_week, line.number), currency] += 1
    return Preview(
        plan=made,
        told=told,
        visitors=making_up.visitors_of(made.lines).count(),
        shares=[Share(cents, code, count) for (cents, code), count in sorted(shares.items())],
    )


@transaction.atomic
def apply(
    *, cohort_id: int, wish: Wish, version: int, actor: User, reason: str, now: dt.datetime
) -> Done:
    """Make the change, write it down, and owe each member whom it concerns one mail.

    All or nothing. Raises ChangedMeanwhile when the dates are not those of `version` any more,
    and changes.Impossible as the preview does.
    """
    cohort = Cohort.objects.select_for_update().get(pk=cohort_id)
    if cohort.version != version:
        raise ChangedMeanwhile
    made = _plan(cohort, wish, now)
    _write_sessions(made, now)
    try:
        bookings.book(cohort=cohort, since=now)
    except bookings.Conflict as conflict:  # another group was changed since our look
        raise Impossible(field_of(wish), str(conflict)) from None
    cohort.version += 1
    cohort.joinable_until = last_joinable(cohort, cohort.group_sessions.all())
    cohort.save(update_fields=["version", "joinable_until"])
    change = CohortChange.objects.create(
        cohort=cohort,
        at=now,
        actor=actor,
        kind=wish.kind,
        number=wish.number,
        reason=reason,
        details=[_written(line) for line in made.lines],
    )
    told = _owe_mails(cohort, made, change, now)
    return Done(
        change, told=told + making_up.follow_change(change=change, lines=made.lines, now=now)
    )


def _plan(cohort: Cohort, wish: Wish, now: dt.datetime) -> Plan:
    sessions = list(GroupSession.objects.filter(cohort=cohort).order_by("number"))
    busy = (
        GroupSession.objects.filter(
            cohort__facilitators__in=cohort.facilitators.all(),
            ends_at__gt=now,
            cancelled_at=None,
        )
        .exclude(cohort=cohort)
        .exclude(cohort__status__in=(Cohort.Status.DRAFT, Cohort.Status.ARCHIVED))
        .values_list("cohort__facilitators__display_name", "starts_at", "ends_at")
    )
    return plan(
        wish=wish,
        sessions=sessions,
        zone=cohort.zone,
        busy=[Busy(name or "Somebody who leads it", start, end) for name, start, end in busy],
        now=now,
    )


def _write_sessions(made: Plan, now: dt.datetime) -> None:
    for line in made.lines:
        session, length = line.session, line.length
        session.sequence += 1
        if line.after is None:
            session.cancelled_at = now
        else:
            session.starts_at, session.ends_at = line.after, line.after + length
    GroupSession.objects.bulk_update(
        [line.session for line in made.lines],
        ["starts_at", "ends_at", "sequence", "cancelled_at"],
    )


def _written(line: Line) -> dict[str, object]:
    return {
        "number": line.number,
        "before": line.before.isoformat(),
        "after": line.after and line.after.isoformat(),
    }


def _concerned(cohort: Cohort, made: Plan) -> "QuerySet[Enrollment]":
    """Members in standing who have one of the changed sessions before them."""
    last = max(line.number for line in made.lines)
    return Enrollment.objects.filter(
        cohort=cohort, status__in=IN_STANDING, first_week__lte=last
    ).order_by("pk")


def _owe_mails(cohort: Cohort, made: Plan, change: CohortChange, now: dt.datetime) -> int:
    """Promise the mail about the change; returns how many members are told.

    Who is being confirmed at this moment is waited for, so that nobody is confirmed by the old
    dates and told nothing. The mail goes out when words that were made before the change are
    too old to be sent, so that no old time comes after it.
    """
    every = Enrollment.objects.filter(cohort=cohort).order_by("pk").select_for_update()
    enrolled = list(every.values_list("pk", flat=True))
    starts = [line.after for line in made.lines if line.after is not None]
    outbox.owe_again(
        kinds=(links.SESSION_LINK, links.SESSION_REMINDER),
        subject_ids=enrolled,
        occasion_ids=[links.occasion(start) for start in starts],
    )
    rows = _concerned(cohort, made).annotate(change=F("pk") * 0 + change.pk)
    return outbox.promise_each(
        kind=links.SCHEDULE_CHANGED,
        rows=rows.order_by().values_list("member_id", "pk", "change"),
        now=now + FRESH,
    )
