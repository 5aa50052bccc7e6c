"""Money. Amounts are integer cents; rows are never deleted."""

from billing.models.decisions import RefundDecision
from billing.models.disputes import Dispute
from billing.models.events import StripeEvent
from billing.models.ledger import LedgerEntry
from billing.models.papers import IssuedPaper
from billing.models.payments import CheckoutAttempt, Payment, Refund
from billing.models.plans import Instalment, InstalmentTry, PaymentPlan
from billing.models.prices import PersonalPrice, PromotionCode, Redemption
from billing.models.reconciliation import Difference, Reconciliation
from billing.models.requests import MemberRequest
from billing.models.transfers import Transfer

__all__ = [
    "CheckoutAttempt",
    "Difference",
    "Dispute",
    "Instalment",
    "InstalmentTry",
    "IssuedPaper",
    "LedgerEntry",
    "MemberRequest",
    "Payment",
    "PaymentPlan",
    "PersonalPrice",
    "PromotionCode",
    "Reconciliation",
    "Redemption",
    "Refund",
    "RefundDecision",
    "StripeEvent",
    "Transfer",
]
