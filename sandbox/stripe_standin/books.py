"""The books: what was charged and given back, for comparison with the app's ledger."""

import json
from collections import Counter

from sandbox.stripe_standin.refunds import refunds_of, withdrawn
from sandbox.stripe_standin.store import JSON, Store
from sandbox.stripe_standin.world import World

KINDS = (
    *("charged", "charges", "refunded", "refund_pending", "refund_failed"),
    *("disputed", "withdrawn"),
)


def readable(entry: JSON) -> JSON:
    """A row of the request log with its reply parsed."""
    shown = {key: value for key, value in entry.items() if key != "body"}
    shown["reply"] = json.loads(entry["body"]) if entry["body"] else None
    return shown


def balance(world: World) -> JSON:
    """Cents by payment intent (with its session, if it has one), and in all."""
    store = world.store
    rows = [_row(store, intent) for intent in store.tables["payment_intent"].values()]
    totals = {kind: sum(row[kind] for row in rows) for kind in KINDS}
    sessions = Counter(one["status"] for one in store.tables["checkout.session"].values())
    return {"rows": rows, "totals": totals, "sessions": dict(sessions)}


def _row(store: Store, intent: JSON) -> JSON:
    session = store.find(store.own(intent["id"]).get("session", ""))
    return {
        "payment_intent": intent["id"],
        "session": session["id"] if session else None,
        "client_reference_id": session["client_reference_id"] if session else None,
        "metadata": (session or intent)["metadata"],
        "currency": intent["currency"],
        **_cents(store, intent["id"]),
    }


def _cents(store: Store, intent: str) -> dict[str, int]:
    charges = store.own(intent).get("charges", ())
    cents: Counter[str] = Counter()
    for id in charges:
        charge = store.tables["charge"][id]
        cents["charged"] += charge["amount_captured"]
        cents["charges"] += 1 if charge["captured"] else 0
        cents["disputed"] += charge["amount"] if charge["disputed"] else 0
        cents["withdrawn"] += withdrawn(store, charge)
        for refund in refunds_of(store, charge):
            kind = {"succeeded": "refunded", "pending": "refund_pending"}.get(refund["status"])
            cents[kind or "refund_failed"] += refund["amount"]
    return {kind: cents[kind] for kind in KINDS}
