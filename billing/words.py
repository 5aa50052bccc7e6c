"""Money's trouble in words for people: what does not match, and why a refund failed."""

import re

from billing.models import CheckoutAttempt, Dispute, Payment
from sessions.pricing import format_money

# Stripe's codes (docs.stripe.com/refunds, "failure reason").
FAILURES: dict[str, str] = {
    "charge_for_pending_refund_disputed": "The payment is disputed at the bank",
    "declined": "The bank declined the refund",
    "expired_or_canceled_card": "The card has expired or was cancelled",
    "insufficient_funds": "There was too little money in our account at Stripe",
    "lost_or_stolen_card": "The card was reported lost or stolen",
    "merchant_request": "It was cancelled in Stripe\u2019s dashboard",
    "unknown": "The bank gave no reason",
}


# Stripe's codes for a card that did not pay (docs.stripe.com/declines/codes).
DECLINES: dict[str, str] = {
    "authentication_required": "the bank wants to hear from the cardholder",
    "card_declined": "the bank said no and gave no reason",
    "do_not_honor": "the bank said no and gave no reason",
    "expired_card": "the card has expired",
    "generic_decline": "the bank said no and gave no reason",
    "insufficient_funds": "there was too little money on the card",
    "invalid_account": "the card\u2019s account is closed",
    "lost_card": "the card was reported lost",
    "stolen_card": "the card was reported stolen",
}


def declined(note: str) -> str:
    """Why a card did not pay, as half a sentence. `note` holds Stripe's code among other words."""
    known = (DECLINES[word] for word in note.split() if word in DECLINES)
    return next(known, "the bank gave no reason that we know")


# What a member may read of it. What banks ask nobody to repeat, as of a lost card, stays unsaid.
TOLD = ("expired_card", "insufficient_funds", "invalid_account")


def declined_to_member(note: str) -> str:
    """Why a card did not pay, as a sentence for who owns it; empty where it would not help."""
    known = next((word for word in note.split() if word in DECLINES), "")
    return f"Your bank says: {DECLINES[known]}." if known in TOLD else ""


def difference(attempt: CheckoutAttempt, payment: Payment) -> str:
    """How a payment differs from what was asked for, as a sentence."""
    asked = format_money(attempt.amount_cents, attempt.currency)
    came = format_money(payment.amount_cents, payment.currency)
    if asked != came:
        return f"{asked} was asked for, and {came} came."
    return f"What came is not what was asked for: {attempt.note}."


# What stands at the end of a note for Stripe's support: its own word, or an error's number.
CODE = re.compile(r"\s*\(([^()]*)\)\s*$")


def failure(note: str) -> str:
    """Why a refund failed, as sentences without Stripe's codes."""
    plain = CODE.sub("", note)
    return f"{FAILURES.get(plain, plain).rstrip('.') or 'It failed'}."


def for_support(note: str) -> str:
    """Stripe's own word in a note, for looking it up; empty without one."""
    if note in FAILURES:
        return note
    found = CODE.search(note)
    return found[1] if found else ""


def standing(said: str) -> str:
    """How one side of a comparison has an object, in words; only disputes have codes."""
    known = dict[str, str](Dispute.Status.choices)
    return known[said].lower() if said in known else said
