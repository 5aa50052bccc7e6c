"""What somebody does who waits for a seat: join the list, and say yes to an offer.

Leaving and saying no need no more than the list itself (`waitlist.leave`).
"""

import datetime as dt

from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest

from accounts.models import User
from enrollment import links, refusals, waitlist
from enrollment.models import Enrollment
from enrollment.moves import move, record
from enrollment.services import HOLD, check_eligible, record_agreements
from enrollment.states import ENTERED, LIVE, Status
from outbox import services as outbox
from sessions.models import Cohort, GroupSession
from sessions.pricing import price_from_week
from sessions.services import entry_session

# Waiting costs nothing, but every seat is offered to people who may not want it any more.
LISTS_AT_A_TIME = 5


class OfferOver(Exception):
    """The seat is not offered to them any more: the time was over, or they have answered."""


def join(*, cohort: Cohort, member: User, now: dt.datetime) -> Enrollment:
    """Put `member` at the end of the group's waitlist, and promise a mail that says so.

    Raises a `refusals.Refused` that says why not; then nothing was written.
    """
    answers = check_eligible(cohort=cohort, member=member, now=now)
    check_free_to_wait(cohort=cohort, member=member)
    entry = entry_session(cohort=cohort, now=now)
    if entry is None or not waitlist.takes(cohort, now):
        raise refusals.GroupClosed(answers.state)
    if waitlist.seat_for_anybody(cohort=cohort, first_week=entry.number):
        raise refusals.NoNeedToWait(answers.state)
    with transaction.atomic():
        enrollment = _enter(cohort=cohort, member=member, entry=entry, now=now)
        record(
            enrollment_id=enrollment.pk,
            source="",
            target=Status.WAITLISTED,
            now=now,
            reason="Joined the waitlist",
            actor=member,
        )
        outbox.promise(
            kind=links.WAITLIST_JOINED,
            recipient_id=member.pk,
            subject_id=enrollment.pk,
            now=now,
        )
        # A seat may have come free between the look and this.
        waitlist.pass_on(cohort_id=cohort.pk, now=now)
    enrollment.refresh_from_db()
    return enrollment


def check_free_to_wait(*, cohort: Cohort, member: User) -> None:
    """Raises AlreadyEnrolled, AlreadyWaiting or TooManyWaits."""
    rows = Enrollment.objects.filter(member=member, status__in=ENTERED)
    entered = list(rows.values_list("cohort_id", "status"))
    here = [status for cohort_id, status in entered if cohort_id == cohort.pk]
    if any(status in LIVE for status in here):
        raise refusals.AlreadyEnrolled
    if here:
        raise refusals.AlreadyWaiting
    if sum(status == Status.WAITLISTED for _, status in entered) >= LISTS_AT_A_TIME:
        raise refusals.TooManyWaits


def _enter(*, cohort: Cohort, member: User, entry: GroupSession, now: dt.datetime) -> Enrollment:
    """Who presses twice at once is told by the second press that they wait already."""
    try:
        with transaction.atomic():
            return Enrollment.objects.create(
                member=member,
                cohort=cohort,
                status=Status.WAITLISTED,
                first_week=entry.number,
                price_cents=price_from_week(cohort.price_cents, entry.number),
                currency=cohort.currency,
                reserved_at=now,
                waiting_since=now,
            )
    except IntegrityError:
        raise refusals.AlreadyWaiting from None


def accept(
    *, enrollment: Enrollment, member: User, now: dt.datetime, ip: str | None = None
) -> None:
    """Say yes to the offered seat: it is held as any other, and keeps the time of the offer.

    At least `HOLD` is left for paying. Raises a `refusals.Refused` for who may not join (any
    more), and OfferOver; then nothing was written.
    """
    check_eligible(cohort=enrollment.cohort, member=member, now=now)
    with transaction.atomic():
        if not move(
            enrollment_id=enrollment.pk,
            sources=(Status.OFFERED,),
            target=Status.HELD,
            now=now,
            reason="Accepted the offered seat",
            actor=member,
            only_if={"held_until__gt": now, "member": member},
            reserved_at=now,
            held_until=Greatest(F("held_until"), Value(now + HOLD)),
        ):
            raise OfferOver
        record_agreements(enrollment=enrollment, now=now, ip=ip)
