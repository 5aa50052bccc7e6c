"""What no browser sends by itself is answered kindly, never with a broken page.

The suite runs on PostgreSQL, which refuses a NUL in a text.
"""

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.accounts.people import PASSWORD, make_person

pytestmark = pytest.mark.django_db

NUL = "\x00"
SIGN_UP = {
    "display_name": "Sam",
    "email": "sam@example.org",
    "password1": PASSWORD,
    "time_zone": "America/Phoenix",
}
NEW_PASSWORD = {"password1": "another-horse-battery", "password2": "another-horse-battery"}
# Page, what it is sent, and whether its reader is signed in.
FORMS = [
    ("account_signup", SIGN_UP, False),
    ("account_login", {"login": "sam@example.org", "password": PASSWORD}, False),
    ("account_request_login_code", {"email": "sam@example.org"}, False),
    ("account_confirm_login_code", {"code": "AAA-AAA"}, False),
    ("account_email_verification_sent", {"code": "AAA-AAA"}, False),
    ("account_reset_password", {"email": "sam@example.org"}, False),
    ("account_change_password", {"oldpassword": PASSWORD, **NEW_PASSWORD}, True),
    ("account_set_password", NEW_PASSWORD, True),
    ("account_email", {"email": "new@example.org", "action_add": "add"}, True),
    ("account_email", {"email": "new@example.org", "action_send": "send"}, True),
    ("account_email", {"email": "new@example.org", "action_remove": "remove"}, True),
    ("account_email", {"email": "new@example.org", "action_primary": "primary"}, True),
    ("account_reauthenticate", {"password": PASSWORD}, True),
    ("accounts:profile", {"display_name": "Sam", "time_zone": "America/Phoenix"}, True),
    ("accounts:time_zone", {"time_zone": "America/Phoenix"}, True),
]
FIELDS = [(name, answers, inside, field) for name, answers, inside in FORMS for field in answers]


def waits_for_a_code(client: Client, name: str) -> None:
    if name == "account_confirm_login_code":
        client.post(reverse("account_request_login_code"), {"email": "kim@example.org"})
    if name == "account_email_verification_sent":
        client.post(reverse("account_signup"), {**SIGN_UP, "email": "new@example.org"})


@pytest.mark.parametrize(
    ("name", "answers", "inside", "field"), FIELDS, ids=[f"{f[0]}-{f[3]}" for f in FIELDS]
)
def test_a_nul_in_a_field_is_a_mistake_in_the_form(
    client: Client, name: str, answers: dict[str, str], inside: bool, field: str
) -> None:
    person = make_person("kim@example.org")
    if inside:
        client.force_login(person)
    waits_for_a_code(client, name)
    for forged in (NUL + answers[field], answers[field] + NUL, NUL):
        cache.clear()
        response = client.post(reverse(name), {**answers, field: forged})
        assert response.status_code in (200, 302, 400)
    assert not User.objects.filter(email="sam@example.org").exists()


@pytest.mark.parametrize(("name", "answers", "inside"), FORMS)
@pytest.mark.parametrize("target", ["foo", "foo.bar", "a/b", NUL, "/\x00", "/[", "//[", "/" * 3000])
def test_a_forged_way_back_breaks_no_page(
    client: Client, name: str, answers: dict[str, str], inside: bool, target: str
) -> None:
    person = make_person("kim@example.org")
    if inside:
        client.force_login(person)
    waits_for_a_code(client, name)
    assert client.get(reverse(name), {"next": target}).status_code in (200, 302, 400, 405)
    response = client.post(reverse(name), {**answers, "next": target})
    assert response.status_code in (200, 302, 400)
    assert response.headers.get("Location", "/").startswith("/")


def test_signing_in_leads_to_no_bare_word(client: Client) -> None:
    make_person()
    answers = {"login": "sam@example.org", "password": PASSWORD, "next": "foo"}
    response = client.post(reverse("account_login"), answers)
    assert response["Location"] == reverse("enrollment:my_groups")


@pytest.mark.parametrize(
    "forged", [r'"\000aaaaaaaaaaaa"', "a" * 31, "A" * 32, "a" * 31 + "'", "a" * 5000]
)
def test_a_forged_session_is_a_stranger_and_is_not_kept(client: Client, forged: str) -> None:
    response = client.get(reverse("accounts:profile"), headers={"cookie": f"sessionid={forged}"})
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))
    client.post(
        reverse("account_request_login_code"),
        {"email": "sam@example.org"},
        headers={"cookie": f"sessionid={forged}"},
    )
    assert [len(session.pk) for session in Session.objects.all()] == [32]
    assert not Session.objects.filter(pk=forged).exists()
