"""The money desk is behind a second factor, and what moves money behind a fresh one."""

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path, reverse

from accounts.models import Role
from billing.views.gate import fresh_factor, money_desk
from tests.accounts.people import PASSWORD, a_factor, app_shows, sign_in_with_factor
from tests.accounts.test_second_factor import AGAIN, CODES, SET_UP, key_on
from tests.billing.people import a_billing_admin, at_the_desk
from tests.enrollment.builders import a_member

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

NOON = dt.datetime(2026, 12, 1, 12, 0, 10, tzinfo=dt.UTC)
PAGE = "/money/page/"
PRESS = "/money/press/"
done: list[str] = []


@money_desk
def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("money")


@money_desk
@fresh_factor
def press(request: HttpRequest) -> HttpResponse:
    done.append(request.method or "")
    return HttpResponse("pressed")


urlpatterns = [
    path("money/page/", page),
    path("money/press/", press),
    path("", include("grouport.urls")),
]


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    done.clear()
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def said(client: Client, path: str) -> list[str]:
    return [str(message) for message in client.get(path).context["messages"]]


@pytest.mark.parametrize("role", [Role.MEMBER, Role.FACILITATOR])
@pytest.mark.parametrize("with_factor", [False, True])
def test_for_others_it_does_not_exist(client: Client, role: Role, with_factor: bool) -> None:
    person = a_member(role=role, may_plan=role == Role.FACILITATOR)
    if with_factor:
        sign_in_with_factor(client, person)
    else:
        client.force_login(person)
    assert client.get(PAGE).status_code == client.post(PRESS).status_code == 404
    assert not done


def test_strangers_sign_in_first(client: Client) -> None:
    assert client.get(PAGE)["Location"] == f"{reverse('account_login')}?next={PAGE}"


@pytest.mark.parametrize("role", [Role.BILLING, Role.ADMIN])
def test_who_has_no_factor_sets_one_up_and_comes_back(client: Client, role: Role) -> None:
    client.force_login(a_member(role=role))
    target = f"{PAGE}?q=a+b"
    way = client.get(target)["Location"]
    assert way == SET_UP
    proof = client.get(way)["Location"]  # an open session alone sets nothing up
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": way})
    assert "next=" in proof
    answer = client.post(SET_UP, {"code": app_shows(key_on(client.get(SET_UP)))})
    assert answer["Location"] == CODES
    assert f'href="{target}"' in client.get(CODES).text
    assert client.get(target).content == b"money"
    assert "I have kept them, go on" not in client.get(CODES).text


@pytest.mark.parametrize("role", [Role.BILLING, Role.ADMIN])
def test_a_session_that_never_showed_it_shows_it_and_comes_back(client: Client, role: Role) -> None:
    person = a_member(role=role)
    a_factor(person)
    client.force_login(person)
    target = f"{PAGE}?q=a+b"
    assert client.get(target)["Location"] == f"{AGAIN}?next={quote(target, safe='')}"
    answer = client.post(AGAIN, {"code": app_shows(), "next": target})
    assert answer["Location"] == target
    assert client.get(target).content == b"money"


def test_a_factor_that_was_set_up_anew_elsewhere_is_asked_for(client: Client) -> None:
    person = a_billing_admin()
    sign_in_with_factor(client, person)
    assert client.get(PAGE).status_code == 200
    Authenticator.objects.filter(user=person).delete()
    assert client.get(PAGE)["Location"] == SET_UP
    a_factor(person)
    assert client.get(PAGE)["Location"].startswith(AGAIN)


def test_what_somebody_else_showed_in_this_browser_counts_for_nothing(client: Client) -> None:
    sign_in_with_factor(client, a_billing_admin())
    other = a_billing_admin("Noor Haddad")
    a_factor(other)
    client.force_login(other)
    assert client.get(PAGE)["Location"].startswith(AGAIN)


def test_looking_goes_on_for_as_long_as_the_session(clock: Any) -> None:
    desk = at_the_desk()
    for _ in range(3):
        clock.shift(dt.timedelta(minutes=29))
        assert desk.get(PAGE).status_code == 200
        assert desk.get(PRESS).status_code == 200


def test_a_press_with_an_older_code_does_nothing_says_so_and_leads_back(
    clock: Any,
) -> None:
    desk = at_the_desk()
    assert desk.post(PRESS).content == b"pressed"
    clock.shift(dt.timedelta(seconds=settings.MONEY_PROOF_SECONDS - 1))
    assert desk.post(PRESS).content == b"pressed"
    clock.shift(dt.timedelta(seconds=1))
    done.clear()
    answer = desk.post(PRESS, headers={"Referer": f"http://testserver{PAGE}?q=1"})
    way = answer["Location"]
    assert way == f"{AGAIN}?next={quote(f'{PAGE}?q=1', safe='')}"
    assert done == []
    assert said(desk, way) == [
        "Nothing was saved yet: first type the code from your app. Then look at the page again, "
        "and press once more."
    ]
    back = desk.post(AGAIN, {"code": app_shows(), "next": f"{PAGE}?q=1"})
    assert back["Location"] == f"{PAGE}?q=1"
    assert desk.post(PRESS).content == b"pressed"
    assert done == ["POST"]


def test_a_part_of_a_page_sends_the_whole_page_to_the_code(clock: time_machine.Traveller) -> None:
    desk = at_the_desk()
    clock.shift(dt.timedelta(minutes=15))
    on_page = {"HX-Request": "true", "Referer": f"http://testserver{PAGE}"}
    answer = desk.post(PRESS, headers=on_page)
    assert answer["HX-Redirect"] == f"{AGAIN}?next={quote(PAGE, safe='')}"
    assert done == []


@pytest.mark.parametrize(
    "came_from",
    ["", "https://evil.example/money/", "//evil.example", "http://testserver//evil.example/", "/["],
)
def test_nobody_is_led_off_the_site(came_from: str, clock: Any) -> None:
    desk = at_the_desk()
    clock.shift(dt.timedelta(minutes=15))
    answer = desk.post(PRESS, headers={"Referer": came_from})
    assert answer["Location"] == f"{AGAIN}?next={quote(PRESS, safe='')}"


def test_what_lies_at_the_desk_is_kept_by_no_browser() -> None:
    assert "no-store" in at_the_desk().get(PAGE)["Cache-Control"]


def test_the_answer_to_a_press_can_be_shown_again_by_back() -> None:
    """A browser has no other way to a preview that it posted for; in a private copy only."""
    said = at_the_desk().post(reverse("billing:code_new"), {})
    assert (said.status_code, said["Cache-Control"]) == (422, "private, no-cache")


def test_the_way_to_it_shows_for_whoever_handles_money(client: Client) -> None:
    link = f'href="{reverse("billing:money")}"'
    home = reverse("accounts:profile")
    shown = {}
    for role in Role:
        browser = Client()
        browser.force_login(a_member(role=role))
        shown[role] = link in browser.get(home).text
    assert shown == {
        Role.MEMBER: False,
        Role.FACILITATOR: False,
        Role.BILLING: True,
        Role.PRACTITIONER: False,
        Role.ADMIN: True,
    }


ANY = uuid.UUID(int=1)
PRESSES: list[tuple[str, list[Any]]] = [
    ("refund", [ANY]),
    ("decision", [ANY]),
    ("failed_refund", [ANY]),
    ("payment", [ANY]),
    ("outside_refund", [ANY]),
    ("dispute_seat", ["dp_1", "end"]),
    ("difference", [1]),
    ("code_new", []),
    ("code_end", [1]),
    ("price_give", [1]),
    ("price_end", [1]),
]


@pytest.mark.parametrize(("name", "about"), PRESSES, ids=[name for name, _ in PRESSES])
def test_every_press_that_moves_money_or_sets_a_price_wants_a_new_code(
    client: Client, clock: Any, name: str, about: list[Any]
) -> None:
    address = reverse(f"billing:{name}", args=about)
    sign_in_with_factor(client, a_billing_admin())
    assert client.post(address).status_code in (200, 404, 422)
    clock.shift(15 * 60)
    assert client.get("/money/").status_code == 200
    assert client.post(address)["Location"].startswith(AGAIN)


@pytest.mark.parametrize("name", ["refund", "outside_refund"])
def test_where_something_is_typed_the_code_is_asked_for_before(
    client: Client, clock: Any, name: str
) -> None:
    sign_in_with_factor(client, a_billing_admin())
    clock.shift(15 * 60)
    address = reverse(f"billing:{name}", args=[ANY])
    assert client.get(address)["Location"] == f"{AGAIN}?next={quote(address, safe='')}"
