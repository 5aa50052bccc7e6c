"""The last page before Stripe's."""

import datetime as dt

import pytest
import time_machine
from django.test import Client

from accounts.clock import time_of_day
from accounts.models import User
from billing.models import CheckoutAttempt
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.accounts.people import PASSWORD
from tests.billing.builders import (
    CREATE,
    a_group,
    a_payment,
    a_seat,
    at_the_page,
    now,
    refreshed,
    seat_of,
    stripe_is_away,
)
from tests.enrollment.builders import a_member

pytestmark = pytest.mark.django_db


def signed_in(member: User) -> Client:
    client = Client()
    assert client.login(email=member.email, password=PASSWORD)
    return client


def url(enrollment: Enrollment, end: str = "") -> str:
    return f"/pay/{enrollment.public_id}/{end}"


def test_it_shows_the_price_and_until_when_the_seat_is_kept() -> None:
    enrollment = a_seat(a_group(price_cents=24_950))
    reply = signed_in(enrollment.member).get(url(enrollment))
    page = reply.content.decode()
    assert reply.status_code == 200
    assert "In full: $249.50 today" in page
    assert enrollment.held_until is not None
    assert f"{time_of_day(enrollment.held_until, enrollment.member.time_zone)}</time>" in page
    assert reply["Cache-Control"].startswith("max-age=0, no-cache, no-store")


def test_the_button_leads_to_stripes_page(standin: Standin) -> None:
    enrollment = a_seat()
    reply = signed_in(enrollment.member).post(url(enrollment))
    assert reply.status_code == 302
    assert reply["Location"] == enrollment.attempts.get().checkout_url
    assert reply["Location"].startswith(f"{standin.url}/pay/cs_test_")


def test_the_form_may_lead_to_stripe_and_nowhere_else(standin: Standin) -> None:
    """The browser follows the redirect only if the page's policy names where it leads."""
    enrollment = a_seat()
    policy = signed_in(enrollment.member).get(url(enrollment))["Content-Security-Policy"]
    [form_action] = [part for part in policy.split("; ") if part.startswith("form-action")]
    assert form_action.split()[1] == "'self'"
    assert len(form_action.split()) == 3


@pytest.mark.parametrize(("method", "end"), [("get", ""), ("post", ""), ("get", "return/")])
def test_somebody_elses_seat_does_not_exist(method: str, end: str) -> None:
    enrollment = a_seat()
    stranger = signed_in(a_member())
    assert getattr(stranger, method)(url(enrollment, end)).status_code == 404
    assert CheckoutAttempt.objects.count() == 0


@pytest.mark.parametrize("end", ["", "return/"])
def test_who_is_not_signed_in_is_asked_to(end: str) -> None:
    enrollment = a_seat()
    reply = Client().get(url(enrollment, end))
    assert reply.status_code == 302
    assert reply["Location"].startswith("/accounts/login/")


def test_a_post_from_another_site_is_refused() -> None:
    enrollment = a_seat()
    client = Client(enforce_csrf_checks=True)
    client.login(email=enrollment.member.email, password=PASSWORD)
    assert client.post(url(enrollment)).status_code == 403
    assert CheckoutAttempt.objects.count() == 0


def test_with_stripe_away_it_says_so_kindly_and_keeps_the_seat(standin: Standin) -> None:
    enrollment = a_seat()
    client = signed_in(enrollment.member)
    stripe_is_away(standin)
    reply = client.post(url(enrollment))
    assert reply.status_code == 503
    assert "Nothing was charged and your seat is still kept." in " ".join(
        reply.content.decode().split()
    )
    assert refreshed(enrollment).status == "held"
    assert seat_of(enrollment) is not None
    standin.control("clear_faults")
    assert client.post(url(enrollment)).status_code == 302


def test_after_a_500_of_stripe_the_next_press_works(standin: Standin) -> None:
    enrollment = a_seat()
    client = signed_in(enrollment.member)
    standin.control("fault", route=CREATE, kind="500", when="after")
    assert [client.post(url(enrollment)).status_code for _ in range(2)] == [503, 302]


def test_when_the_time_is_over_nobody_is_sent_to_stripe(standin: Standin) -> None:
    enrollment = a_seat()
    client = signed_in(enrollment.member)
    with time_machine.travel(now() + dt.timedelta(minutes=16)):
        for reply in (client.get(url(enrollment)), client.post(url(enrollment))):
            assert (reply.status_code, reply["Location"]) == (302, url(enrollment, "return/"))
    assert standin.requests == []


def test_when_the_page_has_closed_nobody_is_sent_to_it(standin: Standin) -> None:
    attempt = at_the_page()
    client = signed_in(attempt.enrollment.member)
    with time_machine.travel(now() + dt.timedelta(minutes=32)):
        reply = client.post(url(attempt.enrollment))
        assert reply["Location"] == url(attempt.enrollment, "return/")
        closed = client.get(reply["Location"])
    assert "Your seat went back to the group" in closed.content.decode()
    assert refreshed(attempt.enrollment).status == "expired"


def test_whoever_has_paid_is_led_on_to_the_confirmation(standin: Standin) -> None:
    enrollment = a_payment(standin).enrollment
    reply = signed_in(enrollment.member).get(url(enrollment))
    assert (reply.status_code, reply["Location"]) == (302, url(enrollment, "return/"))
