"""Stripe's events: stored first, applied later, by asking Stripe for the object itself.

A payload is only a hint of where to look: events arrive late, twice and out of order.
"""

import datetime as dt
from typing import Any

import structlog
from django.db.models import F

from billing import gateway, refunds, settlement
from billing.models import Payment, StripeEvent

log = structlog.get_logger("grouport.billing")


def store_event(*, facts: gateway.EventFacts, now: dt.datetime) -> bool:
    """Store an event unless it is stored already; say whether it is new. Commits before 200."""
    before = StripeEvent.objects.filter(event_id=facts.event_id).exists()
    StripeEvent.objects.bulk_create(
        [
            StripeEvent(
                event_id=facts.event_id,
                type=facts.type,
                payload=facts.payload,
                received_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    return not before


def apply_event(*, event: StripeEvent, now: dt.datetime) -> bool:
    """Do what an event asks for; safe to repeat. Says whether it is done with.

    A failure is noted and counted on the event, which stays stored for the next sweep.
    Raises gateway.Unreachable, which counts as no failure: it says nothing about the event.
    """
    if event.status != StripeEvent.Status.STORED:
        return True
    try:
        ignored = _apply(event, now)
    except gateway.Unreachable:
        raise
    except Exception as error:
        # Whatever it is: one event that cannot be applied must not keep back those after it.
        StripeEvent.objects.filter(pk=event.pk).update(
            attempts=F("attempts") + 1, note=f"{type(error).__name__}: {error}"[:300]
        )
        log.error("event_not_applied", event_id=event.event_id, error=type(error).__name__)
        return False
    StripeEvent.objects.filter(pk=event.pk, status=StripeEvent.Status.STORED).update(
        status=StripeEvent.Status.IGNORED if ignored else StripeEvent.Status.APPLIED,
        applied_at=now,
        attempts=F("attempts") + 1,
        note=ignored[:300],
    )
    return True


def _apply(event: StripeEvent, now: dt.datetime) -> str:
    """An empty string when the event was applied, else why it is none of our business."""
    subject: dict[str, Any] = event.payload["data"]["object"]
    if event.type.startswith("checkout.session."):
        attempt = settlement.attempt_for(
            reference=subject.get("client_reference_id") or "", session_id=subject["id"]
        )
        if attempt is None:
            return "No attempt of ours has this reference."
        settlement.settle(attempt=attempt, now=now)
        return ""
    if event.type.startswith("refund.") or event.type == "charge.refund.updated":
        return _refresh_refund(subject, now)
    return "This type of event changes nothing here."


def _refresh_refund(subject: dict[str, Any], now: dt.datetime) -> str:
    intent = subject.get("payment_intent") or ""
    if not Payment.objects.filter(stripe_payment_intent_id=intent).exists():
        return "A refund of nothing that was paid here."
    state = gateway.retrieve_refund(subject["id"])
    refund = refunds.known(state=state)
    if refund is not None:
        refunds.apply_state(refund=refund, state=state, now=now)
    elif not refunds.import_outside(state=state, now=now):
        return "A refund that is booked already, or that failed."
    return ""
