"""What is known of one enrolment's money: for the policy, for the desk, and where it can go back.

Reads only; a constant number of queries, however many payments, refunds or sessions there are.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace

from django.db.models import Exists, OuterRef, Q, Sum

from billing import disputes
from billing.models import CheckoutAttempt, Dispute, LedgerEntry, Payment, Refund, Transfer
from billing.policy import TERMS, Facts, Meeting, Terms
from enrollment import agreements
from enrollment.attendance import CAME, suggest
from enrollment.models import Attendance, Consent, Enrollment
from enrollment.roster import marks_of
from enrollment.states import Status
from sessions.models import GroupSession

Kind = LedgerEntry.Kind
WENT_BACK = (Kind.REFUND, Kind.REFUND_FAILED)
# Reserved here, and not yet taken by Stripe: the ledger knows nothing of them.
NOT_POSTED = (Refund.Status.REQUESTED, Refund.Status.SUBMITTED)
ENDED = (Status.WITHDRAWN, Status.CANCELLED, Status.EXPIRED, Status.LATE_PAID)


@dataclass(frozen=True, slots=True)
class Money:
    """Cents. `failed` came back to us and waits to be sent again or settled: it is spoken for,
    as far as the money has not gone back meanwhile, by Stripe's dashboard or the bank.

    So is `moving`, the credit of a transfer whose rest is being paid just now.
    """

    paid: int
    back: int
    failed: int
    moving: int = 0

    @property
    def left(self) -> int:
        """What the enrolment has with us that nobody has decided about."""
        return max(self.paid - self.back - self.failed - self.moving, 0)


@dataclass(frozen=True, slots=True)
class Source:
    """A payment with something left of it; `obstacle` says why it cannot go back from here."""

    payment: Payment
    left: int
    obstacle: str


@dataclass(frozen=True, slots=True)
class Agreed:
    """The refund terms that a member agreed to when they bought."""

    terms: Terms
    at: dt.datetime | None


def money_of(enrollment: Enrollment) -> Money:
    """From the ledger and from what is on its way. Three queries.

    The processor's fees are ours, not the member's.
    """
    return money_of_each([enrollment.pk])[enrollment.pk]


def money_of_each(enrollments: Collection[int]) -> dict[int, Money]:
    """The same of several enrolments, by their keys. Three queries."""
    gone = Q(kind__in=WENT_BACK) | Q(kind=Kind.ADJUSTMENT, amount_cents__lt=0)
    lines = LedgerEntry.objects.filter(enrollment__in=enrollments).exclude(kind=Kind.FEE)
    posted = (
        lines.order_by()
        .values("enrollment")
        .annotate(back=Sum("amount_cents", filter=gone), paid=Sum("amount_cents", filter=~gone))
    )
    refunds = Refund.objects.filter(enrollment__in=enrollments).order_by().values("enrollment")
    waiting = refunds.annotate(
        on_its_way=Sum("amount_cents", filter=Q(status__in=NOT_POSTED)),
        failed=Sum("amount_cents", filter=still_failed()),
    )
    moving = _moving(enrollments)
    found = {pk: Money(paid=0, back=0, failed=0, moving=moving.get(pk, 0)) for pk in enrollments}
    for line in posted:
        said = found[line["enrollment"]]
        said = replace(said, paid=line["paid"] or 0, back=-(line["back"] or 0))
        found[line["enrollment"]] = said
    for one in waiting:
        said = found[one["enrollment"]]
        back = said.back + (one["on_its_way"] or 0)
        failed = min(one["failed"] or 0, max(said.paid - back, 0))
        found[one["enrollment"]] = replace(said, back=back, failed=failed)
    return found


def _moving(enrollments: Collection[int]) -> dict[int, int]:
    """The credits of open transfers, while their new seats can still be paid for. One query."""
    moving = Transfer.objects.filter(
        Transfer.KEPT, source__in=enrollments, state=Transfer.State.OPEN
    )
    return dict(moving.values_list("source", "credit_cents"))


def paid_by(enrollment: Enrollment) -> list[int]:
    """This enrolment, and those that its member came from with their money. One query."""
    return paid_by_each([enrollment])[enrollment.pk]


def paid_by_each(enrollments: Collection[Enrollment]) -> dict[int, list[int]]:
    """The same of several enrolments, by their keys. One query."""
    came_from = dict(
        Transfer.objects.filter(
            source__member__in={one.member_id for one in enrollments}, state=Transfer.State.DONE
        ).values_list("target", "source")
    )
    chains = {}
    for one in enrollments:
        chain = [one.pk]
        while chain[-1] in came_from:
            chain.append(came_from[chain[-1]])
        chains[one.pk] = chain
    return chains


def still_failed() -> Q:
    """Refunds that failed and that nobody has tried again or settled another way."""
    return Q(status=Refund.Status.FAILED, retry=None, resolved_at=None)


def refundable_payments(enrollment: Enrollment) -> list[Source]:
    """Where an enrolment's money can go back, newest payment first.

    Whoever came from another group brought money along that was paid there. Five queries at most.
    What is back already, whichever way it went, is left out.
    """
    return refundable_payments_of_each([enrollment])[enrollment.pk]


def refundable_payments_of_each(enrollments: Collection[Enrollment]) -> dict[int, list[Source]]:
    """The same of several enrolments, by their keys, in as many queries."""
    held = Dispute.objects.filter(payment=OuterRef("pk"), status__in=disputes.HOLDS_THE_MONEY)
    chains = paid_by_each(enrollments)
    every = (
        Payment.objects.select_related("attempt")
        .annotate(held=Exists(held))
        .filter(enrollment__in={pk for chain in chains.values() for pk in chain})
        .order_by("-paid_at", "-pk")
    )
    payments = list(every)
    left = disputes.left_of_each(payments)
    return {
        one.pk: [
            Source(payment, left[payment.pk], _obstacle(payment, one, held=payment.held))
            for payment in payments
            if payment.enrollment_id in chains[one.pk] and left[payment.pk]
        ]
        for one in enrollments
    }


def _obstacle(payment: Payment, enrollment: Enrollment, *, held: bool) -> str:
    if payment.currency != enrollment.currency:
        return (
            f"It was paid in {payment.currency.upper()}, and the price is in "
            f"{enrollment.currency.upper()}: give it back in Stripe's dashboard."
        )
    if payment.attempt and payment.attempt.status == CheckoutAttempt.Status.REVIEW:
        return "It waits for a check: decide first whether it is accepted."
    if payment.stripe_payment_intent_id is None:
        return "It has no charge at Stripe: give it back another way."
    return disputes.HELD if held else ""


def agreed_terms(enrollment: Enrollment) -> Agreed:
    """The terms of the version that stands in their consent; without one, today's. One query."""
    return agreed_terms_of_each([enrollment.pk])[enrollment.pk]


def agreed_terms_of_each(enrollments: Collection[int]) -> dict[int, Agreed]:
    """The same of several enrolments, by their keys. One query."""
    today = next(one for one in agreements.CURRENT if one.kind == "refunds")
    found = {pk: Agreed(TERMS[today.version], None) for pk in enrollments}
    for consent in Consent.objects.filter(enrollment__in=enrollments, kind="refunds"):
        found[consent.enrollment_id] = Agreed(TERMS[consent.version], consent.accepted_at)
    return found


def left_at(enrollment: Enrollment) -> dt.datetime | None:
    """When they left; None for whoever is in the group, or was until its end."""
    if enrollment.status not in ENDED:
        return None
    moves = enrollment.moves.filter(target__in=ENDED).exclude(source__in=ENDED)
    return moves.order_by("-at", "-pk").values_list("at", flat=True).first()


def held_by_bank(enrollment: Enrollment) -> int:
    """Cents that a bank has taken because of disputes and not given back. One query."""
    kinds = (Kind.DISPUTE, Kind.DISPUTE_WON)
    lines = LedgerEntry.objects.filter(enrollment=enrollment, kind__in=kinds).order_by()
    return max(-(lines.aggregate(cents=Sum("amount_cents"))["cents"] or 0), 0)


def facts_of(enrollment: Enrollment, now: dt.datetime) -> Facts:
    """What the policy has to know. Ten queries."""
    money = money_of(enrollment)
    sessions = GroupSession.objects.filter(cohort=enrollment.cohort_id).order_by("number")
    return Facts(
        paid_cents=money.paid,
        back_cents=money.back + money.failed,
        moving_cents=money.moving,
        bank_cents=held_by_bank(enrollment),
        price_cents=enrollment.price_cents,
        first_week=enrollment.first_week,
        sessions=[
            Meeting(one.number, one.starts_at, one.ends_at, one.cancelled_at is not None)
            for one in sessions
        ],
        attended=attended(enrollment, now),
        currency=enrollment.currency,
    )


def attended(enrollment: Enrollment, now: dt.datetime) -> frozenset[int]:
    """The weeks that they came to, here or elsewhere: as noted, else as the door saw."""
    noted = marks_of([enrollment.cohort_id], now)[enrollment.pk]
    came = {number for number, mark in noted.items() if mark in CAME}
    arrivals = Attendance.objects.filter(
        enrollment=enrollment, session__cohort=enrollment.cohort_id
    ).select_related("session")
    for one in arrivals:
        mark, _ = suggest(arrived_at=one.arrived_at, starts_at=one.session.starts_at)
        if one.session.number not in noted and mark in CAME:
            came.add(one.session.number)
    return frozenset(came)
