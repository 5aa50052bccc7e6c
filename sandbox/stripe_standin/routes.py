"""The table of endpoints, each with the SDK's own type of its parameters."""

from typing import Any

from stripe import params as sdk
from stripe.params import checkout as sdk_checkout

from sandbox.stripe_standin import intents
from sandbox.stripe_standin.desk import Endpoint
from sandbox.stripe_standin.endpoints import (
    create_customer,
    create_refund,
    create_session,
    customer_methods,
    expire_session,
    list_events,
    list_lines,
    list_sessions,
    listing,
    retrieve,
    retrieve_event,
)

# "METHOD path" → the SDK's type of its parameters, and what it does.
ROUTES: dict[str, tuple[Any, Endpoint]] = {
    "POST /v1/checkout/sessions": (sdk_checkout.SessionCreateParams, create_session),
    "GET /v1/checkout/sessions": (sdk_checkout.SessionListParams, list_sessions),
    "GET /v1/checkout/sessions/:id": (
        sdk_checkout.SessionRetrieveParams,
        retrieve("checkout.session"),
    ),
    "POST /v1/checkout/sessions/:id/expire": (sdk_checkout.SessionExpireParams, expire_session),
    "GET /v1/checkout/sessions/:id/line_items": (
        sdk_checkout.SessionListLineItemsParams,
        list_lines,
    ),
    "POST /v1/payment_intents": (sdk.PaymentIntentCreateParams, intents.create),
    "GET /v1/payment_intents": (
        sdk.PaymentIntentListParams,
        listing("payment_intent", "/v1/payment_intents", "customer"),
    ),
    "GET /v1/payment_intents/:id": (sdk.PaymentIntentRetrieveParams, retrieve("payment_intent")),
    "POST /v1/payment_intents/:id/confirm": (sdk.PaymentIntentConfirmParams, intents.confirm),
    "POST /v1/payment_intents/:id/cancel": (sdk.PaymentIntentCancelParams, intents.cancel),
    "GET /v1/charges": (
        sdk.ChargeListParams,
        listing("charge", "/v1/charges", "customer", "payment_intent", "transfer_group"),
    ),
    "GET /v1/charges/:id": (sdk.ChargeRetrieveParams, retrieve("charge")),
    "POST /v1/refunds": (sdk.RefundCreateParams, create_refund),
    "GET /v1/refunds": (
        sdk.RefundListParams,
        listing("refund", "/v1/refunds", "charge", "payment_intent"),
    ),
    "GET /v1/refunds/:id": (sdk.RefundRetrieveParams, retrieve("refund")),
    "POST /v1/customers": (sdk.CustomerCreateParams, create_customer),
    "GET /v1/customers/:id": (sdk.CustomerRetrieveParams, retrieve("customer")),
    "GET /v1/customers/:id/payment_methods": (
        sdk.CustomerListPaymentMethodsParams,
        customer_methods,
    ),
    "GET /v1/payment_methods/:id": (sdk.PaymentMethodRetrieveParams, retrieve("payment_method")),
    "GET /v1/events": (sdk.EventListParams, list_events),
    "GET /v1/events/:id": (sdk.EventRetrieveParams, retrieve_event),
    "GET /v1/disputes": (
        sdk.DisputeListParams,
        listing("dispute", "/v1/disputes", "charge", "payment_intent"),
    ),
    "GET /v1/disputes/:id": (sdk.DisputeRetrieveParams, retrieve("dispute")),
    "GET /v1/balance_transactions": (
        sdk.BalanceTransactionListParams,
        listing("balance_transaction", "/v1/balance_transactions", "source", "type", "currency"),
    ),
    "GET /v1/balance_transactions/:id": (
        sdk.BalanceTransactionRetrieveParams,
        retrieve("balance_transaction"),
    ),
}
