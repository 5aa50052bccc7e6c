"""Checkout sessions: made by the app, paid on the hosted page, expired by the clock.

The caller holds the store's lock.
"""

from typing import Any

from sandbox.stripe_standin import bank, objects
from sandbox.stripe_standin.checkout_rules import DAY, ECHOED, check
from sandbox.stripe_standin.errors import invalid
from sandbox.stripe_standin.store import JSON, Store, new_id

MINIMUM_CENTS = 50
OUTCOMES = (
    *("paid", "declined", "insufficient_funds", "expired_card", "async"),
    *("requires_action", "authenticated", "authentication_failed"),
)


def create(store: Store, params: JSON, base_url: str) -> JSON:
    check(store, params)
    now = store.clock.seconds()
    lines = [
        objects.line_item(
            created=now, price_data=line["price_data"], quantity=line.get("quantity", 1)
        )
        for line in params["line_items"]
    ]
    amount = sum(line["amount_total"] for line in lines)
    if 0 < amount < MINIMUM_CENTS:
        raise invalid(
            "The Checkout Session's total amount must convert to at least 50 cents.",
            code="amount_too_small",
        )
    id = new_id("cs_test_")
    session = objects.session(
        id=id,
        url=f"{base_url}/pay/{id}",
        created=now,
        expires_at=params.get("expires_at", now + DAY),
        amount=amount,
        currency=lines[0]["currency"],
        **{name: params[name] for name in ECHOED if name in params},
    )
    if "adaptive_pricing" in params:
        session["adaptive_pricing"] = {"enabled": params["adaptive_pricing"].get("enabled", False)}
    session["custom_text"] |= params.get("custom_text", {})
    if params.get("customer"):
        session["customer_creation"] = None
    store.own(id).update(lines=lines, intent=params.get("payment_intent_data", {}))
    store.plan(session["expires_at"], "expire", id)
    return store.add(session)


# --- What happens to a session ------------------------------------------------------------


def expire(store: Store, session: JSON) -> JSON:
    if session["status"] != "open":
        raise invalid(
            "Only Checkout Sessions with a status in ['open'] can be expired. This Checkout "
            f"Session has a status of `{session['status']}`."
        )
    session |= {"status": "expired", "url": None}
    if session["payment_intent"]:
        intent = store.get("payment_intent", session["payment_intent"])
        intent |= {"status": "canceled", "cancellation_reason": "expired", "next_action": None}
        intent["canceled_at"] = store.clock.seconds()
        store.publish("payment_intent.canceled", intent)
    store.publish("checkout.session.expired", session)
    return session


def pay(store: Store, session: JSON, outcome: str, *, email: str = "", force: bool = False) -> JSON:
    """What the person at the hosted page did. `force` lets money arrive on a closed session.

    After `requires_action` comes `authenticated` (paid) or `authentication_failed`.
    """
    if outcome not in OUTCOMES:
        raise invalid(f"outcome must be one of {', '.join(OUTCOMES)}", param="outcome")
    if session["status"] != "open" and not force:
        raise invalid(f"This Checkout Session is {session['status']}: it cannot be paid.")
    if session["payment_status"] != "unpaid":
        raise invalid("This Checkout Session is paid already.")
    email = email or _known_email(store, session)
    if session["amount_total"] == 0:
        return _complete(store, session, "no_payment_required", email)
    intent = _intent(store, session)
    last4 = bank.DECLINES[outcome].last4 if outcome in bank.DECLINES else "4242"
    if outcome.startswith("authenticat") and intent["payment_method"]:
        method = store.get("payment_method", intent["payment_method"])
    else:
        method = store.add(
            objects.payment_method(
                created=store.clock.seconds(),
                last4="3220" if outcome == "requires_action" else last4,
                type="us_bank_account" if outcome == "async" else "card",
                billing=objects.billing_details(email, "Sample Person"),
            )
        )
    if outcome == "requires_action":
        action = {"redirect_to_url": {"url": f"{session['url']}/3ds", "return_url": None}}
        intent |= {"status": "requires_action", "payment_method": method["id"]}
        intent["next_action"] = {"type": "redirect_to_url", **action}
        store.publish("payment_intent.requires_action", intent)
    elif outcome in bank.DECLINES:
        bank.fail(store, intent, method, outcome)
    elif outcome == "async":
        bank.begin_slow_payment(store, intent, method)
        _complete(store, session, "unpaid", email)
    else:
        _keep_method(store, session, intent, method, email)
        bank.succeed(store, intent, method)
        _complete(store, session, "paid", email)
    return session


def end_slow_payment(store: Store, session: JSON, *, paid: bool) -> JSON:
    intent = store.tables["payment_intent"].get(session["payment_intent"] or "")
    if intent is None or intent["status"] != "processing":
        raise invalid("No payment of this Checkout Session is on its way.")
    bank.end_slow_payment(store, intent, paid=paid)
    if paid:
        session["payment_status"] = "paid"
    what = "succeeded" if paid else "failed"
    store.publish(f"checkout.session.async_payment_{what}", session)
    return session


def _known_email(store: Store, session: JSON) -> str:
    if session["customer"]:
        known = store.get("customer", session["customer"])["email"]
        if known:
            return str(known)
    return session["customer_email"] or "sample.person@example.com"


def _intent(store: Store, session: JSON) -> JSON:
    """The session's payment intent, made with the first try to pay."""
    if session["payment_intent"]:
        intent = store.get("payment_intent", session["payment_intent"])
        if intent["status"] == "canceled":  # money forced onto an expired session
            intent |= {"status": "requires_payment_method", "canceled_at": None}
            intent["cancellation_reason"] = None
        return intent
    given = dict(store.own(session["id"])["intent"])
    metadata = given.pop("metadata", None) or {}
    intent = objects.payment_intent(
        created=store.clock.seconds(),
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        metadata=metadata,
        **given,
    )
    session["payment_intent"] = intent["id"]
    store.own(intent["id"])["session"] = session["id"]
    store.add(intent)
    store.publish("payment_intent.created", intent)
    return intent


def _keep_method(store: Store, session: JSON, intent: JSON, method: JSON, email: str) -> None:
    """Make the customer where one is due, and keep the card for later payments if asked to."""
    later = intent["setup_future_usage"]
    if not session["customer"] and (later or session["customer_creation"] == "always"):
        customer = objects.customer(
            created=store.clock.seconds(), email=email, name="Sample Person"
        )
        store.add(customer)
        store.publish("customer.created", customer)
        session["customer"] = intent["customer"] = customer["id"]
    if later:
        method["customer"] = session["customer"]
        store.publish("payment_method.attached", method)


def _complete(store: Store, session: JSON, payment_status: str, email: str) -> JSON:
    details: dict[str, Any] = {"address": objects.ADDRESS, "email": email, "name": "Sample Person"}
    details |= {"phone": None, "tax_exempt": "none", "tax_ids": []}
    details |= {"business_name": None, "individual_name": None}
    session |= {
        "customer_details": details,
        "payment_status": payment_status,
        "status": "complete",
        "url": None,
    }
    store.publish("checkout.session.completed", session)
    return session
