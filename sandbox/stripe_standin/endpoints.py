"""The API's endpoints: what each one does. They run under the store's lock."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from stripe import params as sdk
from stripe.params import checkout as sdk_checkout

from sandbox.stripe_standin import bank, checkout, objects, refunds
from sandbox.stripe_standin.checkout_rules import check_metadata, check_suffix
from sandbox.stripe_standin.errors import invalid, missing, not_imitated
from sandbox.stripe_standin.lists import page
from sandbox.stripe_standin.store import JSON, Store
from sandbox.stripe_standin.webhooks import Webhooks

EVENTS_LISTED_SECONDS = 30 * 24 * 60 * 60


@dataclass
class Desk:
    """What an endpoint works with."""

    store: Store
    webhooks: Webhooks
    base_url: str
    # How the next refunds end, as a control ordered: {"outcome", "after"}.
    planned_refunds: deque[JSON] = field(default_factory=deque)
    # Seconds until the money of a slow payment arrives by itself; None: only when told.
    slow_payment_seconds: float | None = None


Endpoint = Callable[[Desk, str, JSON], JSON]


# --- Checkout sessions --------------------------------------------------------------------


def create_session(desk: Desk, id: str, params: JSON) -> JSON:
    return checkout.create(desk.store, params, desk.base_url)


def list_sessions(desk: Desk, id: str, params: JSON) -> JSON:
    email = params.get("customer_details", {}).get("email")

    def keep(row: JSON) -> bool:
        given = (row["customer_details"] or {}).get("email")
        return _same(row, params, "customer", "payment_intent", "status", "subscription") and (
            email is None or given == email
        )

    rows = desk.store.newest_first("checkout.session")
    return page(rows, params, "/v1/checkout/sessions", keep)


def expire_session(desk: Desk, id: str, params: JSON) -> JSON:
    return checkout.expire(desk.store, desk.store.get("checkout.session", id))


def list_lines(desk: Desk, id: str, params: JSON) -> JSON:
    desk.store.get("checkout.session", id)
    url = f"/v1/checkout/sessions/{id}/line_items"
    return page(desk.store.own(id)["lines"], params, url)


# --- Payment intents ----------------------------------------------------------------------

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


def create_intent(desk: Desk, id: str, params: JSON) -> JSON:
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
            **{name: params[name] for name in KEPT_INTENT_PARAMS if name in params},
        )
    )
    if method:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    store.publish("payment_intent.created", intent)
    if params.get("confirm"):
        return confirm_intent(desk, intent["id"], {})
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
    if method["customer"] and method["customer"] != params.get("customer"):
        raise invalid(
            f"The provided PaymentMethod {name} belongs to the Customer {method['customer']}. "
            "Please include the Customer in the `customer` parameter.",
            param="payment_method",
        )
    return method


def confirm_intent(desk: Desk, id: str, params: JSON) -> JSON:
    store = desk.store
    intent = store.get("payment_intent", id)
    for name in params.keys() - {"payment_method", "off_session", "expand", "receipt_email"}:
        raise not_imitated(name)
    if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise _unexpected(intent, "confirm")
    if any(row["payment_intent"] == id for row in store.newest_first("checkout.session")):
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


def cancel_intent(desk: Desk, id: str, params: JSON) -> JSON:
    intent = desk.store.get("payment_intent", id)
    if intent["status"] in ("succeeded", "canceled", "processing"):
        raise _unexpected(intent, "cancel")
    intent |= {"status": "canceled", "canceled_at": desk.store.clock.seconds()}
    intent["cancellation_reason"] = params.get("cancellation_reason")
    desk.store.publish("payment_intent.canceled", intent)
    return intent


def _unexpected(intent: JSON, verb: str) -> Exception:
    return invalid(
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        payment_intent=dict(intent),
    )


# --- Refunds ------------------------------------------------------------------------------


def create_refund(desk: Desk, id: str, params: JSON) -> JSON:
    store = desk.store
    for name in params.keys() - {
        *("amount", "charge", "expand", "metadata", "payment_intent", "reason")
    }:
        raise not_imitated(name)
    charge = _charge_to_refund(store, params)
    check_metadata(params.get("metadata") or {}, "metadata")
    plan = desk.planned_refunds.popleft() if desk.planned_refunds else {"outcome": "succeeded"}
    later = plan["outcome"] == "fails_later"
    refund = refunds.refund(
        store,
        charge,
        params.get("amount"),
        status="succeeded" if later else plan["outcome"],
        metadata=params.get("metadata") or {},
        reason=params.get("reason"),
    )
    if later:
        store.plan(store.clock.now() + plan.get("after", 0), "fail_refund", refund["id"])
    return refund


def _charge_to_refund(store: Store, params: JSON) -> JSON:
    if "charge" in params and "payment_intent" in params:
        charge = store.get("charge", params["charge"], param="charge")
        if charge["payment_intent"] != params["payment_intent"]:
            raise invalid("The charge does not belong to the payment intent.", param="charge")
        return charge
    if "charge" in params:
        return store.get("charge", params["charge"], param="charge")
    if "payment_intent" not in params:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent "
            "or charge.",
            code="parameter_missing",
        )
    name = params["payment_intent"]
    intent = store.get("payment_intent", name, param="payment_intent")
    if intent["status"] != "succeeded":
        raise invalid(f"This PaymentIntent ({name}) does not have a successful charge to refund.")
    return store.get("charge", intent["latest_charge"])


# --- Customers, events, and what is only read ---------------------------------------------


def create_customer(desk: Desk, id: str, params: JSON) -> JSON:
    imitated = ("description", "email", "metadata", "name", "phone", "preferred_locales")
    for name in params.keys() - {*imitated, "expand"}:
        raise not_imitated(name)
    check_metadata(params.get("metadata") or {}, "metadata")
    given = {name: params[name] for name in imitated if name in params}
    customer = desk.store.add(objects.customer(created=desk.store.clock.seconds(), **given))
    desk.store.publish("customer.created", customer)
    return customer


def _with_owed(desk: Desk, event: JSON) -> JSON:
    return {**event, "pending_webhooks": min(1, desk.webhooks.owed(event["id"]))}


def retrieve_event(desk: Desk, id: str, params: JSON) -> JSON:
    event = desk.store.get("event", id)
    if event["created"] < desk.store.clock.now() - EVENTS_LISTED_SECONDS:
        raise missing("event", id)
    return _with_owed(desk, event)


def list_events(desk: Desk, id: str, params: JSON) -> JSON:
    if "type" in params and "types" in params:
        raise invalid("You may pass either `type` or `types`, but not both.", param="types")
    wanted = params.get("types") or [params.get("type", "*")]
    oldest = desk.store.clock.now() - EVENTS_LISTED_SECONDS
    delivered = params.get("delivery_success")

    def keep(row: JSON) -> bool:
        return (
            row["created"] >= oldest
            and any(fnmatchcase(row["type"], one) for one in wanted)
            and (delivered is None or delivered == (desk.webhooks.owed(row["id"]) == 0))
        )

    found = page(desk.store.newest_first("event"), params, "/v1/events", keep)
    return {**found, "data": [_with_owed(desk, event) for event in found["data"]]}


def _same(row: JSON, params: JSON, *names: str) -> bool:
    return all(row[name] == params[name] for name in names if name in params)


def retrieve(kind: str) -> Endpoint:
    def endpoint(desk: Desk, id: str, params: JSON) -> JSON:
        return desk.store.get(kind, id)

    return endpoint


def listing(kind: str, url: str, *filters: str) -> Endpoint:
    def endpoint(desk: Desk, id: str, params: JSON) -> JSON:
        rows = desk.store.newest_first(kind)
        return page(rows, params, url, lambda row: _same(row, params, *filters))

    return endpoint


def customer_methods(desk: Desk, id: str, params: JSON) -> JSON:
    desk.store.get("customer", id)
    rows = desk.store.newest_first("payment_method")
    url = f"/v1/customers/{id}/payment_methods"
    return page(rows, params, url, lambda row: row["customer"] == id and _same(row, params, "type"))


# "METHOD path" → the SDK's type of its parameters, and what it does.
ROUTES: dict[str, tuple[Any, Endpoint]] = {
    "POST /v1/checkout/sessions": (sdk_checkout.SessionCreateParams, create_session),
    "GET /v1/checkout/sessions": (sdk_checkout.SessionListParams, list_sessions),
    "GET /v1/checkout/sessions/:id": (
        sdk_checkout.SessionRetrieveParams,
        retrieve("checkout.session"),
    ),
    "POST /v1/checkout/sessions/:id/expire": (sdk_checkout.SessionExpireParams, expire_session),
    "GET /v1/checkout/sessions/:id/line_items": (
        sdk_checkout.SessionListLineItemsParams,
        list_lines,
    ),
    "POST /v1/payment_intents": (sdk.PaymentIntentCreateParams, create_intent),
    "GET /v1/payment_intents": (
        sdk.PaymentIntentListParams,
        listing("payment_intent", "/v1/payment_intents", "customer"),
    ),
    "GET /v1/payment_intents/:id": (sdk.PaymentIntentRetrieveParams, retrieve("payment_intent")),
    "POST /v1/payment_intents/:id/confirm": (sdk.PaymentIntentConfirmParams, confirm_intent),
    "POST /v1/payment_intents/:id/cancel": (sdk.PaymentIntentCancelParams, cancel_intent),
    "GET /v1/charges": (
        sdk.ChargeListParams,
        listing("charge", "/v1/charges", "customer", "payment_intent", "transfer_group"),
    ),
    "GET /v1/charges/:id": (sdk.ChargeRetrieveParams, retrieve("charge")),
    "POST /v1/refunds": (sdk.RefundCreateParams, create_refund),
    "GET /v1/refunds": (
        sdk.RefundListParams,
        listing("refund", "/v1/refunds", "charge", "payment_intent"),
    ),
    "GET /v1/refunds/:id": (sdk.RefundRetrieveParams, retrieve("refund")),
    "POST /v1/customers": (sdk.CustomerCreateParams, create_customer),
    "GET /v1/customers/:id": (sdk.CustomerRetrieveParams, retrieve("customer")),
    "GET /v1/customers/:id/payment_methods": (
        sdk.CustomerListPaymentMethodsParams,
        customer_methods,
    ),
    "GET /v1/payment_methods/:id": (sdk.PaymentMethodRetrieveParams, retrieve("payment_method")),
    "GET /v1/events": (sdk.EventListParams, list_events),
    "GET /v1/events/:id": (sdk.EventRetrieveParams, retrieve_event),
    "GET /v1/disputes": (
        sdk.DisputeListParams,
        listing("dispute", "/v1/disputes", "charge", "payment_intent"),
    ),
    "GET /v1/disputes/:id": (sdk.DisputeRetrieveParams, retrieve("dispute")),
    "GET /v1/balance_transactions": (
        sdk.BalanceTransactionListParams,
        listing("balance_transaction", "/v1/balance_transactions", "source", "type", "currency"),
    ),
    "GET /v1/balance_transactions/:id": (
        sdk.BalanceTransactionRetrieveParams,
        retrieve("balance_transaction"),
    ),
}
