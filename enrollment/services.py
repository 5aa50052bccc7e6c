"""Seats: reserving, confirming, releasing. (Making them is `opening.py`.)

Locking, in one place: a seat is claimed by a guarded UPDATE on its row (`seats.claim_seat`), so
buyers never wait for each other. A status is moved by a guarded UPDATE (`moves.move`). Where
several rows are locked, the order is Cohort → Enrollment → Payment → Refund, and Seat last.
"""

import datetime as dt
from collections import Counter
from enum import StrEnum
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Min, Q, QuerySet, Value
from django.db.models.functions import Greatest

from accounts import services as accounts
from accounts.models import User
from enrollment import agreements, links, refusals, waitlist
from enrollment.intake import Answers
from enrollment.models import Consent, Enrollment, Intake, Seat, Visit
from enrollment.moves import move, record
from enrollment.seats import claim_seat
from enrollment.states import ENTERED, LIVE, Status
from outbox import services as outbox
from sessions.models import Cohort, CohortChange, GroupSession
from sessions.pricing import price_from_week
from sessions.services import entry_session

# Time to reach the payment page; starting the payment extends the hold past its end.
HOLD = dt.timedelta(minutes=15)
# A free account must not keep a group full for ever without paying.
FAIR_USE_WINDOW = dt.timedelta(days=1)
HOLDS_AT_A_TIME = 2
HOLDS_OF_ONE_GROUP = 3
# How long a seat waits for money that is on its way.
SLOW_MONEY = dt.timedelta(days=7)


class Confirmation(StrEnum):
    """What became of a seat that was paid for."""

    CONFIRMED = "confirmed"
    ALREADY = "already"
    RESEATED = "reseated"
    NO_SEAT = "no_seat"


# --- Reserving --------------------------------------------------------------------------


def reserve_seat(
    *,
    cohort: Cohort,
    member: User,
    now: dt.datetime,
    ip: str | None = None,
) -> Enrollment:
    """Keep one free seat for `member` until `HOLD` from now, and store their agreements.

    Raises a `refusals.Refused` that says why not; then nothing was written.
    """
    answers = check_eligible(cohort=cohort, member=member, now=now)
    if cohort.status != Cohort.Status.PUBLISHED:
        raise refusals.GroupClosed(answers.state)
    # No guard, which `claim_seat` is. In a rush most people are too late: this tells them at
    # once. The look for a seat comes before that at one's own: who presses twice may have
    # taken the last one a moment ago. A seat for which somebody waits is not free to others.
    free = Seat.objects.filter(~waitlist.waited_for("cohort"), cohort=cohort, enrollment=None)
    full = not free.exists()
    check_standing(cohort=cohort, member=member, now=now)
    if full:
        raise refusals.GroupFull(answers.state)
    entry = entry_session(cohort=cohort, now=now)
    if entry is None:
        raise refusals.GroupClosed(answers.state)
    with transaction.atomic():
        enrollment = _enter(cohort=cohort, member=member, first_week=entry.number, now=now)
        if not claim_seat(
            cohort_id=cohort.pk, enrollment_id=enrollment.pk, first_week=entry.number
        ):
            raise refusals.GroupFull(answers.state)
        record(
            enrollment_id=enrollment.pk,
            source="",
            target=Status.HELD,
            now=now,
            reason="Reserved",
            actor=member,
        )
        record_agreements(enrollment=enrollment, now=now, ip=ip)
    return enrollment


def _enter(*, cohort: Cohort, member: User, first_week: int, now: dt.datetime) -> Enrollment:
    """The held enrolment, written before a seat is looked for.

    Whoever presses twice at once waits here for their own first press, and is told that they
    have a seat; the other way round the last seat would look taken by somebody else.
    """
    try:
        return Enrollment.objects.create(
            member=member,
            cohort=cohort,
            first_week=first_week,
            price_cents=price_from_week(cohort.price_cents, first_week),
            currency=cohort.currency,
            reserved_at=now,
            held_until=now + HOLD,
        )
    except IntegrityError:
        raise refusals.AlreadyEnrolled from None


def check_eligible(*, cohort: Cohort, member: User, now: dt.datetime) -> Answers:
    """The member's answers, if they may join this cohort; raises a Refused if not."""
    intake = Intake.objects.filter(member=member).first()
    if intake is None:
        raise refusals.IntakeMissing
    answers = Answers.load(intake.answers)
    if answers.age_on(now.date()) < 18:
        raise refusals.Underage
    if answers.state not in cohort.admitted_states:
        raise refusals.StateNotAdmitted(answers.state)
    return answers


def check_standing(*, cohort: Cohort, member: User, now: dt.datetime) -> None:
    """Raises AlreadyEnrolled or AlreadyWaiting, or TooManyHolds for who keeps seats from others
    without paying. Who waited in vain kept none: they have no `held_until`."""
    unpaid_lately = Q(
        status__in=(Status.HELD, Status.EXPIRED),
        reserved_at__gt=now - FAIR_USE_WINDOW,
        held_until__isnull=False,
    )
    rows = Counter(
        Enrollment.objects.filter(
            unpaid_lately | Q(cohort=cohort, status__in=ENTERED), member=member
        ).values_list("cohort_id", "status")
    )
    if any(rows[cohort.pk, status] for status in LIVE):
        raise refusals.AlreadyEnrolled
    if rows[cohort.pk, Status.WAITLISTED]:
        raise refusals.AlreadyWaiting
    held = sum(count for (_, status), count in rows.items() if status == Status.HELD)
    if held >= HOLDS_AT_A_TIME or rows[cohort.pk, Status.EXPIRED] >= HOLDS_OF_ONE_GROUP:
        raise refusals.TooManyHolds


def record_agreements(*, enrollment: Enrollment, now: dt.datetime, ip: str | None) -> None:
    Consent.objects.bulk_create(
        Consent(
            enrollment=enrollment,
            kind=agreement.kind,
            version=agreement.version,
            accepted_at=now,
            ip=ip,
        )
        for agreement in agreements.CURRENT
    )


@transaction.atomic
def save_intake(*, member: User, answers: Answers, now: dt.datetime) -> None:
    """Store the answers, encrypted; earlier ones are replaced. Whoever gives them is a member."""
    Intake.objects.update_or_create(
        member=member, defaults={"answers": answers.dump(), "updated_at": now}
    )
    accounts.become_member(user=member, now=now)


def extend_hold(*, enrollment_id: int, until: dt.datetime) -> bool:
    """Keep a held seat at least until `until`; False if it is held no more."""
    held = Enrollment.objects.filter(pk=enrollment_id, status=Status.HELD)
    return bool(held.update(held_until=Greatest(F("held_until"), Value(until))))


def set_price(*, enrollment_id: int, price_cents: int, off_cents: int, words: str) -> bool:
    """Agree on what a held seat costs; False if it is held no more.

    For billing, under the enrolment's lock and while no payment page with another price is open.
    """
    held = Enrollment.objects.filter(pk=enrollment_id, status=Status.HELD)
    return bool(held.update(price_cents=price_cents, off_cents=off_cents, price_words=words))


# --- Confirming -------------------------------------------------------------------------


@transaction.atomic(savepoint=False)
def confirm_seat(
    *,
    enrollment_id: int,
    now: dt.datetime,
    reason: str,
    actor: User | None = None,
    mail: str = links.SEAT_CONFIRMED,
) -> Confirmation:
    """The seat is paid for: make it the member's. Safe to call again at any time.

    Promises the confirmation, or another `mail` about this seat in its place, and the link mail
    at once if a session is near.
    If the hold is gone, any free seat is taken; with none left the enrolment ends as
    LATE_PAID and the caller owes the money back.
    """
    if move(
        enrollment_id=enrollment_id,
        sources=(Status.HELD, Status.AWAITING_FUNDS),
        target=Status.ACTIVE,
        now=now,
        reason=reason,
        actor=actor,
        confirmed_at=now,
        held_until=None,
    ):
        _welcome(enrollment_id=enrollment_id, now=now, mail=mail)
        return Confirmation.CONFIRMED
    enrollment = (
        Enrollment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("cohort")
        .get(pk=enrollment_id)
    )
    if enrollment.status in (*LIVE, Status.COMPLETED):
        return Confirmation.ALREADY
    if enrollment.status == Status.EXPIRED and _reseat(enrollment=enrollment, now=now):
        _welcome(enrollment_id=enrollment_id, now=now, mail=mail)
        return Confirmation.RESEATED
    move(
        enrollment_id=enrollment_id,
        sources=(Status.EXPIRED, Status.WITHDRAWN, Status.CANCELLED),
        target=Status.LATE_PAID,
        now=now,
        reason="Paid after the seat was gone",
    )
    return Confirmation.NO_SEAT


def _reseat(*, enrollment: Enrollment, now: dt.datetime) -> bool:
    """Give a late payer any free seat, unless they have one or their first session is over."""
    cohort = enrollment.cohort
    first = GroupSession.objects.get(cohort=cohort, number=enrollment.first_week)
    if cohort.status not in (Cohort.Status.PUBLISHED, Cohort.Status.CLOSED):
        return False
    if first.ends_at <= now:
        return False
    again = Enrollment.objects.filter(
        member_id=enrollment.member_id, cohort=cohort, status__in=ENTERED
    )
    if again.exists():
        return False
    if not claim_seat(
        cohort_id=cohort.pk, enrollment_id=enrollment.pk, first_week=enrollment.first_week
    ):
        return False
    return move(
        enrollment_id=enrollment.pk,
        sources=(Status.EXPIRED,),
        target=Status.ACTIVE,
        now=now,
        reason="Paid late, a seat was still free",
        confirmed_at=now,
        held_until=None,
    )


def _welcome(*, enrollment_id: int, now: dt.datetime, mail: str) -> None:
    to_come = Q(
        cohort__group_sessions__ends_at__gt=now,
        cohort__group_sessions__cancelled_at=None,
        cohort__group_sessions__number__gte=F("first_week"),
    )
    member_id, lead_hours, next_start = (
        Enrollment.objects.annotate(
            next_start=Min("cohort__group_sessions__starts_at", filter=to_come)
        )
        .values_list("member_id", "cohort__programme__link_lead_hours", "next_start")
        .get(pk=enrollment_id)
    )
    if next_start is None and _tell_of_end(enrollment_id, member_id, now):
        return
    outbox.promise(kind=mail, recipient_id=member_id, subject_id=enrollment_id, now=now)
    if next_start is not None and next_start <= now + dt.timedelta(hours=lead_hours):
        links.promise_links(now=now, enrollment_id=enrollment_id)


def _tell_of_end(enrollment_id: int, member_id: int, now: dt.datetime) -> bool:
    """Money for a group that is not held any more: its member hears that, and of no seat."""
    ends = CohortChange.objects.filter(
        cohort__enrollments=enrollment_id, kind=CohortChange.Kind.END
    )
    ended = ends.values_list("pk", flat=True).first()
    return ended is not None and outbox.promise(
        kind=links.SCHEDULE_CHANGED,
        recipient_id=member_id,
        subject_id=enrollment_id,
        occasion_id=ended,
        now=now,
    )


# --- Releasing --------------------------------------------------------------------------


def await_funds(*, enrollment_id: int, now: dt.datetime) -> bool:
    """The member has paid by a way that takes days: keep the seat until the money arrives."""
    with transaction.atomic():
        return move(
            enrollment_id=enrollment_id,
            sources=(Status.HELD,),
            target=Status.AWAITING_FUNDS,
            now=now,
            reason="The payment is on its way",
            held_until=now + SLOW_MONEY,
        )


@transaction.atomic
def expire_hold(
    *, enrollment_id: int, now: dt.datetime, reason: str, overdue_only: bool = True
) -> bool:
    """Free a seat whose hold is over. Call it only when no payment can arrive any more.

    With `overdue_only` the hold's own end is part of the guard, so a hold that was extended
    this very moment survives; without it the payment itself has ended, and so has the hold.
    Unless they waited for the seat: the time that they were promised stays theirs.
    """
    overdue = {"held_until__lte": now}
    guards: dict[Status, list[dict[str, Any]]] = {
        Status.HELD: [overdue] if overdue_only else [{"waiting_since": None}, overdue],
        Status.AWAITING_FUNDS: [overdue] if overdue_only else [{}],
    }
    expired = any(
        move(
            enrollment_id=enrollment_id,
            sources=(source,),
            target=Status.EXPIRED,
            now=now,
            reason=reason,
            only_if=only_if,
        )
        for source, conditions in guards.items()
        for only_if in conditions
    )
    if expired:
        waitlist.give_back_seat(enrollment_id=enrollment_id, now=now)
        member_id = Enrollment.objects.values_list("member_id", flat=True).get(pk=enrollment_id)
        outbox.promise(
            kind=links.HOLD_EXPIRED, recipient_id=member_id, subject_id=enrollment_id, now=now
        )
    return expired


@transaction.atomic
def cancel_hold(*, enrollment_id: int, now: dt.datetime, reason: str, actor: User) -> bool:
    """End a seat that is kept but not confirmed. Call it only when no payment can arrive."""
    ended = move(
        enrollment_id=enrollment_id,
        sources=(Status.HELD, Status.AWAITING_FUNDS),
        target=Status.CANCELLED,
        now=now,
        reason=reason,
        actor=actor,
    )
    if ended:
        waitlist.give_back_seat(enrollment_id=enrollment_id, now=now)
    return ended


@transaction.atomic
def withdraw(*, enrollment_id: int, actor: User, reason: str, now: dt.datetime) -> bool:
    """End a confirmed enrolment and free its seat. Money is a separate decision."""
    ended = move(
        enrollment_id=enrollment_id,
        sources=(Status.ACTIVE, Status.GRACE, Status.SUSPENDED),
        target=Status.WITHDRAWN,
        now=now,
        reason=reason,
        actor=actor,
    )
    if ended:
        waitlist.give_back_seat(enrollment_id=enrollment_id, now=now)
        Visit.objects.filter(
            enrollment=enrollment_id, given_back_at=None, session__starts_at__gt=now
        ).update(given_back_at=now)
    return ended


def overdue_holds(*, now: dt.datetime) -> "QuerySet[Enrollment]":
    """Enrolments whose hold is over, longest first. They keep the seat until it is released."""
    return Enrollment.objects.filter(
        status__in=(Status.HELD, Status.AWAITING_FUNDS), held_until__lte=now
    ).order_by("held_until")
