"""What Stripe asks of a new Checkout session beyond its types.

Types, unknown keys and enums were judged before (see `contract`); these are the rules that
a type cannot say: amounts, addresses, lengths, the time it may stay open.
"""

import re
from urllib.parse import urlsplit

from sandbox.stripe_standin.errors import invalid, not_imitated
from sandbox.stripe_standin.store import JSON, Store

HALF_HOUR, DAY = 30 * 60, 24 * 60 * 60
# Parameters that are acted on or shown; the rest of Stripe's are refused by name.
ECHOED = (
    "allow_promotion_codes",
    "allowed_payment_method_types",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_creation",
    "customer_email",
    "excluded_payment_method_types",
    "locale",
    "metadata",
    "mode",
    "origin_context",
    "payment_method_collection",
    "phone_number_collection",
    "submit_type",
    "success_url",
    "ui_mode",
)
IMITATED = {
    *ECHOED,
    "adaptive_pricing",
    "automatic_tax",
    "currency",
    "custom_text",
    "expand",
    "expires_at",
    "line_items",
    "payment_intent_data",
}
INTENT_DATA = {
    "description",
    "metadata",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
}


def check(store: Store, params: JSON) -> None:
    for name in params.keys() - IMITATED:
        raise not_imitated(name)
    if params.get("mode") != "payment":
        if "mode" in params:
            raise not_imitated(f"mode={params['mode']}")
        raise invalid("Missing required param: mode.", code="parameter_missing", param="mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise not_imitated(f"ui_mode={params['ui_mode']}")
    if params.get("automatic_tax", {}).get("enabled"):
        raise not_imitated("automatic_tax[enabled]")
    for name in ("line_items", "success_url"):
        if not params.get(name):
            message = f"Missing required param: {name}."
            raise invalid(message, code="parameter_missing", param=name)
    _check_people(store, params)
    _check_lines(params)
    _check_texts(params)
    now = store.clock.seconds()
    if not now + HALF_HOUR <= params.get("expires_at", now + DAY) <= now + DAY:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours "
            "from Checkout Session creation.",
            param="expires_at",
        )


def _check_people(store: Store, params: JSON) -> None:
    if "customer" in params and "customer_email" in params:
        raise invalid(
            "You may only specify one of these parameters: customer, customer_email.",
            param="customer_email",
        )
    if "customer" in params:
        store.get("customer", params["customer"], param="customer")
    if "customer_email" in params and "@" not in params["customer_email"]:
        raise invalid(
            f"Invalid email address: {params['customer_email']}",
            code="email_invalid",
            param="customer_email",
        )


def _check_lines(params: JSON) -> None:
    for n, line in enumerate(params["line_items"]):
        where = f"line_items[{n}]"
        for name in line.keys() - {"price_data", "quantity", "metadata"}:
            raise not_imitated(f"{where}[{name}]")
        price = line.get("price_data")
        if price is None:
            raise invalid(
                f"You must specify either `price` or `price_data` in {where}.",
                code="parameter_missing",
                param=where,
            )
        for name in ("product_data", "unit_amount"):
            if name not in price:
                at = f"{where}[price_data][{name}]"
                raise invalid(f"Missing required param: {at}.", code="parameter_missing", param=at)
        if not re.fullmatch(r"[a-z]{3}", price["currency"]):
            at = f"{where}[price_data][currency]"
            raise invalid(f"Invalid currency: {price['currency']}", param=at)
        if price["currency"] != params["line_items"][0]["price_data"]["currency"]:
            raise invalid("All line items must have the same currency.", param=where)
        if price["unit_amount"] < 0:
            at = f"{where}[price_data][unit_amount]"
            message = "Invalid non-negative integer"
            raise invalid(message, code="parameter_invalid_integer", param=at)
        if line.get("quantity", 1) < 1:
            at = f"{where}[quantity]"
            message = "This value must be greater than or equal to 1."
            raise invalid(message, code="parameter_invalid_integer", param=at)


def _check_texts(params: JSON) -> None:
    for name in ("success_url", "cancel_url"):
        parts = urlsplit(params.get(name, "https://example.com"))
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise invalid("Not a valid URL", code="url_invalid", param=name)
    check_metadata(params.get("metadata") or {}, "metadata")
    if len(params.get("client_reference_id", "")) > 200:
        raise invalid(
            "client_reference_id may be at most 200 characters.", param="client_reference_id"
        )
    intent = params.get("payment_intent_data", {})
    for name in intent.keys() - INTENT_DATA:
        raise not_imitated(f"payment_intent_data[{name}]")
    check_metadata(intent.get("metadata") or {}, "payment_intent_data[metadata]")
    if "statement_descriptor" in intent:  # cards have a suffix only
        raise invalid(
            "You can't use `statement_descriptor` for card charges; use "
            "`statement_descriptor_suffix` instead.",
            param="payment_intent_data[statement_descriptor]",
        )
    check_suffix(intent.get("statement_descriptor_suffix", ""), "payment_intent_data")


def check_suffix(suffix: str, where: str = "") -> None:
    name = "statement_descriptor_suffix"
    param = f"{where}[{name}]" if where else name
    if len(suffix) > 22:
        raise invalid("The statement descriptor suffix must be at most 22 characters.", param=param)
    if suffix and (not re.search(r"[A-Za-z]", suffix) or re.search(r"[<>\\'\"*]", suffix)):
        raise invalid(
            "The statement descriptor suffix must contain at least one letter and none of "
            "the characters < > \\ ' \" *",
            param=param,
        )


def check_metadata(metadata: JSON, where: str) -> None:
    if len(metadata) > 50:
        raise invalid("You can specify up to 50 keys in metadata.", param=where)
    for key, value in metadata.items():
        if len(key) > 40:
            raise invalid("Metadata keys can have up to 40 characters.", param=f"{where}[{key}]")
        if len(value) > 500:
            raise invalid("Metadata values can have up to 500 characters.", param=f"{where}[{key}]")
