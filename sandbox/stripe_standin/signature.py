"""Stripe's webhook signature: HMAC-SHA256 over the time and the exact bytes sent."""

import hashlib
import hmac


def sign(payload: str, secret: str, at: int) -> str:
    """The Stripe-Signature header of `payload`, signed at `at` seconds."""
    digest = hmac.new(secret.encode(), f"{at}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
