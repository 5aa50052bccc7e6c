"""Writing what belongs to an account besides its own row."""

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import User


@transaction.atomic
def replace_address(*, user: User) -> None:
    """Let the account's own address, and no earlier one, open it from now on.

    The new address is confirmed by the first code that is typed in from it.
    """
    EmailAddress.objects.filter(user=user).exclude(email=user.email).delete()
    EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"primary": True, "verified": False}
    )
