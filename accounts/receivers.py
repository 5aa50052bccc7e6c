"""What follows when an address is confirmed or somebody signs in.

allauth and Django say so by their signals only.
"""

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.stagekit import unstash_login
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, password_reset
from allauth.account.stages import EmailVerificationStage
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts import services
from accounts.middleware import SEEN_ON
from accounts.models import User

CHOOSE_ANEW = (
    "The password that was chosen before this address was confirmed no longer works. "
    "You can go on signing in with codes, or set a password in your profile, "
    "where you also tell us what to call you."
)


def gave_the_password_here(request: HttpRequest, user: User) -> bool:
    """Whether this browser session waits to confirm its own sign-up, or its own password.

    Signing in with a mailed code is neither, even in the browser in which somebody signed up.
    """
    login = unstash_login(request, peek=True)
    if not login or login.user != user:
        return False
    if login.state.get("stages", {}).get("current") != EmailVerificationStage.key:
        return False
    records = get_authentication_records(request, user)
    return bool(login.signup) or any(record["method"] == "password" for record in records)


@receiver(email_confirmed)
def hand_over(request: HttpRequest, email_address: EmailAddress, **kwargs: Any) -> None:
    """The first confirmed address of an account ends what a stranger may have set on it."""
    user = email_address.user
    earlier = EmailAddress.objects.filter(user=user, verified=True).exclude(pk=email_address.pk)
    if earlier.exists() or gave_the_password_here(request, user):
        return
    if services.hand_to_owner_of_address(user=user):
        messages.info(request, CHOOSE_ANEW)


@receiver(password_reset)
def forget_the_name(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """The mailed link has replaced the password of an unconfirmed account, not its name."""
    if not services.has_confirmed_address(user=user):
        services.blank_chosen_name(user=user)


@receiver(user_logged_in)
def count_as_a_visit(request: HttpRequest, **kwargs: Any) -> None:
    """Signing in writes the session anyhow: the first page of the day need not do it again."""
    request.session[SEEN_ON] = timezone.now().date().isoformat()
