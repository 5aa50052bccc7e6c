"""Stripe's events: stored first, applied later, by asking Stripe for the object itself.

A payload is only a hint of where to look: events arrive late, twice and out of order.
"""

import datetime as dt
from enum import StrEnum
from typing import Any

import structlog
from django.db import connection
from django.db.models import F

from billing import charging, disputes, gateway, refunds, settlement
from billing.models import Payment, StripeEvent

log = structlog.get_logger("grouport.billing")

# Each payment has several of these. What they tell of it, the page's own event tells too.
COMPANIONS = ("payment_intent.", "charge.")
# Refunds and disputes, however rare, are never passed over.
TELLING = ("charge.refund", "charge.dispute.")


class Outcome(StrEnum):
    """What became of an event."""

    DONE = "done"
    REFUND_OWED = "refund_owed"
    """Done, and money that bought nothing waits for `refunds.submit_refund`."""
    FAILED = "failed"


# A card that was charged while nobody was there has no page whose event would tell of it.
OF_PARTS = ("payment_intent.succeeded", "payment_intent.payment_failed")


def concerns_us(type: str, subject: dict[str, Any] | None = None) -> bool:
    """Whether an event of this type can change anything here, or is for a person to read."""
    if type in OF_PARTS and _names_a_part(subject or {}):
        return True
    return type.startswith(TELLING) or not type.startswith(COMPANIONS)


def _names_a_part(subject: dict[str, Any]) -> bool:
    return "instalment" in (subject.get("metadata") or {})


def store_event(*, facts: gateway.EventFacts, now: dt.datetime) -> int | None:
    """Store an event and return its primary key; None if it is stored already.

    One statement, which commits by itself, before 200 is said. The ORM's `ignore_conflicts`
    does not tell what was new.
    """
    event = StripeEvent(
        event_id=facts.event_id, type=facts.type, payload=facts.payload, received_at=now
    )
    quote = connection.ops.quote_name
    fields = [field for field in StripeEvent._meta.local_concrete_fields if not field.primary_key]
    columns = ", ".join(quote(field.attname) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    values = [field.get_db_prep_save(field.pre_save(event, True), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(StripeEvent._meta.db_table)} ({columns}) VALUES ({marks})"  # noqa: S608  names, no values
            " ON CONFLICT (event_id) DO NOTHING RETURNING id",
            values,
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


def apply_event(*, event: StripeEvent, now: dt.datetime) -> Outcome:
    """Do what an event asks for; safe to repeat.

    A failure is noted and counted on the event, which stays stored for the next sweep.
    Raises gateway.Unreachable, which counts as no failure: it says nothing about the event.
    """
    if event.status != StripeEvent.Status.STORED:
        return Outcome.DONE
    try:
        outcome, ignored = _apply(event, now)
    except gateway.Unreachable:
        raise
    except Exception as error:
        # Whatever it is: one event that cannot be applied must not keep back those after it.
        StripeEvent.objects.filter(pk=event.pk).update(
            attempts=F("attempts") + 1, note=f"{type(error).__name__}: {error}"[:300]
        )
        log.error("event_not_applied", event_id=event.event_id, error=type(error).__name__)
        return Outcome.FAILED
    StripeEvent.objects.filter(pk=event.pk, status=StripeEvent.Status.STORED).update(
        status=StripeEvent.Status.IGNORED if ignored else StripeEvent.Status.APPLIED,
        applied_at=now,
        attempts=F("attempts") + 1,
        note=ignored[:300],
    )
    return outcome


def _apply(event: StripeEvent, now: dt.datetime) -> tuple[Outcome, str]:
    """The outcome, and why the event is none of our business, if it is none."""
    subject: dict[str, Any] = event.payload["data"]["object"]
    if event.type.startswith("checkout.session."):
        attempt = settlement.attempt_for(
            reference=subject.get("client_reference_id") or "", session_id=subject["id"]
        )
        if attempt is None:
            return Outcome.DONE, "No attempt of ours has this reference."
        settled = settlement.settle(attempt=attempt, now=now)
        owed = settled is not None and settled.refund_owed
        return Outcome.REFUND_OWED if owed else Outcome.DONE, ""
    if event.type.startswith("refund.") or event.type == "charge.refund.updated":
        return Outcome.DONE, _refresh_refund(subject, now)
    if event.type.startswith("charge.dispute."):
        ours = disputes.refresh(dispute_id=subject["id"], now=now)
        return Outcome.DONE, "" if ours else "A dispute about nothing that was paid here."
    if event.type in OF_PARTS:
        return _refresh_charge(subject, now)
    return Outcome.DONE, "This type of event changes nothing here."


def _refresh_charge(subject: dict[str, Any], now: dt.datetime) -> tuple[Outcome, str]:
    charge = charging.known(metadata=subject.get("metadata") or {})
    if charge is None:
        return Outcome.DONE, "No part of ours was charged with this."
    owed = charging.refresh(charge=charge, payment_intent_id=subject["id"], now=now)
    return Outcome.REFUND_OWED if owed else Outcome.DONE, ""


def _refresh_refund(subject: dict[str, Any], now: dt.datetime) -> str:
    """An empty string when the refund was written as Stripe has it, else why it is not ours."""
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
