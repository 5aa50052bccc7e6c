"""What this room keeps about a person, for that person."""

import datetime as dt

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator

from accounts.exports import Room, Table, fields, register
from accounts.models import AuditEntry, Subject, User


def stays(person: User, now: dt.datetime) -> list[str]:
    return ["The log of who looked at what, and that you had something erased."]


ROOM = Room(
    "account",
    "your account, and the log of what you did and of who looked at your answers",
    (
        Table(
            "account",
            lambda person: User.objects.filter(pk=person.pk),
            fields("email", "display_name", "time_zone", "role", "date_joined", "last_login"),
        ),
        Table(
            "addresses",
            lambda person: EmailAddress.objects.filter(user=person),
            fields("email", "verified", "primary"),
        ),
        Table(
            "second_step",
            lambda person: Authenticator.objects.filter(user=person),
            fields("type", "created_at", "last_used_at"),
        ),
        Table(
            "done_by_you",
            lambda person: AuditEntry.objects.filter(actor=person).order_by("pk"),
            fields("at", "action", "ip"),
        ),
        Table(
            "done_about_you",
            lambda person: AuditEntry.objects.filter(
                subject_kind=Subject.USER, subject_id=str(person.pk)
            ).order_by("pk"),
            fields("at", "action", by="actor__display_name"),
        ),
    ),
    stays,
)


def register_room() -> None:
    register(ROOM)
