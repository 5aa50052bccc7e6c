"""The mail server is away: people are told, and try again."""

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.accounts.people import PASSWORD, code_in, last_mail, make_person

pytestmark = pytest.mark.django_db

SAID = "We could not send the email just now."
WORKING = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def no_mail_server(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = 1  # answers nobody
    settings.EMAIL_TIMEOUT = 2


@pytest.mark.usefixtures("no_mail_server")
def test_a_sign_up_is_kept_and_the_code_can_be_asked_for_again(
    client: Client, settings: Settings
) -> None:
    answers = {
        "display_name": "Sam",
        "email": "sam@example.org",
        "password1": PASSWORD,
        "time_zone": "America/Phoenix",
        "next": "/groups/tuesdays/",
    }
    page = client.post(reverse("account_signup"), answers, follow=True)
    assert page.status_code == 200
    assert next(str(message) for message in page.context["messages"]).startswith(SAID)
    settings.EMAIL_BACKEND = WORKING
    cache.clear()  # ten seconds later
    confirm = reverse("account_email_verification_sent")
    client.post(confirm, {"action": "resend"})
    response = client.post(confirm, {"code": code_in(last_mail())})
    assert response["Location"] == "/groups/tuesdays/"


@pytest.mark.usefixtures("no_mail_server")
def test_a_sign_in_code_can_be_asked_for_again(client: Client, settings: Settings) -> None:
    person = make_person()
    ask, confirm = reverse("account_request_login_code"), reverse("account_confirm_login_code")
    page = client.post(ask, {"email": "sam@example.org"}, follow=True)
    assert next(str(message) for message in page.context["messages"]).startswith(SAID)
    settings.EMAIL_BACKEND = WORKING
    client.post(confirm, {"action": "resend"})
    client.post(confirm, {"code": code_in(last_mail())})
    assert client.session["_auth_user_id"] == str(person.pk)


@pytest.mark.usefixtures("no_mail_server")
def test_no_page_claims_that_a_mail_was_sent(client: Client) -> None:
    make_person()
    page = client.post(
        reverse("account_request_login_code"), {"email": "sam@example.org"}, follow=True
    )
    assert [str(message)[: len(SAID)] for message in page.context["messages"]] == [SAID]
    assert not mail.outbox


@pytest.mark.usefixtures("no_mail_server")
def test_a_changed_password_is_kept_though_the_notice_cannot_be_sent(client: Client) -> None:
    person = make_person()
    client.force_login(person)
    changed = {
        "oldpassword": PASSWORD,
        "password1": "another-horse-battery",
        "password2": "another-horse-battery",
    }
    assert client.post(reverse("account_change_password"), changed).status_code == 302
    person.refresh_from_db()
    assert person.check_password("another-horse-battery")
