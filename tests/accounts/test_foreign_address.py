"""Somebody signs up with an address that is not theirs, and waits for its owner."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.models import Role, User
from tests.accounts.people import PASSWORD, code_in, last_mail, make_person

pytestmark = pytest.mark.django_db

SIGN_IN = reverse("account_login")
SIGN_UP = reverse("account_signup")
ASK_FOR_CODE = reverse("account_request_login_code")
CONFIRM_SIGN_IN = reverse("account_confirm_login_code")
CONFIRM_ADDRESS = reverse("account_email_verification_sent")
PROFILE = reverse("accounts:profile")
OWN_PASSWORD = "another-horse-battery"


def sign_up(client: Client, password: str = PASSWORD) -> None:
    answers = {
        "display_name": "Not Sam",
        "email": "sam@example.org",
        "password1": password,
        "time_zone": "America/Phoenix",
    }
    assert client.post(SIGN_UP, answers)["Location"] == CONFIRM_ADDRESS


def sign_in_by_code(client: Client) -> None:
    client.post(ASK_FOR_CODE, {"email": "sam@example.org"})
    client.post(CONFIRM_SIGN_IN, {"code": code_in(last_mail())})


def sign_in(client: Client, password: str = PASSWORD) -> None:
    client.post(SIGN_IN, {"login": "sam@example.org", "password": password})


def is_in(client: Client) -> bool:
    return client.get(PROFILE).status_code == 200


@pytest.fixture
def attacker() -> Client:
    """Signed up with the address of somebody else, and could not confirm it."""
    client = Client()
    sign_up(client)
    cache.clear()  # later
    return client


def test_the_owners_first_code_ends_the_strangers_password(
    client: Client, attacker: Client
) -> None:
    sign_up(client, OWN_PASSWORD)  # as new people do; the mail says that there is an account
    assert "You already have an account" in str(last_mail().body)
    client.post(reverse("account_logout"))
    sign_in_by_code(client)
    assert is_in(client)
    for thief in (attacker, Client()):
        sign_in(thief)
        assert not is_in(thief)
    person = User.objects.get()
    assert not person.has_usable_password()
    assert person.display_name == ""
    assert is_in(client)


def test_the_owner_is_told_to_choose_anew(client: Client, attacker: Client) -> None:
    sign_in_by_code(client)
    said = [str(message) for message in client.get(PROFILE).context["messages"]]
    assert any("no longer works" in message for message in said)


def test_a_session_of_the_stranger_ends_with_the_owners_first_code(
    client: Client, attacker: Client
) -> None:
    inside = Client()
    inside.force_login(User.objects.get())
    assert is_in(inside)
    sign_in_by_code(client)
    assert not is_in(inside)
    assert is_in(client)


def test_a_session_ends_though_there_was_never_a_password(client: Client) -> None:
    person = User.objects.create_user("sam@example.org")
    services.add_address(user=person)
    inside = Client()
    inside.force_login(person)
    sign_in_by_code(client)
    assert not is_in(inside)
    assert is_in(client)


def test_the_code_that_the_stranger_waits_for_is_worth_nothing_afterwards(
    client: Client, attacker: Client
) -> None:
    code = code_in(last_mail())
    sign_in_by_code(client)
    attacker.post(CONFIRM_ADDRESS, {"code": code})
    assert not is_in(attacker)


def test_the_browser_of_the_stranger_is_no_proof_when_the_owner_uses_it(attacker: Client) -> None:
    """A shared computer: the sign-up is still waiting in it."""
    attacker.post(reverse("account_logout"))
    sign_in_by_code(attacker)
    assert is_in(attacker)
    assert not User.objects.get().has_usable_password()


def test_a_password_reset_ends_the_strangers_password_and_name(
    client: Client, attacker: Client
) -> None:
    client.post(reverse("account_reset_password"), {"email": "sam@example.org"})
    link = next(line for line in str(last_mail().body).splitlines() if "/password/reset/" in line)
    page = client.get(link.removeprefix("http://testserver"), follow=True)
    chosen = {"password1": OWN_PASSWORD, "password2": OWN_PASSWORD}
    client.post(page.request["PATH_INFO"], chosen)
    sign_in(client, OWN_PASSWORD)
    client.post(CONFIRM_ADDRESS, {"code": code_in(last_mail())})
    assert is_in(client)
    thief = Client()
    sign_in(thief)
    assert not is_in(thief)
    person = User.objects.get()
    assert person.check_password(OWN_PASSWORD)
    assert person.display_name == ""


def test_an_honest_sign_up_keeps_its_password_and_name(client: Client) -> None:
    sign_up(client)
    client.post(CONFIRM_ADDRESS, {"code": code_in(last_mail())})
    assert is_in(client)
    person = User.objects.get()
    assert person.check_password(PASSWORD)
    assert person.display_name == "Not Sam"


def test_who_knows_the_password_and_has_the_mailbox_keeps_both_on_another_device(
    client: Client,
) -> None:
    sign_up(Client())
    cache.clear()
    sign_in(client)
    client.post(CONFIRM_ADDRESS, {"code": code_in(last_mail())})
    assert is_in(client)
    person = User.objects.get()
    assert person.check_password(PASSWORD)
    assert person.display_name == "Not Sam"


def test_a_confirmed_member_keeps_everything_when_they_sign_in_by_code(client: Client) -> None:
    person = make_person("sam@example.org", display_name="Sam")
    elsewhere = Client()
    elsewhere.force_login(person)
    sign_in_by_code(client)
    person.refresh_from_db()
    assert person.check_password(PASSWORD)
    assert person.display_name == "Sam"
    assert is_in(elsewhere)


def test_a_facilitators_name_stays_when_their_first_code_ends_a_password(client: Client) -> None:
    person = User.objects.create_user(
        "sam@example.org", PASSWORD, role=Role.FACILITATOR, display_name="Sam Reyes, LCSW"
    )
    services.add_address(user=person)
    sign_in_by_code(client)
    person.refresh_from_db()
    assert person.display_name == "Sam Reyes, LCSW"
    assert not person.has_usable_password()


def test_one_code_is_enough_for_somebody_made_on_the_command_line(client: Client) -> None:
    User.objects.create_superuser("sam@example.org", PASSWORD)
    sign_in_by_code(client)
    assert is_in(client)
    assert not User.objects.get().has_usable_password()


def test_no_number_of_codes_proves_a_password(client: Client, attacker: Client) -> None:
    """The address is replaced between asking for the code and typing it: a second one is due."""
    client.post(ASK_FOR_CODE, {"email": "sam@example.org"})
    EmailAddress.objects.all().delete()
    client.post(CONFIRM_SIGN_IN, {"code": code_in(last_mail())})
    client.post(CONFIRM_ADDRESS, {"code": code_in(last_mail())})
    assert EmailAddress.objects.get().verified
    assert not User.objects.get().has_usable_password()


def test_an_address_that_staff_replace_ends_the_password_and_the_sessions_of_the_former(
    client: Client,
) -> None:
    person = make_person("former@example.org", display_name="Sam")
    inside = Client()
    inside.force_login(person)
    person.email = "sam@example.org"
    person.save(update_fields=["email"])
    services.replace_address(user=person, actor=person, now=timezone.now())
    assert not is_in(inside)
    sign_in(Client())
    person.refresh_from_db()
    assert not person.has_usable_password()
    sign_in_by_code(client)
    assert is_in(client)
    assert User.objects.get().display_name == "Sam"


def test_no_admin_page_confirms_an_address_for_its_owner() -> None:
    assert not admin.site.is_registered(EmailAddress)
