"""Back from Stripe: "confirming" until the truth is known, and then the truth."""

import datetime as dt

import pytest
import time_machine
from django.db.models import Q
from django.http import HttpResponse
from django.test import override_settings
from django.urls import reverse

from billing import checkout, settlement, sweeps
from billing.models import Payment
from billing.views import paying
from billing.views.paying import BETWEEN_QUESTIONS
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    CREATE,
    RETRIEVE,
    a_payment,
    a_seat,
    at_the_page,
    calls,
    expired_and_gone,
    mails,
    now,
    paid_at_stripe,
    refreshed,
    stripe_is_away,
)
from tests.billing.test_pay_page import signed_in, url

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def read(enrollment: Enrollment, **headers: str) -> HttpResponse:
    client = signed_in(enrollment.member)
    reply = client.get(url(enrollment, "return/"), headers=headers)
    assert isinstance(reply, HttpResponse)
    return reply


def words(reply: HttpResponse) -> str:
    return " ".join(reply.content.decode().split())


def a_moment_later() -> time_machine.travel:
    """When a waiting page may ask Stripe again."""
    return time_machine.travel(now() + BETWEEN_QUESTIONS)


def test_a_refund_that_failed_is_said_to_be_looked_at(standin: Standin) -> None:
    attempt = expired_and_gone(standin, full=True)
    standin.control("next_refund", outcome="failed")
    settlement.settle(attempt=attempt, now=now())
    sweeps.submit_open_refunds(now=now())
    page = words(read(attempt.enrollment))
    assert "We could not send your money back yet" in page


# --- Confirmed --------------------------------------------------------------------------


def test_it_asks_stripe_and_confirms_without_waiting_for_the_webhook(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    reply = read(attempt.enrollment)
    assert reply.status_code == 200
    assert "Your seat is confirmed" in words(reply)
    assert (refreshed(attempt).status, Payment.objects.count()) == ("paid", 1)
    assert mails("seat-confirmed") == 1


def test_reading_it_again_asks_stripe_no_more(standin: Standin) -> None:
    enrollment = a_payment(standin).enrollment
    standin.forget_requests()
    assert "Your seat is confirmed" in words(read(enrollment))
    assert standin.requests == []


def test_the_confirmation_names_the_sessions_and_the_calendar(standin: Standin) -> None:
    enrollment = a_payment(standin).enrollment
    page = words(read(enrollment))
    assert reverse("enrollment:calendar", args=[enrollment.public_id]) in page
    assert enrollment.member.email in page
    assert "meet.jit.si" not in page
    assert enrollment.door_token not in page


# --- Confirming -------------------------------------------------------------------------


def test_while_stripe_is_away_it_says_confirming(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    stripe_is_away(standin, RETRIEVE, times=3)
    reply = read(attempt.enrollment)
    assert reply.status_code == 200
    assert "Confirming your payment" in words(reply)
    assert refreshed(attempt).status == "open"
    with a_moment_later():
        assert "Your seat is confirmed" in words(read(attempt.enrollment))


def test_however_many_pages_wait_stripe_is_asked_every_few_seconds(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    stripe_is_away(standin, RETRIEVE, times=3)
    for _ in range(4):
        assert "Confirming your payment" in words(read(attempt.enrollment))
    assert len([row for row in standin.requests if row["route"] == RETRIEVE]) == 3


def test_confirming_asks_again_by_itself_with_and_without_scripts(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    stripe_is_away(standin, RETRIEVE, times=3)
    page = words(read(attempt.enrollment))
    assert f'hx-get="{url(attempt.enrollment, "return/")}" hx-trigger="every 2s"' in page
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page


def test_a_poll_gets_the_fragment_alone_until_the_truth_is_known(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    stripe_is_away(standin, RETRIEVE, times=3)
    waiting = read(attempt.enrollment, **HTMX)
    assert waiting.content.decode().lstrip().startswith('<div id="confirming"')
    assert "HX-Redirect" not in waiting.headers
    with a_moment_later():
        known = read(attempt.enrollment, **HTMX)
    assert known["HX-Redirect"] == url(attempt.enrollment, "return/")
    assert refreshed(attempt.enrollment).status == "active"


# --- Nothing to wait for ----------------------------------------------------------------


def test_whoever_has_not_paid_yet_is_led_back_to_the_page_that_takes_money(
    standin: Standin,
) -> None:
    attempt = at_the_page()
    assert read(attempt.enrollment)["Location"] == url(attempt.enrollment)
    with a_moment_later():
        assert read(attempt.enrollment, **HTMX)["HX-Redirect"] == url(attempt.enrollment)


def test_without_an_attempt_there_is_nothing_to_confirm(standin: Standin) -> None:
    enrollment = a_seat()
    assert read(enrollment)["Location"] == url(enrollment)
    assert standin.requests == []


def test_a_hold_that_ended_without_an_attempt_ends_here(standin: Standin) -> None:
    enrollment = a_seat()
    with time_machine.travel(now() + dt.timedelta(minutes=16)):
        reply = read(enrollment)
    assert "Your seat went back to the group" in words(reply)
    assert refreshed(enrollment).status == "expired"
    assert mails("hold-expired") == 1


def test_a_page_that_expired_frees_the_seat_and_says_so(standin: Standin) -> None:
    attempt = at_the_page()
    standin.control("clock", advance=32 * 60)
    page = words(read(attempt.enrollment))
    assert "Your seat went back to the group" in page
    assert "your card was not charged" in page
    assert "hx-get" not in page
    assert refreshed(attempt.enrollment).status == "expired"


# --- Review, late, left -----------------------------------------------------------------


@override_settings(STRIPE_LIVE_MODE=True)
def test_money_that_does_not_match_is_said_to_be_looked_at(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    page = words(read(attempt.enrollment))
    assert "We are checking your payment" in page
    assert "hx-get" not in page
    assert refreshed(attempt).status == "review"


def test_a_late_payer_reads_that_the_money_goes_back(standin: Standin) -> None:
    attempt = expired_and_gone(standin, full=True)
    settlement.settle(attempt=attempt, now=now())
    page = words(read(attempt.enrollment))
    assert "Your money is on its way back" in page
    assert "hx-get" not in page


@pytest.mark.parametrize("status", ["withdrawn", "cancelled", "suspended"])
def test_who_has_left_is_not_told_that_no_payment_arrived(standin: Standin, status: str) -> None:
    enrollment = a_payment(standin).enrollment
    enrollment.status = status
    enrollment.save(update_fields=["status"])
    assert read(enrollment)["Location"] == f"/my/{enrollment.public_id}/"
    pay = signed_in(enrollment.member).get(url(enrollment), follow=True)
    assert [to for to, _ in pay.redirect_chain] == [
        url(enrollment, "return/"),
        f"/my/{enrollment.public_id}/",
    ]


def test_an_attempt_without_an_id_waits_for_the_sweep(standin: Standin) -> None:
    enrollment = a_seat()
    stripe_is_away(standin, CREATE, times=3)
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    assert "Confirming your payment" in words(read(enrollment))
    assert calls(standin, RETRIEVE) == []


def test_it_is_only_read(standin: Standin) -> None:
    enrollment = a_seat()
    client = signed_in(enrollment.member)
    assert client.post(url(enrollment, "return/")).status_code == 405


def test_a_page_that_the_webhook_overtakes_says_confirmed_and_never_lost(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker settles between the page's look at the seat and its look at the attempt."""
    attempt = paid_at_stripe(standin)
    look = paying.went_through

    def overtaken(enrollment: Enrollment) -> bool:
        settlement.settle(attempt=attempt, now=now())
        return look(enrollment)

    monkeypatch.setattr(paying, "went_through", overtaken)
    assert "Your seat is confirmed" in words(read(attempt.enrollment))
