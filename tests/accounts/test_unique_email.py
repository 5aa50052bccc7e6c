"""Two spellings of one address are one person."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Role, User
from tests.accounts.people import make_person

pytestmark = pytest.mark.django_db


def test_an_address_is_stored_in_lower_case() -> None:
    assert User.objects.create_user(" Sam@Example.ORG ").email == "sam@example.org"


def test_another_spelling_is_refused() -> None:
    make_person("sam@example.org")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("SAM@example.org")
    with pytest.raises(ValidationError, match="This address is already in use"):
        User(email="Sam@Example.org", password="x").full_clean()


def test_the_database_refuses_capitals_that_slip_past_the_code() -> None:
    person = make_person()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=person.pk).update(email="Sam@Example.org")


def test_somebody_is_found_by_any_spelling() -> None:
    person = make_person("sam@example.org")
    assert User.objects.get_by_natural_key("SAM@EXAMPLE.ORG") == person


@pytest.mark.parametrize(
    ("role", "opens_admin"),
    [(Role.MEMBER, False), (Role.FACILITATOR, False), (Role.BILLING, False), (Role.ADMIN, True)],
)
def test_only_admins_may_open_the_admin(role: Role, opens_admin: bool) -> None:
    person = make_person(role=role)
    assert person.is_staff is opens_admin
    assert person.has_perm("accounts.change_user") is opens_admin
    assert person.has_module_perms("accounts") is opens_admin


def test_an_admin_who_left_may_do_nothing() -> None:
    person = make_person(role=Role.ADMIN, is_active=False)
    assert not person.has_perm("accounts.change_user")


def test_the_command_line_makes_admins() -> None:
    assert User.objects.create_superuser("boss@example.org", "x").role == Role.ADMIN


def test_somebody_without_a_password_signs_in_by_code_only() -> None:
    assert not User.objects.create_user("sam@example.org").has_usable_password()
