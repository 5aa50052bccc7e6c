"""Personal prices: what staff give to one person, and for how long it holds."""

import dataclasses
import datetime as dt

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from accounts import audit
from accounts.models import Action, Role, Subject, User
from billing import prices
from billing.models import CheckoutAttempt, PersonalPrice
from enrollment.models import Enrollment
from enrollment.states import Status
from sessions.models import Cohort
from sessions.pricing import LEAST_CENTS, price_from_week, share_of_session

FOUND_AT_MOST = 20


class HasOne(Exception):
    """This person has an open price for the same already."""


@dataclasses.dataclass(frozen=True, slots=True)
class FromWeek:
    """What somebody pays who joins at that week: cents, and cents at the list price."""

    week: int
    cents: int
    list_cents: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class Means:
    """What a price means, before it is given."""

    per_session_cents: int
    weeks: list[FromWeek]
    # Seats kept by this person: what is asked for them now, and whether that is fixed already.
    held: list[tuple[Enrollment, bool]]


def means(*, member: User, cohort: Cohort | None, price_cents: int, now: dt.datetime) -> Means:
    """What the price comes to. Two queries."""
    weeks = cohort.starting_weeks if cohort else (1, 5, 9)
    kept = Enrollment.objects.filter(member=member, status=Status.HELD)
    kept = kept.select_related("cohort", "came_by")
    if cohort is not None:
        kept = kept.filter(cohort=cohort)
    fixed = set(
        CheckoutAttempt.objects.filter(prices.asking(now), enrollment__in=kept).values_list(
            "enrollment_id", flat=True
        )
    )
    return Means(
        per_session_cents=share_of_session(price_cents, 1, 1),
        weeks=[
            FromWeek(
                week,
                payable(price_from_week(price_cents, week)),
                price_from_week(cohort.price_cents, week) if cohort else None,
            )
            for week in weeks
        ],
        held=[(one, one.pk in fixed or prices.moving_to(one) is not None) for one in kept],
    )


def payable(cents: int) -> int:
    """What is asked for: nothing where a card could not pay it."""
    return cents if cents >= LEAST_CENTS else 0


def give(
    *,
    member: User,
    cohort: Cohort | None,
    price_cents: int,
    reason: str,
    actor: User,
    now: dt.datetime,
    ip: str | None = None,
) -> PersonalPrice:
    """Give somebody a price. Raises HasOne, as for the second of two presses."""
    try:
        with transaction.atomic():
            given = PersonalPrice.objects.create(
                member=member,
                cohort=cohort,
                price_cents=price_cents,
                reason=reason,
                given_by=actor,
                given_at=now,
            )
            _write_down(given, Action.PRICE_GIVEN, actor, now, ip)
    except IntegrityError:
        raise HasOne from None
    return given


@transaction.atomic
def end(*, price: PersonalPrice, actor: User, now: dt.datetime, ip: str | None = None) -> bool:
    """It holds for no payment that begins from now on. False if it was ended before."""
    ended = PersonalPrice.objects.filter(pk=price.pk, ended_at=None).update(
        ended_at=now, ended_by=actor
    )
    if ended:
        _write_down(price, Action.PRICE_ENDED, actor, now, ip)
    return bool(ended)


def _write_down(
    price: PersonalPrice, action: Action, actor: User, now: dt.datetime, ip: str | None
) -> None:
    audit.record(
        actor=actor, action=action, subject_kind=Subject.PRICE, subject_id=price.pk, now=now, ip=ip
    )


def given_prices() -> "QuerySet[PersonalPrice]":
    """All prices, those that hold first, newest first."""
    return PersonalPrice.objects.select_related("member", "cohort", "given_by", "ended_by")


def find_members(words: str) -> list[User]:
    """Members whose address or name holds the words, by address; a few at most."""
    if not words:
        return []
    fits = Q(email__icontains=words) | Q(display_name__icontains=words)
    people = User.objects.filter(fits, is_active=True, role=Role.MEMBER).order_by("email")
    return list(people[:FOUND_AT_MOST])
