"""An open session alone cannot change how one signs in."""

import datetime as dt

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.accounts.people import PASSWORD, code_in, last_mail, make_person

pytestmark = pytest.mark.django_db

ADDRESS = reverse("account_email")
SET_PASSWORD = reverse("account_set_password")
BY_PASSWORD = reverse("account_reauthenticate")
BY_CODE = reverse("accounts:prove_by_code")
NEW = {"email": "new@example.org", "action_add": "add"}


@pytest.fixture
def with_password(client: Client) -> User:
    """Signed in some time ago."""
    person = make_person()
    client.force_login(person)
    return person


@pytest.fixture
def without_password(client: Client) -> User:
    person = make_person()
    person.set_unusable_password()
    person.save()
    client.force_login(person)
    return person


@pytest.mark.usefixtures("with_password")
def test_the_address_is_changed_after_the_password_is_given_again(client: Client) -> None:
    way = f"{BY_PASSWORD}?next=%2Faccounts%2Femail%2F"
    assert client.get(ADDRESS)["Location"] == client.post(ADDRESS, NEW)["Location"] == way
    assert not mail.outbox
    page = client.get(way)
    assert "Get a code by email" in page.text
    answer = client.post(BY_PASSWORD, {"password": "wrong-horse-battery", "next": ADDRESS})
    assert "password" in answer.context["form"].errors
    answer = client.post(BY_PASSWORD, {"password": PASSWORD, "next": ADDRESS})
    assert answer["Location"] == ADDRESS
    assert client.get(ADDRESS).status_code == 200
    client.post(ADDRESS, NEW)
    assert last_mail().to == ["new@example.org"]
    confirm = reverse("account_email_verification_sent")
    client.post(confirm, {"code": code_in(last_mail())})
    person = User.objects.get()
    assert person.email == "new@example.org"
    assert person.check_password(PASSWORD)
    assert [row.email for row in EmailAddress.objects.all()] == ["new@example.org"]
    assert client.get(reverse("accounts:profile")).status_code == 200


@pytest.mark.usefixtures("without_password")
@pytest.mark.parametrize("target", [ADDRESS, SET_PASSWORD])
def test_who_has_no_password_proves_it_with_a_code(client: Client, target: str) -> None:
    way = client.get(target)["Location"]
    assert way.startswith(BY_CODE)
    page = client.get(way)
    assert not mail.outbox  # opening a page sends nothing
    assert "Send me a code" in page.text
    assert BY_PASSWORD + "?" not in page.text
    page = client.post(BY_CODE, {"action": "send", "next": target}, follow=True)
    assert last_mail().to == ["sam@example.org"]
    assert "Enter the code for" in page.text
    answer = client.post(BY_CODE, {"code": "AAA-AAA", "next": target})
    assert "This is not the code" in str(answer.context["form"].errors)
    answer = client.post(BY_CODE, {"code": code_in(last_mail()), "next": target})
    assert answer["Location"] == target
    assert client.get(target).status_code == 200


@pytest.mark.usefixtures("with_password")
def test_who_forgot_the_password_can_use_a_code_too(client: Client) -> None:
    page = client.get(f"{BY_CODE}?next={ADDRESS}")
    assert f"{BY_PASSWORD}?next=" in page.text
    client.post(BY_CODE, {"action": "send", "next": ADDRESS})
    client.post(BY_CODE, {"code": code_in(last_mail()), "next": ADDRESS})
    assert client.get(ADDRESS).status_code == 200


@pytest.mark.usefixtures("without_password")
def test_an_open_session_sets_no_first_password(client: Client) -> None:
    chosen = {"password1": "another-horse-battery", "password2": "another-horse-battery"}
    assert client.post(SET_PASSWORD, chosen)["Location"].startswith(BY_CODE)
    assert not User.objects.get().has_usable_password()


def test_who_has_just_signed_in_is_not_asked(client: Client) -> None:
    make_person()
    client.post(reverse("account_login"), {"login": "sam@example.org", "password": PASSWORD})
    assert client.get(ADDRESS).status_code == 200
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=15, seconds=1)
    with time_machine.travel(later):
        assert client.get(ADDRESS)["Location"].startswith(BY_PASSWORD)


def test_another_persons_proof_in_this_browser_is_none(client: Client) -> None:
    make_person()
    client.post(reverse("account_login"), {"login": "sam@example.org", "password": PASSWORD})
    client.force_login(make_person("kim@example.org"))
    assert client.get(ADDRESS)["Location"].startswith(BY_PASSWORD)


@pytest.mark.usefixtures("without_password")
def test_three_wrong_codes_end_the_try(client: Client) -> None:
    client.post(BY_CODE, {"action": "send", "next": ADDRESS})
    code = code_in(last_mail())
    for _ in range(3):
        answer = client.post(BY_CODE, {"code": "AAA-AAA", "next": ADDRESS})
    page = client.get(answer["Location"])
    assert "Three codes were wrong." in next(map(str, page.context["messages"]))
    assert "Send me a code" in page.text
    client.post(BY_CODE, {"code": code, "next": ADDRESS})
    assert client.get(ADDRESS).status_code == 302


@pytest.mark.usefixtures("without_password")
def test_a_code_for_it_works_for_a_quarter_of_an_hour_and_once(client: Client) -> None:
    with time_machine.travel(dt.datetime(2026, 12, 1, 18, 0, tzinfo=dt.UTC), tick=False) as clock:
        client.force_login(User.objects.get())
        client.post(BY_CODE, {"action": "send", "next": ADDRESS})
        clock.shift(dt.timedelta(minutes=15))
        client.post(BY_CODE, {"code": code_in(last_mail()), "next": ADDRESS})
        assert client.get(ADDRESS).status_code == 302
        client.post(BY_CODE, {"action": "send", "next": ADDRESS})
        clock.shift(dt.timedelta(minutes=14))
        client.post(BY_CODE, {"code": code_in(last_mail()), "next": ADDRESS})
        assert client.get(ADDRESS).status_code == 200
        clock.shift(dt.timedelta(minutes=15))
        client.post(BY_CODE, {"code": code_in(last_mail()), "next": ADDRESS})
        assert client.get(ADDRESS).status_code == 302


@pytest.mark.usefixtures("without_password")
def test_codes_for_it_are_not_sent_without_end(client: Client) -> None:
    for _ in range(8):
        page = client.post(BY_CODE, {"action": "send", "next": ADDRESS}, follow=True)
    assert len(mail.outbox) == 5
    assert "Wait a quarter of an hour" in next(map(str, page.context["messages"]))


@pytest.mark.usefixtures("without_password")
def test_nobody_is_led_off_the_site_by_it(client: Client) -> None:
    client.post(BY_CODE, {"action": "send", "next": "https://evil.example/"})
    answer = client.post(BY_CODE, {"code": code_in(last_mail()), "next": "https://evil.example/"})
    assert answer["Location"] == reverse("accounts:profile")


def test_strangers_are_sent_to_sign_in_first(client: Client) -> None:
    for path in (ADDRESS, SET_PASSWORD, BY_CODE):
        cache.clear()
        assert client.get(path)["Location"].startswith(reverse("account_login"))
