"""Money that goes back: refunds, and disputes by the cardholder's bank.

Like `bank`, it changes objects and publishes the events that Stripe would; the caller holds
the store's lock.
"""

from typing import Any

from sandbox.stripe_standin import objects
from sandbox.stripe_standin.errors import invalid
from sandbox.stripe_standin.store import JSON, Store

OPEN_REFUND = ("pending", "requires_action", "succeeded")


def refundable(store: Store, charge: JSON) -> int:
    """Cents that are still there to refund: failed and cancelled refunds gave theirs back."""
    captured: int = charge["amount_captured"]
    made: int = sum(
        refund["amount"] for refund in refunds_of(store, charge) if refund["status"] in OPEN_REFUND
    )
    return captured - made


def refunds_of(store: Store, charge: JSON) -> list[JSON]:
    ids = store.own(charge["id"]).get("refunds", ())
    return [store.tables["refund"][id] for id in ids]


def _money(cents: int) -> str:
    return f"${cents / 100:,.2f}"


def check_refund(store: Store, charge: JSON, amount: int | None) -> int:
    """The cents to refund, or Stripe's refusal."""
    left = refundable(store, charge)
    if charge["disputed"]:
        raise invalid(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {charge['id']} has not been paid; it cannot be refunded.")
    if left <= 0:
        raise invalid(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    wanted = left if amount is None else amount
    if wanted < 1:
        raise invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if wanted > left:
        raise invalid(
            f"Refund amount ({_money(wanted)}) is greater than unrefunded amount on charge "
            f"({_money(left)})",
            param="amount",
        )
    return wanted


def refund(
    store: Store, charge: JSON, amount: int | None, *, status: str = "succeeded", **given: Any
) -> JSON:
    cents = check_refund(store, charge, amount)
    made = objects.refund(
        created=store.clock.seconds(), charge=charge, amount=cents, status="pending", **given
    )
    made["customer"] = charge["customer"]
    store.add(made)
    store.own(charge["id"]).setdefault("refunds", []).append(made["id"])
    transaction = store.add(
        objects.balance_transaction(
            created=made["created"],
            amount=-cents,
            currency=charge["currency"],
            fee=0,
            source=made["id"],
            type="refund",
        )
    )
    made["balance_transaction"] = transaction["id"]
    made["status"] = "pending" if status == "failed" else status
    if made["status"] == "pending":
        made["pending_reason"] = "processing"
    _recount(store, charge)
    store.publish("refund.created", made)
    store.publish("charge.refunded", charge)
    if status == "failed":
        fail_refund(store, made)
    return made


def _recount(store: Store, charge: JSON) -> None:
    charge["amount_refunded"] = charge["amount_captured"] - refundable(store, charge)
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]


def finish_refund(store: Store, refund: JSON) -> None:
    if refund["status"] not in ("pending", "requires_action"):
        raise invalid(f"Refund {refund['id']} is {refund['status']}: it cannot succeed.")
    previous = {"status": refund["status"]}
    refund |= {"status": "succeeded", "pending_reason": None}
    store.publish("refund.updated", refund, previous)
    store.publish("charge.refund.updated", refund, previous)


def fail_refund(store: Store, refund: JSON) -> None:
    """The bank sent the money back; possible while pending and after it succeeded."""
    if refund["status"] not in OPEN_REFUND:
        raise invalid(f"Refund {refund['id']} is {refund['status']}: it cannot fail.")
    previous = {"status": refund["status"], "failure_reason": None}
    transaction = store.add(
        objects.balance_transaction(
            created=store.clock.seconds(),
            amount=refund["amount"],
            currency=refund["currency"],
            fee=0,
            source=refund["id"],
            type="refund_failure",
        )
    )
    refund |= {
        "failure_balance_transaction": transaction["id"],
        "failure_reason": "expired_or_canceled_card",
        "pending_reason": None,
        "status": "failed",
    }
    _recount(store, store.get("charge", refund["charge"]))
    store.publish("refund.updated", refund, previous)
    store.publish("refund.failed", refund, previous)
    store.publish("charge.refund.updated", refund, previous)


# --- Disputes -----------------------------------------------------------------------------


def open_dispute(store: Store, charge: JSON, *, amount: int | None, reason: str) -> JSON:
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} is disputed already.")
    made = objects.dispute(
        created=store.clock.seconds(),
        charge=charge,
        amount=charge["amount"] if amount is None else amount,
        reason=reason,
    )
    charge["disputed"] = True
    _move_dispute_money(store, made, -made["amount"], fee=1500)
    store.add(made)
    store.publish("charge.dispute.created", made)
    store.publish("charge.dispute.funds_withdrawn", made)
    return made


def close_dispute(store: Store, dispute: JSON, *, won: bool) -> JSON:
    previous = {"status": dispute["status"]}
    dispute["status"] = "won" if won else "lost"
    if won:
        _move_dispute_money(store, dispute, dispute["amount"], fee=0)
        store.publish("charge.dispute.funds_reinstated", dispute)
    store.publish("charge.dispute.closed", dispute, previous)
    return dispute


def _move_dispute_money(store: Store, dispute: JSON, amount: int, *, fee: int) -> None:
    transaction = objects.balance_transaction(
        created=store.clock.seconds(),
        amount=amount,
        currency=dispute["currency"],
        fee=fee,
        source=dispute["id"],
        type="adjustment",
    )
    dispute["balance_transactions"].append(store.add(transaction))
