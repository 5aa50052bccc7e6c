"""The stand-in's API answers the real SDK as Stripe would."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from sandbox.stripe_standin.errors import Refusal
from sandbox.stripe_standin.process import Standin, start
from tests.sandbox.stripe_contract import HALF_HOUR, order, paid_session, sdk


@pytest.fixture
def standin() -> Iterator[Standin]:
    with start() as running:
        yield running


@pytest.fixture
def client(standin: Standin) -> stripe.StripeClient:
    return sdk(standin)


def error_of(raised: pytest.ExceptionInfo[stripe.StripeError]) -> dict[str, Any]:
    body = raised.value.json_body
    assert isinstance(body, dict)
    error: dict[str, Any] = body["error"]
    return error


def test_a_session_is_created_paid_and_retrieved(
    standin: Standin, client: stripe.StripeClient
) -> None:
    session = client.v1.checkout.sessions.create(order(standin))
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert session.url == f"{standin.url}/pay/{session.id}"
    assert session.payment_intent is None
    assert (session.amount_total, session.currency) == (29900, "usd")

    standin.control("pay", session=session.id)

    paid = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction", "line_items"]}
    )
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    intent = paid.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert intent.status == "succeeded"
    assert intent.statement_descriptor_suffix == "PROGRAMME"
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert charge.paid
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert charge.balance_transaction.amount == 29900
    assert paid.line_items is not None
    assert [line.description for line in paid.line_items.data] == ["12-week program"]
    assert [event["type"] for event in standin.events()] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_a_declined_card_leaves_the_session_open(
    standin: Standin, client: stripe.StripeClient
) -> None:
    session = client.v1.checkout.sessions.create(order(standin))
    standin.control("pay", session=session.id, outcome="declined")
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    standin.control("pay", session=session.id)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "complete"
    assert standin.books["totals"]["charged"] == 29900
    assert standin.books["totals"]["charges"] == 1


def test_a_slow_payment_is_complete_but_unpaid_until_the_money_arrives(
    standin: Standin, client: stripe.StripeClient
) -> None:
    for arrives in (True, False):
        session = client.v1.checkout.sessions.create(order(standin))
        standin.control("pay", session=session.id, outcome="async")
        waiting = client.v1.checkout.sessions.retrieve(session.id)
        assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
        standin.control("settle", session=session.id, paid=arrives)
        ended = client.v1.checkout.sessions.retrieve(session.id)
        assert ended.payment_status == ("paid" if arrives else "unpaid")
    assert [e["type"] for e in standin.events() if "async" in e["type"]] == [
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
    ]


def test_a_slow_payment_arrives_by_the_clock_when_told_how_long_it_takes(
    standin: Standin, client: stripe.StripeClient
) -> None:
    standin.control("slow_payments", seconds=600)
    session = client.v1.checkout.sessions.create(order(standin))
    standin.control("pay", session=session.id, outcome="async")
    standin.control("clock", advance=601)
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_free_session_asks_for_no_payment(standin: Standin, client: stripe.StripeClient) -> None:
    free = order(standin)
    free["line_items"][0]["price_data"]["unit_amount"] = 0
    session = client.v1.checkout.sessions.create(free)
    standin.control("pay", session=session.id)
    done = client.v1.checkout.sessions.retrieve(session.id)
    assert (done.payment_status, done.payment_intent) == ("no_payment_required", None)


# --- Expiry -------------------------------------------------------------------------------


def test_a_session_expires_by_the_clock_and_says_so(
    standin: Standin, client: stripe.StripeClient
) -> None:
    session = client.v1.checkout.sessions.create(order(standin))
    standin.control("clock", advance=HALF_HOUR + 1)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert [event["type"] for event in standin.events()] == ["checkout.session.expired"]
    with pytest.raises(Refusal, match="expired: it cannot be paid"):
        standin.control("pay", session=session.id)


def test_money_can_be_forced_onto_an_expired_session(
    standin: Standin, client: stripe.StripeClient
) -> None:
    session = client.v1.checkout.sessions.create(order(standin))
    client.v1.checkout.sessions.expire(session.id)
    standin.control("pay", session=session.id, force=True)
    late = client.v1.checkout.sessions.retrieve(session.id)
    assert (late.status, late.payment_status) == ("complete", "paid")


@pytest.mark.parametrize("closed_by", ["pay", "expire"])
def test_a_session_that_is_not_open_cannot_be_expired(
    standin: Standin, client: stripe.StripeClient, closed_by: str
) -> None:
    session = client.v1.checkout.sessions.create(order(standin))
    if closed_by == "pay":
        standin.control("pay", session=session.id)
    else:
        client.v1.checkout.sessions.expire(session.id)
    with pytest.raises(stripe.InvalidRequestError, match=r"status in \['open'\]"):
        client.v1.checkout.sessions.expire(session.id)


@pytest.mark.parametrize("seconds", [30 * 60 - 5, 24 * 60 * 60 + 5])
def test_expires_at_is_half_an_hour_to_a_day_ahead(
    standin: Standin, client: stripe.StripeClient, seconds: int
) -> None:
    at = standin.world.clock.seconds() + seconds
    with pytest.raises(stripe.InvalidRequestError, match="expires_at") as raised:
        client.v1.checkout.sessions.create(order(standin, expires_at=at))
    assert raised.value.param == "expires_at"


# --- Refusals -----------------------------------------------------------------------------


def test_a_wrong_key_is_401(standin: Standin) -> None:
    with pytest.raises(stripe.AuthenticationError) as raised:
        sdk(standin, key="sk_test_somebody_else").v1.customers.retrieve("cus_1")
    assert raised.value.http_status == 401
    assert "sk_test_*********else" in str(raised.value)


def test_a_live_key_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="sk_test_"), start(secret_key="sk_live_1"):
        pass


def test_what_does_not_exist_is_404_resource_missing(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.checkout.sessions.retrieve("cs_test_nothing")
    assert (raised.value.http_status, raised.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.refunds.create({"payment_intent": "pi_nothing"})
    assert (raised.value.http_status, raised.value.code) == (400, "resource_missing")
    assert raised.value.param == "payment_intent"


def test_a_parameter_that_the_stand_in_would_ignore_is_refused(
    standin: Standin, client: stripe.StripeClient
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="does not imitate discounts"):
        client.v1.checkout.sessions.create(order(standin, discounts=[{"coupon": "half"}]))


def test_every_reply_carries_a_request_id(standin: Standin, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(order(standin))
    assert session.last_response is not None
    assert session.last_response.request_id == standin.requests[-1]["request_id"]


# --- Idempotency --------------------------------------------------------------------------


def test_the_same_key_gives_the_same_answer_again(
    standin: Standin, client: stripe.StripeClient
) -> None:
    params = order(standin)
    first = client.v1.checkout.sessions.create(params, {"idempotency_key": "attempt-1"})
    standin.control("pay", session=first.id)
    again = client.v1.checkout.sessions.create(params, {"idempotency_key": "attempt-1"})
    assert again.id == first.id
    assert again.status == "open"  # as it was answered then
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(client.v1.checkout.sessions.list().data) == 1


def test_the_same_key_with_other_parameters_is_an_idempotency_error(
    standin: Standin, client: stripe.StripeClient
) -> None:
    client.v1.checkout.sessions.create(order(standin), {"idempotency_key": "key"})
    other = order(standin, client_reference_id="attempt-2")
    with pytest.raises(stripe.IdempotencyError) as raised:
        client.v1.checkout.sessions.create(other, {"idempotency_key": "key"})
    assert raised.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.refunds.create({"charge": "ch_1"}, {"idempotency_key": "key"})


def test_a_refusal_is_replayed_but_failed_checks_are_forgotten(
    standin: Standin, client: stripe.StripeClient
) -> None:
    session = paid_session(standin, client)
    too_much: stripe.params.RefundCreateParams = {
        "payment_intent": str(session.payment_intent),
        "amount": 99999,
    }
    for replayed in (None, "true"):
        with pytest.raises(stripe.InvalidRequestError) as raised:
            client.v1.refunds.create(too_much, {"idempotency_key": "refund"})
        assert raised.value.headers is not None
        assert raised.value.headers.get("Idempotent-Replayed") == replayed
    bad = order(standin, success_url="nowhere")
    with pytest.raises(stripe.InvalidRequestError, match="Not a valid URL"):
        client.v1.checkout.sessions.create(bad, {"idempotency_key": "order"})


def test_a_key_is_forgotten_after_a_day(standin: Standin, client: stripe.StripeClient) -> None:
    customer: stripe.params.CustomerCreateParams = {"email": "member@example.com"}
    first = client.v1.customers.create(customer, {"idempotency_key": "key"})
    standin.control("clock", advance=24 * 3600 + 1)
    again = client.v1.customers.create(customer, {"idempotency_key": "key"})
    assert again.id != first.id


def test_a_key_that_is_in_flight_is_409(standin: Standin, client: stripe.StripeClient) -> None:
    standin.control("fault", route="POST /v1/customers", kind="slow", when="after", seconds=0.6)
    made: list[stripe.Customer] = []
    slow = threading.Thread(
        target=lambda: made.append(
            sdk(standin).v1.customers.create({"email": "a@b.c"}, {"idempotency_key": "key"})
        )
    )
    slow.start()
    while not standin.world.keys.kept:
        pass
    with pytest.raises(stripe.APIError) as raised:
        client.v1.customers.create({"email": "a@b.c"}, {"idempotency_key": "key"})
    assert raised.value.http_status == 409
    slow.join()
    again = client.v1.customers.create({"email": "a@b.c"}, {"idempotency_key": "key"})
    assert again.id == made[0].id


def test_one_key_from_many_threads_makes_one_session(standin: Standin) -> None:
    params = order(standin)
    seen: list[str] = []

    def create() -> None:
        with contextlib.suppress(stripe.APIError):  # 409: another one is in flight
            client = sdk(standin)
            made = client.v1.checkout.sessions.create(params, {"idempotency_key": "key"})
            seen.append(made.id)

    threads = [threading.Thread(target=create) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1
    assert len(standin.world.store.tables["checkout.session"]) == 1


# --- Refunds and disputes -----------------------------------------------------------------


def test_refunds_add_up_and_never_exceed_the_charge(
    standin: Standin, client: stripe.StripeClient
) -> None:
    intent = str(paid_session(standin, client).payment_intent)
    part = client.v1.refunds.create(
        {"payment_intent": intent, "amount": 10000, "reason": "requested_by_customer"}
    )
    assert (part.status, part.amount) == ("succeeded", 10000)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded") as raised:
        client.v1.refunds.create({"payment_intent": intent, "amount": 19901})
    assert raised.value.param == "amount"
    rest = client.v1.refunds.create({"payment_intent": intent})
    assert rest.amount == 19900
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.refunds.create({"payment_intent": intent})
    assert raised.value.code == "charge_already_refunded"
    charge = client.v1.charges.list({"payment_intent": intent}).data[0]
    assert (charge.refunded, charge.amount_refunded) == (True, 29900)
    listed = client.v1.refunds.list({"payment_intent": intent}).data
    assert [refund.id for refund in listed] == [rest.id, part.id]


def test_a_refund_can_fail_after_it_succeeded(
    standin: Standin, client: stripe.StripeClient
) -> None:
    intent = str(paid_session(standin, client).payment_intent)
    standin.control("next_refund", outcome="fails_later", after=3600)
    refund = client.v1.refunds.create({"payment_intent": intent})
    assert refund.status == "succeeded"
    standin.control("clock", advance=3601)
    failed = client.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert client.v1.refunds.create({"payment_intent": intent}).status == "succeeded"
    assert standin.books["totals"]["refunded"] == 29900
    assert standin.books["totals"]["refund_failed"] == 29900


@pytest.mark.parametrize("outcome", ["pending", "failed"])
def test_a_refund_can_be_pending_or_fail_at_once(
    standin: Standin, client: stripe.StripeClient, outcome: str
) -> None:
    intent = str(paid_session(standin, client).payment_intent)
    standin.control("next_refund", outcome=outcome)
    refund = client.v1.refunds.create({"payment_intent": intent})
    assert refund.status == outcome
    if outcome == "pending":
        standin.control("finish_refund", refund=refund.id)
        assert client.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_a_refund_in_the_dashboard_is_one_that_the_app_did_not_make(
    standin: Standin, client: stripe.StripeClient
) -> None:
    session = paid_session(standin, client)
    made = standin.control("refund", session=session.id, amount=5000)
    listed = client.v1.refunds.list({"payment_intent": str(session.payment_intent)}).data
    assert [(refund.id, refund.amount) for refund in listed] == [(made["id"], 5000)]


def test_a_disputed_charge_cannot_be_refunded(
    standin: Standin, client: stripe.StripeClient
) -> None:
    session = paid_session(standin, client)
    made = standin.control("dispute", session=session.id)
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.refunds.create({"payment_intent": str(session.payment_intent)})
    assert raised.value.code == "charge_disputed"
    listed = client.v1.disputes.list({"payment_intent": str(session.payment_intent)}).data
    assert [dispute.id for dispute in listed] == [made["id"]]
    standin.control("close_dispute", dispute=made["id"], won=True)
    assert client.v1.disputes.retrieve(made["id"]).status == "won"


def test_a_question_of_the_bank_moves_no_money_until_it_becomes_a_dispute(
    standin: Standin, client: stripe.StripeClient
) -> None:
    session = paid_session(standin, client)
    made = standin.control("dispute", session=session.id, inquiry=True)
    asked = client.v1.disputes.retrieve(made["id"])
    assert (asked.status, asked.is_charge_refundable, asked.balance_transactions) == (
        "warning_needs_response",
        True,
        [],
    )
    client.v1.refunds.create({"payment_intent": str(session.payment_intent), "amount": 100})
    standin.control("escalate_dispute", dispute=made["id"])
    taken = client.v1.disputes.retrieve(made["id"])
    assert [row.amount for row in taken.balance_transactions] == [-29900]
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.refunds.create({"payment_intent": str(session.payment_intent), "amount": 100})
    assert raised.value.code == "charge_disputed"


def test_a_dispute_is_answered_and_then_decided(
    standin: Standin, client: stripe.StripeClient
) -> None:
    session = paid_session(standin, client)
    made = standin.control("dispute", session=session.id, amount=20000)
    standin.control("answer_dispute", dispute=made["id"])
    assert client.v1.disputes.retrieve(made["id"]).status == "under_review"
    with pytest.raises(Refusal):
        standin.control("answer_dispute", dispute=made["id"])
    standin.control("close_dispute", dispute=made["id"], won=False)
    assert standin.books["totals"]["withdrawn"] == 20000
    with pytest.raises(Refusal):
        standin.control("close_dispute", dispute=made["id"], won=True)
    # What the bank left can be given back.
    client.v1.refunds.create({"payment_intent": str(session.payment_intent), "amount": 9900})
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.refunds.create({"payment_intent": str(session.payment_intent), "amount": 1})
    assert raised.value.code == "charge_disputed"


# --- Cards that are charged later ---------------------------------------------------------


def saved_card(standin: Standin, client: stripe.StripeClient) -> tuple[str, str]:
    """A customer and a card, kept by a first payment through Checkout."""
    session = paid_session(
        standin, client, payment_intent_data={"setup_future_usage": "off_session"}
    )
    customer = str(session.customer)
    methods = client.v1.customers.payment_methods.list(customer).data
    assert len(methods) == 1
    return customer, methods[0].id


def instalment(customer: str, method: str) -> stripe.params.PaymentIntentCreateParams:
    return {
        "amount": 9900,
        "currency": "usd",
        "customer": customer,
        "payment_method": method,
        "off_session": True,
        "confirm": True,
        "metadata": {"instalment": "2"},
    }


def test_a_saved_card_is_charged_off_session(standin: Standin, client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(instalment(*saved_card(standin, client)))
    assert (intent.status, intent.amount_received) == ("succeeded", 9900)


@pytest.mark.parametrize(
    ("behaviour", "code", "decline_code"),
    [
        ("declined", "card_declined", "generic_decline"),
        ("insufficient_funds", "card_declined", "insufficient_funds"),
        ("expired_card", "expired_card", "expired_card"),
        ("closed_account", "card_declined", "invalid_account"),
        ("authentication_required", "authentication_required", "authentication_required"),
    ],
)
def test_a_saved_card_that_is_refused_is_402_and_can_be_confirmed_later(
    standin: Standin, client: stripe.StripeClient, behaviour: str, code: str, decline_code: str
) -> None:
    customer, method = saved_card(standin, client)
    standin.control("card", payment_method=method, behaviour=behaviour)
    with pytest.raises(stripe.CardError) as raised:
        client.v1.payment_intents.create(instalment(customer, method))
    error = error_of(raised)
    assert (raised.value.http_status, raised.value.code) == (402, code)
    assert error["decline_code"] == decline_code
    intent_id = error["payment_intent"]["id"]
    assert client.v1.payment_intents.retrieve(intent_id).status == "requires_payment_method"
    standin.control("card", payment_method=method, behaviour="paid")
    intent = client.v1.payment_intents.confirm(intent_id, {"payment_method": method})
    assert intent.status == "succeeded"


def test_a_card_is_controlled_by_its_customer_and_may_be_removed(
    standin: Standin, client: stripe.StripeClient
) -> None:
    customer, method = saved_card(standin, client)
    changed = standin.control("card", customer=customer, behaviour="removed")
    assert (changed["id"], changed["customer"]) == (method, None)
    assert client.v1.customers.payment_methods.list(customer).data == []
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.payment_intents.create(instalment(customer, method))
    assert raised.value.http_status == 400
    assert standin.events("payment_method.detached")


def test_a_customer_made_before_keeps_the_card_of_a_payment_page(
    standin: Standin, client: stripe.StripeClient
) -> None:
    made = client.v1.customers.create({"metadata": {"attempt": "1"}}, {"idempotency_key": "c"})
    again = client.v1.customers.create({"metadata": {"attempt": "1"}}, {"idempotency_key": "c"})
    assert made.id == again.id
    keep: Any = {"setup_future_usage": "off_session"}
    params: Any = order(standin, customer=made.id, payment_intent_data=keep)
    params.pop("customer_email", None)
    session = client.v1.checkout.sessions.create(params)
    standin.control("pay", session=session.id)
    session = client.v1.checkout.sessions.retrieve(session.id)
    [method] = client.v1.customers.payment_methods.list(made.id).data
    intent = client.v1.payment_intents.retrieve(str(session.payment_intent))
    assert (intent.customer, intent.payment_method) == (made.id, method.id)
    assert client.v1.payment_intents.create(instalment(made.id, method.id)).status == "succeeded"


def test_stripes_own_test_cards_are_known(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError):
        client.v1.payment_intents.create(
            {
                "amount": 5000,
                "currency": "usd",
                "payment_method": "pm_card_chargeDeclined",
                "confirm": True,
            }
        )


def test_an_intent_that_waits_can_be_cancelled_and_a_paid_one_cannot(
    standin: Standin, client: stripe.StripeClient
) -> None:
    waiting = client.v1.payment_intents.create({"amount": 5000, "currency": "usd"})
    assert client.v1.payment_intents.cancel(waiting.id).status == "canceled"
    paid = paid_session(standin, client)
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.payment_intents.cancel(str(paid.payment_intent))
    assert raised.value.code == "payment_intent_unexpected_state"


# --- Lists --------------------------------------------------------------------------------


def test_lists_are_newest_first_and_paged(standin: Standin, client: stripe.StripeClient) -> None:
    made = [client.v1.checkout.sessions.create(order(standin)).id for _ in range(5)][::-1]
    first = client.v1.checkout.sessions.list({"limit": 2})
    assert ([one.id for one in first.data], first.has_more) == (made[:2], True)
    last = client.v1.checkout.sessions.list({"limit": 3, "starting_after": made[1]})
    assert ([one.id for one in last.data], last.has_more) == (made[2:], False)
    before = client.v1.checkout.sessions.list({"limit": 2, "ending_before": made[3]})
    assert ([one.id for one in before.data], before.has_more) == (made[1:3], True)
    every = client.v1.checkout.sessions.list({"limit": 2}).auto_paging_iter()
    assert [one.id for one in every] == made
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.list({"starting_after": "cs_test_nothing"})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.list({"limit": 101})


def test_lists_filter_by_time_state_and_payment(
    standin: Standin, client: stripe.StripeClient
) -> None:
    old = paid_session(standin, client)
    standin.control("clock", advance=1000)
    new = client.v1.checkout.sessions.create(order(standin))
    sessions = client.v1.checkout.sessions
    assert [one.id for one in sessions.list({"created": {"gte": new.created}}).data] == [new.id]
    assert [one.id for one in sessions.list({"created": {"lt": new.created}}).data] == [old.id]
    assert [one.id for one in sessions.list({"status": "complete"}).data] == [old.id]
    by_intent = sessions.list({"payment_intent": str(old.payment_intent)}).data
    assert [one.id for one in by_intent] == [old.id]


def test_events_are_listed_for_thirty_days(standin: Standin, client: stripe.StripeClient) -> None:
    paid_session(standin, client)
    wanted = client.v1.events.list({"types": ["checkout.session.completed"]}).data
    assert [event.api_version for event in wanted] == [stripe.api_version]
    assert client.v1.events.retrieve(wanted[0].id).type == "checkout.session.completed"
    standin.control("clock", advance=30 * 24 * 3600 + 1)
    assert client.v1.events.list().data == []


def test_what_cannot_be_expanded_is_refused(standin: Standin, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(order(standin))
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.checkout.sessions.retrieve(session.id, {"expand": ["shoe_size"]})
