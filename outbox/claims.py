"""Who may send a mail now, and how it ended: the only writer of a message's state.

A claim writes a lease, a random number that the claiming process alone knows. Whatever it
says about the message later counts only while the row still carries that number, so a
process whose lease ran out cannot overwrite what its successor did.
"""

import random
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When

from outbox.models import Message, State

# Longer than one SMTP dialogue can take: about six replies of EMAIL_TIMEOUT (15 s) each.
LEASE = timedelta(minutes=3)
# With the delays below a mail is tried for about five hours.
MAX_ATTEMPTS = 12
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=1)

_NO_LEASE = {"lease": None, "lease_until": None}


def claim(*, limit: int, now: datetime) -> tuple[uuid.UUID, list[Message]]:
    """Take up to `limit` due messages, the longest-waiting first, and lease them.

    Rows that another process is claiming are passed over, not waited for.
    """
    lease = uuid.uuid4()
    with transaction.atomic():
        due = list(
            _due(now).select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit]
        )
        if due:
            # The filter decides where the database knows no row locks (SQLite).
            Message.objects.filter(pk__in=due, state=State.QUEUED).update(
                state=State.SENDING, lease=lease, lease_until=now + LEASE
            )
    return lease, _held(lease, due)


def are_due(*, more_than: int, now: datetime) -> bool:
    """Whether more messages than that are waiting to be claimed."""
    return _due(now)[more_than:].exists()


def _due(now: datetime) -> QuerySet[Message]:
    due = Message.objects.filter(state=State.QUEUED, next_try_at__lte=now)
    return due.order_by("next_try_at", "id")


def renew(*, lease: uuid.UUID, pks: Collection[int], now: datetime) -> list[Message]:
    """Extend the lease and read the messages again; those lost meanwhile are left out."""
    Message.objects.filter(pk__in=pks, lease=lease).update(lease_until=now + LEASE)
    return _held(lease, pks)


def _held(lease: uuid.UUID, pks: Collection[int]) -> list[Message]:
    if not pks:
        return []
    held = Message.objects.filter(pk__in=pks, lease=lease).select_related("recipient")
    return list(held.order_by("next_try_at", "id"))


def mark_sent(*, lease: uuid.UUID, pks: Collection[int], now: datetime) -> int:
    return Message.objects.filter(pk__in=pks, lease=lease).update(
        state=State.SENT,
        sent_at=now,
        attempts=F("attempts") + 1,
        last_error="",
        **_NO_LEASE,
    )


def mark_not_owed(*, lease: uuid.UUID, pks: Collection[int], reason: str) -> int:
    return Message.objects.filter(pk__in=pks, lease=lease).update(
        state=State.NOT_OWED, reason=reason[:200], **_NO_LEASE
    )


def mark_failed(*, lease: uuid.UUID, pks: Collection[int], error: str) -> int:
    """End the messages as failed: they wait in the admin for somebody to look."""
    return Message.objects.filter(pk__in=pks, lease=lease).update(
        state=State.FAILED, attempts=F("attempts") + 1, last_error=error[:500], **_NO_LEASE
    )


def put_off(*, lease: uuid.UUID, message: Message, error: str, now: datetime) -> State:
    """Try the message again later, or end it as failed after `MAX_ATTEMPTS`."""
    attempts = message.attempts + 1
    if attempts >= MAX_ATTEMPTS:
        mark_failed(lease=lease, pks=[message.pk], error=error)
        return State.FAILED
    Message.objects.filter(pk=message.pk, lease=lease).update(
        state=State.QUEUED,
        attempts=attempts,
        next_try_at=now + retry_delay(attempts),
        last_error=error[:500],
        **_NO_LEASE,
    )
    return State.QUEUED


def retry_delay(attempts: int) -> timedelta:
    """Doubles with each attempt; between half and the whole of it, so that retries spread."""
    longest = min(FIRST_DELAY * 2 ** (attempts - 1), LONGEST_DELAY)
    share = random.uniform(0.5, 1.0)  # noqa: S311  spreads load, guards nothing
    return timedelta(seconds=longest.total_seconds() * share)


def give_back(*, lease: uuid.UUID, pks: Collection[int], error: str) -> int:
    """Return messages that were never tried to the queue, at no cost."""
    return Message.objects.filter(pk__in=pks, lease=lease).update(
        state=State.QUEUED, last_error=error[:500], **_NO_LEASE
    )


def release_expired_leases(*, now: datetime) -> int:
    """Queue again what a stopped worker left behind; returns how many messages that were.

    A mail that was left behind `MAX_ATTEMPTS` times may be what stops the workers: it fails.
    """
    worn_out = Q(attempts__gte=MAX_ATTEMPTS - 1)
    abandoned: QuerySet[Message] = Message.objects.filter(state=State.SENDING, lease_until__lt=now)
    return abandoned.update(
        state=Case(When(worn_out, then=Value(State.FAILED)), default=Value(State.QUEUED)),
        attempts=F("attempts") + 1,
        last_error="The worker stopped while it held this mail.",
        **_NO_LEASE,
    )


def retry_failed(*, message_ids: Collection[int], now: datetime) -> int:
    """Queue failed messages anew, with all their attempts; returns how many were failed."""
    return Message.objects.filter(pk__in=message_ids, state=State.FAILED).update(
        state=State.QUEUED, attempts=0, next_try_at=now
    )
