"""The API's endpoints: what each one does. They run under the store's lock."""

from fnmatch import fnmatchcase

from sandbox.stripe_standin import checkout, objects, refunds
from sandbox.stripe_standin.checkout_rules import check_metadata
from sandbox.stripe_standin.desk import Desk, Endpoint
from sandbox.stripe_standin.errors import invalid, missing, not_imitated
from sandbox.stripe_standin.lists import page
from sandbox.stripe_standin.store import JSON, Store

REFUND_PARAMS = {"amount", "charge", "expand", "metadata", "payment_intent", "reason"}
EVENTS_LISTED_SECONDS = 30 * 24 * 60 * 60


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


# --- Refunds ------------------------------------------------------------------------------


def create_refund(desk: Desk, id: str, params: JSON) -> JSON:
    store = desk.store
    for name in params.keys() - REFUND_PARAMS:
        raise not_imitated(name)
    charge = _charge_to_refund(store, params)
    check_metadata(params.get("metadata") or {}, "metadata")
    plan: JSON = (
        desk.planned_refunds.popleft() if desk.planned_refunds else {"outcome": "succeeded"}
    )
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
    given = {name: params[name] for name in imitated if params.get(name)}
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
    oldest: float = desk.store.clock.now() - EVENTS_LISTED_SECONDS
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
