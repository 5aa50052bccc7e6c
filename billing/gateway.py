"""The only door to Stripe. Everything above speaks of money, not of Stripe's objects.

Errors come in three kinds, because three different things follow from them:
`Unreachable` (ask again, with the same key), `Broke` (Stripe answered 5xx: whether it took
effect is unknown, and the same key will replay the same 5xx), `RefusedByStripe` (asking
again is useless). A key of ours that Stripe does not know is our own outage and says nothing
about the money: it counts as unreachable.
"""

import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Iterator
from functools import cache
from typing import Any

import requests
import stripe
from django.conf import settings
from django.db import connection

stripe.enable_telemetry = False

# Seconds for each try, and tries after the first: workers can wait, a person's page cannot.
PATIENT = (15, 2)
HURRIED = (5, 2)


class GatewayError(Exception):
    """Stripe did not do what was asked."""


class Unreachable(GatewayError):
    """No answer, or "later": nothing is known about the effect; the same key is safe."""


class Broke(GatewayError):
    """Stripe's own fault (5xx). The effect is unknown and the key will replay this answer."""


class RefusedByStripe(GatewayError):
    """Stripe understood and said no."""


class Disputed(RefusedByStripe):
    """The bank holds the charge in a dispute, so it cannot be refunded."""


class BadSignature(Exception):
    """A webhook that Stripe did not sign with our secret, or that is older than 5 minutes."""


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


@dataclasses.dataclass(frozen=True, slots=True)
class RefundState:
    refund_id: str
    status: str
    reference: str
    failure: str
    amount_cents: int
    payment_intent_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class EventFacts:
    event_id: str
    type: str
    live: bool
    payload: dict[str, Any]


@cache
def _client(key: str, base: str, seconds: int, retries: int) -> stripe.StripeClient:
    addresses: dict[str, Any] = {"base_addresses": {"api": base}} if base else {}
    return stripe.StripeClient(
        key,
        max_network_retries=retries,
        http_client=stripe.RequestsClient(timeout=seconds, session=_session(base)),
        **addresses,
    )


def _session(base: str) -> requests.Session:
    """Connections that all threads share, through the environment's proxies, read once.

    Left alone, the library looks through the environment and for a .netrc at every request.
    """
    session = requests.Session()
    session.trust_env = False
    session.proxies.update(requests.utils.get_environ_proxies(base or stripe.DEFAULT_API_BASE))
    return session


def client(*, hurried: bool = False) -> stripe.StripeClient:
    """Stripe's client. Raises RuntimeError inside a transaction: locks never wait for a network."""
    blocks = connection.atomic_blocks
    # A test's own transaction is no transaction of ours; Django's durable atomic asks the same.
    if connection.in_atomic_block and not getattr(blocks[-1], "_from_testcase", False):
        raise RuntimeError("Stripe must not be called inside a database transaction.")
    seconds, retries = HURRIED if hurried else PATIENT
    return _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE, seconds, retries)


ASK_AGAIN = (
    stripe.APIConnectionError,
    stripe.RateLimitError,
    stripe.AuthenticationError,
    stripe.PermissionError,
)


class _Translated:
    """Stripe's errors in our three kinds; matched on type and status, never on the text."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if not isinstance(error, stripe.StripeError):
            return
        status = error.http_status or 0
        if isinstance(error, ASK_AGAIN) or status == 409:
            raise Unreachable(_summary(error)) from error
        if isinstance(error, stripe.APIError) or status >= 500:
            raise Broke(_summary(error)) from error
        refused = Disputed if error.code == "charge_disputed" else RefusedByStripe
        raise refused(_summary(error)) from error


def _summary(error: stripe.StripeError) -> str:
    """Type, code and request id: enough to look it up, nothing about a person."""
    parts = [type(error).__name__, error.code or "", error.request_id or ""]
    return " ".join(part for part in parts if part)


# --- Checkout ---------------------------------------------------------------------------


def checkout_params(
    *,
    attempt: uuid.UUID,
    amount_cents: int,
    currency: str,
    product: str,
    expires_at: dt.datetime,
    success_url: str,
    cancel_url: str,
) -> dict[str, Any]:
    """The parameters of one payment page: opaque ids and a neutral product, nothing else."""
    return {
        "mode": "payment",
        "ui_mode": "hosted_page",
        "submit_type": "book",
        "allowed_payment_method_types": ["card"],
        "adaptive_pricing": {"enabled": False},
        "client_reference_id": str(attempt),
        "metadata": {"attempt": str(attempt)},
        "payment_intent_data": {"metadata": {"attempt": str(attempt)}},
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
    with _Translated():
        session = client(hurried=hurried).v1.checkout.sessions.create(
            params,  # type: ignore[arg-type]  # frozen as JSON, judged by Stripe
            {"idempotency_key": str(key)},
        )
    return _checkout_state(session)


def retrieve_checkout(session_id: str, *, hurried: bool = False) -> CheckoutState:
    with _Translated():
        session = client(hurried=hurried).v1.checkout.sessions.retrieve(
            session_id, {"expand": ["payment_intent"]}
        )
    return _checkout_state(session)


def expire_checkout(session_id: str) -> CheckoutState:
    """Close the page. If it is not open any more, say what it is instead."""
    try:
        with _Translated():
            session = client().v1.checkout.sessions.expire(session_id)
    except RefusedByStripe:
        return retrieve_checkout(session_id)
    return _checkout_state(session)


def completed_checkouts(*, since: dt.datetime) -> Iterator[CheckoutState]:
    """All pages made since then that somebody completed, newest first."""
    with _Translated():
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
    )


# --- Refunds ----------------------------------------------------------------------------


def create_refund(
    *, payment_intent_id: str, amount_cents: int, reference: uuid.UUID, key: str
) -> RefundState:
    with _Translated():
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
    with _Translated():
        refund = client().v1.refunds.retrieve(refund_id)
    return _refund_state(refund)


def find_refund(*, payment_intent_id: str, reference: uuid.UUID) -> RefundState | None:
    """Our refund in Stripe's books, when the answer to its creation was lost."""
    states = refunds_of(payment_intent_id=payment_intent_id)
    return next((state for state in states if state.reference == str(reference)), None)


def refunds_of(*, payment_intent_id: str) -> Iterator[RefundState]:
    """All refunds of one payment, whoever made them, newest first."""
    with _Translated():
        page = client().v1.refunds.list({"payment_intent": payment_intent_id, "limit": 100})
        for refund in page.auto_paging_iter():
            yield _refund_state(refund)


def recent_refunds(*, since: dt.datetime) -> Iterator[RefundState]:
    """All refunds made since then, whoever made them, newest first."""
    with _Translated():
        page = client().v1.refunds.list({"created": {"gte": int(since.timestamp())}, "limit": 100})
        for refund in page.auto_paging_iter():
            yield _refund_state(refund)


def failed_refunds(*, since: dt.datetime) -> set[str]:
    """Ids of the refunds that failed since then, also after they had succeeded.

    From Stripe's events, because its list of refunds cannot be asked for a status.
    """
    with _Translated():
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


# --- Webhooks ---------------------------------------------------------------------------


def read_event(*, body: bytes, signature: str) -> EventFacts:
    """The event in a webhook's raw body. Raises BadSignature for one that is not Stripe's."""
    try:
        # The library's construct_event does the same and then makes an object of every part.
        stripe.WebhookSignature.verify_header(
            body, signature, settings.STRIPE_WEBHOOK_SECRET, stripe.Webhook.DEFAULT_TOLERANCE
        )
        event = json.loads(body)
        if event["object"] != "event":
            raise ValueError("A notification of Stripe's second API, which has no object.")
    except (ValueError, stripe.SignatureVerificationError) as error:
        raise BadSignature(type(error).__name__) from None
    subject = event["data"]["object"]
    # Only what leads to the object: the rest of it tells who paid, with which card.
    kept = {key: subject[key] for key in KEPT_OF_EVENTS if key in subject}
    return EventFacts(event["id"], event["type"], event["livemode"], {"data": {"object": kept}})


KEPT_OF_EVENTS = ("id", "object", "client_reference_id", "metadata", "payment_intent", "status")
