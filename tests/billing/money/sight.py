"""Everything that is known at one moment, here and at Stripe, read once for all laws."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from billing.models import CheckoutAttempt, LedgerEntry, Payment, Refund, StripeEvent
from billing.settlement import UNPAID
from enrollment.models import Enrollment, EnrollmentMove, Seat
from enrollment.states import IN_STANDING
from outbox.models import Message
from sandbox.stripe_standin.process import Standin

JSON = dict[str, Any]
NOBODYS_FAULT = ("Broke", "RefusedByStripe")


def _by(rows: Iterable[Any], name: str) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, name)].append(row)
    return groups


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
    failed_events: list[StripeEvent] = field(default_factory=list)
    mails: set[tuple[str, int]] = field(default_factory=set)
    sessions: dict[str, JSON] = field(default_factory=dict)
    their_refunds: dict[str, JSON] = field(default_factory=dict)
    charged: dict[str, int] = field(default_factory=dict)
    # Attempts as they were while their page was open: what a slower process still believes.
    read_before: list[CheckoutAttempt] = field(default_factory=list)

    @classmethod
    def of(cls, standin: Standin) -> Sight:
        with standin.world.working():
            tables = standin.world.store.tables
            sessions = {id: dict(row) for id, row in tables["checkout.session"].items()}
            their_refunds = {id: dict(row) for id, row in tables["refund"].items()}
            intents = tables["payment_intent"].values()
            charged = {one["id"]: one["amount_received"] for one in intents}
        return cls(
            enrollments=list(Enrollment.objects.order_by("pk")),
            seats=list(Seat.objects.order_by("pk")),
            moves=_by(EnrollmentMove.objects.order_by("pk"), "enrollment_id"),
            attempts=list(CheckoutAttempt.objects.order_by("pk")),
            payments=list(Payment.objects.order_by("pk")),
            refunds=list(Refund.objects.order_by("pk")),
            ledger=list(LedgerEntry.objects.order_by("pk")),
            failed_events=[
                event
                for event in StripeEvent.objects.filter(status="stored", attempts__gt=0)
                if not event.note.startswith(NOBODYS_FAULT)
            ],
            mails=set(Message.objects.values_list("kind", "subject_id")),
            sessions=sessions,
            their_refunds=their_refunds,
            charged=charged,
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

    # --- Looking up ---

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

    def attempt_of(self, payment: Payment) -> CheckoutAttempt:
        return next(one for one in self.attempts if one.pk == payment.attempt_id)

    def bought_nothing(self, payment: Payment) -> bool:
        """Whether all that was left of it went back by itself, because no seat came of it."""
        by_itself = (Refund.Reason.LATE, Refund.Reason.TWICE)
        rows = self.refunds_of(payment)
        others = sum(one.amount_cents for one in rows if one.reason not in by_itself)
        back = [one.amount_cents for one in rows if one.reason in by_itself]
        return any(cents >= payment.amount_cents - others for cents in back)
