"""Full-shaped objects: every field that Stripe would send, and no other.

`blank` fills in the fields that may be null, read from the SDK's types, except those that
Stripe sends only when they are asked for or apply; the rest is written out here.
"""

from functools import cache
from typing import Any

from sandbox.stripe_standin.contract import nullable_fields
from sandbox.stripe_standin.store import JSON, new_id

# Sent only when expanded, or when they apply.
LEFT_OUT = {
    "checkout.session": {"line_items", "customer_account", "managed_payments"},
    "charge": {
        "refunds",
        "authorization_code",
        "level3",
        "presentment_details",
        "radar_options",
        "transfer",
    },
    "customer": {
        "deleted",
        "sources",
        "subscriptions",
        "tax_ids",
        "cash_balance",
        "tax",
        "invoice_credit_balance",
        "customer_account",
        "business_name",
        "individual_name",
    },
    "refund": {"next_action", "presentment_details", "instructions_email", "customer_account"},
    "dispute": {"payment_method_details", "network_reason_code", "intended_submission_method"},
    "payment_intent": {
        "hooks",
        "managed_payments",
        "payment_details",
        "payment_record",
        "presentment_details",
        "amount_details",
        "customer_account",
    },
}
ADDRESS = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}
CARD_CHECKS = {
    "address_line1_check": None,
    "address_postal_code_check": None,
    "cvc_check": "pass",
}
CARD = {
    "brand": "visa",
    "country": "US",
    "exp_month": 12,
    "exp_year": 2034,
    "fingerprint": "Xt5EWLLDS7FJjR1c",
    "funding": "credit",
}
BANK_ACCOUNT = {
    "account_holder_type": "individual",
    "account_type": "checking",
    "bank_name": "STRIPE TEST BANK",
    "fingerprint": "FFDMA0JjDFjDf0aS",
    "last4": "6789",
    "routing_number": "110000000",
}


@cache
def _null_fields(kind: str) -> dict[str, None]:
    return dict.fromkeys(set(nullable_fields(kind)) - LEFT_OUT.get(kind, set()))


def blank(kind: str) -> JSON:
    return {"object": kind, **_null_fields(kind)}


def session(*, id: str, url: str, created: int, expires_at: int, amount: int, **given: Any) -> JSON:
    return {
        **blank("checkout.session"),
        "id": id,
        "adaptive_pricing": {"enabled": False},
        "amount_subtotal": amount,
        "amount_total": amount,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": "auto",
        "created": created,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer_creation": "if_required",
        "discounts": [],
        "expires_at": expires_at,
        "livemode": False,
        "metadata": {},
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "submit_type": "auto",
        "total_details": {
            "amount_discount": 0,
            "amount_shipping": 0,
            "amount_tax": 0,
            "breakdown": None,
        },
        "ui_mode": "hosted_page",
        "url": url,
        **given,
    }


def line_item(*, created: int, price_data: JSON, quantity: int) -> JSON:
    name = price_data["product_data"]["name"]
    amount = price_data["unit_amount"] * quantity
    price = {
        **blank("price"),
        "id": new_id("price_"),
        "active": False,
        "billing_scheme": "per_unit",
        "created": created,
        "currency": price_data["currency"],
        "livemode": False,
        "metadata": {},
        "product": new_id("prod_"),
        "tax_behavior": price_data.get("tax_behavior", "unspecified"),
        "type": "one_time",
        "unit_amount": price_data["unit_amount"],
        "unit_amount_decimal": str(price_data["unit_amount"]),
    }
    for absent in ("deleted", "currency_options", "tiers"):
        del price[absent]
    return {
        "id": new_id("li_"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price_data["currency"],
        "description": name,
        "metadata": {},
        "price": price,
        "quantity": quantity,
    }


def payment_intent(*, created: int, amount: int, currency: str, **given: Any) -> JSON:
    id = new_id("pi_")
    return {
        **blank("payment_intent"),
        "id": id,
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": f"{id}_secret_{new_id('')}",
        "confirmation_method": "automatic",
        "created": created,
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        **given,
    }


def charge(*, created: int, intent: JSON, method: JSON, **given: Any) -> JSON:
    return {
        **blank("charge"),
        "id": new_id("ch_"),
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "STAND-IN",
        "captured": False,
        "created": created,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _used(method, intent["amount"]),
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "pending",
        **given,
    }


def _used(method: JSON, amount: int) -> JSON:
    if method["type"] == "us_bank_account":
        details = {**BANK_ACCOUNT, "expected_debit_date": None, "mandate": None}
        details |= {"payment_reference": None}
        return {"type": "us_bank_account", "us_bank_account": details}
    card: JSON = {**CARD, "last4": method["card"]["last4"], "checks": CARD_CHECKS}
    card |= {"amount_authorized": amount, "authorization_code": None, "installments": None}
    card |= {"mandate": None, "network": "visa", "three_d_secure": None, "wallet": None}
    card |= {"network_token": {"used": False}, "network_transaction_id": None}
    card |= {"regulated_status": "unregulated"}
    return {"type": "card", "card": card}


def outcome(*, paid: bool, decline_code: str = "") -> JSON:
    return {
        "advice_code": None if paid else "try_again_later",
        "network_advice_code": None,
        "network_decline_code": None if paid else "01",
        "network_status": "approved_by_network" if paid else "declined_by_network",
        "reason": decline_code or None,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "Payment complete." if paid else "The bank declined the payment.",
        "type": "authorized" if paid else "issuer_declined",
    }


def payment_method(
    *, created: int, last4: str = "4242", type: str = "card", billing: JSON | None = None
) -> JSON:
    details: JSON
    if type == "us_bank_account":
        networks = {"preferred": "ach", "supported": ["ach"]}
        details = {**BANK_ACCOUNT, "networks": networks, "status_details": {}}
        details["financial_connections_account"] = None
    else:
        details = {**CARD, "last4": last4, "checks": CARD_CHECKS, "display_brand": "visa"}
        details |= {"generated_from": None, "regulated_status": "unregulated", "wallet": None}
        details["networks"] = {"available": ["visa"], "preferred": None}
        details["three_d_secure_usage"] = {"supported": True}
    return {
        "id": new_id("pm_"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": billing or billing_details(),
        "created": created,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "radar_options": {},
        type: details,
        "type": type,
    }


def billing_details(email: str | None = None, name: str | None = None) -> JSON:
    return {"address": ADDRESS, "email": email, "name": name, "phone": None, "tax_id": None}


def customer(*, created: int, **given: Any) -> JSON:
    return {
        **blank("customer"),
        "id": new_id("cus_"),
        "balance": 0,
        "created": created,
        "delinquent": False,
        "invoice_prefix": new_id("")[:8].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
        **given,
    }


def refund(*, created: int, charge: JSON, amount: int, **given: Any) -> JSON:
    card = {"reference": None, "reference_status": "pending"}
    card |= {"reference_type": "acquirer_reference_number", "type": "refund"}
    return {
        **blank("refund"),
        "id": new_id("re_"),
        "amount": amount,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "destination_details": {"card": card, "type": "card"},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "status": "succeeded",
        **given,
    }


def balance_transaction(
    *, created: int, amount: int, currency: str, fee: int, source: str, type: str
) -> JSON:
    cost = {"amount": fee, "application": None, "currency": currency}
    cost |= {"description": "Stripe processing fees", "type": "stripe_fee"}
    categories = {"payment": "charge", "adjustment": "dispute"}
    return {
        **blank("balance_transaction"),
        "id": new_id("txn_"),
        "amount": amount,
        "available_on": created + 2 * 24 * 3600,
        "balance_type": "payments",
        "created": created,
        "currency": currency,
        "fee": fee,
        "fee_details": [cost] if fee else [],
        "net": amount - fee,
        "reporting_category": categories.get(type, type),
        "source": source,
        "status": "pending",
        "type": type,
    }


def dispute(*, created: int, charge: JSON, amount: int, reason: str, **given: Any) -> JSON:
    return {
        **blank("dispute"),
        "id": new_id("dp_"),
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {
            **dict.fromkeys(nullable_fields("dispute", "evidence")),
            "enhanced_evidence": {},
        },
        "evidence_details": {
            "due_by": created + 9 * 24 * 3600,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_method": "not_submitted",
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "needs_response",
        **given,
    }
