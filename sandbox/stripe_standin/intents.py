"""Payment intents outside Checkout: a saved card is charged while nobody is there."""

from sandbox.stripe_standin import bank, checkout, objects
from sandbox.stripe_standin.checkout_rules import check_metadata, check_suffix
from sandbox.stripe_standin.desk import Desk
from sandbox.stripe_standin.errors import Refusal, invalid, not_imitated
from sandbox.stripe_standin.store import JSON, Store

INTENT_PARAMS = {
    "amount",
    "automatic_payment_methods",
    "allowed_payment_method_types",
    "confirm",
    "currency",
    "customer",
    "description",
    "error_on_requires_action",
    "expand",
    "metadata",
    "off_session",
    "payment_method",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor_suffix",
}
KEPT_INTENT_PARAMS = (
    "customer",
    "description",
    "metadata",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor_suffix",
)


def create(desk: Desk, id: str, params: JSON) -> JSON:
    store = desk.store
    for name in params.keys() - INTENT_PARAMS:
        raise not_imitated(name)
    if params["amount"] < checkout.MINIMUM_CENTS:
        raise invalid("Amount must be at least $0.50 usd", code="amount_too_small", param="amount")
    if params.get("off_session") and not params.get("confirm"):
        raise invalid("off_session is only valid when confirm is true.", param="off_session")
    if "customer" in params:
        store.get("customer", params["customer"], param="customer")
    check_metadata(params.get("metadata") or {}, "metadata")
    check_suffix(params.get("statement_descriptor_suffix", ""))
    method = _method(store, params)
    intent = store.add(
        objects.payment_intent(
            created=store.clock.seconds(),
            amount=params["amount"],
            currency=params["currency"],
            **{name: params[name] for name in KEPT_INTENT_PARAMS if params.get(name)},
        )
    )
    if method:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    store.publish("payment_intent.created", intent)
    if params.get("confirm"):
        return confirm(desk, intent["id"], {})
    return intent


def _method(store: Store, params: JSON) -> JSON | None:
    """The payment method that a request names; Stripe's test names make a new one."""
    name = params.get("payment_method")
    if name is None:
        return None
    if name in bank.TEST_METHODS:
        method = store.add(objects.payment_method(created=store.clock.seconds()))
        store.own(method["id"])["behaviour"] = bank.TEST_METHODS[name]
        return method
    method = store.get("payment_method", name, param="payment_method")
    if store.own(name).get("behaviour") == "removed":
        raise invalid(
            "The provided PaymentMethod was detached from a Customer. It may not be used again.",
            param="payment_method",
        )
    if method["customer"] and method["customer"] != params.get("customer"):
        raise invalid(
            f"The provided PaymentMethod {name} belongs to the Customer {method['customer']}. "
            "Please include the Customer in the `customer` parameter.",
            param="payment_method",
        )
    return method


def confirm(desk: Desk, id: str, params: JSON) -> JSON:
    store = desk.store
    intent = store.get("payment_intent", id)
    for name in params.keys() - {"payment_method", "off_session", "expand", "receipt_email"}:
        raise not_imitated(name)
    if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise _unexpected(intent, "confirm")
    if "session" in store.own(id):
        raise invalid("You cannot confirm a PaymentIntent created by a Checkout Session.")
    given = _method(store, {**params, "customer": intent["customer"]})
    chosen = given["id"] if given else intent["payment_method"]
    if chosen is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
            payment_intent=dict(intent),
        )
    method = store.get("payment_method", chosen)
    behaviour = store.own(chosen).get("behaviour", "paid")
    bank.pay_off_session(store, intent, method, behaviour)
    return intent


def cancel(desk: Desk, id: str, params: JSON) -> JSON:
    intent = desk.store.get("payment_intent", id)
    if intent["status"] in ("succeeded", "canceled", "processing"):
        raise _unexpected(intent, "cancel")
    intent |= {"status": "canceled", "canceled_at": desk.store.clock.seconds()}
    intent["cancellation_reason"] = params.get("cancellation_reason")
    desk.store.publish("payment_intent.canceled", intent)
    return intent


def _unexpected(intent: JSON, verb: str) -> Refusal:
    return invalid(
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        payment_intent=dict(intent),
    )
