"""Writing what belongs to an account besides its own row."""

import datetime as dt

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts import audit
from accounts.models import Action, Role, Subject, User
from accounts.one_time_codes import LAST_STEP


def has_confirmed_address(*, user: User) -> bool:
    found: bool = EmailAddress.objects.filter(user=user, verified=True).exists()
    return found


def end_password_and_sessions(*, user: User) -> None:
    """Let neither the password so far nor any open session reach this account again.

    A session carries a keyed hash of the password's field, so one write ends both, also
    for somebody who has no password: an unusable one is random too.
    """
    user.set_unusable_password()
    user.save(update_fields=["password"])


def blank_chosen_name(*, user: User) -> None:
    """Forget what a member is called. The names of staff are given by an admin and stay."""
    if user.role == Role.MEMBER:
        user.display_name = ""
        user.save(update_fields=["display_name"])


@transaction.atomic
def become_member(*, user: User, now: dt.datetime) -> None:
    """Make a member of who was known as a practitioner only, since they come for themselves.

    An address can be invited by mistake. What is shared with them they may read as before.
    """
    if user.role != Role.PRACTITIONER:
        return
    before = (user.role, user.may_plan)
    if User.objects.filter(pk=user.pk, role=Role.PRACTITIONER).update(role=Role.MEMBER):
        user.role = Role.MEMBER
        audit.record_rights(of=user, before=before, actor=user, now=now)


@transaction.atomic
def hand_to_owner_of_address(*, user: User) -> bool:
    """Give an account that nobody had confirmed to whoever has just proved its address.

    Anybody can sign up with somebody else's address, and a password and a name of their
    own. Returns whether there was a password, which now opens nothing.
    """
    had_password = user.has_usable_password()
    end_password_and_sessions(user=user)
    if had_password:
        blank_chosen_name(user=user)
    return had_password


def add_address(*, user: User) -> None:
    """Have the account's own address confirmed by the first code that is typed in from it."""
    EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"primary": True, "verified": False}
    )


@transaction.atomic
def replace_address(
    *, user: User, actor: User, now: dt.datetime, ip: str | None = None
) -> list[str]:
    """Let the account's own address, and no earlier one, open it from now on.

    The password and the sessions of whoever had the earlier address end here; the name stays,
    because the admin who writes the address has it before their eyes. Returns the earlier ones
    that somebody had confirmed, who are to be told.
    """
    earlier = EmailAddress.objects.filter(user=user).exclude(email=user.email)
    told = list(earlier.filter(verified=True).values_list("email", flat=True))
    earlier.delete()
    add_address(user=user)
    end_password_and_sessions(user=user)
    audit.record(
        actor=actor,
        action=Action.ADDRESS_REPLACED,
        subject_kind=Subject.USER,
        subject_id=user.pk,
        now=now,
        ip=ip,
    )
    return told


def start_factor(*, user: User, step: int) -> Authenticator:
    """The code with which a second factor was set up has been used, like any other."""
    factor = Authenticator.objects.get(user=user, type=Authenticator.Type.TOTP)
    factor.data[LAST_STEP] = step
    factor.save(update_fields=["data"])
    return factor


@transaction.atomic
def take_factor_away(*, user: User, actor: User, now: dt.datetime, ip: str | None = None) -> bool:
    """Let somebody who lost phone and recovery codes sign in without them, once more.

    Returns whether there was a factor. What needs one stays closed until they set up a new one.
    """
    removed, _ = Authenticator.objects.filter(user=user).delete()
    if removed:
        audit.record(
            actor=actor,
            action=Action.FACTOR_TAKEN,
            subject_kind=Subject.USER,
            subject_id=user.pk,
            now=now,
            ip=ip,
        )
    return bool(removed)
