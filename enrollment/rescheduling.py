"""Previewing and making a change of a cohort's dates. The rules are in `changes.py`."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import User
from enrollment import history, links, visit_changes
from enrollment.changes import Line, Plan, Wish, field_of, plan
from enrollment.history import Done
from outbox import services as outbox
from sessions import bookings, leading
from sessions.leading import Team
from sessions.models import Cohort, CohortChange, GroupSession
from sessions.pricing import share_of_session
from sessions.services import last_joinable


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
    leaders: list[User]
    visitors: int
    shares: list[Share]


def coming_sessions(*, cohort: Cohort, now: dt.datetime) -> "QuerySet[GroupSession]":
    """The sessions that can still be changed."""
    sessions = GroupSession.objects.filter(cohort=cohort, starts_at__gt=now, cancelled_at=None)
    return sessions.order_by("number")


def preview(*, cohort: Cohort, wish: Wish, now: dt.datetime) -> Preview:
    """What the wish would do now, in a constant number of queries. Raises changes.Impossible."""
    team = leading.team(cohort)
    made = _plan(cohort, team, wish, now)
    concerned = history.concerned(cohort, _last(made))
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
        leaders=_leaders(made, team),
        visitors=visit_changes.visitors_of(made.lines).count(),
        shares=[Share(cents, code, count) for (cents, code), count in sorted(shares.items())],
    )


def apply(
    *, cohort_id: int, wish: Wish, version: int, actor: User, reason: str, now: dt.datetime
) -> Done:
    """Make the change, write it down, and owe each member and leader it concerns one mail.

    All or nothing. Raises history.ChangedMeanwhile when the group is not at `version` any more,
    and changes.Impossible as the preview does.
    """
    with history.on_version(cohort_id=cohort_id, version=version) as cohort:
        team = leading.team(cohort)
        made = _plan(cohort, team, wish, now)
        write_sessions(made.lines, now)
        history.book(cohort, field_of(wish), now)
        cohort.joinable_until = last_joinable(cohort, cohort.group_sessions.all())
        cohort.save(update_fields=["joinable_until"])
        change = CohortChange.objects.create(
            cohort=cohort,
            at=now,
            actor=actor,
            kind=wish.kind,
            number=wish.number,
            reason=reason,
            details=[written(line) for line in made.lines],
        )
        _owe_links_again(cohort, made)
        kind, last = links.SCHEDULE_CHANGED, _last(made)
        told = history.tell_members(kind=kind, change=change, last=last, now=now)
        told += visit_changes.follow_change(change=change, lines=made.lines, now=now)
        kind, people = links.LED_DATES_CHANGED, _leaders(made, team)
        leaders = history.tell_leaders(kind=kind, change=change, people=people, now=now)
    return Done(change, told=told, leaders_told=leaders)


def _plan(cohort: Cohort, team: Team, wish: Wish, now: dt.datetime) -> Plan:
    sessions = list(GroupSession.objects.filter(cohort=cohort).order_by("number"))
    skipped = cohort.skipped()
    made = plan(wish=wish, sessions=sessions, zone=cohort.zone, now=now, skipped=skipped)
    history.refuse_conflicts(cohort, _slots(cohort, team, made), field_of(wish), now)
    return made


def _slots(cohort: Cohort, team: Team, made: Plan) -> list[bookings.Slot]:
    """When the cohort would meet."""
    lines = {line.session.pk: line for line in made.lines}
    wanted = []
    for slot in bookings.slots(cohort, team):
        line = lines.get(slot.session.pk) if slot.session else None
        if line is None:
            wanted.append(slot)
        elif line.after is not None:
            end = line.after + line.length
            wanted.append(slot._replace(starts_at=line.after, ends_at=end))
    return wanted


def _last(made: Plan) -> int:
    return max(line.number for line in made.lines)


def _leaders(made: Plan, team: Team) -> list[User]:
    """Whoever leads the group, or stands in at a session that changes."""
    there = {one.pk: one for line in made.lines for one in team.of(line.session)}
    return list(({one.pk: one for one in team.facilitators} | there).values())


def write_sessions(lines: Sequence[Line], now: dt.datetime) -> None:
    """Move or cancel each of these sessions."""
    for line in lines:
        session, length = line.session, line.length
        session.sequence += 1
        if line.after is None:
            session.cancelled_at = now
        else:
            session.starts_at, session.ends_at = line.after, line.after + length
    GroupSession.objects.bulk_update(
        [line.session for line in lines],
        ["starts_at", "ends_at", "sequence", "cancelled_at"],
    )


def written(line: Line) -> dict[str, object]:
    """A line of a change, as the history keeps it."""
    return {
        "number": line.number,
        "before": line.before.isoformat(),
        "after": line.after and line.after.isoformat(),
    }


def _owe_links_again(cohort: Cohort, made: Plan) -> None:
    """A session that comes back to a time at which it was not held is owed its link after all."""
    starts = [line.after for line in made.lines if line.after is not None]
    outbox.owe_again(
        kinds=(links.SESSION_LINK, links.SESSION_REMINDER),
        subject_ids=history.lock_enrollments(cohort),
        occasion_ids=[links.occasion(start) for start in starts],
    )
