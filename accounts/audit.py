"""The audit log: who looked at what, who let whom do what. Written once, checked at any time.

Each entry's hash covers what it says and the hash of the one before it, under a key made from
`SECRET_KEY`. So whoever can write to the database and does not know the key cannot change an
entry, remove one or put one in between without `check` finding it. What it cannot see is that
the newest entries were cut off: for that, keep the newest hash elsewhere and give it to `check`.
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import Action, AuditEntry, Subject, User
from accounts.turns import AUDIT_LOG, take_turn

SALT = "accounts.audit"


@transaction.atomic
def record(
    *,
    actor: User,
    action: Action,
    subject_kind: Subject,
    subject_id: object,
    now: dt.datetime,
    ip: str | None = None,
) -> AuditEntry:
    """Add one entry, in the caller's transaction if there is one. Call it after other locks.

    Writers wait for each other until their transactions end, so that the chain never forks.
    """
    take_turn(AUDIT_LOG)
    last = AuditEntry.objects.order_by("-pk").values_list("hash", flat=True).first()
    entry = AuditEntry(
        at=now,
        actor=actor,
        action=action,
        subject_kind=subject_kind,
        subject_id=str(subject_id),
        ip=ip or "",
        previous=last or "",
    )
    entry.hash = _seal(entry, settings.SECRET_KEY)
    entry.save()
    return entry


def record_rights(
    *, of: User, before: tuple[str, bool], actor: User, now: dt.datetime, ip: str | None = None
) -> None:
    """Add what changed in somebody's rights; `before` is their role and whether they might plan."""
    role, may_plan = before
    changes = []
    if of.role != role:
        changes.append(Action(f"role.{of.role}"))
    if of.may_plan != may_plan:
        changes.append(Action.MAY_PLAN if of.may_plan else Action.MAY_NOT_PLAN)
    for action in changes:
        record(
            actor=actor,
            action=action,
            subject_kind=Subject.USER,
            subject_id=of.pk,
            now=now,
            ip=ip,
        )


@dataclass(frozen=True, slots=True)
class Found:
    """How far the log is sound: `flaw` is a sentence about the first break, empty without one."""

    entries: int
    newest: str
    flaw: str = ""


def check(*, kept: str = "") -> Found:
    """Walk the whole chain, in constant memory. `kept` is a hash that must be in it.

    Entries of earlier keys need those in `SECRET_KEY_FALLBACKS`. An entry of an earlier key
    after one of a later key is a flaw: a key that was given up seals nothing any more.
    """
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    entries, newest, kept_is_there = 0, "", not kept
    for entry in AuditEntry.objects.order_by("pk").iterator(chunk_size=1000):
        if entry.previous != newest:
            return Found(entries, newest, f"An entry before number {entry.pk} is missing.")
        fits = _key_of(entry, keys)
        if fits is None:
            return Found(
                entries,
                newest,
                f"Entry number {entry.pk} was changed, or written with a key that is not known.",
            )
        keys = keys[: fits + 1]
        entries, newest = entries + 1, entry.hash
        kept_is_there = kept_is_there or newest == kept
    flaw = "" if kept_is_there else "The entry whose hash you kept is missing."
    return Found(entries, newest, flaw)


def _key_of(entry: AuditEntry, keys: Sequence[str]) -> int | None:
    """Which of the keys sealed the entry as it is now."""
    for place, key in enumerate(keys):
        if constant_time_compare(entry.hash, _seal(entry, key)):
            return place
    return None


def _seal(entry: AuditEntry, key: str) -> str:
    content = [
        entry.previous,
        entry.at.astimezone(dt.UTC).isoformat(),
        entry.actor_id,
        entry.action,
        entry.subject_kind,
        entry.subject_id,
        entry.ip,
    ]
    return salted_hmac(SALT, json.dumps(content), secret=key, algorithm="sha256").hexdigest()
