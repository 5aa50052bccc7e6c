"""Whoever works at the money desk."""

from django.test import Client

from accounts.models import Role, User
from tests.accounts.people import sign_in_with_factor
from tests.enrollment.builders import a_member


def a_billing_admin(name: str = "Kim Ledger") -> User:
    return a_member(display_name=name, role=Role.BILLING)


def at_the_desk(person: User | None = None) -> Client:
    """A browser in which somebody is signed in who may open /money/: the second
    factor was shown just now."""
    client = Client()
    sign_in_with_factor(client, person or a_billing_admin())
    return client
