"""Refunds when Stripe's answers are lost, broken or refused: each is made once all the same."""

import pytest
from django.test import override_settings

from billing import gateway, refunds
from billing.models import Refund
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    PRICE,
    REFUND,
    a_refund,
    calls,
    lose_the_reply,
    now,
    refreshed,
    stripe_is_away,
)
from tests.billing.test_refunds import AFTER_THE_SILENCE, deliver, reserved, submit

pytestmark = pytest.mark.django_db


def test_a_refund_whose_reply_was_lost_is_found_and_not_made_twice(standin: Standin) -> None:
    refund = a_refund(standin)
    lose_the_reply(standin, REFUND)
    assert submit() == 0
    assert (refreshed(refund).status, refund.stripe_refund_id) == ("submitted", None)
    assert submit() == 0  # not before the silence has lasted
    assert len(standin.world.store.tables["refund"]) == 1
    assert submit(AFTER_THE_SILENCE) == 1
    assert (refreshed(refund).status, reserved(refund)) == ("succeeded", PRICE)
    assert len(standin.world.store.tables["refund"]) == 1
    assert standin.books["totals"]["refunded"] == PRICE
    assert len(calls(standin, REFUND)) == 0  # the one call that took effect was never answered


def test_a_refund_made_before_a_500_is_found_and_not_made_twice(standin: Standin) -> None:
    refund = a_refund(standin, 10_000)
    standin.control("fault", route=REFUND, kind="500", when="after")
    assert submit() == 0
    assert (refreshed(refund).status, refund.idempotency_key) == (
        "submitted",
        f"{refund.uuid}:2",
    )
    assert submit(AFTER_THE_SILENCE) == 1
    assert refreshed(refund).status == "succeeded"
    assert standin.books["totals"]["refunded"] == 10_000
    assert len(standin.world.store.tables["refund"]) == 1


def test_after_a_500_without_effect_a_new_key_is_used(standin: Standin) -> None:
    refund = a_refund(standin, 10_000)
    standin.control("fault", route=REFUND, kind="500", saved=True)
    assert submit() == 0
    assert standin.books["totals"]["refunded"] == 0
    assert submit(AFTER_THE_SILENCE) == 1
    assert refreshed(refund).status == "succeeded"
    assert standin.books["totals"]["refunded"] == 10_000


def test_without_looking_first_a_new_key_would_have_paid_twice(standin: Standin) -> None:
    """The control of the test above it: the new key alone makes a second refund."""
    refund = a_refund(standin, 10_000)
    standin.control("fault", route=REFUND, kind="500", when="after")
    submit()
    assert refund.payment.stripe_payment_intent_id
    gateway.create_refund(
        payment_intent_id=refund.payment.stripe_payment_intent_id,
        amount_cents=refund.amount_cents,
        reference=refund.uuid,
        key=refreshed(refund).idempotency_key,
    )
    assert standin.books["totals"]["refunded"] == 20_000


def test_the_event_settles_a_refund_whose_reply_was_lost(standin: Standin) -> None:
    refund = a_refund(standin)
    lose_the_reply(standin, REFUND)
    submit()
    deliver(standin, "refund.created")
    assert (refreshed(refund).status, refund.stripe_refund_id is not None) == ("succeeded", True)
    assert submit(AFTER_THE_SILENCE) == 0


def test_while_stripe_is_away_a_sweep_stops_and_the_next_goes_on(standin: Standin) -> None:
    made = [a_refund(standin) for _ in range(3)]
    standin.forget_requests()
    stripe_is_away(standin)
    assert submit() == 0
    assert len(standin.requests) == 3  # one refund, tried three times
    standin.control("clear_faults")
    assert submit() == 2
    assert submit(AFTER_THE_SILENCE) == 1
    assert {refreshed(refund).status for refund in made} == {"succeeded"}


def test_a_wrong_key_of_ours_fails_no_refund(standin: Standin) -> None:
    """Money that is owed must not be given up because a setting was wrong for an hour."""
    refund = a_refund(standin)
    with override_settings(STRIPE_SECRET_KEY="sk_test_rotated"):
        assert submit() == 0
    assert (refreshed(refund).status, reserved(refund)) == ("submitted", PRICE)
    assert submit(AFTER_THE_SILENCE) == 1
    assert standin.books["totals"]["refunded"] == PRICE


def test_a_worker_that_died_after_its_claim_is_followed_by_another(standin: Standin) -> None:
    refund = a_refund(standin)
    Refund.objects.update(status="submitted", submitted_at=now())
    assert submit() == 0
    assert submit(AFTER_THE_SILENCE) == 1
    assert standin.books["totals"]["refunded"] == PRICE
    assert refreshed(refund).status == "succeeded"


def test_a_claim_that_somebody_else_made_is_left_alone(standin: Standin) -> None:
    refund = a_refund(standin)
    stale = Refund.objects.select_related("payment").get(pk=refund.pk)
    submit()
    standin.forget_requests()
    refunds.submit_refund(refund=stale, now=now())
    assert standin.requests == []
