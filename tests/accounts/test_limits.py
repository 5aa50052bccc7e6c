"""Guessing is slow, and nobody's mailbox is flooded."""

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.accounts.people import PASSWORD, code_in, last_mail, make_person

pytestmark = pytest.mark.django_db

SIGN_IN = reverse("account_login")
SIGN_UP = reverse("account_signup")
ASK_FOR_CODE = reverse("account_request_login_code")
CONFIRM_SIGN_IN = reverse("account_confirm_login_code")
CONFIRM_ADDRESS = reverse("account_email_verification_sent")
NEW = {
    "display_name": "Sam",
    "email": "sam@example.org",
    "password1": PASSWORD,
    "time_zone": "America/Phoenix",
}


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(dt.datetime(2026, 12, 1, tzinfo=dt.UTC), tick=False) as clock:
        yield clock


def test_the_sixth_password_is_not_even_looked_at(client: Client) -> None:
    make_person()
    for _ in range(5):
        client.post(SIGN_IN, {"login": "sam@example.org", "password": "wrong-horse-battery"})
    response = client.post(SIGN_IN, {"login": "sam@example.org", "password": PASSWORD})
    assert "Too many tries with a password. Sign in with a code" in str(
        response.context["form"].errors
    )
    assert "_auth_user_id" not in client.session


def test_wrong_passwords_never_close_the_way_by_code(
    client: Client, clock: time_machine.Traveller
) -> None:
    person = make_person()
    for _ in range(100):
        Client().post(SIGN_IN, {"login": "sam@example.org", "password": "wrong-horse-battery"})
        clock.shift(dt.timedelta(minutes=5))
    response = client.post(SIGN_IN, {"login": "sam@example.org", "password": PASSWORD})
    assert "Too many tries with a password." in str(response.context["form"].errors)
    client.post(ASK_FOR_CODE, {"email": "sam@example.org"})
    client.post(CONFIRM_SIGN_IN, {"code": code_in(last_mail())})
    assert client.session["_auth_user_id"] == str(person.pk)


def test_one_persons_tries_do_not_lock_another_out(client: Client) -> None:
    make_person()
    other = make_person("kim@example.org")
    for _ in range(5):
        client.post(SIGN_IN, {"login": "sam@example.org", "password": "wrong-horse-battery"})
    client.post(SIGN_IN, {"login": "kim@example.org", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(other.pk)


def test_nobodys_mailbox_is_flooded_with_codes() -> None:
    make_person()
    for _ in range(5):
        response = Client().post(ASK_FOR_CODE, {"email": "sam@example.org"})
    assert "Several codes were asked for already." in str(response.context["form"].errors)
    assert len(mail.outbox) == 3


@pytest.mark.parametrize("email", ["sam@example.org", "nobody@example.org"])
def test_one_address_gets_five_codes_in_a_quarter_of_an_hour_and_twenty_a_day(
    clock: time_machine.Traveller, email: str
) -> None:
    make_person()
    sent = []
    for _ in range(24 * 60):
        Client().post(ASK_FOR_CODE, {"email": email})
        clock.shift(dt.timedelta(minutes=1))
        sent.append(len(mail.outbox))
    assert sent[14] == 5
    assert sent[-1] == 20


@pytest.mark.parametrize("email", ["sam@example.org", "nobody@example.org"])
def test_asking_again_on_the_page_counts_too_and_looks_the_same_for_everybody(
    clock: time_machine.Traveller, email: str
) -> None:
    make_person()
    said = []
    for _ in range(3):
        client = Client()
        page = client.post(ASK_FOR_CODE, {"email": email}, follow=True)
        said += [str(message)[:20] for message in page.context["messages"]]
        for _ in range(2):
            page = client.post(CONFIRM_SIGN_IN, {"action": "resend"}, follow=True)
            said += [str(message)[:20] for message in page.context["messages"]]
        clock.shift(dt.timedelta(minutes=1))
    assert said == ["We have sent several"] * 4
    assert len(mail.outbox) <= 5


def test_one_place_cannot_sign_up_without_end(client: Client) -> None:
    statuses = [client.post(SIGN_UP, {}).status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]


@pytest.mark.parametrize("known", [True, False])
def test_one_address_cannot_be_signed_up_without_end(
    clock: time_machine.Traveller, known: bool
) -> None:
    if known:
        make_person()
    for number in range(7):
        clock.shift(dt.timedelta(minutes=1))
        response = Client().post(SIGN_UP, NEW)
        assert response.status_code == (302 if number < 5 else 200)
    assert "Somebody signed up with this address" in str(response.context["form"].errors)
    assert len(mail.outbox) == 5


@pytest.mark.parametrize("way", ["a code to sign in", "a sign-up", "an unconfirmed password"])
def test_starting_again_does_not_make_more_than_sixty_guesses_a_day(
    clock: time_machine.Traveller, way: str
) -> None:
    """At 20 letters in 8 places: one chance in four hundred million a day."""
    if way == "a code to sign in":
        make_person()
    if way == "an unconfirmed password":
        User.objects.create_user("sam@example.org", PASSWORD)
    guesses = 0
    for _ in range(24 * 60 // 2):
        client = Client()
        if way == "a code to sign in":
            client.post(ASK_FOR_CODE, {"email": "sam@example.org"})
            guesses += wrong_codes(client, CONFIRM_SIGN_IN)
        elif way == "a sign-up":
            client.post(SIGN_UP, NEW)
            guesses += wrong_codes(client, CONFIRM_ADDRESS)
        else:
            client.post(SIGN_IN, {"login": "sam@example.org", "password": PASSWORD})
            guesses += wrong_codes(client, CONFIRM_ADDRESS)
        clock.shift(dt.timedelta(minutes=2))
    assert guesses == 60


def wrong_codes(client: Client, page: str) -> int:
    """Type wrong codes until the page is gone; how many it looked at."""
    tries = 0
    while client.get(page).status_code == 200:
        client.post(page, {"code": "AAA-AAA"})
        tries += 1
        assert tries <= 3
    return tries


@pytest.mark.parametrize("way", ["a code to sign in", "a sign-up"])
def test_tries_that_come_at_once_are_three_all_the_same(client: Client, way: str) -> None:
    """Each of them reads the session before any other has counted there."""
    if way == "a sign-up":
        client.post(SIGN_UP, NEW)
        page = CONFIRM_ADDRESS
    else:
        make_person()
        client.post(ASK_FOR_CODE, {"email": "sam@example.org"})
        page = CONFIRM_SIGN_IN
    before = dict(client.session.items())
    for _ in range(3):
        client.post(page, {"code": "AAA-AAA"})
        session = client.session
        session.update(before)
        session.save()
    client.post(page, {"code": code_in(last_mail())})
    assert "_auth_user_id" not in client.session
