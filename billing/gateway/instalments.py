"""A saved card that is charged while nobody is there, and the customer who owns it."""

import dataclasses
import datetime as dt
from enum import StrEnum
from typing import Any

import stripe

from billing.gateway.client import RefusedByStripe, Translated, client

# A clock of ours that is ahead of Stripe's must not hide a charge from us.
LEEWAY = dt.timedelta(minutes=10)


class ChargeOutcome(StrEnum):
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    NEEDS_MEMBER = "needs_member"
    """The bank wants to hear from the cardholder: the same card, alone, never will do."""
    UNDER_WAY = "under_way"


@dataclasses.dataclass(frozen=True, slots=True)
class ChargeState:
    """What Stripe says about one charge of a saved card.

    `why` holds codes, the bank's own word first; for `words.declined`.
    """

    outcome: ChargeOutcome
    payment_intent_id: str | None
    amount_cents: int
    currency: str
    why: str = ""


def create_customer(*, reference: str, key: str, hurried: bool = False) -> str:
    """A customer with an opaque reference and nothing else; the same one for the same key."""
    with Translated():
        customer = client(hurried=hurried).v1.customers.create(
            {"metadata": {"attempt": reference}}, {"idempotency_key": key}
        )
    return customer.id


def charge_params(
    *,
    instalment: str,
    number: int,
    amount_cents: int,
    currency: str,
    customer_id: str,
    payment_method_id: str,
) -> dict[str, Any]:
    """The parameters of one charge: opaque ids only."""
    return {
        "amount": amount_cents,
        "currency": currency,
        "customer": customer_id,
        "payment_method": payment_method_id,
        "allowed_payment_method_types": ["card"],
        "off_session": True,
        "confirm": True,
        "metadata": {"instalment": instalment, "try": str(number)},
    }


def charge_saved_card(*, params: dict[str, Any], key: str) -> ChargeState:
    """Charge the card, or hear again what this key did before."""
    try:
        with Translated():
            intent = client().v1.payment_intents.create(
                params,  # type: ignore[arg-type]  # frozen as JSON, judged by Stripe
                {"idempotency_key": key},
            )
    except RefusedByStripe as error:
        return _refused(params, error)
    return _charge_state(intent)


def _refused(params: dict[str, Any], error: RefusedByStripe) -> ChargeState:
    """A bank's no is an answer. So is Stripe's, about a card or customer that is gone."""
    cause = error.__cause__
    found = getattr(getattr(cause, "error", None), "payment_intent", None)
    # The library reads the bank's own word into the error's body only.
    said = getattr(cause, "json_body", None) or {}
    decline = said.get("error", {}).get("decline_code") or ""
    return ChargeState(
        _outcome_of(getattr(cause, "code", None) or "", decline),
        getattr(found, "id", None),
        params["amount"],
        params["currency"],
        f"{decline} {error}".strip(),
    )


def retrieve_charge(payment_intent_id: str) -> ChargeState:
    with Translated():
        intent = client().v1.payment_intents.retrieve(payment_intent_id)
    return _charge_state(intent)


def find_charge(
    *, customer_id: str, instalment: str, number: int, since: dt.datetime
) -> ChargeState | None:
    """Our charge in Stripe's books, when the answer to it was lost; one that was paid first."""
    with Translated():
        page = client().v1.payment_intents.list(
            {
                "customer": customer_id,
                "created": {"gte": int((since - LEEWAY).timestamp())},
                "limit": 100,
            }
        )
        ours = [
            _charge_state(intent)
            for intent in page.auto_paging_iter()
            if intent.metadata.to_dict() == {"instalment": instalment, "try": str(number)}
            # Made and never confirmed: that had no effect, and never will.
            and intent.status != "requires_confirmation"
        ]
    paid = [state for state in ours if state.outcome == ChargeOutcome.SUCCEEDED]
    return next(iter(paid or ours), None)


def _outcome_of(code: str, decline: str) -> ChargeOutcome:
    if "authentication_required" in (code, decline):
        return ChargeOutcome.NEEDS_MEMBER
    return ChargeOutcome.DECLINED


def _charge_state(intent: stripe.PaymentIntent) -> ChargeState:
    error = intent.last_payment_error
    code, decline = (error.code or "", error.decline_code or "") if error else ("", "")
    if intent.status == "succeeded":
        outcome = ChargeOutcome.SUCCEEDED
    elif intent.status in ("requires_payment_method", "canceled"):
        outcome = _outcome_of(code, decline)
    elif intent.status == "requires_action":
        outcome = ChargeOutcome.NEEDS_MEMBER
    else:
        outcome = ChargeOutcome.UNDER_WAY
    why = f"{decline} {code}".strip()
    return ChargeState(outcome, intent.id, intent.amount, intent.currency, why)
