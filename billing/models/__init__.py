"""Money. Amounts are integer cents; rows are never deleted."""

from billing.models.decisions import RefundDecision
from billing.models.events import StripeEvent
from billing.models.ledger import LedgerEntry
from billing.models.payments import CheckoutAttempt, Payment, Refund

__all__ = ["CheckoutAttempt", "LedgerEntry", "Payment", "Refund", "RefundDecision", "StripeEvent"]
