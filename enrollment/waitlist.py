"""The waitlist of a group: who is next, and what becomes of a seat that comes free.

First come, first served, in the order of `waiting_since`. Whoever frees a seat offers it to the
next in line in the same transaction (`give_back_seat`), so that no buyer ever sees it free; the
sweep (`tend`) offers what came free otherwise, and takes back what nobody answered.

Locks: whoever passes on a seat has locked its own enrolment already, so it never waits for another
one. It takes the group's turn, and the next in line whom nobody else is moving at this moment.
"""

import datetime as dt
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import User
from accounts.turns import WAITLISTS, of_group, take_turn
from enrollment import links
from enrollment.models import Enrollment, Seat
from enrollment.moves import move
from enrollment.seats import claim_seat, free_seats, release_seat
from enrollment.states import ENTERED, Status
from outbox import services as outbox
from sessions.models import Cohort
from sessions.pricing import price_from_week
from sessions.services import entry_session

# Nobody can decide in less.
SHORTEST_OFFER = dt.timedelta(hours=1)
# An offer is at most half of the time that is left, so the last one is made so long before.
LAST_CALL = 2 * SHORTEST_OFFER
# One round of the sweep; what is left waits for the next minute.
BATCH = 200


@dataclass(frozen=True, slots=True)
class Terms:
    """What whoever is offered a seat now would get: from which week, for how much, until when."""

    first_week: int
    price_cents: int
    until: dt.datetime


def waiting(cohort_id: int) -> "QuerySet[Enrollment]":
    """Who waits in a group, the next in line first."""
    return Enrollment.objects.filter(cohort=cohort_id, status=Status.WAITLISTED).order_by(
        "waiting_since", "pk"
    )


def waited_for(cohort: str = "pk") -> Exists:
    """Whether somebody waits in the group that the query around it names by `cohort`."""
    return Exists(Enrollment.objects.filter(cohort=OuterRef(cohort), status=Status.WAITLISTED))


def next_in_line(*, cohort_id: int) -> Enrollment | None:
    """Who is offered the next seat of this group, with their member; None when nobody waits."""
    return waiting(cohort_id).select_related("member").first()


def place(enrollment: Enrollment) -> int:
    """The position of somebody who waits: 1 is the next in line."""
    before = Q(waiting_since__lt=enrollment.waiting_since) | Q(
        waiting_since=enrollment.waiting_since, pk__lt=enrollment.pk
    )
    return waiting(enrollment.cohort_id).filter(before).count() + 1


def place_of() -> Coalesce:
    """The same for each enrolment of the query around it; of no meaning for who does not wait."""
    up_to = Q(waiting_since__lt=OuterRef("waiting_since")) | Q(
        waiting_since=OuterRef("waiting_since"), pk__lte=OuterRef("pk")
    )
    line = Enrollment.objects.filter(
        up_to, cohort=OuterRef("cohort"), status=Status.WAITLISTED
    ).order_by()
    counted = line.values("cohort").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)


def entered_again() -> Exists:
    """Whether the member of the enrolment around it has a seat in its group, or waits for one."""
    return Exists(
        Enrollment.objects.filter(
            member=OuterRef("member"), cohort=OuterRef("cohort"), status__in=ENTERED
        )
    )


def takes(cohort: Cohort, now: dt.datetime) -> bool:
    """Whether one can wait in this group: a seat that comes free could still be offered."""
    last = cohort.joinable_until
    published = cohort.status == Cohort.Status.PUBLISHED
    return published and last is not None and last - LAST_CALL > now


def terms(*, cohort: Cohort, now: dt.datetime) -> Terms | None:
    """What an offer would say now; None when none can be made. `cohort` with its programme."""
    entry = entry_session(cohort=cohort, now=now)
    if entry is None or cohort.status != Cohort.Status.PUBLISHED:
        return None
    length = min(dt.timedelta(hours=cohort.programme.offer_hours), (entry.starts_at - now) / 2)
    if length < SHORTEST_OFFER:
        return None
    price = price_from_week(cohort.price_cents, entry.number)
    return Terms(first_week=entry.number, price_cents=price, until=now + length)


# --- Passing seats on -------------------------------------------------------------------


def give_back_seat(*, enrollment_id: int, now: dt.datetime) -> None:
    """Take the chair from an enrolment that has ended, and offer it to the next in line.

    Runs in the transaction that ended it.
    """
    release_seat(enrollment_id=enrollment_id)
    wanted = Enrollment.objects.filter(
        status=Status.WAITLISTED, cohort__enrollments=enrollment_id
    ).values_list("cohort_id", flat=True)
    cohort_id = wanted.first()
    if cohort_id is not None:
        pass_on(cohort_id=cohort_id, now=now)


@transaction.atomic
def pass_on(*, cohort_id: int, now: dt.datetime) -> int:
    """Offer every free seat of a group to those who wait, in their order; returns how many."""
    if not waiting(cohort_id).exists():
        return 0
    take_turn(of_group(WAITLISTS, cohort_id))
    cohort = Cohort.objects.select_related("programme").get(pk=cohort_id)
    offer = terms(cohort=cohort, now=now)
    offered = 0
    while offer is not None and _offer(waiting(cohort_id), offer, now, reason="Next in line"):
        offered += 1
    return offered


@transaction.atomic
def offer_out_of_turn(
    *, enrollment: Enrollment, now: dt.datetime, reason: str, actor: User
) -> bool:
    """Offer a free seat to somebody who waits, whoever is before them.

    False when no seat is free, no offer can be made any more, or they do not wait any more.
    """
    take_turn(of_group(WAITLISTS, enrollment.cohort_id))
    cohort = Cohort.objects.select_related("programme").get(pk=enrollment.cohort_id)
    offer = terms(cohort=cohort, now=now)
    one = waiting(cohort.pk).filter(pk=enrollment.pk)
    return offer is not None and _offer(one, offer, now, reason=reason, actor=actor)


def _offer(
    line: "QuerySet[Enrollment]",
    offer: Terms,
    now: dt.datetime,
    *,
    reason: str,
    actor: User | None = None,
) -> bool:
    """Give a free chair to the first in this line, until they say yes or the time is over."""
    if connection.features.has_select_for_update_skip_locked:
        # Who is leaving at this moment is passed over.
        line = line.select_for_update(skip_locked=True, no_key=True)
    first = line.values_list("pk", "member_id", "cohort_id").first()
    if first is None:
        return False
    pk, member_id, cohort_id = first
    if not claim_seat(cohort_id=cohort_id, enrollment_id=pk, first_week=offer.first_week):
        return False
    move(
        enrollment_id=pk,
        sources=(Status.WAITLISTED,),
        target=Status.OFFERED,
        now=now,
        reason=reason,
        actor=actor,
        first_week=offer.first_week,
        price_cents=offer.price_cents,
        reserved_at=now,
        held_until=offer.until,
    )
    outbox.promise(kind=links.SEAT_OFFERED, recipient_id=member_id, subject_id=pk, now=now)
    return True


# --- Leaving the list -------------------------------------------------------------------


@transaction.atomic
def leave(*, enrollment_id: int, seen: Status, now: dt.datetime, reason: str, actor: User) -> bool:
    """End the waiting, or say no to an offer; False unless it still is as `seen`.

    A seat that was offered goes to the next in line. Whoever else did it to them tells them.
    """
    gone = move(
        enrollment_id=enrollment_id,
        sources=(seen,),
        target=Status.CANCELLED,
        now=now,
        reason=reason,
        actor=actor,
    )
    if gone and seen == Status.OFFERED:
        give_back_seat(enrollment_id=enrollment_id, now=now)
    if gone and not Enrollment.objects.filter(pk=enrollment_id, member=actor).exists():
        _tell(links.WAITLIST_CLOSED, enrollment_id, now)
    return gone


@transaction.atomic
def lapse(*, enrollment_id: int, now: dt.datetime) -> bool:
    """Take back an offer that nobody answered in time; False if it was answered after all."""
    lapsed = move(
        enrollment_id=enrollment_id,
        sources=(Status.OFFERED,),
        target=Status.EXPIRED,
        now=now,
        reason="The offer was not answered in time",
        only_if={"held_until__lte": now},
    )
    if lapsed:
        _tell(links.OFFER_LAPSED, enrollment_id, now)
        give_back_seat(enrollment_id=enrollment_id, now=now)
    return lapsed


@transaction.atomic
def end_waiting(*, enrollment_id: int, now: dt.datetime) -> bool:
    """Tell somebody that no seat came free while one could still join."""
    ended = move(
        enrollment_id=enrollment_id,
        sources=(Status.WAITLISTED,),
        target=Status.EXPIRED,
        now=now,
        reason="The group takes no new members any more",
    )
    if ended:
        _tell(links.WAITLIST_CLOSED, enrollment_id, now)
    return ended


def _tell(kind: str, enrollment_id: int, now: dt.datetime) -> None:
    member_id = Enrollment.objects.values_list("member_id", flat=True).get(pk=enrollment_id)
    outbox.promise(kind=kind, recipient_id=member_id, subject_id=enrollment_id, now=now)


# --- The sweep --------------------------------------------------------------------------


def tend(*, now: dt.datetime) -> int:
    """Lapse what is overdue, end what is over, offer what is free; returns how many were moved.

    Each enrolment in a transaction of its own, so that nothing waits for a long round.
    """
    moved = sum(lapse(enrollment_id=pk, now=now) for pk in list(overdue_offers(now)[:BATCH]))
    moved += sum(end_waiting(enrollment_id=pk, now=now) for pk in list(_over(now)[:BATCH]))
    for cohort_id in list(_with_a_free_seat(now)[:BATCH]):
        moved += pass_on(cohort_id=cohort_id, now=now)
    return moved


def overdue_offers(now: dt.datetime) -> "QuerySet[Enrollment, int]":
    offers = Enrollment.objects.filter(status=Status.OFFERED, held_until__lte=now)
    return offers.order_by("held_until").values_list("pk", flat=True)


def _over(now: dt.datetime) -> "QuerySet[Enrollment, int]":
    """Who waits where nobody can join any more."""
    still_open = Q(
        cohort__status=Cohort.Status.PUBLISHED, cohort__joinable_until__gt=now + LAST_CALL
    )
    return (
        Enrollment.objects.filter(~still_open, status=Status.WAITLISTED)
        .order_by("waiting_since", "pk")
        .values_list("pk", flat=True)
    )


def _with_a_free_seat(now: dt.datetime) -> "QuerySet[Cohort, int]":
    """Groups in which somebody waits though a seat is free, as after a visitor's session."""
    free = Seat.objects.filter(cohort=OuterRef("pk"), enrollment=None)
    return (
        Cohort.objects.filter(
            Exists(free),
            waited_for(),
            status=Cohort.Status.PUBLISHED,
            joinable_until__gt=now + LAST_CALL,
        )
        .order_by("joinable_until")
        .values_list("pk", flat=True)
    )


def seat_for_anybody(*, cohort: Cohort, first_week: int) -> bool:
    """Whether a newcomer needs no waitlist: a seat is free and nobody waits for it."""
    free = free_seats(first_week=first_week).filter(cohort=cohort)
    return free.exists() and not waiting(cohort.pk).exists()
