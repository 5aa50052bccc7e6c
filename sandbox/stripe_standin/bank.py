"""Money that comes in: payments that succeed, fail or take their time.

Every function changes objects in the store and publishes the events that Stripe would.
The caller holds the store's lock.
"""

from typing import NamedTuple

from sandbox.stripe_standin import objects
from sandbox.stripe_standin.errors import Refusal
from sandbox.stripe_standin.store import JSON, Store


class Decline(NamedTuple):
    code: str
    decline_code: str
    message: str
    last4: str


DECLINES = {
    "declined": Decline("card_declined", "generic_decline", "Your card was declined.", "0002"),
    "insufficient_funds": Decline(
        "card_declined", "insufficient_funds", "Your card has insufficient funds.", "9995"
    ),
    "closed_account": Decline(
        "card_declined", "invalid_account", "Your card was declined.", "0002"
    ),
    "expired_card": Decline("expired_card", "expired_card", "Your card has expired.", "0069"),
    "authentication_required": Decline(
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
        "3184",
    ),
    "authentication_failed": Decline(
        "payment_intent_authentication_failure",
        "",
        "We are unable to authenticate your payment method. "
        "Please choose a different payment method and try again.",
        "3220",
    ),
}
# Stripe's own test cards by name, and what they do when charged.
TEST_METHODS = {
    "pm_card_visa": "paid",
    "pm_card_chargeDeclined": "declined",
    "pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_chargeDeclinedExpiredCard": "expired_card",
    "pm_card_authenticationRequired": "authentication_required",
    "pm_card_chargeCustomerFail": "declined",
}
BEHAVIOURS = (
    *("paid", "declined", "insufficient_funds", "expired_card", "closed_account"),
    *("authentication_required", "removed"),
)


def _settle_charge(store: Store, intent: JSON, charge: JSON) -> None:
    amount = intent["amount"]
    transaction = store.add(
        objects.balance_transaction(
            created=store.clock.seconds(),
            amount=amount,
            currency=intent["currency"],
            fee=round(amount * 0.029) + 30,
            source=charge["id"],
            type="charge",
        )
    )
    charge |= {
        "amount_captured": amount,
        "balance_transaction": transaction["id"],
        "captured": True,
        "outcome": objects.outcome(paid=True),
        "paid": True,
        "receipt_url": f"https://pay.stripe.com/receipts/{charge['id']}",
        "status": "succeeded",
    }
    intent |= {
        "amount_received": amount,
        "last_payment_error": None,
        "next_action": None,
        "processing": None,
        "status": "succeeded",
    }
    store.publish("charge.succeeded", charge)
    store.publish("payment_intent.succeeded", intent)


def _charge(store: Store, intent: JSON, method: JSON) -> JSON:
    charge = objects.charge(created=store.clock.seconds(), intent=intent, method=method)
    intent |= {"latest_charge": charge["id"], "payment_method": method["id"]}
    store.own(intent["id"]).setdefault("charges", []).append(charge["id"])
    return store.add(charge)


def succeed(store: Store, intent: JSON, method: JSON) -> JSON:
    charge = _charge(store, intent, method)
    _settle_charge(store, intent, charge)
    return charge


def begin_slow_payment(store: Store, intent: JSON, method: JSON) -> JSON:
    """A bank debit: the payment is on its way, and known days later."""
    charge = _charge(store, intent, method)
    charge["outcome"] = objects.outcome(paid=True)
    intent["status"] = "processing"
    store.publish("charge.pending", charge)
    store.publish("payment_intent.processing", intent)
    return charge


def end_slow_payment(store: Store, intent: JSON, *, paid: bool) -> None:
    charge = store.get("charge", intent["latest_charge"])
    if paid:
        _settle_charge(store, intent, charge)
    else:
        method = store.get("payment_method", charge["payment_method"])
        _fail_charge(store, charge, DECLINES["insufficient_funds"])
        _fail_intent(store, intent, method, DECLINES["insufficient_funds"], charge)


def _fail_charge(store: Store, charge: JSON, why: Decline) -> None:
    charge |= {
        "failure_code": why.code,
        "failure_message": why.message,
        "outcome": objects.outcome(paid=False, decline_code=why.decline_code),
        "status": "failed",
    }
    store.publish("charge.failed", charge)


def _fail_intent(
    store: Store, intent: JSON, method: JSON, why: Decline, charge: JSON | None
) -> None:
    error: JSON = {
        "code": why.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{why.code.replace('_', '-')}",
        "message": why.message,
        "payment_method": method,
        "type": "card_error" if charge else "invalid_request_error",
    }
    if charge:
        error["charge"] = charge["id"]
        error["decline_code"] = why.decline_code
    intent |= {
        "last_payment_error": error,
        "next_action": None,
        "payment_method": None,
        "processing": None,
        "status": "requires_payment_method",
    }
    store.publish("payment_intent.payment_failed", intent)


def fail(store: Store, intent: JSON, method: JSON, outcome: str) -> Decline:
    why = DECLINES[outcome]
    charge = None
    if outcome != "authentication_failed":  # the bank was never asked
        charge = _charge(store, intent, method)
        _fail_charge(store, charge, why)
    _fail_intent(store, intent, method, why, charge)
    return why


def pay_off_session(store: Store, intent: JSON, method: JSON, outcome: str) -> None:
    """Charge a saved card while nobody is there; a refusal by the bank is a 402."""
    if outcome not in DECLINES:
        succeed(store, intent, method)
        return
    why = fail(store, intent, method, outcome)
    error = {k: v for k, v in intent["last_payment_error"].items() if k not in ("code", "message")}
    error.pop("doc_url")
    error.pop("type")
    raise Refusal(
        402, why.message, type="card_error", code=why.code, payment_intent=dict(intent), **error
    )
