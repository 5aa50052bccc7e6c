"""Money. Amounts are integer cents; rows are never deleted."""

from billing.models.events import StripeEvent
from billing.models.ledger import LedgerEntry
from billing.models.payments import CheckoutAttempt, Payment, Refund
from billing.models.plans import Instalment, InstalmentTry, PaymentPlan

__all__ = [
    "CheckoutAttempt",
    "Instalment",
    "InstalmentTry",
    "LedgerEntry",
    "Payment",
    "PaymentPlan",
    "Refund",
    "StripeEvent",
]
