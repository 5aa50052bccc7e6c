"""Stripe's payment pages."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import stripe

from billing.gateway.client import RefusedByStripe, Translated, client


@dataclasses.dataclass(frozen=True, slots=True)
class CheckoutState:
    """What Stripe says about one of its payment pages, as of now."""

    session_id: str
    url: str
    reference: str
    open: bool
    expired: bool
    paid: bool
    funds_failed: bool
    amount_cents: int
    currency: str
    live: bool
    payment_intent_id: str | None
    payment_method_id: str | None = None


def checkout_params(
    *,
    attempt: uuid.UUID,
    amount_cents: int,
    currency: str,
    product: str,
    expires_at: dt.datetime,
    success_url: str,
    cancel_url: str,
    keep_card: bool = False,
) -> dict[str, Any]:
    """The parameters of one payment page: opaque ids and a neutral product, nothing else.

    With `keep_card` the card may be charged later; the page then needs a customer as well.
    """
    kept = {"setup_future_usage": "off_session"} if keep_card else {}
    return {
        "mode": "payment",
        "ui_mode": "hosted_page",
        "submit_type": "book",
        "allowed_payment_method_types": ["card"],
        "adaptive_pricing": {"enabled": False},
        "client_reference_id": str(attempt),
        "metadata": {"attempt": str(attempt)},
        "payment_intent_data": {"metadata": {"attempt": str(attempt)}, **kept},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency,
                    "unit_amount": amount_cents,
                    "product_data": {"name": product},
                },
            }
        ],
        "expires_at": int(expires_at.timestamp()),
        "success_url": success_url,
        "cancel_url": cancel_url,
    }


def create_checkout(
    *, params: dict[str, Any], key: uuid.UUID, hurried: bool = False
) -> CheckoutState:
    """Make the payment page, or get the one that this key made before."""
    with Translated():
        session = client(hurried=hurried).v1.checkout.sessions.create(
            params,  # type: ignore[arg-type]  # frozen as JSON, judged by Stripe
            {"idempotency_key": str(key)},
        )
    return _checkout_state(session)


def retrieve_checkout(session_id: str, *, hurried: bool = False) -> CheckoutState:
    with Translated():
        session = client(hurried=hurried).v1.checkout.sessions.retrieve(
            session_id, {"expand": ["payment_intent"]}
        )
    return _checkout_state(session)


def expire_checkout(session_id: str) -> CheckoutState:
    """Close the page. If it is not open any more, say what it is instead."""
    try:
        with Translated():
            session = client().v1.checkout.sessions.expire(session_id)
    except RefusedByStripe:
        return retrieve_checkout(session_id)
    return _checkout_state(session)


def completed_checkouts(*, since: dt.datetime) -> Iterator[CheckoutState]:
    """All pages made since then that somebody completed, newest first."""
    with Translated():
        page = client().v1.checkout.sessions.list(
            {
                "created": {"gte": int(since.timestamp())},
                "status": "complete",
                "limit": 100,
                "expand": ["data.payment_intent"],
            }
        )
        for session in page.auto_paging_iter():
            yield _checkout_state(session)


def _checkout_state(session: stripe.checkout.Session) -> CheckoutState:
    intent = session.payment_intent
    expanded = intent if isinstance(intent, stripe.PaymentIntent) else None
    complete = session.status == "complete"
    paid = complete and session.payment_status in ("paid", "no_payment_required")
    failed = expanded is not None and expanded.status in ("requires_payment_method", "canceled")
    return CheckoutState(
        session_id=session.id,
        url=session.url or "",
        reference=session.client_reference_id or "",
        open=session.status == "open",
        expired=session.status == "expired",
        paid=paid,
        funds_failed=complete and not paid and failed,
        amount_cents=session.amount_total or 0,
        currency=session.currency or "",
        live=session.livemode,
        payment_intent_id=expanded.id
        if expanded
        else (intent if isinstance(intent, str) else None),
        payment_method_id=_id_of(expanded.payment_method) if expanded else None,
    )


def _id_of(method: str | stripe.PaymentMethod | None) -> str | None:
    return method.id if isinstance(method, stripe.PaymentMethod) else method
