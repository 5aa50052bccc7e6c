"""Stripe's webhook: what is signed is stored before anything else; the rest leaves no trace."""

import datetime as dt
import json
import time
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.test import Client, override_settings

from billing import events, gateway, sweeps, tasks
from billing.models import Payment, StripeEvent
from outbox import broker
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    mails,
    now,
    paid_at_stripe,
    post_event,
    refreshed,
    signed,
)

URL = "/webhooks/stripe/"
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "customer.created",
    "livemode": False,
    "data": {"object": {"id": "cus_1", "object": "customer"}},
}


def post(body: str, signature: str | None) -> int:
    headers = {} if signature is None else {"Stripe-Signature": signature}
    client = Client(enforce_csrf_checks=True)
    return client.post(URL, body, content_type="application/json", headers=headers).status_code


# --- What is stored ---------------------------------------------------------------------


@pytest.mark.django_db
def test_a_signed_event_is_stored_and_answered_with_200() -> None:
    assert post_event(EVENT) == 200
    stored = StripeEvent.objects.get()
    assert (stored.event_id, stored.type, stored.status) == ("evt_1", "customer.created", "stored")
    assert stored.payload == {"data": EVENT["data"]}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("type", "stored"),
    [
        ("payment_intent.succeeded", 0),
        ("payment_intent.payment_failed", 0),
        ("charge.succeeded", 0),
        ("charge.refunded", 1),
        ("charge.refund.updated", 1),
        ("charge.dispute.created", 1),
        ("checkout.session.completed", 1),
        ("refund.failed", 1),
        ("a.type.to.come", 1),
    ],
)
def test_what_a_payments_page_tells_anyway_is_answered_with_200_and_forgotten(
    type: str, stored: int, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as waiting:
        assert post_event({**EVENT, "type": type}) == 200
    assert (StripeEvent.objects.count(), len(waiting)) == (stored, stored)


@pytest.mark.django_db
def test_storing_says_what_is_new() -> None:
    body, signature = signed(EVENT)
    facts = gateway.read_event(body=body.encode(), signature=signature)
    first = events.store_event(facts=facts, now=now())
    assert first == StripeEvent.objects.get().pk
    assert events.store_event(facts=facts, now=now()) is None


@pytest.mark.django_db
def test_of_an_event_only_what_leads_to_its_object_is_kept() -> None:
    subject = {
        "id": "cs_1",
        "object": "checkout.session",
        "client_reference_id": "7d9ee9a8",
        "metadata": {"attempt": "7d9ee9a8"},
        "customer_details": {"email": "sam@example.org", "name": "Sam Rivers"},
    }
    assert post_event({**EVENT, "data": {"object": subject}}) == 200
    del subject["customer_details"]
    assert StripeEvent.objects.get().payload == {"data": {"object": subject}}


@pytest.mark.django_db
def test_the_reply_comes_before_anything_is_done_about_the_event(
    standin: Standin, django_capture_on_commit_callbacks: Any
) -> None:
    attempt = paid_at_stripe(standin)
    standin.forget_requests()
    with django_capture_on_commit_callbacks() as waiting:
        assert post_event(standin.events("checkout.session.completed")[0]) == 200
    assert len(waiting) == 1
    assert standin.requests == []
    assert refreshed(attempt).status == "open"


@pytest.mark.django_db
def test_the_same_event_again_is_answered_with_200_and_stored_once() -> None:
    body, signature = signed(EVENT)
    assert [post(body, signature), post(body, signature), post_event(EVENT)] == [200, 200, 200]
    assert StripeEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_when_200_is_said_another_connection_sees_the_event() -> None:
    """The reply never comes before the commit: nothing of the request is left to roll back."""
    assert post_event(EVENT) == 200
    connection.close()
    assert StripeEvent.objects.count() == 1


@pytest.mark.django_db
def test_an_event_that_could_not_be_stored_is_not_answered_with_200(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(**kwargs: Any) -> bool:
        raise DatabaseError("The disk is full.")

    monkeypatch.setattr(events, "store_event", refuse)
    body, signature = signed(EVENT)
    client = Client(raise_request_exception=False)
    reply = client.post(
        URL, body, content_type="application/json", headers={"Stripe-Signature": signature}
    )
    assert reply.status_code == 500


# --- What is refused --------------------------------------------------------------------


def refusals() -> dict[str, tuple[str, str | None]]:
    body, good = signed(EVENT)
    old = time.time() - 301
    return {
        "forged": (body, signed(EVENT, secret="whsec_guessed")[1]),
        "altered": (body.replace("cus_1", "cus_2"), good),
        "without a signature": (body, None),
        "with an empty signature": (body, ""),
        "with a signature that is none": (body, "t=now,v1=abc"),
        "replayed after five minutes": (body, signed(EVENT, at=old)[1]),
        "old, with a new timestamp": (
            body,
            f"t={int(time.time())},{signed(EVENT, at=old)[1].split(',', 1)[1]}",
        ),
        "signed, but no JSON": ("{", None),
    }


@pytest.mark.django_db
@pytest.mark.parametrize("what", refusals())
def test_refused_with_400_and_nothing_stored(what: str) -> None:
    body, signature = refusals()[what]
    assert post(body, signature) == 400
    assert StripeEvent.objects.count() == 0


@pytest.mark.django_db
def test_the_same_old_signature_was_good_within_five_minutes() -> None:
    body, signature = signed(EVENT, at=time.time() - 290)
    assert post(body, signature) == 200


@pytest.mark.django_db
def test_the_age_is_judged_when_the_event_arrives() -> None:
    body, signature = signed(EVENT)
    with time_machine.travel(now() + dt.timedelta(seconds=302)):
        assert post(body, signature) == 400
    assert StripeEvent.objects.count() == 0


@pytest.mark.django_db
def test_bytes_that_are_no_text_are_refused() -> None:
    reply = Client().post(
        URL, b"\xff\xfe", content_type="application/json", headers={"Stripe-Signature": "t=1,v1=a"}
    )
    assert reply.status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_only_post_is_answered(method: str) -> None:
    assert getattr(Client(), method)(URL).status_code == 405


@override_settings(STRIPE_WEBHOOK_SECRET="")
def test_without_a_secret_nothing_is_taken_for_signed() -> None:
    with pytest.raises((ValueError, gateway.BadSignature)):
        gateway.read_event(body=json.dumps(EVENT).encode(), signature="t=1,v1=")


# --- From the webhook to the effect -----------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_worker_applies_what_the_webhook_stored(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    assert post_event(standin.events("checkout.session.completed")[0]) == 200
    tasks.apply_event(StripeEvent.objects.get().pk)
    assert (refreshed(attempt).status, StripeEvent.objects.get().status) == ("paid", "applied")


@pytest.mark.django_db(transaction=True)
def test_an_event_that_the_broker_lost_is_found_by_the_sweep(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[str] = []

    def lose(task: Any, **kwargs: Any) -> bool:
        lost.append(task.name)
        return False

    monkeypatch.setattr(broker, "kick_now", lose)
    attempt = paid_at_stripe(standin)
    assert post_event(standin.events("checkout.session.completed")[0]) == 200
    assert lost == ["billing.tasks.apply_event"]
    assert refreshed(attempt).status == "open"
    assert sweeps.apply_stored_events(now=now()) == 1
    assert (refreshed(attempt).status, Payment.objects.count()) == ("paid", 1)
    assert mails("seat-confirmed") == 1


@pytest.mark.django_db(transaction=True)
def test_with_the_broker_away_the_webhook_still_says_200() -> None:
    with override_settings(CELERY_BROKER_URL="redis://127.0.0.1:1/0"):
        assert post_event(EVENT) == 200
    assert StripeEvent.objects.count() == 1
