"""Admins look after the accounts."""

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.urls import reverse

from accounts.models import Action, AuditEntry, Role, Subject, User
from tests.accounts.people import PASSWORD, code_in, last_mail, make_person, sign_in_with_factor

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> Client:
    sign_in_with_factor(client, make_person("boss@example.org", role=Role.ADMIN))
    return client


def sign_in_by_code(client: Client, email: str) -> None:
    client.post(reverse("account_request_login_code"), {"email": email})
    client.post(reverse("account_confirm_login_code"), {"code": code_in(last_mail())})


def test_a_facilitator_is_added_without_a_password(admin: Client) -> None:
    answers = {
        "email": "Dana@Example.org",
        "display_name": "Dana Reyes, LCSW",
        "role": Role.FACILITATOR,
        "time_zone": "America/Phoenix",
        "usable_password": "false",
    }
    response = admin.post(reverse("admin:accounts_user_add"), answers)
    assert response.status_code == 302
    person = User.objects.get(email="dana@example.org")
    assert (person.role, person.display_name) == (Role.FACILITATOR, "Dana Reyes, LCSW")
    assert not person.has_usable_password()


def test_somebody_added_by_an_admin_comes_in_with_their_first_code(admin: Client) -> None:
    answers = {
        "email": "dana@example.org",
        "role": Role.FACILITATOR,
        "time_zone": "America/Phoenix",
        "usable_password": "false",
    }
    admin.post(reverse("admin:accounts_user_add"), answers)
    dana = Client()
    sign_in_by_code(dana, "dana@example.org")
    assert dana.session["_auth_user_id"] == str(User.objects.get(email="dana@example.org").pk)
    assert len(mail.outbox) == 1


def test_an_address_that_was_replaced_opens_nothing_any_more(admin: Client) -> None:
    person = make_person("old@example.org")
    answers = {
        "email": "new@example.org",
        "display_name": "",
        "role": Role.MEMBER,
        "time_zone": "America/Phoenix",
        "is_active": "on",
    }
    response = admin.post(reverse("admin:accounts_user_change", args=[person.pk]), answers)
    assert response.status_code == 302
    [entry] = AuditEntry.objects.all()
    assert (entry.actor.email, entry.action) == ("boss@example.org", Action.ADDRESS_REPLACED)
    assert (entry.subject_kind, entry.subject_id) == (Subject.USER, str(person.pk))
    assert entry.ip == "127.0.0.1"
    former, present = Client(), Client()
    former.post(reverse("account_request_login_code"), {"email": "old@example.org"})
    assert "There is no account with it" in str(last_mail().body)
    sign_in_by_code(present, "new@example.org")
    assert present.session["_auth_user_id"] == str(person.pk)


def change_address(admin: Client, person: User, email: str) -> None:
    answers = {
        "email": email,
        "display_name": person.display_name,
        "role": person.role,
        "time_zone": person.time_zone,
        "is_active": "on",
    }
    here = reverse("admin:accounts_user_change", args=[person.pk])
    assert admin.post(here, answers).status_code == 302


@pytest.mark.django_db(transaction=True)  # the mail goes when it is committed
def test_whoever_had_the_earlier_address_is_told_there(admin: Client) -> None:
    person = make_person("old@example.org", display_name="Sam")
    # One that they were about to change to, and nobody has confirmed.
    EmailAddress.objects.create(user=person, email="typed@example.org", verified=False)
    change_address(admin, person, "new@example.org")
    [told] = mail.outbox
    assert isinstance(told, EmailMultiAlternatives)
    assert (told.to, told.subject) == (["old@example.org"], "Your email address was changed")
    for text in (str(told.body), str(told.alternatives[0][0])):
        assert "Somebody of our staff has changed the address of your account." in text
        assert settings.SUPPORT_EMAIL in text
        assert "988" in text
        for unsaid in ("new@example.org", "Sam", "therap", "{{", "{%"):
            assert unsaid not in text


@pytest.mark.django_db(transaction=True)
def test_capitals_make_no_other_address(admin: Client) -> None:
    person = make_person("old@example.org")
    inside = Client()
    inside.force_login(person)
    change_address(admin, person, "OLD@example.org")
    assert (mail.outbox, AuditEntry.objects.count()) == ([], 0)
    assert inside.get(reverse("accounts:profile")).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_is_away_keeps_no_address_from_being_replaced(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailMultiAlternatives, "send", away)
    person = make_person("old@example.org")
    change_address(admin, person, "new@example.org")
    person.refresh_from_db()
    assert person.email == "new@example.org"


def test_another_spelling_of_a_known_address_is_refused(admin: Client) -> None:
    make_person("sam@example.org")
    answers = {
        "email": "SAM@example.org",
        "role": Role.MEMBER,
        "time_zone": "America/Phoenix",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    response = admin.post(reverse("admin:accounts_user_add"), answers)
    assert "This address is already in use." in str(response.context["adminform"].form.errors)


def test_the_list_and_the_form_open_and_show_no_password(admin: Client) -> None:
    person = make_person("sam@example.org")
    found = admin.get(reverse("admin:accounts_user_changelist"), {"q": "sam@"})
    assert "sam@example.org" in found.text
    form = admin.get(reverse("admin:accounts_user_change", args=[person.pk]))
    assert form.status_code == 200
    assert person.password not in form.text


@pytest.mark.parametrize("role", [Role.MEMBER, Role.FACILITATOR])
def test_nobody_else_sees_it(client: Client, role: Role) -> None:
    client.force_login(make_person(role=role))
    response = client.get(reverse("admin:accounts_user_changelist"), follow=True)
    assert response.status_code == 403


def test_strangers_are_sent_to_the_one_sign_in_page(client: Client) -> None:
    response = client.get(reverse("admin:index"), follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse("account_login"))
