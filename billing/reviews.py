"""What a person decides about money that came, or went, in another way than ours.

A decision is made on what its page showed: `seen` is a fingerprint of it, and whoever decides on
an older state is told so and decides anew.
"""

import dataclasses
import datetime as dt
from enum import StrEnum

from django.db import transaction

from accounts.models import User
from billing import disputes, plans, settlement, words
from billing.holders import holder
from billing.models import CheckoutAttempt, Instalment, Payment, Refund
from enrollment.models import Enrollment, Seat
from enrollment.states import IN_STANDING, LIVE, Status

UNCONFIRMED = (Status.HELD, Status.AWAITING_FUNDS)
CONFIRMED = (*IN_STANDING, Status.SUSPENDED)


class ChangedMeanwhile(Exception):
    """What the page showed is not so any more; nothing was done."""


# --- A payment that does not match ------------------------------------------------------


class Decision(StrEnum):
    ACCEPT = "accept"
    GIVE_BACK = "give-back"


class Outcome(StrEnum):
    """What accepting the money would do."""

    CONFIRMS = "confirms"  # the seat that is kept
    RESEATS = "reseats"  # a free seat, as the kept one is gone
    GOES_BACK = "goes_back"  # no seat to be had
    PAID_ALREADY = "paid_already"  # by other money, so this goes back
    PAYS_PART = "pays_part"  # of a seat that is theirs already
    PART_GOES_BACK = "part_goes_back"  # paid already, or not asked for any more


GOING_BACK = (Outcome.GOES_BACK, Outcome.PAID_ALREADY, Outcome.PART_GOES_BACK)


@dataclasses.dataclass(frozen=True, slots=True)
class Review:
    """A payment that waits for a decision, and what each would do. `left` cents can go back.

    `obstacle` says why they cannot just now; empty when they can.
    """

    attempt: CheckoutAttempt
    payment: Payment
    left: int
    outcome: Outcome
    obstacle: str
    seen: str

    @property
    def difference(self) -> str:
        return words.difference(self.attempt, self.payment)

    @property
    def waits(self) -> bool:
        return self.attempt.status == CheckoutAttempt.Status.REVIEW

    def stops(self, decision: Decision) -> bool:
        """Whether the decision would send money that the bank holds."""
        goes_back = decision == Decision.GIVE_BACK or self.outcome in GOING_BACK
        return bool(self.obstacle and self.left > 0 and goes_back)

    @property
    def ways(self) -> list[Decision]:
        """What can be decided now."""
        return [one for one in Decision if self.waits and not self.stops(one)]

    @property
    def frees_the_seat(self) -> bool:
        return self.attempt.enrollment.status in UNCONFIRMED


def review(attempt: CheckoutAttempt) -> Review:
    """At most seven queries."""
    payment, enrollment = Payment.objects.get(attempt=attempt), attempt.enrollment
    outcome, left = _outcome(attempt), disputes.left_cents(payment)
    part = attempt.instalment.status if attempt.instalment else ""
    obstacle = disputes.HELD if disputes.is_held(payment) else ""
    seen = f"{attempt.status} {left} {enrollment.status} {outcome} {part} {bool(obstacle)}"
    return Review(attempt, payment, left, outcome, obstacle, seen)


def _outcome(attempt: CheckoutAttempt) -> Outcome:
    """What `plans.receive` or `confirm_seat` is about to do; they decide again when they do it."""
    enrollment, part = attempt.enrollment, attempt.instalment
    if part is not None:
        pays = enrollment.status in plans.PAYING and part.status == Instalment.Status.DUE
        return Outcome.PAYS_PART if pays else Outcome.PART_GOES_BACK
    if enrollment.status in UNCONFIRMED:
        return Outcome.CONFIRMS
    if enrollment.status in (*LIVE, Status.COMPLETED):
        return Outcome.PAID_ALREADY
    free = Seat.objects.filter(cohort=enrollment.cohort_id, enrollment=None)
    if enrollment.status == Status.EXPIRED and free.exists():
        return Outcome.RESEATS
    return Outcome.GOES_BACK


@transaction.atomic
def decide(
    *, attempt: CheckoutAttempt, decision: Decision, seen: str, actor: User, now: dt.datetime
) -> None:
    """Accept the money or send it back. Raises ChangedMeanwhile, or refunds.NotRefundable while
    the bank holds what would go back; then nothing was done.

    Money that goes back is only reserved here: the caller tells the worker.
    """
    Enrollment.objects.select_for_update(no_key=True).get(pk=attempt.enrollment_id)
    Payment.objects.select_for_update(no_key=True).get(attempt=attempt)
    found = CheckoutAttempt.objects.select_related("enrollment__cohort", "instalment").get(
        pk=attempt.pk
    )
    if review(found).seen != seen:
        raise ChangedMeanwhile
    act = {
        Decision.ACCEPT: settlement.accept_reviewed,
        Decision.GIVE_BACK: settlement.return_reviewed,
    }[decision]
    if not act(attempt=found, actor=actor, now=now):
        raise ChangedMeanwhile


# --- A refund that was made in Stripe's dashboard ---------------------------------------


def seat_of(refund: Refund) -> Enrollment:
    """Whose seat is asked about: after a move it is not the one that was paid for."""
    return holder(refund.payment)


def can_be_freed(refund: Refund) -> bool:
    """Whether a seat is there to be freed. One that is only kept is decided with its payment."""
    return seat_of(refund).status in CONFIRMED


def looked_at(refund: Refund) -> str:
    """The fingerprint of what the page of an outside refund shows."""
    seat = seat_of(refund)
    return f"{refund.status} {seat.public_id} {seat.status} {refund.seen_at is not None}"


@transaction.atomic
def acknowledge(*, refund: Refund, seen: str, actor: User, now: dt.datetime) -> None:
    """Write down who has seen the refund. No cent moves, and no seat: the desk rehearses that.

    Raises ChangedMeanwhile, also for the second of two people; then nothing was done.
    """
    seat = seat_of(refund)
    Enrollment.objects.select_for_update(no_key=True).get(pk=seat.pk)
    found = Refund.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "payment__enrollment"
    )
    if looked_at(found.get(pk=refund.pk)) != seen:
        raise ChangedMeanwhile
    unseen = Refund.objects.filter(pk=refund.pk, seen_at=None)
    if not unseen.update(seen_by=actor, seen_at=now):
        raise ChangedMeanwhile
