"""The judge catches broken requests and broken replies, by the SDK's own types."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import stripe

from sandbox.stripe_standin.contract import judge_reply, nullable_fields
from sandbox.stripe_standin.errors import ContractBroken, check_contract
from sandbox.stripe_standin.process import Standin, start
from tests.sandbox.stripe_contract import order, paid_session, sdk

JSON = dict[str, Any]


@pytest.fixture(scope="module")
def standin() -> Iterator[Standin]:
    with start() as running:
        yield running


@pytest.fixture(scope="module")
def client(standin: Standin) -> stripe.StripeClient:
    return sdk(standin)


# --- Requests -----------------------------------------------------------------------------


def put(path: str, value: Any) -> Callable[[JSON], None]:
    """A change of the parameters at a dotted path; None deletes."""

    def change(params: JSON) -> None:
        target: Any = params
        *way, last = path.split(".")
        for part in way:
            target = target[int(part)] if part.isdigit() else target[part]
        if value is None:
            del target[last]
        else:
            target[last] = value

    return change


BROKEN_REQUESTS = {
    "an unknown parameter": (put("colour", "red"), "colour", "parameter_unknown"),
    "a parameter that this version dropped": (
        put("payment_method_types", ["card"]),
        "payment_method_types",
        "parameter_unknown",
    ),
    "an unknown nested parameter": (
        put("line_items.0.price_data.product_data.title", "Programme"),
        "line_items[0][price_data][product_data][title]",
        "parameter_unknown",
    ),
    "a missing nested parameter": (
        put("line_items.0.price_data.currency", None),
        "line_items[0][price_data][currency]",
        "parameter_missing",
    ),
    "a missing name": (
        put("line_items.0.price_data.product_data", {"description": "12 weeks"}),
        "line_items[0][price_data][product_data][name]",
        "parameter_missing",
    ),
    "a fraction of a cent": (
        put("line_items.0.price_data.unit_amount", 299.5),
        "line_items[0][price_data][unit_amount]",
        "parameter_invalid_integer",
    ),
    "a time in words": (put("expires_at", "soon"), "expires_at", "parameter_invalid_integer"),
    "a truth value in words": (
        put("adaptive_pricing.enabled", "no"),
        "adaptive_pricing[enabled]",
        "parameter_invalid_boolean",
    ),
    "an unknown value of an enum": (put("submit_type", "reserve"), "submit_type", None),
    "an old value of an enum": (put("ui_mode", "hosted"), "ui_mode", None),
    "an unknown value in a list of enums": (
        put("allowed_payment_method_types", ["card", "cash"]),
        "allowed_payment_method_types[1]",
        None,
    ),
    "a text where a hash belongs": (put("metadata", "attempt-1"), "metadata", None),
    "a hash where a list belongs": (
        put("line_items", {"price": "p"}),
        "line_items",
        "parameter_invalid_array",
    ),
    "a hash where a text belongs": (
        put("client_reference_id", {"id": "1"}),
        "client_reference_id",
        "parameter_invalid_string",
    ),
    "an empty text": (put("cancel_url", ""), "cancel_url", "parameter_invalid_empty"),
    "an unknown key of the payment": (
        put("payment_intent_data.receipt", "x"),
        "payment_intent_data[receipt]",
        "parameter_unknown",
    ),
}


@pytest.mark.parametrize("name", BROKEN_REQUESTS)
def test_a_broken_request_is_refused(
    standin: Standin, client: stripe.StripeClient, name: str
) -> None:
    change, param, code = BROKEN_REQUESTS[name]
    params: Any = copy.deepcopy(order(standin))
    change(params)
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.checkout.sessions.create(params)
    assert (raised.value.http_status, raised.value.param) == (400, param)
    assert raised.value.code == code
    assert judge_reply(cast(JSON, raised.value.json_body)) == []
    reported = standin.forgive()
    assert reported
    assert all(line.startswith("request POST /v1/checkout/sessions: ") for line in reported)


def test_what_only_stripes_rules_demand_is_refused_and_breaks_no_type(
    standin: Standin, client: stripe.StripeClient
) -> None:
    params: Any = copy.deepcopy(order(standin))
    del params["success_url"]
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.checkout.sessions.create(params)
    assert (raised.value.param, raised.value.code) == ("success_url", "parameter_missing")
    assert standin.broken == []


def test_a_broken_refund_or_list_is_refused(standin: Standin, client: stripe.StripeClient) -> None:
    refunds: Any = client.v1.refunds
    for params in (
        {"charge": "ch_1", "reason": "no_show"},
        {"charge": "ch_1", "amount": "all"},
        {"charge": "ch_1", "amount_cents": 100},
    ):
        with pytest.raises(stripe.InvalidRequestError):
            refunds.create(params)
    with pytest.raises(stripe.InvalidRequestError, match="created"):
        refunds.list({"created": {"since": 1}})
    assert [line.split(":")[0] for line in standin.forgive()] == [
        *["request POST /v1/refunds"] * 3,
        "request GET /v1/refunds",
    ]


def test_another_version_of_the_api_is_refused(standin: Standin) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="version"):
        sdk(standin).v1.events.list(options={"stripe_version": "2024-06-20"})
    assert standin.forgive() == ["request GET /v1/events: Invalid Stripe API version: 2024-06-20"]


def test_what_the_stand_in_does_not_serve_is_404_and_reported(standin: Standin) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        sdk(standin).v1.products.list()
    assert standin.forgive() == [
        "request GET /v1/products: Unrecognized request URL (GET: /v1/products)."
    ]


# --- Replies ------------------------------------------------------------------------------

BROKEN_REPLIES: dict[str, tuple[Callable[[JSON], None], str, str]] = {
    "a missing field": (put("created", None), "created", "parameter_missing"),
    "an unknown field": (put("paid", True), "paid", "parameter_unknown"),
    "an unknown nested field": (
        put("automatic_tax.rate", 7),
        "automatic_tax[rate]",
        "parameter_unknown",
    ),
    "a missing nested field": (
        put("customer_details.tax_ids", [{}]),
        "customer_details[tax_ids][0][type]",
        "parameter_missing",
    ),
    "a text where a number belongs": (
        put("amount_total", "29900"),
        "amount_total",
        "parameter_invalid_integer",
    ),
    "a number where a truth value belongs": (
        put("livemode", 0),
        "livemode",
        "parameter_invalid_boolean",
    ),
    "an unknown value of an enum": (
        put("payment_status", "settled"),
        "payment_status",
        "parameter_invalid_enum",
    ),
    "null where a list belongs": (
        lambda reply: reply.update(shipping_options=None),
        "shipping_options",
        "parameter_invalid_array",
    ),
    "the wrong kind of expanded object": (
        put("customer", {"id": "pi_1", "object": "payment_intent"}),
        "customer",
        "parameter_",
    ),
}


@pytest.mark.parametrize("name", BROKEN_REPLIES)
def test_a_broken_reply_is_caught(standin: Standin, client: stripe.StripeClient, name: str) -> None:
    reply = paid_session(standin, client).to_dict()
    assert judge_reply(reply) == []
    change, param, code = BROKEN_REPLIES[name]
    change(reply)
    problems = judge_reply(reply)
    assert problems
    assert problems[0].param.startswith(param)
    assert problems[0].code.startswith(code)


def test_broken_events_lists_and_errors_are_caught(
    standin: Standin, client: stripe.StripeClient
) -> None:
    paid_session(standin, client)
    event = standin.events("checkout.session.completed")[-1]
    assert judge_reply(event) == []
    assert judge_reply({**event, "type": "checkout.session.paid"})
    without_mode = {k: v for k, v in event["data"]["object"].items() if k != "mode"}
    assert judge_reply({**event, "data": {"object": without_mode}})
    assert judge_reply({"object": "list", "data": [], "url": "/v1/refunds"})
    assert judge_reply({"error": {"type": "card_error", "message": "No.", "colour": "red"}})
    assert judge_reply({"object": "shoe"})


def test_full_replies_carry_their_null_fields(
    standin: Standin, client: stripe.StripeClient
) -> None:
    """The SDK cannot tell a null field from an absent one; Stripe sends the null ones."""
    session = paid_session(standin, client).to_dict()
    absent = set(nullable_fields("checkout.session")) - session.keys()
    assert absent == {"line_items", "customer_account", "managed_payments"}
    refund = client.v1.refunds.create({"payment_intent": session["payment_intent"], "amount": 1})
    absent = set(nullable_fields("refund")) - refund.to_dict().keys()
    assert absent == {
        *("next_action", "presentment_details", "instructions_email", "customer_account")
    }


# --- The report that every test relies on -------------------------------------------------


def break_the_contract() -> None:
    """A test that asks for something that does not exist, and looks no further."""
    bad: Any = {"charge": "ch_1", "shoe_size": "44"}
    with start(logged_requests=1) as running:
        client = sdk(running)
        with contextlib.suppress(stripe.InvalidRequestError):
            client.v1.refunds.create(bad)
        client.v1.events.list()


def test_a_test_that_broke_the_contract_fails_at_its_end() -> None:
    with pytest.raises(ContractBroken, match=r"^request POST /v1/refunds: .*: shoe_size$"):
        break_the_contract()


def test_a_request_that_got_no_answer_is_judged_too(
    standin: Standin, client: stripe.StripeClient
) -> None:
    standin.control("fault", route="POST /v1/refunds", kind="reset")
    bad: Any = {"charge": "ch_1", "shoe_size": "44"}
    with pytest.raises(stripe.APIConnectionError):
        client.v1.refunds.create(bad)
    assert standin.forgive() == ["request POST /v1/refunds: Received unknown parameter: shoe_size"]


def test_a_broken_reply_is_reported(standin: Standin, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(order(standin))
    standin.world.store.get("checkout.session", session.id)["mode"] = "barter"
    client.v1.checkout.sessions.retrieve(session.id)
    [line] = standin.forgive()
    assert line.startswith(f"reply GET /v1/checkout/sessions/{session.id}: ")
    assert "barter" in line


def test_a_broken_event_is_reported(standin: Standin, client: stripe.StripeClient) -> None:
    session = paid_session(standin, client).to_dict()
    standin.world.store.publish("checkout.session.paid", session)
    standin.world.store.publish("checkout.session.completed", {**session, "created": "now"})
    assert [line.split(":")[0] for line in standin.forgive()] == [
        "event checkout.session.paid",
        "event checkout.session.completed",
    ]


def test_a_process_tells_of_a_breach_at_once(
    standin: Standin, client: stripe.StripeClient, capfd: pytest.CaptureFixture[str]
) -> None:
    """What a whole stack, or a bench, is held to when it stops."""
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create(cast(Any, {"charge": "ch_1", "shoe_size": "44"}))
    assert standin.report("contract") == standin.forgive()
    told = capfd.readouterr().err
    with pytest.raises(ContractBroken, match=r"^request POST /v1/refunds: .* shoe_size$"):
        check_contract(f"web: started\n{told}web: stopped\n")
    check_contract("web: started\n")
