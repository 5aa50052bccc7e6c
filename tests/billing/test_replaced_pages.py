"""A page that gave way to another way of paying, and can still be paid."""

import pytest
from django.db.models import Q

from billing import checkout, codes, prices, sweeps
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    AFTER_THE_HOLD,
    CREATE,
    MINUTE,
    PRICE,
    a_group,
    a_seat,
    at_the_page,
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
