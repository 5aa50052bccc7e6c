"""Money that goes back: refunds, and disputes by the cardholder's bank.

Like `bank`, it changes objects and publishes the events that Stripe would; the caller holds
the store's lock.
"""

from typing import Any

from sandbox.stripe_standin import objects
from sandbox.stripe_standin.errors import invalid
from sandbox.stripe_standin.store import JSON, Store

OPEN_DISPUTE = ("needs_response", "under_review")
CLOSED_DISPUTE = ("warning_closed", "won", "lost")
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
    left = refundable(store, charge) - _lost(store, charge)
    if _in_dispute(store, charge) or (left <= 0 and _lost(store, charge)):
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


def _disputes_of(store: Store, charge: JSON) -> list[JSON]:
    ids = store.own(charge["id"]).get("disputes", ())
    return [store.tables["dispute"][id] for id in ids]


def _in_dispute(store: Store, charge: JSON) -> bool:
    """Whether a bank holds the charge's money now; an inquiry holds nothing."""
    return any(one["status"] in OPEN_DISPUTE for one in _disputes_of(store, charge))


def withdrawn(store: Store, charge: JSON) -> int:
    """Cents that banks hold or kept."""
    moved = [row for one in _disputes_of(store, charge) for row in one["balance_transactions"]]
    cents: int = sum(row["amount"] for row in moved)
    return -cents


def _lost(store: Store, charge: JSON) -> int:
    """Cents that a bank kept."""
    return sum(one["amount"] for one in _disputes_of(store, charge) if one["status"] == "lost")


def open_dispute(
    store: Store, charge: JSON, *, amount: int | None, reason: str, inquiry: bool = False
) -> JSON:
    """A dispute, or with `inquiry` only a question of the bank, which moves no money."""
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} is disputed already.")
    made = objects.dispute(
        created=store.clock.seconds(),
        charge=charge,
        amount=charge["amount"] if amount is None else amount,
        reason=reason,
    )
    store.add(made)
    store.own(charge["id"]).setdefault("disputes", []).append(made["id"])
    if inquiry:
        made |= {"status": "warning_needs_response", "is_charge_refundable": True}
        store.publish("charge.dispute.created", made)
        return made
    _withdraw(store, made)
    store.publish("charge.dispute.created", made)
    store.publish("charge.dispute.funds_withdrawn", made)
    return made


def _withdraw(store: Store, dispute: JSON) -> None:
    store.get("charge", dispute["charge"])["disputed"] = True
    _move_dispute_money(store, dispute, -dispute["amount"], fee=1500)


def escalate_dispute(store: Store, dispute: JSON) -> JSON:
    """The bank's question becomes a dispute: the same object, and the money goes."""
    if not dispute["status"].startswith("warning_"):
        raise invalid(f"Dispute {dispute['id']} is {dispute['status']}: it is no inquiry.")
    previous = {"status": dispute["status"], "is_charge_refundable": True}
    dispute |= {"status": "needs_response", "is_charge_refundable": False}
    _withdraw(store, dispute)
    store.publish("charge.dispute.updated", dispute, previous)
    store.publish("charge.dispute.funds_withdrawn", dispute)
    return dispute


def answer_dispute(store: Store, dispute: JSON) -> JSON:
    """Evidence was handed in, in the dashboard; the bank decides now."""
    if not dispute["status"].endswith("needs_response"):
        raise invalid(f"Dispute {dispute['id']} is {dispute['status']}: no answer is due.")
    previous = {"status": dispute["status"]}
    dispute["status"] = dispute["status"].replace("needs_response", "under_review")
    store.publish("charge.dispute.updated", dispute, previous)
    return dispute


def close_dispute(store: Store, dispute: JSON, *, won: bool) -> JSON:
    previous = {"status": dispute["status"]}
    if previous["status"] in CLOSED_DISPUTE:
        raise invalid(f"Dispute {dispute['id']} is {dispute['status']} already.")
    if previous["status"].startswith("warning_"):
        dispute["status"] = "warning_closed"
    else:
        dispute["status"] = "won" if won else "lost"
    if dispute["status"] == "won":
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
