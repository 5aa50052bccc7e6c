"""A member has what they wrote here erased: each kind by itself, or all of it.

Rows are deleted, not marked. Sharing ends with its rows: the next click of a practitioner finds
nothing. For whoever leads a row without a word stays, which lets them see nothing: without it they
would see the usual. The audit log keeps that something was erased, and no word of it.
"""

import datetime as dt
from collections.abc import Callable, Mapping

from django.db import models, transaction
from django.db.models import Count, QuerySet, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from accounts import audit
from accounts.models import Action, Subject, User
from enrollment.encryption import EncryptedJSONField
from enrollment.models import Enrollment
from practice import for_leaders
from practice.changes import ChangedMeanwhile
from practice.models import (
    DiaryEntry,
    Goal,
    GoalRating,
    Profile,
    Proposal,
    Share,
    SharedWithLeader,
    WeekPlan,
)


class What(models.TextChoices):
    PROFILE = "profile", "Your look at your daily life"
    PLANS = "plans", "Your weekly plans"
    DIARY = "diary", "Your diary"
    GOALS = "goals", "Your goals"
    SHARING = "sharing", "What you share, and with whom"


Rows = Callable[[User], "QuerySet[models.Model]"]
# What somebody else proposed is about a plan, and came by sharing: it goes with either.
ROWS: Mapping[What, tuple[Rows, ...]] = {
    What.PROFILE: (lambda member: Profile.objects.filter(member=member),),
    What.PLANS: (
        lambda member: Proposal.objects.filter(share__enrollment__member=member),
        lambda member: WeekPlan.objects.filter(enrollment__member=member),
    ),
    What.DIARY: (lambda member: DiaryEntry.objects.filter(enrollment__member=member),),
    What.GOALS: (
        lambda member: GoalRating.objects.filter(goal__enrollment__member=member),
        lambda member: Goal.objects.filter(enrollment__member=member),
    ),
    What.SHARING: (
        lambda member: Proposal.objects.filter(share__enrollment__member=member),
        # Of nothing shown there is nothing to erase.
        lambda member: SharedWithLeader.objects.filter(enrollment__member=member).exclude(parts=[]),
        lambda member: Share.objects.filter(enrollment__member=member),
    ),
}


def counts(*, member: User) -> dict[What, int]:
    """How many rows there are of each kind. One query."""
    numbers = [_number_of(ROWS[what], member) for what in What]
    found = User.objects.filter(pk=member.pk).values_list(*numbers).get()
    return dict(zip(What, found, strict=True))


def _hold_what_others_write_to(member: User) -> None:
    """Whoever reads, proposes, rates or agrees at this moment is waited for; whoever comes after
    finds nothing. In the order in which they hold rows themselves: the consent, then the goal."""
    shares = Share.objects.select_for_update().filter(enrollment__member=member)
    list(shares.order_by("pk").values_list("pk"))
    led = SharedWithLeader.objects.select_for_update()
    list(led.filter(enrollment__member=member).order_by("pk"))
    goals = Goal.objects.select_for_update().filter(enrollment__member=member)
    list(goals.order_by("pk").values_list("pk"))


def _number_of(kinds: tuple[Rows, ...], member: User) -> Combinable:
    """As an expression, for one query that asks of all."""
    number: Combinable = Value(0)
    for rows in kinds:
        counted = rows(member).order_by().annotate(all=Value(1)).values("all")
        number += Coalesce(Subquery(counted.annotate(n=Count("pk")).values("n")), 0)
    return number


def _unread(rows: "QuerySet[models.Model]") -> "QuerySet[models.Model]":
    fields = rows.model._meta.concrete_fields
    return rows.defer(*(one.name for one in fields if isinstance(one, EncryptedJSONField)))


def fingerprint(found: Mapping[What, int]) -> str:
    """What a page showed, for `erase` to compare."""
    return "-".join(str(number) for number in found.values())


@transaction.atomic
def erase(*, member: User, what: What | None, seen: str, now: dt.datetime, ip: str) -> None:
    """Delete what is of that kind, or everything, as the page showed it: all of it or nothing.

    Raises ChangedMeanwhile when there is more, or less, than that; not when nothing of that kind is
    left, as after a second press.
    """
    seats = Enrollment.objects.select_for_update(no_key=True).filter(member=member).order_by("pk")
    confirmed = [seat for seat in seats if seat.confirmed_at]
    found = counts(member=member)
    chosen = [what] if what else list(What)
    if not any(found[one] for one in chosen):
        return
    if fingerprint(found) != seen:
        raise ChangedMeanwhile
    # No value is read here: what no key opens can be erased too.
    _hold_what_others_write_to(member)
    for one in chosen:
        for rows in ROWS[one]:
            _unread(rows(member)).delete()
    for seat in confirmed:
        if What.SHARING in chosen and found[What.SHARING]:
            for_leaders.choose(enrollment=seat, parts=(), now=now)
        audit.record(
            actor=member,
            action=Action.PRACTICE_ERASED,
            subject_kind=Subject.PRACTICE,
            subject_id=seat.pk,
            now=now,
            ip=ip,
        )
