"""A seat is kept as promised, and while a page is open: nobody keeps it for ever."""

import datetime as dt

import pytest
import time_machine
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from billing import checkout, sweeps
from billing.models import CheckoutAttempt
from enrollment import services, waiting
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import CREATE, MINUTE, a_group, a_seat, now, refreshed, stripe_is_away
from tests.billing.instalments import at
from tests.enrollment.builders import a_confirmed_seat, a_place_in_line

pytestmark = pytest.mark.django_db


def an_accepted_offer() -> Enrollment:
    group = a_group(capacity=1)
    seat = a_confirmed_seat(cohort=group, now=now())
    one = a_place_in_line(cohort=group, now=now())
    services.withdraw(enrollment_id=seat.pk, actor=seat.member, reason="Left", now=now())
    one.refresh_from_db()
    waiting.accept(enrollment=one, member=one.member, now=now())
    return refreshed(one)


def open_page(one: Enrollment, when: dt.datetime) -> CheckoutAttempt:
    checkout.start_checkout(whose=Q(pk=one.pk), now=when)
    return one.attempts.get(status="open")


def close_page(standin: Standin, page: CheckoutAttempt) -> dt.datetime:
    """Its time is over, and a minute later everybody has heard of it."""
    when = at(standin, page.expires_at + MINUTE)
    sweeps.reconcile(now=when)
    sweeps.release_overdue_holds(now=when)
    assert refreshed(page).status == "expired"
    return when


def test_who_waited_cannot_keep_a_seat_by_one_page_after_the_other(standin: Standin) -> None:
    one = an_accepted_offer()
    promised = one.held_until
    assert promised is not None
    page = open_page(one, at(standin, promised - 2 * MINUTE))
    when = close_page(standin, page)
    assert refreshed(one).status == "held"  # until the margin after the page is over too
    with pytest.raises(checkout.HoldOver):
        open_page(one, when)
    one.refresh_from_db()
    assert one.held_until == page.expires_at + checkout.HOLD_MARGIN
    assert one.held_until < promised + checkout.PAGE_LIFE + checkout.HOLD_MARGIN
    sweeps.release_overdue_holds(now=at(standin, one.held_until))
    assert refreshed(one).status == "expired"


def test_within_the_promised_time_a_closed_page_is_followed_by_another(
    client: Client, standin: Standin
) -> None:
    one = an_accepted_offer()
    promised, when = one.held_until, now()
    for _ in range(checkout.MOST_PAGES):
        when = close_page(standin, open_page(one, when))
        assert refreshed(one).held_until == promised
    with time_machine.travel(when, tick=False):
        client.force_login(one.member)
        reply = client.post(reverse("billing:pay", args=[one.public_id]))
    assert reply.status_code == 409
    assert "No other payment page can be opened" in reply.content.decode()
    assert one.attempts.count() == checkout.MOST_PAGES


def test_a_page_that_closed_ends_a_hold_for_which_nobody_waited(standin: Standin) -> None:
    one = a_seat()
    when = close_page(standin, open_page(one, now()))
    assert refreshed(one).status == "expired"
    with pytest.raises(checkout.HoldOver):
        open_page(one, when)


def test_pages_that_stripe_did_not_make_keep_a_seat_only_so_often(standin: Standin) -> None:
    one, when = a_seat(), now()
    for _ in range(checkout.MOST_PAGES):
        stripe_is_away(standin, CREATE, times=3)
        with pytest.raises(checkout.CheckoutUnavailable):
            checkout.start_checkout(whose=Q(pk=one.pk), now=when)
        one.attempts.update(status="failed")
        when += 30 * MINUTE
    with pytest.raises(checkout.HoldOver):
        open_page(one, when)
    assert one.attempts.count() == checkout.MOST_PAGES
