"""Going to the payment page: one page for each attempt, whatever happens on the way."""

import datetime as dt

import pytest
import stripe
from django.db import transaction
from django.db.models import Q
from django.test import override_settings

from billing import checkout, settlement
from billing.models import CheckoutAttempt
from enrollment import services as enrollment_services
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    CREATE,
    MINUTE,
    PRICE,
    a_seat,
    at_the_page,
    calls,
    lose_the_reply,
    now,
    paid_at_stripe,
    refreshed,
    stripe_is_away,
)

pytestmark = pytest.mark.django_db


def test_the_attempt_freezes_the_parameters_that_stripe_gets(standin: Standin) -> None:
    enrollment = a_seat()
    at = now().replace(microsecond=0)
    url = checkout.start_checkout(whose=Q(pk=enrollment.pk), now=at)
    attempt = enrollment.attempts.get()
    page = standin.world.store.get("checkout.session", attempt.stripe_session_id or "")
    assert url == page["url"] == attempt.checkout_url
    assert attempt.params == {
        "mode": "payment",
        "ui_mode": "hosted_page",
        "submit_type": "book",
        "allowed_payment_method_types": ["card"],
        "adaptive_pricing": {"enabled": False},
        "client_reference_id": str(attempt.uuid),
        "metadata": {"attempt": str(attempt.uuid)},
        "payment_intent_data": {"metadata": {"attempt": str(attempt.uuid)}},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "usd",
                    "unit_amount": PRICE,
                    "product_data": {"name": "12-week program"},
                },
            }
        ],
        "expires_at": int((at + 31 * MINUTE).timestamp()),
        "success_url": f"http://testserver/pay/{enrollment.public_id}/return/",
        "cancel_url": f"http://testserver/pay/{enrollment.public_id}/?back=1",
    }
    [request] = calls(standin, CREATE)
    assert request["headers"]["idempotency-key"] == str(attempt.uuid)
    assert (page["amount_total"], page["expires_at"]) == (PRICE, attempt.params["expires_at"])


def test_the_hold_outlives_the_page(standin: Standin) -> None:
    enrollment = a_seat()
    at = now()
    checkout.start_checkout(whose=Q(pk=enrollment.pk), now=at)
    assert enrollment.attempts.get().expires_at == at + 31 * MINUTE
    assert refreshed(enrollment).held_until == at + 36 * MINUTE


def test_a_second_press_leads_to_the_same_page(standin: Standin) -> None:
    enrollment = a_seat()
    first = checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    second = checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now() + MINUTE)
    assert second == first
    assert CheckoutAttempt.objects.count() == 1
    assert standin.books["sessions"] == {"open": 1}


def test_the_sdk_itself_gets_over_one_lost_reply(standin: Standin) -> None:
    standin.control("fault", route=CREATE, kind="reset", when="after")
    attempt = at_the_page()
    assert attempt.checkout_url != ""
    assert standin.books["sessions"] == {"open": 1}


def test_after_a_lost_reply_the_next_press_finds_the_same_page(standin: Standin) -> None:
    enrollment = a_seat()
    lose_the_reply(standin, CREATE)
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    attempt = enrollment.attempts.get()
    assert (attempt.status, attempt.stripe_session_id) == ("open", None)
    url = checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    assert standin.books["sessions"] == {"open": 1}
    assert refreshed(attempt).checkout_url == url
    assert enrollment.attempts.count() == 1


@pytest.mark.parametrize("kind", ["reset", "429"])
def test_while_stripe_is_away_the_attempt_waits(standin: Standin, kind: str) -> None:
    enrollment = a_seat()
    standin.control("fault", route=CREATE, kind=kind, times=3)
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    assert enrollment.attempts.get().status == "open"
    standin.control("clear_faults")
    assert checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now()) != ""
    assert standin.books["sessions"] == {"open": 1}


def test_an_attempt_that_has_grown_too_old_for_stripe_gives_way_to_a_new_one(
    standin: Standin,
) -> None:
    enrollment = a_seat()
    stripe_is_away(standin, CREATE, times=3)
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    standin.control("clock", advance=180)  # 28 minutes are left: less than Stripe asks for
    later = now() + 3 * MINUTE
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=later)
    assert checkout.start_checkout(whose=Q(pk=enrollment.pk), now=later) != ""
    assert [one.status for one in enrollment.attempts.order_by("pk")] == ["failed", "open"]
    assert refreshed(enrollment).held_until == later + 36 * MINUTE


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_500_ends_the_attempt_and_the_next_press_makes_a_new_one(
    standin: Standin, when: str
) -> None:
    enrollment = a_seat()
    standin.control("fault", route=CREATE, kind="500", when=when, saved=True)
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    failed = enrollment.attempts.get()
    assert (failed.status, failed.checkout_url) == ("failed", "")
    url = checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    assert [a.status for a in enrollment.attempts.order_by("pk")] == ["failed", "open"]
    assert enrollment.attempts.get(status="open").checkout_url == url


def test_a_refusal_ends_the_attempt_and_says_why(standin: Standin) -> None:
    enrollment = a_seat()
    # A page that would close in less than half an hour is refused.
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now() - 5 * MINUTE)
    failed = enrollment.attempts.get()
    assert failed.status == "failed"
    assert failed.note.startswith("InvalidRequestError")


def test_a_key_that_stripe_does_not_know_is_an_outage_and_no_refusal(standin: Standin) -> None:
    enrollment = a_seat()
    with (
        override_settings(STRIPE_SECRET_KEY="sk_test_somebody_else"),
        pytest.raises(checkout.CheckoutUnavailable),
    ):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    assert enrollment.attempts.get().status == "open"
    assert checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now()) != ""


def test_a_hold_that_is_over_makes_no_attempt(standin: Standin) -> None:
    enrollment = a_seat()
    late = now() + enrollment_services.HOLD
    with pytest.raises(checkout.HoldOver):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=late)
    assert CheckoutAttempt.objects.count() == 0
    assert standin.requests == []


def test_nobody_is_sent_to_a_page_that_has_closed(standin: Standin) -> None:
    attempt = at_the_page()
    closed = attempt.expires_at
    with pytest.raises(checkout.HoldOver):
        checkout.start_checkout(whose=Q(pk=attempt.enrollment_id), now=closed)
    before = closed - dt.timedelta(seconds=1)
    assert checkout.start_checkout(whose=Q(pk=attempt.enrollment_id), now=before) != ""


def test_a_released_seat_makes_no_attempt(standin: Standin) -> None:
    enrollment = a_seat()
    enrollment_services.expire_hold(
        enrollment_id=enrollment.pk, now=now(), reason="Over", overdue_only=False
    )
    with pytest.raises(checkout.HoldOver):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    assert CheckoutAttempt.objects.count() == 0


@override_settings(STRIPE_LIVE_MODE=True)
def test_while_money_is_in_review_nobody_pays_again(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    settlement.settle(attempt=attempt, now=now())
    assert refreshed(attempt).status == "review"
    with pytest.raises(checkout.HoldOver):
        checkout.start_checkout(whose=Q(pk=attempt.enrollment_id), now=now())
    assert CheckoutAttempt.objects.count() == 1


def test_a_review_counts_also_beside_an_open_attempt(standin: Standin) -> None:
    attempt = at_the_page()
    CheckoutAttempt.objects.create(
        enrollment_id=attempt.enrollment_id,
        status="review",
        amount_cents=PRICE,
        currency="usd",
        params={},
        created_at=now(),
        expires_at=now(),
    )
    with pytest.raises(checkout.HoldOver):
        checkout.start_checkout(whose=Q(pk=attempt.enrollment_id), now=now())


def test_stripe_is_never_called_inside_a_transaction(standin: Standin) -> None:
    enrollment = a_seat()
    with pytest.raises(RuntimeError, match="inside a database transaction"), transaction.atomic():
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    assert standin.requests == []
    assert CheckoutAttempt.objects.count() == 0


def test_the_prorated_price_is_what_stripe_asks_for(standin: Standin) -> None:
    enrollment = a_seat()
    enrollment.price_cents = 19_936
    enrollment.save(update_fields=["price_cents"])
    attempt = at_the_page(enrollment)
    page = standin.world.store.get("checkout.session", attempt.stripe_session_id or "")
    assert (attempt.amount_cents, page["amount_total"]) == (19_936, 19_936)


def test_an_attempt_that_ended_meanwhile_gives_nobody_its_page(standin: Standin) -> None:
    enrollment = a_seat()
    stripe_is_away(standin, CREATE, times=3)
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    attempt = enrollment.attempts.get()
    CheckoutAttempt.objects.update(status="failed")
    with pytest.raises(checkout.CheckoutUnavailable, match="has ended"):
        checkout.create_page(attempt=attempt)
    assert refreshed(attempt).stripe_session_id is None


def test_a_500_does_not_end_an_attempt_whose_page_somebody_else_has(standin: Standin) -> None:
    """Two presses at once: one got the page, the other a 500."""
    attempt = at_the_page()
    standin.control("fault", route=CREATE, kind="500", times=3)
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.create_page(attempt=attempt)
    assert refreshed(attempt).status == "open"


def test_the_sdk_sends_no_telemetry() -> None:
    assert stripe.enable_telemetry is False
