"""How long an answer takes tells nobody who has an account."""

from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.urls import reverse

from tests.accounts.people import PASSWORD, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many passwords were hashed since it was last asked; nothing else takes long."""
    seen: list[str] = []
    encode = MD5PasswordHasher.encode

    def count(hasher: MD5PasswordHasher, password: str, salt: str) -> str:
        seen.append(salt)
        return encode(hasher, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", count)

    def counted() -> int:
        number = len(seen)
        seen.clear()
        return number

    return counted


def test_a_sign_up_hashes_once_whether_or_not_there_is_an_account(
    hashes: Callable[[], int],
) -> None:
    make_person("known@example.org")
    hashes()
    for email in ("new@example.org", "known@example.org"):
        answers = {
            "display_name": "Sam",
            "email": email,
            "password1": PASSWORD,
            "time_zone": "America/Phoenix",
        }
        assert Client().post(reverse("account_signup"), answers).status_code == 302
        assert hashes() == 1


def test_a_wrong_password_is_hashed_once_whether_or_not_there_is_an_account(
    hashes: Callable[[], int],
) -> None:
    make_person("known@example.org")
    without = make_person("without@example.org")
    without.set_unusable_password()
    without.save()
    hashes()
    for email in ("known@example.org", "without@example.org", "nobody@example.org"):
        Client().post(reverse("account_login"), {"login": email, "password": "wrong-horse"})
        assert hashes() == 1
