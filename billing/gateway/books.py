"""Reading Stripe's books: disputes, and the objects of a period.

Not among what `billing.gateway` names: `ChargeState` here is one line of a book.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

import stripe

from billing.gateway.checkout import CheckoutState, _checkout_state
from billing.gateway.client import RefusedByStripe, Translated, client

PAGE = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Movement:
    """Money that Stripe moved because of a dispute; negative when it was withdrawn from us."""

    id: str
    cents: int


@dataclasses.dataclass(frozen=True, slots=True)
class DisputeState:
    """What Stripe says about a dispute, as of now."""

    dispute_id: str
    payment_intent_id: str
    amount_cents: int
    currency: str
    reason: str
    status: str
    opened_at: dt.datetime
    evidence_due_by: dt.datetime | None
    movements: tuple[Movement, ...]
    live: bool


@dataclasses.dataclass(frozen=True, slots=True)
class ChargeState:
    """Money that Stripe took for one of its payment intents. `reference` is our attempt's uuid."""

    payment_intent_id: str
    paid: bool
    amount_cents: int
    currency: str
    live: bool
    ours: bool
    reference: str
    # What Stripe kept of it, where that is known and in its own currency.
    fee_cents: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class BookedRefund:
    """A refund as Stripe's books have it, with its currency."""

    refund_id: str
    status: str
    reference: str
    amount_cents: int
    currency: str
    payment_intent_id: str


# What we write into the metadata of what is ours; others may share the account.
OURS = ("attempt", "instalment")


def _listed(since: dt.datetime, until: dt.datetime, **more: Any) -> Any:
    """The parameters of a list of what was made in that time."""
    span = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
    return {"created": span, "limit": PAGE, **more}


def _at(seconds: int | None) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(seconds, dt.UTC) if seconds else None


def _id(value: Any) -> str:
    """The id of what may be an id, an object or nothing."""
    return value if isinstance(value, str) else str(getattr(value, "id", "") or "")


# --- Disputes ---------------------------------------------------------------------------


def retrieve_dispute(dispute_id: str) -> DisputeState:
    with Translated():
        dispute = client().v1.disputes.retrieve(dispute_id)
    return _dispute_state(dispute)


def disputes(*, since: dt.datetime, until: dt.datetime) -> Iterator[DisputeState]:
    """All disputes opened in that time, newest first."""
    with Translated():
        page = client().v1.disputes.list(_listed(since, until))
        for dispute in page.auto_paging_iter():
            yield _dispute_state(dispute)


def _dispute_state(dispute: stripe.Dispute) -> DisputeState:
    opened_at = _at(dispute.created)
    assert opened_at is not None
    return DisputeState(
        dispute_id=dispute.id,
        payment_intent_id=_id(dispute.payment_intent),
        amount_cents=dispute.amount,
        currency=dispute.currency,
        reason=dispute.reason,
        status=dispute.status,
        opened_at=opened_at,
        evidence_due_by=_at(dispute.evidence_details.due_by),
        movements=tuple(_movement(dispute, row) for row in dispute.balance_transactions),
        live=dispute.livemode,
    )


def _movement(dispute: stripe.Dispute, row: stripe.BalanceTransaction) -> Movement:
    """In the dispute's currency: an account that is paid out in another is told in that one."""
    if row.currency == dispute.currency:
        return Movement(row.id, row.amount)
    return Movement(row.id, dispute.amount if row.amount > 0 else -dispute.amount)


# --- A period ---------------------------------------------------------------------------


def paid_charges(*, since: dt.datetime, until: dt.datetime) -> Iterator[ChargeState]:
    """The charges of that time that succeeded, newest first."""
    with Translated():
        page = client().v1.charges.list(_listed(since, until, expand=["data.balance_transaction"]))
        for charge in page.auto_paging_iter():
            if charge.status == "succeeded":
                yield _charge_state(charge)


def charge_of(payment_intent_id: str) -> ChargeState | None:
    """What Stripe took for a payment intent; None if it knows no such thing."""
    try:
        with Translated():
            intent = client().v1.payment_intents.retrieve(
                payment_intent_id, {"expand": ["latest_charge"]}
            )
    except RefusedByStripe:
        return None
    charge = intent.latest_charge
    if isinstance(charge, stripe.Charge):
        return _charge_state(charge)
    said = _marks(intent.metadata)
    return ChargeState(
        intent.id, False, 0, intent.currency, intent.livemode, said[0], reference=said[1]
    )


def _marks(metadata: Any) -> tuple[bool, str]:
    """Whether something is ours, and our attempt's uuid if it names one."""
    said = metadata.to_dict() if metadata else {}
    return any(name in said for name in OURS), said.get("attempt", "")


def _charge_state(charge: stripe.Charge) -> ChargeState:
    ours, reference = _marks(charge.metadata)
    return ChargeState(
        payment_intent_id=_id(charge.payment_intent),
        paid=charge.status == "succeeded",
        amount_cents=charge.amount_captured,
        currency=charge.currency,
        live=charge.livemode,
        ours=ours,
        reference=reference,
        fee_cents=_fee(charge),
    )


def _fee(charge: stripe.Charge) -> int:
    row = charge.balance_transaction
    if not isinstance(row, stripe.BalanceTransaction) or row.currency != charge.currency:
        return 0
    return row.fee


def completed_pages(*, since: dt.datetime, until: dt.datetime) -> Iterator[CheckoutState]:
    """The payment pages made in that time that somebody completed, newest first."""
    with Translated():
        page = client().v1.checkout.sessions.list(
            _listed(since, until, status="complete", expand=["data.payment_intent"])
        )
        for session in page.auto_paging_iter():
            yield _checkout_state(session)


def page_of(payment_intent_id: str) -> CheckoutState | None:
    """The payment page on which something was paid."""
    with Translated():
        page = client().v1.checkout.sessions.list(
            {
                "payment_intent": payment_intent_id,
                "limit": 1,
                "expand": ["data.payment_intent"],
            }
        )
    return _checkout_state(page.data[0]) if page.data else None


def retrieve_page(session_id: str) -> CheckoutState | None:
    """A payment page, or None if Stripe knows no such page."""
    try:
        with Translated():
            session = client().v1.checkout.sessions.retrieve(
                session_id, {"expand": ["payment_intent"]}
            )
    except RefusedByStripe:
        return None
    return _checkout_state(session)


def refunds(*, since: dt.datetime, until: dt.datetime) -> Iterator[BookedRefund]:
    """All refunds made in that time, whoever made them, newest first."""
    with Translated():
        page = client().v1.refunds.list(_listed(since, until))
        for refund in page.auto_paging_iter():
            yield _booked_refund(refund)


def refund_of(refund_id: str) -> BookedRefund | None:
    try:
        with Translated():
            refund = client().v1.refunds.retrieve(refund_id)
    except RefusedByStripe:
        return None
    return _booked_refund(refund)


def dispute_of(dispute_id: str) -> DisputeState | None:
    try:
        return retrieve_dispute(dispute_id)
    except RefusedByStripe:
        return None


def _booked_refund(refund: stripe.Refund) -> BookedRefund:
    metadata = refund.metadata.to_dict() if refund.metadata else {}
    return BookedRefund(
        refund_id=refund.id,
        status=refund.status or "pending",
        reference=metadata.get("refund", ""),
        amount_cents=refund.amount,
        currency=refund.currency,
        payment_intent_id=_id(refund.payment_intent),
    )
