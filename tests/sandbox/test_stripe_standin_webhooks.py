"""Webhooks reach the app signed, again and again until it says 2xx, and badly on order."""

import time
from collections.abc import Callable, Iterator

import pytest
import stripe

from sandbox.stripe_standin.contract import judge_reply
from sandbox.stripe_standin.errors import Refusal
from sandbox.stripe_standin.process import Standin, start
from tests.sandbox.stripe_contract import Inbox, inbox, order, paid_session, sdk

PAYMENT = {"payment_intent.succeeded", "checkout.session.completed"}


@pytest.fixture
def box() -> Iterator[Inbox]:
    with inbox() as running:
        yield running


@pytest.fixture
def standin(box: Inbox) -> Iterator[Standin]:
    with start(webhook_url=box.url, webhook_backoff=(0.05, 0.1)) as running:
        yield running


@pytest.fixture
def client(standin: Standin) -> stripe.StripeClient:
    return sdk(standin)


def wait_for(what: Callable[[], bool], seconds: float = 5.0) -> None:
    for _ in range(int(seconds / 0.02)):
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


def test_an_event_arrives_signed_and_whole(
    standin: Standin, box: Inbox, client: stripe.StripeClient
) -> None:
    session = paid_session(standin, client)
    assert standin.drain()
    assert set(box.types) == PAYMENT
    event = box.events[box.types.index("checkout.session.completed")]
    assert event.api_version == stripe.api_version
    assert event.data.object["id"] == session.id
    assert not event.livemode
    assert judge_reply(event.to_dict()) == []
    assert client.v1.events.retrieve(event.id).pending_webhooks == 0


def test_a_wrong_secret_does_not_pass(box: Inbox) -> None:
    with start(webhook_url=box.url, webhook_secret="whsec_other", webhook_backoff=(60,)) as standin:
        paid_session(standin, sdk(standin))
        assert standin.drain()
        assert box.events == []
        assert {row["last_status"] for row in standin.report("pending")} == {400}


def test_an_event_is_sent_again_until_2xx_each_time_freshly_signed(box: Inbox) -> None:
    box.statuses = [500, 302, 404]
    with start(webhook_url=box.url, webhook_backoff=(60, 120)) as standin:
        client = sdk(standin)
        session = client.v1.checkout.sessions.create(order(standin))
        client.v1.checkout.sessions.expire(session.id)
        for attempts, wait in enumerate((60, 120, 120), start=1):
            assert standin.drain()
            assert len(box.events) == attempts
            standin.control("clock", advance=wait)
        assert standin.drain()
        assert standin.report("pending") == []
    assert box.types == ["checkout.session.expired"] * 4
    assert len({event.id for event in box.events}) == 1
    assert len({header.split(",")[0] for header in box.headers}) == 4
    assert len(set(box.bodies)) == 1


def test_an_app_that_is_away_gets_its_events_when_it_is_back(standin: Standin, box: Inbox) -> None:
    standin.control("webhooks", url="http://127.0.0.1:9/")
    paid_session(standin, sdk(standin))
    wait_for(lambda: all(row["attempts"] for row in standin.report("pending")))
    assert "ConnectionRefusedError" in standin.report("pending")[0]["last_error"]
    standin.control("webhooks", url=box.url)
    wait_for(lambda: set(box.types) == PAYMENT)


def test_dropped_events_never_arrive_but_can_be_listed_and_sent_again(
    standin: Standin, box: Inbox, client: stripe.StripeClient
) -> None:
    standin.control("webhooks", mode="drop", types="checkout.session.*")
    paid_session(standin, client)
    assert standin.drain()
    assert box.types == ["payment_intent.succeeded"]
    lost = client.v1.events.list({"delivery_success": False}).data
    assert [event.type for event in lost] == ["checkout.session.completed"]
    standin.control("resend", event=lost[0].id)
    assert standin.drain()
    assert set(box.types) == PAYMENT


def test_doubled_events_arrive_twice(
    standin: Standin, box: Inbox, client: stripe.StripeClient
) -> None:
    standin.control("webhooks", mode="double")
    paid_session(standin, client)
    assert standin.drain()
    assert sorted(box.types) == sorted([*PAYMENT, *PAYMENT])
    assert len({event.id for event in box.events}) == 2


def test_reordered_events_arrive_last_first(
    standin: Standin, box: Inbox, client: stripe.StripeClient
) -> None:
    standin.control("webhooks", mode="reorder", seconds=3600)
    session = paid_session(standin, client)
    client.v1.refunds.create({"payment_intent": str(session.payment_intent)})
    time.sleep(0.3)
    assert box.events == []
    standin.control("clock", advance=3600)
    assert standin.drain()
    assert box.types == [
        "charge.refunded",
        "refund.created",
        "checkout.session.completed",
        "payment_intent.succeeded",
    ]


def test_delayed_events_arrive_when_the_clock_says_so(
    standin: Standin, box: Inbox, client: stripe.StripeClient
) -> None:
    standin.control("webhooks", mode="delay", seconds=3600)
    paid_session(standin, client)
    time.sleep(0.3)
    assert box.events == []
    assert {row["state"] for row in standin.report("pending")} == {"pending"}
    standin.control("clock", advance=3601)
    assert standin.drain()
    assert set(box.types) == PAYMENT


def test_only_the_types_that_the_app_subscribed_to_are_sent(box: Inbox) -> None:
    with start(webhook_url=box.url, webhook_events=("checkout.session.completed",)) as standin:
        paid_session(standin, sdk(standin))
        assert standin.drain()
    assert box.types == ["checkout.session.completed"]


def test_an_unknown_mode_is_refused(standin: Standin) -> None:
    with pytest.raises(Refusal, match="mode must be one of"):
        standin.control("webhooks", mode="eat")
