"""The stand-in sends its webhooks itself, over HTTP: dropped, doubled, turned round, delayed.

Whatever becomes of them, the end is the same as on a good day.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings, live_server_helper

from billing import sweeps
from billing.models import Payment, Refund, StripeEvent
from sandbox.stripe_standin.process import Standin, start
from tests.billing.builders import (
    MINUTE,
    PRICE,
    a_seat,
    at_the_page,
    mails,
    now,
    refreshed,
    stripe_is_away,
)
from tests.billing.privacy import leaks

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = 3600


@pytest.fixture
def sender(live_server: live_server_helper.LiveServer, settings: Settings) -> Iterator[Standin]:
    """A stand-in that knows the address of our webhook."""
    url = f"{live_server.url}/webhooks/stripe/"
    with start(webhook_url=url, webhook_backoff=(0.05, 0.1)) as running:
        settings.STRIPE_API_BASE = running.url
        yield running
        assert leaks(running.requests) == []


def a_minute_and_ten() -> None:
    """What beat would ask for by now."""
    later = now() + 3 * MINUTE
    sweeps.apply_stored_events(now=later)
    sweeps.reconcile(now=later)
    sweeps.submit_open_refunds(now=later)


MODES: dict[str, dict[str, Any]] = {
    "normal": {"mode": "normal"},
    "dropped": {"mode": "drop"},
    "doubled": {"mode": "double"},
    "turned round": {"mode": "reorder", "seconds": HOUR},
    "an hour late": {"mode": "delay", "seconds": HOUR},
}


@pytest.mark.parametrize("mode", MODES)
def test_a_day_on_which_webhooks_are(sender: Standin, mode: str) -> None:
    sender.control("webhooks", **MODES[mode])
    paid, slow, refused = at_the_page(), at_the_page(), at_the_page()
    sender.control("pay", session=paid.stripe_session_id)
    sender.control("pay", session=slow.stripe_session_id, outcome="async")
    sender.control("settle", session=slow.stripe_session_id, paid=True)
    sender.control("pay", session=refused.stripe_session_id, outcome="async")
    sender.control("settle", session=refused.stripe_session_id, paid=False)
    a_minute_and_ten()
    if mode == "an hour late":
        sender.control("clock", advance=HOUR)
    sender.control("webhooks", mode="normal")  # lets go of those that were held back
    assert sender.drain()
    a_minute_and_ten()
    assert [refreshed(one.enrollment).status for one in (paid, slow, refused)] == [
        "active",
        "active",
        "expired",
    ]
    assert sorted(Payment.objects.values_list("attempt_id", "amount_cents")) == [
        (paid.pk, PRICE),
        (slow.pk, PRICE),
    ]
    assert sender.books["totals"]["charged"] == 2 * PRICE
    assert (mails("seat-confirmed"), mails("hold-expired"), Refund.objects.count()) == (2, 1, 0)
    assert StripeEvent.objects.filter(status="stored").count() == 0
    assert (StripeEvent.objects.count() == 0) == (mode == "dropped")


def test_each_event_arrives_signed_and_is_stored_once(sender: Standin) -> None:
    sender.control("webhooks", mode="double")
    attempt = at_the_page()
    sender.control("pay", session=attempt.stripe_session_id)
    assert sender.drain()
    completed = StripeEvent.objects.filter(type="checkout.session.completed")
    assert [event.payload["data"]["object"]["id"] for event in completed] == [
        attempt.stripe_session_id
    ]
    assert {row["last_status"] for row in sender.report("deliveries")} == {200}


def test_a_webhook_with_the_wrong_secret_is_never_taken(
    live_server: live_server_helper.LiveServer, settings: Settings
) -> None:
    url = f"{live_server.url}/webhooks/stripe/"
    with start(webhook_url=url, webhook_secret="whsec_other") as running:
        settings.STRIPE_API_BASE = running.url
        attempt = at_the_page(a_seat())
        running.control("pay", session=attempt.stripe_session_id)
        running.drain()
        assert {row["last_status"] for row in running.report("deliveries")} == {400}
    assert StripeEvent.objects.count() == 0


def test_while_stripe_answers_nothing_its_webhooks_are_still_taken(sender: Standin) -> None:
    attempt = at_the_page()
    sender.control("pay", session=attempt.stripe_session_id)
    stripe_is_away(sender)
    assert sender.drain()
    sweeps.apply_stored_events(now=now())
    assert refreshed(attempt).status == "open"
    sender.control("clear_faults")
    sweeps.apply_stored_events(now=now())
    assert refreshed(attempt).status == "paid"
