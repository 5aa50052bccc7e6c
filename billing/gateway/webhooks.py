"""Stripe's webhooks: only what it signed, and of that only what leads to the object."""

import dataclasses
import json
from typing import Any

import stripe
from django.conf import settings

KEPT_OF_EVENTS = ("id", "object", "client_reference_id", "metadata", "payment_intent", "status")


class BadSignature(Exception):
    """A webhook that Stripe did not sign with our secret, or that is older than 5 minutes."""


@dataclasses.dataclass(frozen=True, slots=True)
class EventFacts:
    event_id: str
    type: str
    live: bool
    payload: dict[str, Any]


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
