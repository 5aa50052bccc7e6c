"""Previewing and making a change of who leads: a substitute for one session, or other leaders
for all that remain."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import Q

from accounts.models import User
from enrollment import history, links
from enrollment.changes import Impossible
from enrollment.history import Done, Kind
from enrollment.roster import AROUND
from sessions import bookings, leading
from sessions.leading import Team
from sessions.models import Cohort, CohortChange, GroupSession, Substitution


@dataclass(frozen=True, slots=True)
class StandIn:
    """That `substitute` leads one session for `absent` (their ids); None: nobody does any more."""

    number: int
    absent: int
    substitute: int | None


@dataclass(frozen=True, slots=True)
class NewLeaders:
    """Whoever leads the group from now on, by their ids."""

    leaders: frozenset[int]


Wish = StandIn | NewLeaders


@dataclass(frozen=True, slots=True)
class Swap:
    """In one session, somebody stands in for `absent` who did not before, or nobody any more."""

    session: GroupSession
    absent: User
    before: Substitution | None
    after: User | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A change that can be made: the team as it would be, and what is different."""

    field: str
    ahead: Sequence[GroupSession]
    before: Team
    after: Team
    swaps: tuple[Swap, ...]

    @property
    def joined(self) -> list[User]:
        return [one for one in self.after.facilitators if one not in self.before.facilitators]

    @property
    def left(self) -> list[User]:
        return [one for one in self.before.facilitators if one not in self.after.facilitators]

    @property
    def lasting(self) -> bool:
        return bool(self.joined or self.left)

    @property
    def adds_somebody(self) -> bool:
        return bool(self.joined or any(swap.after for swap in self.swaps))

    @property
    def first(self) -> GroupSession:
        return self.ahead[0] if self.lasting else self.swaps[0].session

    @property
    def last(self) -> GroupSession:
        return self.ahead[-1] if self.lasting else self.swaps[-1].session

    @property
    def concerned(self) -> list[User]:
        """Whoever leads now and did not before, or the other way round."""
        found = {one.pk: one for one in (*self.joined, *self.left)}
        for swap in self.swaps:
            found |= {one.pk: one for one in (swap.before and swap.before.substitute,) if one}
            found |= {one.pk: one for one in (swap.after,) if one}
            if (swap.before is None) != (swap.after is None):
                found[swap.absent.pk] = swap.absent
        return list(found.values())


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do, for somebody to decide."""

    plan: Plan
    told: int
    leaders: list[User]


def preview(*, cohort: Cohort, wish: Wish, now: dt.datetime) -> Preview:
    """What the wish would do now, in a constant number of queries. Raises changes.Impossible."""
    made = _plan(cohort, wish, now)
    told = history.concerned(cohort, made.last.number).count()
    return Preview(plan=made, told=told, leaders=made.concerned)


def apply(
    *, cohort_id: int, wish: Wish, version: int, actor: User, reason: str, now: dt.datetime
) -> Done:
    """Make the change, write it down, and owe each member and leader it concerns one mail.

    All or nothing; access follows at once. Raises history.ChangedMeanwhile when the group is not
    at `version` any more, and changes.Impossible as the preview does.
    """
    with history.on_version(cohort_id=cohort_id, version=version) as cohort:
        made = _plan(cohort, wish, now)
        _write(cohort, made, now)
        history.book(cohort, made.field, now)
        change = CohortChange.objects.create(
            cohort=cohort,
            at=now,
            actor=actor,
            kind=Kind.LEADERS if made.lasting else Kind.SUBSTITUTE,
            number=made.first.number,
            reason=reason,
            details=_written(made),
        )
        history.lock_enrollments(cohort)
        told = history.tell_members(
            kind=links.LEADERS_CHANGED, change=change, last=made.last.number, now=now
        )
        leaders = history.tell_leaders(
            kind=links.LEADING_CHANGED, change=change, people=made.concerned, now=now
        )
    return Done(change, told=told, leaders_told=leaders)


# --- What it would be -------------------------------------------------------------------


def _plan(cohort: Cohort, wish: Wish, now: dt.datetime) -> Plan:
    ahead = list(history.sessions_ahead(cohort, now))
    team = leading.team(cohort)
    if isinstance(wish, StandIn):
        made = _stand_in(wish, ahead, team)
    else:
        made = _new_leaders(wish, ahead, team)
    history.refuse_conflicts(cohort, bookings.slots(cohort, made.after), made.field, now)
    return made


def _stand_in(wish: StandIn, ahead: Sequence[GroupSession], team: Team) -> Plan:
    session = next((one for one in ahead if one.number == wish.number), None)
    if session is None:
        raise Impossible("number", "Choose a session that is still to come.")
    absent = next((one for one in team.facilitators if one.pk == wish.absent), None)
    if absent is None:
        raise Impossible("absent", "Choose one of the group's leaders.")
    before = team.substitution(session, absent.pk)
    after = _substitute(wish, session, absent, team)
    if after is None and before is None:
        raise Impossible("substitute", f"Nobody stands in for {absent} in week {wish.number}.")
    kept = tuple(one for one in team.substitutions.get(session.pk, ()) if one != before)
    if after is not None:
        kept += (Substitution(session=session, absent=absent, substitute=after),)
    changed = replace(team, substitutions={**team.substitutions, session.pk: kept})
    return Plan("substitute", ahead, team, changed, (Swap(session, absent, before, after),))


def _substitute(wish: StandIn, session: GroupSession, absent: User, team: Team) -> User | None:
    """Who is to stand in, if they may."""
    if wish.substitute is None:
        return None
    person = leading.who_may_lead().filter(pk=wish.substitute).first()
    if person is None:
        raise Impossible("substitute", "Choose somebody who leads groups.")
    if person in team.facilitators:
        raise Impossible("substitute", f"{person} leads this group already.")
    if person in team.of(session):
        raise Impossible("substitute", f"{person} leads week {wish.number} already.")
    return person


def _new_leaders(wish: NewLeaders, ahead: Sequence[GroupSession], team: Team) -> Plan:
    if not ahead:
        raise Impossible("leaders", "No session of this group is still to come.")
    if not wish.leaders:
        raise Impossible("leaders", "Choose at least one leader.")
    known = {one.pk: one for one in (*leading.who_may_lead(), *team.facilitators)}
    if not wish.leaders <= known.keys():
        raise Impossible("leaders", "Choose people who lead groups.")
    leaders = tuple(one for pk, one in known.items() if pk in wish.leaders)
    if set(leaders) == set(team.facilitators):
        raise Impossible("leaders", "They lead this group already.")
    # Who goes takes with them that somebody stands in for them, and that they do for another.
    gone = {one.pk for one in team.facilitators if one not in leaders}
    substitutions, swaps = dict(team.substitutions), []
    for session in ahead:
        there = team.substitutions.get(session.pk, ())
        ending = [one for one in there if gone & {one.absent_id, one.substitute_id}]
        substitutions[session.pk] = tuple(one for one in there if one not in ending)
        swaps += [Swap(session, one.absent, one, None) for one in ending]
    return Plan("leaders", ahead, team, Team(leaders, substitutions), tuple(swaps))


# --- Making it so -----------------------------------------------------------------------


def _write(cohort: Cohort, made: Plan, now: dt.datetime) -> None:
    ending = [swap.before.pk for swap in made.swaps if swap.before]
    Substitution.objects.filter(pk__in=ending).delete()
    Substitution.objects.bulk_create(
        Substitution(session=swap.session, absent=swap.absent, substitute=swap.after)
        for swap in made.swaps
        if swap.after
    )
    if made.lasting:
        cohort.facilitators.set(made.after.facilitators)
        _end_looking_back(cohort, made.left, now)


def _end_looking_back(cohort: Cohort, left: Sequence[User], now: dt.datetime) -> None:
    """Whoever goes sees nothing of the group any more: no session either that is over, or
    cancelled, in which they stood in. A cancelled one is nobody's who stood in for them.

    Nobody is told, as nobody leads more or less by it; history knows who led.
    """
    there = Substitution.objects.filter(session__cohort=cohort, session__ends_at__gt=now - AROUND)
    for_them = Q(absent__in=left, session__cancelled_at__isnull=False)
    there.filter(Q(substitute__in=left) | for_them).delete()


def _written(made: Plan) -> list[dict[str, object]]:
    """The details of the change: the form is told at the model."""
    swaps: list[dict[str, object]] = [
        {
            "number": swap.session.number,
            "absent": swap.absent.pk,
            "before": swap.before and swap.before.substitute_id,
            "after": swap.after and swap.after.pk,
        }
        for swap in made.swaps
    ]
    if not made.lasting:
        return swaps
    before, after = (
        sorted(one.pk for one in team.facilitators) for team in (made.before, made.after)
    )
    return [{"number": 0, "before": before, "after": after}, *swaps]
