"""Guessing is slow."""

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from tests.accounts.people import PASSWORD, make_person

pytestmark = pytest.mark.django_db

SIGN_IN = reverse("account_login")
ASK_FOR_CODE = reverse("account_request_login_code")


def test_the_sixth_password_is_not_even_looked_at(client: Client) -> None:
    make_person()
    for _ in range(5):
        client.post(SIGN_IN, {"login": "sam@example.org", "password": "wrong-horse-battery"})
    response = client.post(SIGN_IN, {"login": "sam@example.org", "password": PASSWORD})
    assert "Too many tries." in str(response.context["form"].errors)
    assert "_auth_user_id" not in client.session


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
        Client().post(ASK_FOR_CODE, {"email": "sam@example.org"})
    assert len(mail.outbox) == 3


def test_one_place_cannot_sign_up_without_end(client: Client) -> None:
    statuses = [client.post(reverse("account_signup"), {}).status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]
