"""A page that gave way to another way of paying, and can still be paid."""

import datetime as dt

import pytest
from django.db.models import Q

from billing import checkout, codes, prices, sweeps
from billing.models import CheckoutAttempt
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    AFTER_THE_HOLD,
    CREATE,
    MINUTE,
    PRICE,
    RETRIEVE,
    a_group,
    a_seat,
    at_the_page,
    calls,
    lose_the_reply,
    now,
    refreshed,
)
from tests.billing.pricing import a_code, a_price

pytestmark = pytest.mark.django_db
IN_PARTS = checkout.Choice(in_parts=True)


def press(enrollment: Enrollment, choice: checkout.Choice = checkout.IN_FULL) -> None:
    checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now(), choice=choice)


def a_replaced_page(standin: Standin, kind: str) -> Enrollment:
    """A page is open; the one for three parts that was to follow it has come to nothing."""
    enrollment = a_seat(a_group())
    at_the_page(enrollment)
    if kind == "reset":
        lose_the_reply(standin, CREATE)
    else:
        standin.control("fault", route=CREATE, kind=kind, when="after", saved=True)
    with pytest.raises(checkout.CheckoutUnavailable):
        press(enrollment, IN_PARTS)
    standin.control("clear_faults")
    return refreshed(enrollment)


def test_the_price_stands_while_an_earlier_page_can_be_paid(standin: Standin) -> None:
    enrollment = a_replaced_page(standin, "500")
    a_price(enrollment.member, 9_900)
    with pytest.raises(codes.PageIsOpen):
        codes.redeem(whose=Q(pk=enrollment.pk), typed=str(a_code()), now=now())
    assert prices.standing_price(enrollment, now()).cents == PRICE
    press(enrollment)
    assert refreshed(enrollment).price_cents == PRICE
    assert {one.amount_cents for one in enrollment.attempts.filter(calendar__isnull=True)} == {
        PRICE
    }
    first = enrollment.attempts.order_by("pk")[0]
    standin.control("pay", session=first.stripe_session_id)
    sweeps.reconcile(now=now() + 3 * MINUTE)
    paid = refreshed(enrollment)
    assert (paid.status, paid.price_cents) == ("active", PRICE)
    assert paid.payments.get().amount_cents == PRICE


def test_no_free_place_comes_beside_a_page_that_can_be_paid(standin: Standin) -> None:
    enrollment = a_replaced_page(standin, "500")
    a_price(enrollment.member, 0)
    press(enrollment)
    assert (refreshed(enrollment).status, refreshed(enrollment).price_cents) == ("held", PRICE)


def test_once_it_has_run_out_the_price_may_change(standin: Standin) -> None:
    enrollment = a_replaced_page(standin, "500")
    a_price(enrollment.member, 9_900)
    later = now() + checkout.PAGE_LIFE + MINUTE
    assert prices.standing_price(enrollment, later).cents == 9_900


def test_a_page_that_nobody_was_given_ends_when_another_was_paid(standin: Standin) -> None:
    enrollment = a_replaced_page(standin, "reset")
    first, lost = enrollment.attempts.order_by("pk")
    assert (lost.status, lost.stripe_session_id) == ("open", None)
    standin.control("pay", session=first.stripe_session_id)
    sweeps.reconcile(now=now() + 3 * MINUTE)
    assert refreshed(enrollment).status == "active"
    assert refreshed(lost).status == "open"  # its time is not over
    sweeps.reconcile(now=now() + AFTER_THE_HOLD)
    assert (refreshed(lost).status, refreshed(lost).checkout_url) == ("failed", "")


def test_a_page_that_nobody_was_given_keeps_its_seat_until_stripe_has_spoken(
    standin: Standin,
) -> None:
    enrollment = a_replaced_page(standin, "reset")
    lost = enrollment.attempts.get(status="open")
    later = now() + checkout.PAGE_LIFE + MINUTE  # the hold is longer
    sweeps.reconcile(now=later)
    assert (refreshed(lost).status, refreshed(enrollment).status) == ("open", "held")


def an_earlier_page_beside_a_bought_seat(standin: Standin) -> CheckoutAttempt:
    """Its own, for the whole: it can still be paid, though three parts were chosen and begun."""
    enrollment = a_seat(a_group())
    at_the_page(enrollment)
    press(enrollment, IN_PARTS)
    first, second = enrollment.attempts.order_by("pk")
    standin.control("pay", session=second.stripe_session_id)
    sweeps.reconcile(now=now() + 3 * MINUTE)
    assert (refreshed(enrollment).status, refreshed(second).status) == ("active", "paid")
    return first


@pytest.mark.parametrize(
    ("outcome", "later"), [("paid", dt.timedelta(hours=4)), ("async", dt.timedelta(days=4))]
)
def test_what_is_paid_on_an_earlier_page_goes_back_however_late_we_hear_of_it(
    standin: Standin, outcome: str, later: dt.timedelta
) -> None:
    """No event came, and it is longer ago than the sweep for paid pages looks."""
    first = an_earlier_page_beside_a_bought_seat(standin)
    standin.control("pay", session=first.stripe_session_id, outcome=outcome)
    if outcome == "async":
        sweeps.reconcile(now=now() + 6 * MINUTE)
        assert refreshed(first).status == "expired"
        standin.control("settle", session=first.stripe_session_id, paid=True)
    sweeps.reconcile(now=now() + later)
    assert refreshed(first).status == "paid"
    assert [(one.amount_cents, one.reason) for one in first.payment.refunds.all()] == [
        (PRICE, "twice")
    ]


def test_an_earlier_page_is_asked_for_until_it_has_closed(standin: Standin) -> None:
    first = an_earlier_page_beside_a_bought_seat(standin)
    asked = len(calls(standin, RETRIEVE))
    sweeps.reconcile(now=now() + 6 * MINUTE)
    assert len(calls(standin, RETRIEVE)) == asked + 1
    standin.control("clock", advance=40 * 60)
    for _ in range(2):
        sweeps.reconcile(now=now() + 40 * MINUTE)
    assert len(calls(standin, RETRIEVE)) == asked + 2
    assert (refreshed(first).status, refreshed(first).checkout_url) == ("expired", "")
