"""Refunds at Stripe."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterator

import stripe

from billing.gateway.client import Translated, client


@dataclasses.dataclass(frozen=True, slots=True)
class RefundState:
    refund_id: str
    status: str
    reference: str
    failure: str
    amount_cents: int
    payment_intent_id: str


def create_refund(
    *, payment_intent_id: str, amount_cents: int, reference: uuid.UUID, key: str
) -> RefundState:
    with Translated():
        refund = client().v1.refunds.create(
            {
                "payment_intent": payment_intent_id,
                "amount": amount_cents,
                "metadata": {"refund": str(reference)},
            },
            {"idempotency_key": key},
        )
    return _refund_state(refund)


def retrieve_refund(refund_id: str) -> RefundState:
    with Translated():
        refund = client().v1.refunds.retrieve(refund_id)
    return _refund_state(refund)


def find_refund(*, payment_intent_id: str, reference: uuid.UUID) -> RefundState | None:
    """Our refund in Stripe's books, when the answer to its creation was lost."""
    states = refunds_of(payment_intent_id=payment_intent_id)
    return next((state for state in states if state.reference == str(reference)), None)


def refunds_of(*, payment_intent_id: str) -> Iterator[RefundState]:
    """All refunds of one payment, whoever made them, newest first."""
    with Translated():
        page = client().v1.refunds.list({"payment_intent": payment_intent_id, "limit": 100})
        for refund in page.auto_paging_iter():
            yield _refund_state(refund)


def recent_refunds(*, since: dt.datetime) -> Iterator[RefundState]:
    """All refunds made since then, whoever made them, newest first."""
    with Translated():
        page = client().v1.refunds.list({"created": {"gte": int(since.timestamp())}, "limit": 100})
        for refund in page.auto_paging_iter():
            yield _refund_state(refund)


def failed_refunds(*, since: dt.datetime) -> set[str]:
    """Ids of the refunds that failed since then, also after they had succeeded.

    From Stripe's events, because its list of refunds cannot be asked for a status.
    """
    with Translated():
        page = client().v1.events.list(
            {"type": "refund.failed", "created": {"gte": int(since.timestamp())}, "limit": 100}
        )
        return {event.data.object["id"] for event in page.auto_paging_iter()}


def _refund_state(refund: stripe.Refund) -> RefundState:
    metadata = refund.metadata.to_dict() if refund.metadata else {}
    return RefundState(
        refund_id=refund.id,
        status=refund.status or "pending",
        reference=metadata.get("refund", ""),
        failure=getattr(refund, "failure_reason", None) or "",
        amount_cents=refund.amount,
        payment_intent_id=refund.payment_intent if isinstance(refund.payment_intent, str) else "",
    )
