"""Signing in with a password or with a code, and out again."""

import datetime as dt

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from tests.accounts.people import PASSWORD, code_in, last_mail, make_person

pytestmark = pytest.mark.django_db

SIGN_IN = reverse("account_login")
ASK_FOR_CODE = reverse("account_request_login_code")
CONFIRM = reverse("account_confirm_login_code")


def is_signed_in(client: Client, person: User) -> bool:
    return bool(client.session.get("_auth_user_id") == str(person.pk))


def test_the_password_works_with_any_spelling_of_the_address(client: Client) -> None:
    person = make_person()
    answers = {"login": "SAM@Example.org", "password": PASSWORD, "next": "/groups/tuesdays/"}
    response = client.post(SIGN_IN, answers)
    assert (response.status_code, response["Location"]) == (302, "/groups/tuesdays/")
    assert is_signed_in(client, person)
    assert not mail.outbox


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client: Client) -> None:
    make_person()
    answers = [
        client.post(SIGN_IN, {"login": email, "password": "wrong-horse-battery"})
        for email in ("sam@example.org", "nobody@example.org")
    ]
    first, second = (str(answer.context["form"].errors) for answer in answers)
    assert first == second
    assert "do not belong together" in first


def test_the_code_from_the_mail_works_once(client: Client) -> None:
    person = make_person()
    response = client.post(ASK_FOR_CODE, {"email": "sam@example.org", "next": "/groups/a/"})
    code = code_in(last_mail())
    response = client.post(CONFIRM, {"code": code, "next": "/groups/a/"})
    assert response["Location"] == "/groups/a/"
    assert is_signed_in(client, person)
    client.logout()
    client.post(CONFIRM, {"code": code})
    assert not is_signed_in(client, person)


def test_asking_for_a_code_on_the_way_to_a_page_is_no_lost_press(client: Client) -> None:
    make_person()
    client.post(ASK_FOR_CODE, {"email": "sam@example.org", "next": "/my/"})
    code = code_in(last_mail())
    page = client.post(CONFIRM, {"code": code, "next": "/my/"}, follow=True)
    assert "signed out meanwhile" not in page.content.decode()


def test_a_code_is_worth_nothing_in_another_browser(client: Client) -> None:
    person = make_person()
    client.post(ASK_FOR_CODE, {"email": "sam@example.org"})
    other = Client()
    other.post(CONFIRM, {"code": code_in(last_mail())})
    assert not is_signed_in(other, person)


def test_a_code_works_for_a_quarter_of_an_hour(client: Client) -> None:
    person = make_person()
    with time_machine.travel(dt.datetime(2026, 12, 1, 18, 0, tzinfo=dt.UTC), tick=False) as clock:
        client.post(ASK_FOR_CODE, {"email": "sam@example.org"})
        clock.shift(dt.timedelta(minutes=15, seconds=1))
        client.post(CONFIRM, {"code": code_in(last_mail())})
        assert not is_signed_in(client, person)
        client.post(ASK_FOR_CODE, {"email": "sam@example.org"})
        clock.shift(dt.timedelta(minutes=14, seconds=59))
        client.post(CONFIRM, {"code": code_in(last_mail())})
        assert is_signed_in(client, person)


def test_three_wrong_codes_end_the_attempt(client: Client) -> None:
    person = make_person()
    client.post(ASK_FOR_CODE, {"email": "sam@example.org"})
    for _ in range(3):
        response = client.post(CONFIRM, {"code": "AAA-AAA"})
    assert response["Location"] == ASK_FOR_CODE
    client.post(CONFIRM, {"code": code_in(last_mail())})
    assert not is_signed_in(client, person)


def test_an_unknown_address_looks_the_same_and_gets_no_code(client: Client) -> None:
    response = client.post(ASK_FOR_CODE, {"email": "nobody@example.org"})
    assert response["Location"].startswith(CONFIRM)
    assert last_mail().to == ["nobody@example.org"]
    assert "There is no account with it" in str(last_mail().body)


def test_somebody_who_was_shut_out_cannot_sign_in(client: Client) -> None:
    person = make_person(is_active=False)
    client.post(SIGN_IN, {"login": "sam@example.org", "password": PASSWORD})
    assert not is_signed_in(client, person)


def test_an_unconfirmed_address_must_be_confirmed_first(client: Client) -> None:
    person = User.objects.create_user("sam@example.org", PASSWORD)
    response = client.post(SIGN_IN, {"login": "sam@example.org", "password": PASSWORD})
    assert response["Location"] == reverse("account_email_verification_sent")
    client.post(response["Location"], {"code": code_in(last_mail())})
    assert is_signed_in(client, person)


@pytest.mark.parametrize(
    ("role", "place"), [(Role.MEMBER, "enrollment:my_groups"), (Role.ADMIN, "admin:index")]
)
def test_everybody_lands_where_they_belong(client: Client, role: Role, place: str) -> None:
    make_person(role=role)
    response = client.post(SIGN_IN, {"login": "sam@example.org", "password": PASSWORD})
    assert response["Location"] == reverse(place)


def test_signing_out_needs_a_click_not_a_link(client: Client) -> None:
    person = make_person()
    client.force_login(person)
    client.get(reverse("account_logout"))
    assert is_signed_in(client, person)
    client.post(reverse("account_logout"))
    assert not is_signed_in(client, person)


def test_a_forgotten_password_is_chosen_anew_by_mail(client: Client) -> None:
    make_person()
    client.post(reverse("account_reset_password"), {"email": "sam@example.org"})
    link = next(line for line in str(last_mail().body).splitlines() if "/password/reset/" in line)
    page = client.get(link.removeprefix("http://testserver"), follow=True)
    chosen = {"password1": "another-horse-battery", "password2": "another-horse-battery"}
    client.post(page.request["PATH_INFO"], chosen)
    assert last_mail().subject == "Your password was changed"
    assert User.objects.get().check_password("another-horse-battery")


def test_the_link_in_a_mail_leads_to_the_practice_whatever_the_request_claims(
    client: Client,
) -> None:
    make_person()
    client.post(
        reverse("account_reset_password"),
        {"email": "sam@example.org"},
        headers={"host": "evil.example"},
    )
    assert "evil.example" not in str(last_mail().body)
    assert "http://testserver/accounts/password/reset/key/" in str(last_mail().body)
