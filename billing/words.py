"""Money's trouble in words for people: what does not match, and why a refund failed."""

from billing.models import CheckoutAttempt, Payment
from sessions.pricing import format_money

# Stripe's codes (docs.stripe.com/refunds, "failure reason").
FAILURES: dict[str, str] = {
    "charge_for_pending_refund_disputed": "The payment is disputed at the bank",
    "declined": "The bank declined the refund",
    "expired_or_canceled_card": "The card has expired or was cancelled",
    "insufficient_funds": "There was too little money in our account at Stripe",
    "lost_or_stolen_card": "The card was reported lost or stolen",
    "merchant_request": "It was cancelled in Stripe's dashboard",
    "unknown": "The bank gave no reason",
}


def difference(attempt: CheckoutAttempt, payment: Payment) -> str:
    """How a payment differs from what was asked for, as a sentence."""
    asked = format_money(attempt.amount_cents, attempt.currency)
    came = format_money(payment.amount_cents, payment.currency)
    if asked != came:
        return f"{asked} was asked for, and {came} came."
    return f"What came is not what was asked for: {attempt.note}."


def failure(note: str) -> str:
    """Why a refund failed, as a sentence."""
    return f"{FAILURES.get(note, note).rstrip('.') or 'It failed'}."
