"""What the tests of the stand-in share.

The contract itself needs no fixture: `start()` raises at its end if anything that passed
between the app and the stand-in did not fit the SDK's types (`Standin.forgive` excepts it).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import stripe
from stripe.params.checkout import SessionCreateParams

from sandbox.stripe_standin.process import Standin

HALF_HOUR = 31 * 60


def sdk(standin: Standin, key: str = "", retries: int = 0) -> stripe.StripeClient:
    """The real SDK, pointed at the stand-in."""
    stripe.enable_telemetry = False
    return stripe.StripeClient(
        key or standin.secret_key,
        base_addresses={"api": standin.url},
        http_client=stripe.RequestsClient(timeout=15),
        max_network_retries=retries,
    )


def order(standin: Standin, **changes: Any) -> SessionCreateParams:
    """Parameters of a Checkout session as the app sends them."""
    params: dict[str, Any] = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "usd",
                    "unit_amount": 29900,
                    "product_data": {"name": "12-week program"},
                },
            }
        ],
        "allowed_payment_method_types": ["card"],
        "adaptive_pricing": {"enabled": False},
        "submit_type": "book",
        "client_reference_id": "attempt-1",
        "customer_email": "member@example.com",
        "expires_at": standin.world.clock.seconds() + HALF_HOUR,
        "metadata": {"attempt": "attempt-1"},
        "payment_intent_data": {"statement_descriptor_suffix": "PROGRAMME"},
        "success_url": "http://127.0.0.1:8000/pay/1/return/?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:8000/pay/1/",
    }
    params |= changes
    return cast(SessionCreateParams, {k: v for k, v in params.items() if v is not None})


def paid_session(
    standin: Standin, client: stripe.StripeClient, **changes: Any
) -> stripe.checkout.Session:
    """A session that somebody has paid."""
    session = client.v1.checkout.sessions.create(order(standin, **changes))
    standin.control("pay", session=session.id)
    return client.v1.checkout.sessions.retrieve(session.id)


@dataclass
class Inbox:
    """An endpoint that takes webhooks: it keeps them and answers with the next status."""

    secret: str
    url: str = ""
    statuses: list[int] = field(default_factory=list)
    events: list[stripe.Event] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def take(self, body: bytes, header: str) -> int:
        event = stripe.Webhook.construct_event(body, header, self.secret)
        self.events.append(event)
        self.headers.append(header)
        self.bodies.append(body)
        return self.statuses.pop(0) if self.statuses else 200


@contextmanager
def inbox(secret: str = "whsec_standin") -> Iterator[Inbox]:
    """A running Inbox. A wrong signature is answered with 400 and not kept."""
    box = Inbox(secret)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                status = box.take(body, self.headers["Stripe-Signature"])
            except stripe.SignatureVerificationError:
                status = 400
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    box.url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe/"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield box
    finally:
        server.shutdown()
        server.server_close()
