"""The only door to Stripe. Everything above speaks of money, not of Stripe's objects.

One module for each kind of object, and `client` for the way there and its three errors.
"""

from billing.gateway.checkout import (
    CheckoutState,
    checkout_params,
    completed_checkouts,
    create_checkout,
    expire_checkout,
    retrieve_checkout,
)
from billing.gateway.client import (
    Broke,
    Disputed,
    GatewayError,
    RefusedByStripe,
    Unreachable,
)
from billing.gateway.instalments import (
    ChargeOutcome,
    ChargeState,
    charge_params,
    charge_saved_card,
    create_customer,
    find_charge,
    retrieve_charge,
)
from billing.gateway.refunds import (
    RefundState,
    create_refund,
    failed_refunds,
    find_refund,
    recent_refunds,
    refunds_of,
    retrieve_refund,
)
from billing.gateway.webhooks import (
    BadSignature,
    EventFacts,
    read_event,
)

__all__ = [
    "BadSignature",
    "Broke",
    "ChargeOutcome",
    "ChargeState",
    "CheckoutState",
    "Disputed",
    "EventFacts",
    "GatewayError",
    "RefundState",
    "RefusedByStripe",
    "Unreachable",
    "charge_params",
    "charge_saved_card",
    "checkout_params",
    "completed_checkouts",
    "create_checkout",
    "create_customer",
    "create_refund",
    "expire_checkout",
    "failed_refunds",
    "find_charge",
    "find_refund",
    "read_event",
    "recent_refunds",
    "refunds_of",
    "retrieve_charge",
    "retrieve_checkout",
    "retrieve_refund",
]
