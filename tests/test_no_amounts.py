"""Whoever leads a group learns nothing of its members' money: not what they paid, nor what is owed.

Each page under /lead/, and each of /plan/ that shows a published group, is opened by somebody who
leads and plans it, whose members have paid odd prices and got odd parts of them back.
"""

from collections.abc import Iterator
from itertools import count

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from billing import ledger
from billing.models import Payment, Refund
from enrollment.models import Enrollment
from sessions.models import Cohort
from sessions.pricing import share_of_session
from tests.accounts.people import sign_in_with_factor
from tests.enrollment.builders import FIRST_SESSION, MINUTE, a_confirmed_seat
from tests.test_roles import ADDRESSES, World, a_world

pytestmark = pytest.mark.django_db

# No page has reason to show these digits, as dollars or as cents, unless it tells of money.
PRICES = (17_303, 23_909)
BACK = 4_747
_number = count(1)


@pytest.fixture
def world() -> Iterator[World]:
    with time_machine.travel(FIRST_SESSION - 5 * MINUTE, tick=False):
        found = a_world()
        cohort = Cohort.objects.get(slug=found.values["slug"]["slug"])
        seats = [
            Enrollment.objects.get(public_id=found.values["seat"]["public_id"]),
            a_confirmed_seat(cohort=cohort),
        ]
        for seat, price in zip(seats, PRICES, strict=True):
            pays(seat, price)
        yield found


def pays(seat: Enrollment, price: int) -> None:
    """An odd price, paid; a part of it is on its way back."""
    Enrollment.objects.filter(pk=seat.pk).update(price_cents=price)
    number = next(_number)
    payment = Payment.objects.create(
        enrollment=seat,
        amount_cents=price,
        currency="usd",
        stripe_payment_intent_id=f"pi_amount_{number}",
        refund_reserved_cents=BACK,
        paid_at=FIRST_SESSION,
    )
    Refund.objects.create(
        payment=payment,
        enrollment=seat,
        amount_cents=BACK,
        reason=Refund.Reason.DESK,
        requested_at=FIRST_SESSION,
    )
    ledger.post_charge(payment=payment, at=FIRST_SESSION)


def amounts_in(page: str) -> list[str]:
    """What members paid, got back, or would get back for one session."""
    shares = [share_of_session(price, 1, week) for price in PRICES for week in (1, 2)]
    return [words for cents in (*PRICES, BACK, *shares) if (words := f"{cents / 100:.2f}") in page]


def to_cancel(world: World) -> tuple[str, dict[str, str]]:
    """The page before a session is cancelled, which speaks of money."""
    cohort = Cohort.objects.get(slug=world.values["slug"]["slug"])
    asked = {"number": "2", "kind": "cancel", "reason": "", "version": str(cohort.version)}
    return reverse("enrollment:change_dates", args=[cohort.slug]), asked


# What only an admin opens, and what a press alone does, shows nothing to anybody else.
PAGES = [
    name
    for name, address in ADDRESSES.items()
    if name.startswith("enrollment:") and "planner" in address.allowed and address.method == "get"
]


@pytest.mark.parametrize("name", PAGES)
def test_no_page_of_those_who_lead_and_plan_holds_an_amount(name: str, world: World) -> None:
    client = Client()
    client.force_login(world.people["planner"])
    published = {**world.values, "draft": world.values["slug"]}
    kwargs = {k: v for part in ADDRESSES[name].kwargs for k, v in published[part].items()}
    page = client.get(reverse(name, kwargs=kwargs), follow=True)
    assert page.status_code in (200, 409)  # nobody waits where a seat is free
    assert amounts_in(page.text) == []


def test_they_read_that_a_cancelled_session_is_paid_back_and_not_how_much(world: World) -> None:
    client = Client()
    client.force_login(world.people["leader"])
    path, asked = to_cancel(world)
    page = client.post(path, asked).text
    assert "each member gets back its share" in page
    assert amounts_in(page) == []


def test_this_would_find_them(world: World) -> None:
    client = Client()
    sign_in_with_factor(client, world.people["admin"])
    path, asked = to_cancel(world)
    assert len(set(amounts_in(client.post(path, asked).text))) == 2


def test_the_pages_that_matter_are_among_them() -> None:
    assert {"desk", "roster", "roster_csv", "person", "register", "plan", "season"} <= {
        name.removeprefix("enrollment:") for name in PAGES
    }
