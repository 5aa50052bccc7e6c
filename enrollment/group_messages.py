"""Writing to a group, or to some of it: one mail to each, now or at a time ahead.

A message is claimed once, when its time has come, and owes one mail to each who is in standing at
that moment. It does not go out when its author does not lead the group any more, nor when it
names somebody who has joined since. The outbox asks again before each mail (`message_mails.py`).
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Q, QuerySet

from accounts.models import User
from enrollment import message_checks, roster
from enrollment.models import Enrollment, GroupMessage, Visit
from enrollment.states import IN_STANDING, LIVE
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
        return message_checks.findings(
            body=body,
            names=self.names,
            free_names=self._free_names(to),
            site=settings.SITE_URL,
            practice=settings.SUPPORT_EMAIL,
        )

    def named(self, *, body: str, to: Sequence[Enrollment] | None) -> bool:
        """Whether these words say a name that those people must not read."""
        return message_checks.names_somebody(
            body=body, names=self.names, free_names=self._free_names(to)
        )

    def _free_names(self, to: Sequence[Enrollment] | None) -> list[str]:
        own = [one.member.display_name for one in to or ()]
        return [*self.leaders, *(own if len(own) == 1 else ())]


def people(*, cohort: Cohort, author: User) -> People:
    """Everybody who has a seat or is about to, who had one, and who visits. Three queries.

    Who left is not named either, nor who visited.
    """
    known = (
        Enrollment.objects.filter(cohort=cohort)
        .filter(Q(confirmed_at__isnull=False) | Q(status__in=LIVE))
        .select_related("member")
        .order_by("member__display_name", "pk")
    )
    visits = Visit.objects.filter(session__cohort=cohort, given_back_at=None)
    visitors = visits.values_list("enrollment__member__display_name", flat=True)
    leaders = cohort.facilitators.values_list("display_name", flat=True)
    return People(
        standing=[one for one in known if one.status in IN_STANDING],
        names=[*(one.member.display_name for one in known), *visitors],
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
    """Owe a mail to each recipient; returns how many. Whoever claims it second owes nothing.

    A message that must not go out as things are now is cancelled instead, and says why.
    """
    waiting = GroupMessage.objects.filter(pk=message.pk, promised_at=None, cancelled_at=None)
    if obstacle := _obstacle(message):
        waiting.update(cancelled_at=now, obstacle=obstacle)
        message.refresh_from_db(fields=["promised_at", "cancelled_at", "obstacle"])
        return 0
    if not waiting.update(promised_at=now):
        return 0
    message.promised_at = now
    rows = recipients(message).annotate(occasion=F("pk") * 0 + message.pk)
    return outbox.promise_each(
        kind=GROUP_MESSAGE, rows=rows.values_list("member_id", "pk", "occasion"), now=now
    )


def _obstacle(message: GroupMessage) -> GroupMessage.Obstacle | None:
    """What has changed since the message was written, so that it must not go out."""
    author, cohort = message.author, message.cohort
    if not (author.is_active and roster.cohorts_of(author).filter(pk=cohort.pk).exists()):
        return GroupMessage.Obstacle.AUTHOR
    to = None if message.everyone else list(message.to.select_related("member"))
    if people(cohort=cohort, author=author).named(body=message.body, to=to):
        return GroupMessage.Obstacle.NAMES
    return None


def promise_due_messages(*, now: dt.datetime) -> int:
    """Promise the mails of every message whose time has come; returns how many mails."""
    due = GroupMessage.objects.filter(promised_at=None, cancelled_at=None, send_at__lte=now)
    due = due.select_related("author", "cohort").order_by("send_at", "pk")
    return sum(promise(message=message, now=now) for message in due)


def mails_of(*, cohort_id: int, messages: Sequence[GroupMessage]) -> "QuerySet[Message]":
    """The mails that these messages of one group owe or owed, found by their unique key."""
    members = Enrollment.objects.filter(cohort=cohort_id)
    return Message.objects.filter(
        kind=GROUP_MESSAGE,
        subject_id__in=members.values("pk"),
        occasion_id__in=[message.pk for message in messages],
    )


def _waiting_mails(message: GroupMessage) -> "QuerySet[Message]":
    return mails_of(cohort_id=message.cohort_id, messages=[message]).filter(state__in=WAITING)


def can_be_cancelled(message: GroupMessage) -> bool:
    """Whether anything of it is still to go out."""
    if message.cancelled_at is not None:
        return False
    return message.promised_at is None or _waiting_mails(message).exists()


def cancel(*, message: GroupMessage, now: dt.datetime) -> bool:
    """Stop what has not gone out yet; False when there is nothing left to stop.

    A mail that is being handed over at this very moment may still arrive: its state tells.
    """
    current = GroupMessage.objects.filter(pk=message.pk, cancelled_at=None)
    if current.filter(promised_at=None).update(cancelled_at=now):
        return True
    # A statement of its own: it sees the mails of a worker that the one before waited for.
    return bool(current.filter(Exists(_waiting_mails(message))).update(cancelled_at=now))
