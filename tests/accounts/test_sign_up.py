"""A stranger signs up, proves their address and goes on where they were."""

import threading

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from accounts.forms import SignupForm
from accounts.models import Role, User
from tests.accounts.people import PASSWORD, code_in, last_mail, make_person

pytestmark = pytest.mark.django_db

SIGN_UP = reverse("account_signup")
CONFIRM = reverse("account_email_verification_sent")


def sign_up(client: Client, **changes: str) -> str:
    """Send the form and return where it leads."""
    answers = {
        "display_name": "Sam",
        "email": "sam@example.org",
        "password1": PASSWORD,
        "time_zone": "America/Phoenix",
        "next": "/groups/tuesdays/",
        **changes,
    }
    response = client.post(SIGN_UP, answers)
    assert response.status_code == 302, response.context["form"].errors
    return response["Location"]


def test_the_code_from_the_mail_leads_back_to_the_group(client: Client) -> None:
    assert sign_up(client) == CONFIRM
    assert "_auth_user_id" not in client.session
    code = code_in(last_mail())
    response = client.post(CONFIRM, {"code": code})
    assert (response.status_code, response["Location"]) == (302, "/groups/tuesdays/")
    person = User.objects.get()
    assert client.session["_auth_user_id"] == str(person.pk)
    assert (person.display_name, person.time_zone) == ("Sam", "America/Phoenix")
    assert (person.email, person.role) == ("sam@example.org", Role.MEMBER)


def test_the_code_may_be_typed_without_its_dash_and_in_small_letters(client: Client) -> None:
    sign_up(client)
    code = code_in(last_mail()).replace("-", "").lower()
    assert client.post(CONFIRM, {"code": code})["Location"] == "/groups/tuesdays/"


def test_a_wrong_code_is_said_and_the_right_one_still_works(client: Client) -> None:
    sign_up(client)
    code = code_in(last_mail())
    response = client.post(CONFIRM, {"code": "AAA-AAA"})
    assert response.status_code == 200
    assert "This is not the code that we sent." in str(response.context["form"].errors)
    assert client.post(CONFIRM, {"code": code})["Location"] == "/groups/tuesdays/"


def test_three_wrong_codes_end_the_attempt(client: Client) -> None:
    sign_up(client)
    code = code_in(last_mail())
    for _ in range(3):
        response = client.post(CONFIRM, {"code": "AAA-AAA"})
    assert response["Location"] == reverse("account_login")
    client.post(CONFIRM, {"code": code})
    assert "_auth_user_id" not in client.session


def test_a_new_code_replaces_the_first(client: Client) -> None:
    sign_up(client)
    first = code_in(last_mail())
    client.post(CONFIRM, {"action": "resend"})  # sooner than ten seconds: nothing is sent
    assert len(mail.outbox) == 1
    cache.clear()  # ten seconds later
    client.post(CONFIRM, {"action": "resend"})
    second = code_in(last_mail())
    assert len(mail.outbox) == 2
    assert client.post(CONFIRM, {"code": first}).status_code == 200
    assert client.post(CONFIRM, {"code": second})["Location"] == "/groups/tuesdays/"


def test_a_known_address_looks_the_same_and_its_owner_is_told(client: Client) -> None:
    make_person("sam@example.org")
    assert sign_up(client, email="SAM@example.org") == CONFIRM
    assert client.get(CONFIRM).status_code == 200
    assert last_mail().to == ["sam@example.org"]
    assert "You already have an account" in str(last_mail().body)
    assert User.objects.count() == 1


def test_somebody_who_never_confirmed_can_still_come_in_by_code(client: Client) -> None:
    sign_up(client)
    client.logout()
    client.post(reverse("account_request_login_code"), {"email": "sam@example.org"})
    code = code_in(last_mail())
    client.post(reverse("account_confirm_login_code"), {"code": code})
    assert client.session["_auth_user_id"] == str(User.objects.get().pk)


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"email": "sam"}, "email", "valid email address"),
        ({"password1": "short"}, "password1", "at least 10 characters"),
        ({"password1": "sam@example.org"}, "password1", "too similar"),
        ({"password1": "qwertyuiop"}, "password1", "too common"),
        ({"display_name": ""}, "display_name", "required"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "valid choice"),
    ],
)
def test_each_mistake_is_named_at_its_field(
    client: Client, changes: dict[str, str], where: str, words: str
) -> None:
    answers = {
        "display_name": "Sam",
        "email": "sam@example.org",
        "password1": PASSWORD,
        "time_zone": "America/Phoenix",
        **changes,
    }
    response = client.post(SIGN_UP, answers)
    assert list(response.context["form"].errors) == [where]
    assert words in " ".join(response.context["form"].errors[where])
    assert not User.objects.exists()


def test_the_form_starts_with_the_zone_of_the_reader(client: Client) -> None:
    client.cookies["tz"] = "Asia%2FKolkata"
    form = client.get(SIGN_UP).context["form"]
    assert form["time_zone"].value() == "Asia/Kolkata"
    assert ("Asia/Kolkata", "Kolkata") in form.fields["time_zone"].choices
    assert not any("placeholder" in field.widget.attrs for field in form.fields.values())


def test_a_stranger_is_not_led_off_the_site(client: Client) -> None:
    sign_up(client, next="https://evil.example/")
    response = client.post(CONFIRM, {"code": code_in(last_mail())})
    assert response["Location"] == reverse("enrollment:my_groups")


def test_two_sign_ups_at_once_make_one_account(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds the address taken after its form was already found valid."""
    make_person("sam@example.org")
    monkeypatch.setattr(
        SignupForm, "validate_unique_email", lambda form, value: value, raising=True
    )
    save = SignupForm.save
    lost = threading.Event()

    def remember(form: SignupForm, request: object) -> User:
        try:
            person: User = save(form, request)
        except IntegrityError:
            lost.set()
            raise
        return person

    monkeypatch.setattr(SignupForm, "save", remember)
    assert sign_up(client) == CONFIRM
    assert lost.is_set()
    assert "You already have an account" in str(last_mail().body)
    assert User.objects.count() == 1
