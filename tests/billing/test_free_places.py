"""Seats that cost nothing: Stripe never hears of them."""

import datetime as dt
from functools import partial

import pytest
import time_machine
from django.db.models import Q
from django.test import Client

from billing import checkout, codes, ledger, settlement
from billing.models import CheckoutAttempt, Payment
from billing.standing import payment_lines
from enrollment.models import Enrollment, EnrollmentMove
from outbox.tasks import deliver
from sandbox.stripe_standin.process import Standin
from sessions.models import Cohort
from tests.billing.builders import (
    a_group,
    a_seat,
    at_the_page,
    expired_and_gone,
    mails,
    now,
    paid_at_stripe,
    refreshed,
    seat_of,
)
from tests.billing.pricing import a_code, a_price
from tests.billing.test_codes import press, said
from tests.billing.test_pay_page import signed_in, url
from tests.enrollment.builders import a_cohort
from tests.enrollment.crowd import at_once
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db


def free_by(way: str) -> Enrollment:
    """A seat kept for somebody for whom it is free."""
    if way == "group":
        return a_seat(a_group(price_cents=0))
    enrollment = a_seat()
    if way == "price":
        a_price(enrollment.member, 0)
    else:
        code = a_code(percent_off=100)
        codes.redeem(whose=Q(pk=enrollment.pk), typed=code.code, now=now())
    return enrollment


@pytest.mark.parametrize("way", ["group", "price", "code"])
def test_a_free_seat_is_confirmed_without_stripe(way: str, standin: Standin) -> None:
    enrollment = free_by(way)
    client = signed_in(enrollment.member)
    page = said(client.get(url(enrollment)))
    assert "Confirm my seat" in page
    assert "no card is asked for" in page
    assert "What comes back" not in page
    reply = press(client, enrollment, 0)
    assert (reply.status_code, reply["Location"]) == (302, url(enrollment, "return/"))
    assert "Your seat is confirmed" in said(client.get(reply["Location"]))
    after = refreshed(enrollment)
    assert (after.status, after.price_cents, after.held_until) == ("active", 0, None)
    assert after.list_price_cents == (0 if way == "group" else 29_900)
    assert EnrollmentMove.objects.get(enrollment=after, target="active").reason == "Free place"
    assert standin.requests == []
    assert (CheckoutAttempt.objects.count(), Payment.objects.count()) == (0, 0)
    assert (ledger.balance(after), mails("seat-confirmed")) == (0, 1)


def test_my_group_says_that_it_is_free(standin: Standin) -> None:
    enrollment = free_by("price")
    assert [(line.label, line.amount_cents) for line in payment_lines(enrollment, now())] == [
        ("Not paid yet", 0)
    ]
    client = signed_in(enrollment.member)
    press(client, enrollment, 0)
    [line] = payment_lines(refreshed(enrollment), now())
    assert (line.label, line.amount_cents, line.detail) == (
        "Free for you",
        0,
        "A price of your own.",
    )
    page = said(client.get(f"/my/{enrollment.public_id}/"))
    assert ("Free for you" in page, "everything back" in page) == (True, False)


@pytest.mark.django_db(transaction=True)
def test_the_mail_says_that_it_is_free_and_nothing_of_a_payment(smtp_sink: SmtpSink) -> None:
    enrollment = free_by("price")
    checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    deliver()
    [mail] = smtp_sink.messages
    for kind in ("plain", "html"):
        body = mail.message.get_body((kind,))
        assert body is not None
        text = " ".join(body.get_content().split())
        assert "It is free for you: 12 sessions." in text
        assert "You paid" not in text


def test_a_second_press_confirms_it_once() -> None:
    enrollment = free_by("group")
    client = signed_in(enrollment.member)
    replies = [press(client, enrollment, 0) for _ in range(3)]
    assert {reply["Location"] for reply in replies} == {url(enrollment, "return/")}
    assert (refreshed(enrollment).status, mails("seat-confirmed")) == ("active", 1)


def test_when_the_time_is_over_a_free_seat_is_not_confirmed() -> None:
    enrollment = free_by("price")
    client = signed_in(enrollment.member)
    with time_machine.travel(now() + dt.timedelta(minutes=16)):
        press(client, enrollment, 0)
    assert refreshed(enrollment).status == "held"


def test_a_free_place_that_was_taken_back_meanwhile_is_not_given(standin: Standin) -> None:
    enrollment = a_seat()
    reply = press(signed_in(enrollment.member), enrollment, 0)
    assert (reply.status_code, "now it is $299.00" in said(reply)) == (409, True)
    assert refreshed(enrollment).status == "held"
    assert standin.requests == []


def test_a_free_place_given_while_a_payment_page_is_open_waits_for_its_end(
    standin: Standin,
) -> None:
    """Else somebody could have the seat and still be charged for it."""
    attempt = at_the_page()
    enrollment = attempt.enrollment
    a_price(enrollment.member, 0)
    assert checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now()) == attempt.checkout_url
    assert refreshed(enrollment).status == "held"


def test_money_under_review_is_never_passed_over_for_a_free_place(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    CheckoutAttempt.objects.filter(pk=attempt.pk).update(status="review")
    a_price(attempt.enrollment.member, 0)
    with pytest.raises(checkout.HoldOver):
        checkout.start_checkout(whose=Q(pk=attempt.enrollment_id), now=now())
    assert refreshed(attempt.enrollment).status == "held"


def test_late_money_for_a_seat_that_is_free_by_now_goes_back(standin: Standin) -> None:
    """An old page that was paid after all: the seat was had for nothing, the money is not ours."""
    late = expired_and_gone(standin, full=False)
    member, cohort = late.enrollment.member, late.enrollment.cohort
    a_price(member, 0)
    again = a_seat(cohort, member)
    assert checkout.start_checkout(whose=Q(pk=again.pk), now=now()) is None
    settlement.settle(attempt=late, now=now())
    payment = Payment.objects.get()
    assert payment.refund_reserved_cents == payment.amount_cents
    assert (refreshed(again).status, seat_of(again) is not None) == ("active", True)


def test_a_free_group_is_shown_as_free() -> None:
    group = a_cohort(price_cents=0, starts_at=now() + dt.timedelta(days=14))
    for page in ("/", f"/groups/{group.slug}/"):
        words = said(Client().get(page))
        assert "Free , 12 sessions" in words
        assert "$0.00" not in words
        assert "paid once" not in words
    enrollment = a_seat(group)
    assert "$" not in said(signed_in(enrollment.member).get(url(enrollment)))


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_many_presses_at_once_confirm_a_free_seat_once() -> None:
    enrollment = free_by("group")
    go = partial(checkout.start_checkout, whose=Q(pk=enrollment.pk), now=now())
    outcomes = at_once([go] * 8)
    assert outcomes.count(None) == 1
    assert {type(one).__name__ for one in outcomes if one is not None} == {"HoldOver"}
    assert EnrollmentMove.objects.filter(enrollment=enrollment, target="active").count() == 1


def test_a_seat_that_was_reserved_for_nothing_stays_so() -> None:
    enrollment = a_seat(a_group(price_cents=0))
    Cohort.objects.filter(pk=enrollment.cohort_id).update(price_cents=29_900)
    client = signed_in(enrollment.member)
    assert "$" not in said(client.get(url(enrollment)))
    press(client, enrollment, 0)
    assert refreshed(enrollment).status == "active"
