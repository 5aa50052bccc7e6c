"""People who can sign in, and what they find in their mailbox."""

import re
import time
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.urls import reverse

from accounts.encryption import encrypt
from accounts.models import User

PASSWORD = "correct-horse-battery"


def make_person(email: str = "sam@example.org", **fields: Any) -> User:
    """Somebody whose address is confirmed."""
    person = User.objects.create_user(email, PASSWORD, **fields)
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    return person


def last_mail() -> EmailMultiAlternatives:
    message = mail.outbox[-1]
    assert isinstance(message, EmailMultiAlternatives)
    return message


def code_in(message: EmailMultiAlternatives) -> str:
    """The code, which stands on a line of its own."""
    found = re.search(r"^ {4}(\S+)$", str(message.body), re.MULTILINE)
    assert found
    return found[1]


SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def a_factor(person: User) -> Authenticator:
    """An app that knows `SECRET`, with recovery codes; one that is there already stays."""
    factor, _ = Authenticator.objects.get_or_create(
        user=person,
        type=Authenticator.Type.TOTP,
        defaults={"data": {"secret": encrypt(SECRET)}},
    )
    RecoveryCodes.activate(person)
    return factor


def app_shows(secret: str = SECRET) -> str:
    """The code of this half minute."""
    return str(format_hotp_value(hotp_value(secret, int(time.time() // 30))))


def prove(client: Client, person: User) -> None:
    """Signed in, and the password was typed a moment ago."""
    client.force_login(person)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def sign_in_with_factor(client: Client, person: User) -> None:
    """As `force_login`, and the second factor was shown just now."""
    client.force_login(person)
    shown = {"method": "mfa", "at": time.time(), "id": a_factor(person).pk, "type": "totp"}
    session = client.session
    session["account_authentication_methods"] = [shown]
    session["account_authentication_methods_user"] = str(person.pk)
    session.save()
