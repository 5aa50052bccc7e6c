"""How Stripe is reached, and the three kinds of errors that follow from it.

`Unreachable` (ask again, with the same key), `Broke` (Stripe answered 5xx: whether it took
effect is unknown, and the same key will replay the same 5xx), `RefusedByStripe` (asking
again is useless). A key of ours that Stripe does not know is our own outage and says nothing
about the money: it counts as unreachable.
"""

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


class Translated:
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
