"""Faults on order: before and after the effect, and what a retry then finds."""

from collections.abc import Iterator

import pytest
import stripe

from sandbox.stripe_standin.errors import Refusal
from sandbox.stripe_standin.process import Standin, start
from tests.sandbox.stripe_contract import order, paid_session, sdk

CREATE = "POST /v1/checkout/sessions"


@pytest.fixture
def standin() -> Iterator[Standin]:
    with start() as running:
        yield running


@pytest.fixture
def client(standin: Standin) -> stripe.StripeClient:
    return sdk(standin)


def sessions_made(standin: Standin) -> int:
    return len(standin.world.store.tables["checkout.session"])


@pytest.mark.parametrize("kind", ["500", "429", "timeout", "reset"])
def test_a_fault_before_the_effect_leaves_nothing_behind(
    standin: Standin, client: stripe.StripeClient, kind: str
) -> None:
    standin.control("fault", route=CREATE, kind=kind, seconds=0.05)
    expected = {"500": stripe.APIError, "429": stripe.RateLimitError}
    params = order(standin)
    with pytest.raises(expected.get(kind, stripe.APIConnectionError)):
        client.v1.checkout.sessions.create(params, {"idempotency_key": "key"})
    assert sessions_made(standin) == 0
    session = client.v1.checkout.sessions.create(params, {"idempotency_key": "key"})
    assert session.status == "open"


@pytest.mark.parametrize("kind", ["timeout", "reset", "429"])
def test_a_lost_answer_is_found_again_under_its_key(
    standin: Standin, client: stripe.StripeClient, kind: str
) -> None:
    standin.control("fault", route=CREATE, kind=kind, when="after", seconds=0.05)
    params = order(standin)
    with pytest.raises((stripe.APIConnectionError, stripe.RateLimitError)):
        client.v1.checkout.sessions.create(params, {"idempotency_key": "key"})
    assert sessions_made(standin) == 1
    again = client.v1.checkout.sessions.create(params, {"idempotency_key": "key"})
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert sessions_made(standin) == 1


def test_a_500_after_the_effect_is_replayed_for_ever(
    standin: Standin, client: stripe.StripeClient
) -> None:
    """The trap: the session exists, yet its key answers 500; only a list shows it."""
    standin.control("fault", route=CREATE, kind="500", when="after")
    params = order(standin)
    for _ in range(3):
        with pytest.raises(stripe.APIError):
            client.v1.checkout.sessions.create(params, {"idempotency_key": "key"})
    listed = client.v1.checkout.sessions.list().data
    assert [one.client_reference_id for one in listed] == ["attempt-1"]


def test_a_500_after_the_effect_can_be_one_that_the_key_does_not_keep(
    standin: Standin, client: stripe.StripeClient
) -> None:
    standin.control("fault", route=CREATE, kind="500", when="after", saved=False)
    params = order(standin)
    with pytest.raises(stripe.APIError):
        client.v1.checkout.sessions.create(params, {"idempotency_key": "key"})
    assert client.v1.checkout.sessions.create(params, {"idempotency_key": "key"}).status == "open"
    assert sessions_made(standin) == 1


def test_a_500_before_the_effect_can_be_one_that_the_key_keeps(
    standin: Standin, client: stripe.StripeClient
) -> None:
    standin.control("fault", route=CREATE, kind="500", saved=True)
    params = order(standin)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            client.v1.checkout.sessions.create(params, {"idempotency_key": "key"})
    assert sessions_made(standin) == 0


def test_the_sdk_retries_a_reset_by_itself(standin: Standin) -> None:
    standin.control("fault", route=CREATE, kind="reset", when="after")
    session = sdk(standin, retries=2).v1.checkout.sessions.create(order(standin))
    assert session.status == "open"
    assert sessions_made(standin) == 1


def test_a_refund_whose_answer_is_lost_is_made_once(
    standin: Standin, client: stripe.StripeClient
) -> None:
    intent = str(paid_session(standin, client).payment_intent)
    standin.control("fault", route="POST /v1/refunds", kind="timeout", when="after", seconds=0.05)
    params: stripe.params.RefundCreateParams = {"payment_intent": intent, "amount": 1000}
    with pytest.raises(stripe.APIConnectionError):
        client.v1.refunds.create(params, {"idempotency_key": "refund"})
    client.v1.refunds.create(params, {"idempotency_key": "refund"})
    assert standin.books["totals"]["refunded"] == 1000


def test_faults_count_skip_match_and_clear(standin: Standin, client: stripe.StripeClient) -> None:
    standin.control("fault", route="GET *", kind="500", times=2, skip=1)
    client.v1.events.list()
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            client.v1.events.list()
    client.v1.events.list()
    standin.control("fault", route="*", kind="500", times=99)
    standin.control("clear_faults")
    client.v1.events.list()


@pytest.mark.parametrize("wish", [{"kind": "flood"}, {"kind": "500", "when": "meanwhile"}])
def test_an_unknown_fault_is_refused(standin: Standin, wish: dict[str, str]) -> None:
    with pytest.raises(Refusal):
        standin.control("fault", route="*", **wish)
