"""What cannot be seen is no name and no message."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.plain_text import NameField, seen, validate_seen
from tests.accounts.people import make_person

INVISIBLE = [
    "\u200b",
    "\u202e\u202c",
    "\x07",
    "\u200d",
    "\ufeff \u2060",
    "\u3164",
    "\u2800\u00a0",
]


@pytest.mark.parametrize("text", INVISIBLE)
def test_nothing_to_read_is_nothing(text: str) -> None:
    assert seen(text) == ""
    with pytest.raises(ValidationError, match="nothing to read"):
        validate_seen(text)
    with pytest.raises(ValidationError, match="required"):
        NameField().clean(text)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Sam\tR.\n", "Sam R."),
        ("Sam\u200b", "Sam"),
        ("\u202eMas", "Mas"),
        ("Zoë 李 Okafor", "Zoë 李 Okafor"),
        ("\u0645\u0647\u200c\u0633", "\u0645\u0647\u200c\u0633"),
        ("\U0001f469\u200d\U0001f33e", "\U0001f469\u200d\U0001f33e"),
    ],
)
def test_a_name_keeps_what_is_seen(typed: str, kept: str) -> None:
    assert NameField().clean(typed) == kept


@pytest.mark.django_db
@pytest.mark.parametrize("text", INVISIBLE)
def test_nobody_is_called_by_what_cannot_be_seen(text: str, client: Client) -> None:
    answers = {
        "display_name": text,
        "email": "kim@example.org",
        "password1": "a long passphrase",
        "time_zone": "America/Phoenix",
    }
    signed_up = client.post(reverse("account_signup"), answers)
    assert "display_name" in signed_up.context["form"].errors
    person = make_person()
    client.force_login(person)
    profile = client.post(reverse("accounts:profile"), answers)
    assert "display_name" in profile.context["form"].errors
    assert not User.objects.exclude(pk=person.pk).exists()
