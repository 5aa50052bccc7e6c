"""Nobody leads two sessions at once, and one meeting link serves one session at a time.

A published session books its leaders and its link for as long as it lasts; the database refuses
bookings that overlap. `conflicts` says beforehand, and to whoever came second, which they are.
Call `book` in the transaction that changes when a session is, who leads it or where it meets.
"""

import datetime as dt
import functools
import hashlib
import operator
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from accounts import clock
from accounts.models import User
from accounts.turns import BOOKINGS, take_turn
from sessions import leading
from sessions.leading import NOBODY, Team
from sessions.models import Booking, Cohort, GroupSession
from sessions.schedule import session_starts


class Conflict(ValueError):
    """Somebody or something is wanted twice at once; `reasons` are sentences for a person."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class Slot(NamedTuple):
    session: GroupSession | None
    starts_at: dt.datetime
    ends_at: dt.datetime
    link_key: int | None
    leaders: frozenset[int]


def link_key(url: str) -> int | None:
    """The number of a meeting link, the same for every spelling of it; None without a link."""
    if not url:
        return None
    parts = urlsplit(url)
    spelled = f"{parts.netloc.lower()}{parts.path.rstrip('/')}?{parts.query}"
    return int.from_bytes(hashlib.sha256(spelled.encode()).digest()[:8], "big", signed=True)


def slots(cohort: Cohort, team: Team = NOBODY) -> list[Slot]:
    """When and where the cohort meets, or would, led by that team. Raises ImpossibleSchedule."""
    if cohort.pk and (stored := list(cohort.group_sessions.order_by("number"))):
        return [
            Slot(
                one,
                one.starts_at,
                one.ends_at,
                link_key(one.meeting_url or cohort.meeting_url),
                team.ids_of(one),
            )
            for one in stored
            if one.cancelled_at is None
        ]
    length = dt.timedelta(minutes=cohort.duration_minutes)
    starts = session_starts(cohort.first_date, cohort.wall_time, cohort.zone, cohort.skipped())
    link, leaders = link_key(cohort.meeting_url), frozenset(one.pk for one in team.facilitators)
    return [Slot(None, start, start + length, link, leaders) for start in starts]


def conflicts(
    *, cohort: Cohort, leaders: Collection[User], since: dt.datetime | None = None
) -> list[str]:
    """What stands in the way of a plan that these people would lead. Raises ImpossibleSchedule."""
    team = Team(facilitators=tuple(leaders))
    return in_the_way(cohort=cohort, wanted=slots(cohort, team), since=since)


def in_the_way(
    *, cohort: Cohort, wanted: Iterable[Slot], since: dt.datetime | None = None
) -> list[str]:
    """What stands in the way of these slots, one sentence each; empty when nothing. One query.

    Only slots that end after `since` count, and only what other cohorts have booked.
    """
    wanted = [slot for slot in wanted if since is None or slot.ends_at > since]
    if not wanted:
        return []
    at_once = [Q(starts_at__lt=slot.ends_at, ends_at__gt=slot.starts_at) for slot in wanted]
    others = (
        _bookings_around(wanted)
        .filter(functools.reduce(operator.or_, at_once))
        .exclude(session__cohort=cohort.pk)
        .select_related("leader", "session__cohort")
        .order_by("starts_at", "pk")
    )
    found: dict[tuple[int | None, int], list[Booking]] = defaultdict(list)
    for other in others:
        if any(_meet(slot, other) for slot in wanted):
            found[other.leader_id, other.session.cohort_id].append(other)
    return [_sentence(clashing) for clashing in found.values()]


def free_plans(*, plans: Sequence[Cohort], leaders: Collection[User]) -> list[Cohort]:
    """Those groups, none of them published, that meet nobody's bookings. One query.

    Raises ImpossibleSchedule.
    """
    team = Team(facilitators=tuple(leaders))
    wanted = [slots(plan, team) for plan in plans]
    others = list(_bookings_around([slot for each in wanted for slot in each]))
    return [
        plan
        for plan, own in zip(plans, wanted, strict=True)
        if not any(_meet(slot, other) for other in others for slot in own)
    ]


def _bookings_around(wanted: Collection[Slot]) -> "QuerySet[Booking]":
    """Everything that their leaders and their links are booked for, from first to last."""
    if not wanted:
        return Booking.objects.none()
    leaders = {pk for slot in wanted for pk in slot.leaders}
    links = {slot.link_key for slot in wanted if slot.link_key is not None}
    return Booking.objects.filter(
        Q(leader__in=leaders) | Q(link_key__in=links),
        starts_at__lt=max(slot.ends_at for slot in wanted),
        ends_at__gt=min(slot.starts_at for slot in wanted),
    )


def _meet(slot: Slot, other: Booking) -> bool:
    same = other.leader_id in slot.leaders or (
        other.link_key is not None and other.link_key == slot.link_key
    )
    return same and slot.starts_at < other.ends_at and other.starts_at < slot.ends_at


def _sentence(clashing: list[Booking]) -> str:
    first, group = clashing[0], clashing[0].session.cohort
    when = clock.day_and_time(first.starts_at, group.time_zone)
    more = f" and on {len(clashing) - 1} more dates" if len(clashing) > 2 else ""
    more = more or (" and on one more date" if len(clashing) == 2 else "")
    if first.leader:
        return (
            f"{first.leader} leads “{group.name}” on {when}{more}, and cannot lead two "
            "sessions at once."
        )
    return (
        f"“{group.name}” uses the same meeting link on {when}{more}, and one link cannot serve "
        "two sessions at once."
    )


@transaction.atomic
def book(*, cohort: Cohort, since: dt.datetime | None = None) -> None:
    """Book the leaders and the link of each of the cohort's sessions that end after `since`.

    Raises Conflict, and then nothing was changed.
    """
    # Two who insert what the other inserts would wait for each other.
    take_turn(BOOKINGS)
    sessions = GroupSession.objects.filter(cohort=cohort)
    if since is not None:
        sessions = sessions.filter(ends_at__gt=since)
    # Not through a join: that would read the table of bookings once for each of its rows.
    Booking.objects.filter(session__in=sessions).delete()
    planned = slots(cohort, leading.team(cohort))
    wanted: list[Booking] = []
    for slot in planned:
        if since is not None and slot.ends_at <= since:
            continue
        times = {"starts_at": slot.starts_at, "ends_at": slot.ends_at}
        wanted += [Booking(session=slot.session, leader_id=pk, **times) for pk in slot.leaders]
        if slot.link_key is not None:
            wanted.append(Booking(session=slot.session, link_key=slot.link_key, **times))
    try:
        with transaction.atomic():
            Booking.objects.bulk_create(wanted)
    except IntegrityError:
        raise Conflict(in_the_way(cohort=cohort, wanted=planned, since=since)) from None
