"""People who can sign in, and what they find in their mailbox."""

import re
from typing import Any

from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import EmailMultiAlternatives

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
