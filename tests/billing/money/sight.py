"""Everything that is known at one moment, here and at Stripe, read once for all laws."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from billing.models import (
    CheckoutAttempt,
    Dispute,
    Instalment,
    InstalmentTry,
    LedgerEntry,
    Payment,
    PaymentPlan,
    PromotionCode,
    Redemption,
    Refund,
    RefundDecision,
    StripeEvent,
    Transfer,
)
from billing.settlement import UNPAID
from enrollment.models import Enrollment, EnrollmentMove, Seat
from enrollment.states import IN_STANDING, Status
from outbox.models import Message
from sandbox.stripe_standin.process import Standin

JSON = dict[str, Any]
NOBODYS_FAULT = ("Broke", "RefusedByStripe")


def _by(rows: Iterable[Any], name: str) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, name)].append(row)
    return groups


def is_over(dispute: JSON) -> bool:
    return dispute["status"] in ("won", "lost", "warning_closed")


@dataclass
class Sight:
    """Our rows in the order of their making, and Stripe's objects by their ids."""

    enrollments: list[Enrollment] = field(default_factory=list)
    seats: list[Seat] = field(default_factory=list)
    moves: dict[int, list[EnrollmentMove]] = field(default_factory=dict)
    attempts: list[CheckoutAttempt] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    decisions: list[RefundDecision] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    plans: list[PaymentPlan] = field(default_factory=list)
    parts: list[Instalment] = field(default_factory=list)
    tries: list[InstalmentTry] = field(default_factory=list)
    codes: list[PromotionCode] = field(default_factory=list)
    redemptions: list[Redemption] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    failed_events: list[StripeEvent] = field(default_factory=list)
    mails: set[tuple[str, int]] = field(default_factory=set)
    sessions: dict[str, JSON] = field(default_factory=dict)
    their_refunds: dict[str, JSON] = field(default_factory=dict)
    their_disputes: dict[str, JSON] = field(default_factory=dict)
    intents: dict[str, JSON] = field(default_factory=dict)
    charged: dict[str, int] = field(default_factory=dict)
    # Attempts as they were while their page was open: what a slower process still believes.
    read_before: list[CheckoutAttempt] = field(default_factory=list)
    # Pages of the desk that somebody may still press on.
    old_pages_seen: int = 0

    @classmethod
    def of(cls, standin: Standin) -> Sight:
        with standin.world.working():
            tables = standin.world.store.tables
            sessions = {id: dict(row) for id, row in tables["checkout.session"].items()}
            their_refunds = {id: dict(row) for id, row in tables["refund"].items()}
            their_disputes = {id: dict(row) for id, row in tables["dispute"].items()}
            intents = {id: dict(row) for id, row in tables["payment_intent"].items()}
        return cls(
            enrollments=list(Enrollment.objects.order_by("pk")),
            seats=list(Seat.objects.order_by("pk")),
            moves=_by(EnrollmentMove.objects.order_by("pk"), "enrollment_id"),
            attempts=list(CheckoutAttempt.objects.order_by("pk")),
            payments=list(Payment.objects.order_by("pk")),
            refunds=list(Refund.objects.order_by("pk")),
            # What the processor keeps is no money of a member.
            ledger=list(LedgerEntry.objects.exclude(kind="fee").order_by("pk")),
            decisions=list(RefundDecision.objects.order_by("pk")),
            disputes=list(Dispute.objects.order_by("pk")),
            plans=list(PaymentPlan.objects.order_by("pk")),
            parts=list(Instalment.objects.order_by("pk")),
            tries=list(InstalmentTry.objects.select_related("instalment").order_by("pk")),
            codes=list(PromotionCode.objects.order_by("pk")),
            redemptions=list(Redemption.objects.select_related("code").order_by("pk")),
            failed_events=[
                event
                for event in StripeEvent.objects.filter(status="stored", attempts__gt=0)
                if not event.note.startswith(NOBODYS_FAULT)
            ],
            mails=set(Message.objects.values_list("kind", "subject_id")),
            sessions=sessions,
            their_refunds=their_refunds,
            transfers=list(Transfer.objects.order_by("pk")),
            their_disputes=their_disputes,
            intents=intents,
            charged={id: one["amount_received"] for id, one in intents.items()},
        )

    # --- What something can still happen to ---

    @property
    def payable(self) -> list[CheckoutAttempt]:
        """Somebody has the address of the page, and it is open."""
        return [one for one in self.attempts if one.checkout_url and self.is_open(one)]

    @property
    def unpaid_pages(self) -> list[JSON]:
        return [one for one in self.sessions.values() if one["payment_status"] == "unpaid"]

    @property
    def slow_pages(self) -> list[JSON]:
        return [one for one in self.unpaid_pages if one["status"] == "complete"]

    @property
    def unpaid_attempts(self) -> list[CheckoutAttempt]:
        return [one for one in self.attempts if one.status in UNPAID]

    @property
    def lapsed(self) -> list[CheckoutAttempt]:
        return [one for one in self.attempts if one.status == CheckoutAttempt.Status.EXPIRED]

    @property
    def in_review(self) -> list[CheckoutAttempt]:
        return [one for one in self.attempts if one.status == CheckoutAttempt.Status.REVIEW]

    @property
    def confirmed(self) -> list[Enrollment]:
        return [one for one in self.enrollments if one.status in IN_STANDING]

    @property
    def refundable(self) -> list[Payment]:
        return [one for one in self.payments if one.refund_reserved_cents < one.amount_cents]

    @property
    def failed_refunds(self) -> list[Refund]:
        return [one for one in self.refunds if one.status == Refund.Status.FAILED]

    @property
    def their_open_refunds(self) -> list[str]:
        return [id for id, one in self.their_refunds.items() if one["status"] != "failed"]

    @property
    def waiting(self) -> list[Enrollment]:
        return [one for one in self.enrollments if one.status == Status.WAITLISTED]

    @property
    def offered(self) -> list[Enrollment]:
        return [one for one in self.enrollments if one.status == Status.OFFERED]

    @property
    def held(self) -> list[Enrollment]:
        return [one for one in self.enrollments if one.status == Status.HELD]

    @property
    def due_parts(self) -> list[Instalment]:
        """Soonest last, as `nth` counts from the end."""
        due = [one for one in self.parts if one.status == Instalment.Status.DUE]
        return sorted(due, key=lambda one: one.due_at, reverse=True)

    @property
    def running_plans(self) -> list[PaymentPlan]:
        return [one for one in self.plans if one.ended_at is None]

    @property
    def open_tries(self) -> list[InstalmentTry]:
        return [one for one in self.tries if one.status == InstalmentTry.Status.OPEN]

    @property
    def paid_for(self) -> list[Enrollment]:
        own = {one.enrollment_id for one in self.payments}
        return [one for one in self.enrollments if one.pk in own]

    @property
    def waiting_decisions(self) -> list[RefundDecision]:
        return [one for one in self.decisions if one.status == RefundDecision.Status.WAITING]

    @property
    def their_running_disputes(self) -> list[JSON]:
        return [one for one in self.their_disputes.values() if not is_over(one)]

    @property
    def open_moves(self) -> list[Transfer]:
        return [one for one in self.transfers if one.state == Transfer.State.OPEN]

    # --- Looking up ---

    def came_by(self, enrollment: Enrollment) -> Transfer | None:
        return next((one for one in self.transfers if one.target_id == enrollment.pk), None)

    def is_open(self, attempt: CheckoutAttempt) -> bool:
        session = self.session(attempt)
        return session is not None and session["status"] == "open"

    def session(self, attempt: CheckoutAttempt) -> JSON | None:
        return self.sessions.get(attempt.stripe_session_id or "")

    def enrollment(self, pk: int) -> Enrollment:
        return next(one for one in self.enrollments if one.pk == pk)

    def payments_of(self, enrollment: Enrollment) -> list[Payment]:
        return [one for one in self.payments if one.enrollment_id == enrollment.pk]

    def refunds_of(self, payment: Payment) -> list[Refund]:
        return [one for one in self.refunds if one.payment_id == payment.pk]

    def attempt_of(self, payment: Payment) -> CheckoutAttempt | None:
        """None for a card that was charged while nobody was there."""
        return next((one for one in self.attempts if one.pk == payment.attempt_id), None)

    def of_a_page(self, payment: Payment) -> CheckoutAttempt:
        attempt = self.attempt_of(payment)
        assert attempt is not None
        return attempt

    @property
    def page_payments(self) -> list[Payment]:
        return [one for one in self.payments if one.attempt_id is not None]

    def part_of(self, payment: Payment) -> Instalment | None:
        """The later part that the money came for, whether it paid it or goes back."""
        attempt = self.attempt_of(payment)
        if attempt is not None:
            wanted = attempt.instalment_id
        else:
            [wanted] = [
                one.instalment_id
                for one in self.tries
                if one.stripe_payment_intent_id == payment.stripe_payment_intent_id
            ]
        return next((one for one in self.parts if one.pk == wanted), None)

    def parts_of(self, enrollment: Enrollment) -> list[Instalment]:
        return [one for one in self.parts if one.enrollment_id == enrollment.pk]

    def attempts_of(self, enrollment: Enrollment) -> list[CheckoutAttempt]:
        """To pay for the seat; not for a later part."""
        own = [one for one in self.attempts if one.enrollment_id == enrollment.pk]
        return [one for one in own if one.instalment_id is None]

    def kept_by_banks(self, payment: Payment) -> int:
        """Cents that were lost in disputes, as we know it."""
        lost = [one.stripe_dispute_id for one in self.disputes_of(payment) if one.status == "lost"]
        return -sum(line.amount_cents for line in self.ledger if line.stripe_id in lost)

    def disputes_of(self, payment: Payment) -> list[Dispute]:
        return [one for one in self.disputes if one.payment_id == payment.pk]

    def bought_nothing(self, payment: Payment) -> bool:
        """Whether all that was left of it went back by itself, because no seat came of it."""
        by_itself = (Refund.Reason.LATE, Refund.Reason.TWICE, Refund.Reason.NO_MOVE)
        rows = self.refunds_of(payment)
        others = sum(one.amount_cents for one in rows if one.reason not in by_itself)
        others += self.kept_by_banks(payment)
        back = [one.amount_cents for one in rows if one.reason in by_itself]
        return any(cents >= payment.amount_cents - others for cents in back)
