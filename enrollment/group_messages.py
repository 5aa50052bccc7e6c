"""Writing to a group, or to some of it: one mail to each, now or at a time ahead.

A message is claimed once, when its time has come, and owes one mail to each who is in standing at
that moment. The outbox asks again before each mail (`message_mails.py`).
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from accounts.models import User
from enrollment import message_checks
from enrollment.models import Enrollment, GroupMessage
from enrollment.states import IN_STANDING
from outbox import services as outbox
from outbox.models import Message, State
from sessions.models import Cohort

GROUP_MESSAGE = "group-message"
# Nobody plans a note for further ahead than a season; a wrong year is caught.
FURTHEST = dt.timedelta(days=90)
# What can still be stopped.
WAITING = (State.QUEUED, State.SENDING)


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to send. `to` is None for everybody, `send_at` None for right away."""

    body: str
    to: Sequence[Enrollment] | None
    send_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class People:
    """Whom a message may go to, by name, and whose names it must not say."""

    standing: Sequence[Enrollment]
    names: Sequence[str]
    leaders: Sequence[str]

    def findings(self, *, body: str, to: Sequence[Enrollment] | None) -> list[str]:
        """Why these words cannot be mailed to those people; empty when they can."""
        own = [one.member.display_name for one in to or ()]
        return message_checks.findings(
            body=body,
            names=self.names,
            free_names=[*self.leaders, *(own if len(own) == 1 else ())],
            site=settings.SITE_URL,
            practice=settings.SUPPORT_EMAIL,
        )


def people(*, cohort: Cohort, author: User) -> People:
    """Everybody who is or was confirmed; who left is not named either. Two queries."""
    known = (
        Enrollment.objects.filter(cohort=cohort, confirmed_at__isnull=False)
        .select_related("member")
        .order_by("member__display_name", "pk")
    )
    leaders = cohort.facilitators.values_list("display_name", flat=True)
    return People(
        standing=[one for one in known if one.status in IN_STANDING],
        names=[one.member.display_name for one in known],
        leaders=[author.display_name, *leaders],
    )


@transaction.atomic
def write(
    *, key: uuid.UUID, cohort: Cohort, author: User, draft: Draft, now: dt.datetime
) -> GroupMessage:
    """Store the message; without a time of its own it is promised at once.

    A second press with the same `key` finds what the first one stored. Raises
    GroupMessage.DoesNotExist when the key is another group's.
    """
    try:
        with transaction.atomic():
            message = GroupMessage.objects.create(
                public_id=key,
                cohort=cohort,
                author=author,
                body=draft.body,
                everyone=draft.to is None,
                created_at=now,
                send_at=draft.send_at or now,
            )
    except IntegrityError:
        return GroupMessage.objects.get(public_id=key, cohort=cohort)
    message.to.set(draft.to or [])
    if message.send_at <= now:
        promise(message=message, now=now)
    return message


def recipients(message: GroupMessage) -> "QuerySet[Enrollment]":
    """Who would get it at this moment: of those it is for, whoever is in standing."""
    standing = Enrollment.objects.filter(cohort=message.cohort_id, status__in=IN_STANDING)
    return standing if message.everyone else standing.filter(pk__in=message.to.values("pk"))


@transaction.atomic
def promise(*, message: GroupMessage, now: dt.datetime) -> int:
    """Owe a mail to each recipient; returns how many. Whoever claims it second owes nothing."""
    claimed = GroupMessage.objects.filter(
        pk=message.pk, promised_at=None, cancelled_at=None
    ).update(promised_at=now)
    if not claimed:
        return 0
    message.promised_at = now
    rows = recipients(message).annotate(occasion=F("pk") * 0 + message.pk)
    return outbox.promise_each(
        kind=GROUP_MESSAGE, rows=rows.values_list("member_id", "pk", "occasion"), now=now
    )


def promise_due_messages(*, now: dt.datetime) -> int:
    """Promise the mails of every message whose time has come; returns how many mails."""
    due = GroupMessage.objects.filter(promised_at=None, cancelled_at=None, send_at__lte=now)
    return sum(promise(message=message, now=now) for message in due.order_by("send_at", "pk"))


def mails_of(*, cohort_id: int, messages: Sequence[GroupMessage]) -> "QuerySet[Message]":
    """The mails that these messages of one group owe or owed, found by their unique key."""
    members = Enrollment.objects.filter(cohort=cohort_id)
    return Message.objects.filter(
        kind=GROUP_MESSAGE,
        subject_id__in=members.values("pk"),
        occasion_id__in=[message.pk for message in messages],
    )


def can_be_cancelled(message: GroupMessage) -> bool:
    """Whether anything of it is still to go out."""
    if message.cancelled_at is not None:
        return False
    if message.promised_at is None:
        return True
    mails = mails_of(cohort_id=message.cohort_id, messages=[message])
    return mails.filter(state__in=WAITING).exists()


@transaction.atomic
def cancel(*, message: GroupMessage, now: dt.datetime) -> bool:
    """Stop what has not gone out yet; False when there is nothing left to stop.

    A mail that is being handed over at this very moment may still arrive: its state tells.
    """
    current = GroupMessage.objects.select_for_update().get(pk=message.pk)
    if not can_be_cancelled(current):
        return False
    current.cancelled_at = now
    current.save(update_fields=["cancelled_at"])
    return True
