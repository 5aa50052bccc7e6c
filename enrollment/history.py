"""Changing a published group: one person at a time, on what they saw, and written down.

Two people may look at the same group: a change is made only on the version that its preview
showed. Every change of dates, leaders or link goes through here.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, QuerySet

from accounts.models import User
from enrollment.changes import OF_DATES, Impossible
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING, Status
from outbox import services as outbox
from outbox.delivery import FRESH
from sessions import bookings, leading
from sessions.models import Cohort, CohortChange, GroupSession

Kind = CohortChange.Kind
OF_LEADERS = (Kind.SUBSTITUTE, Kind.LEADERS)


class ChangedMeanwhile(Exception):
    """Somebody else changed the group since the preview was made."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was changed, and how many members and leaders are told."""

    change: CohortChange
    told: int = 0
    leaders_told: int = 0


@contextmanager
def on_version(*, cohort_id: int, version: int) -> Iterator[Cohort]:
    """The group, locked and at its next version: all that is done within is done or nothing.

    Raises ChangedMeanwhile when it is not at `version` any more.
    """
    with transaction.atomic():
        cohort = Cohort.objects.select_for_update().get(pk=cohort_id)
        if cohort.version != version:
            raise ChangedMeanwhile
        cohort.version += 1
        cohort.save(update_fields=["version"])
        yield cohort


def book(cohort: Cohort, field: str, now: dt.datetime) -> None:
    """Book what was just written. Raises Impossible at `field` where somebody else was faster."""
    try:
        bookings.book(cohort=cohort, since=now)
    except bookings.Conflict as conflict:  # another group was changed since our look
        raise Impossible(field, str(conflict)) from None


def refuse_conflicts(
    cohort: Cohort, wanted: Iterable[bookings.Slot], field: str, now: dt.datetime
) -> None:
    """What `book` would refuse, known beforehand. Raises Impossible."""
    if reasons := bookings.in_the_way(cohort=cohort, wanted=wanted, since=now):
        raise Impossible(field, " ".join(reasons))


def sessions_ahead(cohort: Cohort, now: dt.datetime) -> "QuerySet[GroupSession]":
    """Those that are not over: who leads one, and where, can change while it runs."""
    sessions = GroupSession.objects.filter(cohort=cohort, ends_at__gt=now, cancelled_at=None)
    return sessions.order_by("number")


# --- Who is told ------------------------------------------------------------------------


def concerned(
    cohort: Cohort, last: int, whom: Collection[Status] = IN_STANDING
) -> "QuerySet[Enrollment]":
    """Members in standing who have one of the sessions up to number `last` before them."""
    return Enrollment.objects.filter(cohort=cohort, status__in=whom, first_week__lte=last).order_by(
        "pk"
    )


def told_of(kind: str) -> Collection[Status]:
    """Who hears of a change. A date is no news to whoever is paused; that the group ends, is."""
    return (*IN_STANDING, Status.SUSPENDED) if kind == Kind.END else IN_STANDING


def lock_enrollments(cohort: Cohort) -> list[int]:
    """Wait for whoever is being confirmed at this moment: they are told as well.

    Not for those on the waitlist, who are in no standing: whoever passes on a seat goes past rows
    that somebody has locked, and so past the first in line.
    """
    every = Enrollment.objects.filter(cohort=cohort).exclude(status=Status.WAITLISTED)
    every = every.order_by("pk").select_for_update(no_key=True)
    return list(every.values_list("pk", flat=True))


def tell_members(*, kind: str, change: CohortChange, last: int, now: dt.datetime) -> int:
    """Promise the mail about a change; returns how many members are told.

    The mail goes out when words that were made before the change are too old to be sent, so
    that nothing older comes after it.
    """
    whom = concerned(change.cohort, last, told_of(change.kind))
    rows = whom.annotate(change=F("pk") * 0 + change.pk)
    return outbox.promise_each(
        kind=kind,
        rows=rows.order_by().values_list("member_id", "pk", "change"),
        now=now + FRESH,
    )


def others(people: Iterable[User], actor: int) -> list[User]:
    """Whom of the leaders to tell: who made the change knows of it."""
    return [person for person in people if person.is_active and person.pk != actor]


def tell_leaders(
    *, kind: str, change: CohortChange, people: Iterable[User], now: dt.datetime
) -> int:
    """Promise each of these people a mail about a change; returns how many are told."""
    told = [person.pk for person in others(people, change.actor_id)]
    rows = User.objects.filter(pk__in=told).annotate(about=F("pk"), change=F("pk") * 0 + change.pk)
    return outbox.promise_each(
        kind=kind, rows=rows.values_list("pk", "about", "change"), now=now + FRESH
    )


# --- What was changed, in words ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a group's history, for those who lead it."""

    change: CohortChange
    words: str


def history(cohort: Cohort) -> list[Entry]:
    """Every change of the group, the latest first. Two queries."""
    changes = list(cohort.changes.select_related("actor"))
    people = people_in(changes)
    return [Entry(change, _words(change, people)) for change in changes]


def people_in(changes: Iterable[CohortChange]) -> dict[int, User]:
    """Everybody of whom these changes speak, by id. One query."""
    ids: set[int | None] = set()
    for change in changes:
        for line in change.details if change.kind in OF_LEADERS else ():
            for said in (line.get("absent"), line["before"], line["after"]):
                ids |= set(said) if isinstance(said, list) else {said}
    return User.objects.in_bulk([pk for pk in ids if pk is not None])


def _words(change: CohortChange, people: dict[int, User]) -> str:
    label = change.get_kind_display()
    if change.kind in OF_DATES:
        more = len(change.details)
        return f"{label} (week {change.number}{f', {more} sessions' if more > 1 else ''})"
    if change.kind == Kind.SESSION_LINK:
        return f"{label} (week {change.number})"
    if change.kind == Kind.SUBSTITUTE:
        return _substitute(change.details[0], people)
    if change.kind == Kind.LEADERS:
        before, after = change.details[0]["before"], change.details[0]["after"]
        words = f"{_names(after, people)} {verb(after)} from week {change.number} on"
        gone = [pk for pk in before if pk not in after]
        return f"{words}, {_names(gone, people)} no longer {verb(gone)}" if gone else words
    return label


def _substitute(line: dict[str, int | None], people: dict[int, User]) -> str:
    absent, before, after = (_names([line[key]], people) for key in ("absent", "before", "after"))
    if line["after"] is None:
        return f"{absent} leads week {line['number']} after all, and not {before}"
    words = f"{after} leads week {line['number']} instead of {absent}"
    return f"{words}, and not {before}" if line["before"] is not None else words


def _names(ids: Iterable[int | None], people: dict[int, User]) -> str:
    return leading.names(people[pk] for pk in ids if pk in people)


def verb(leaders: "list[int] | tuple[User, ...]") -> str:
    return "leads" if len(leaders) == 1 else "lead"
