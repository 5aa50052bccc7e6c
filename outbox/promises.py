"""Making promises. A promise joins the caller's transaction: it stands when that commits."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from outbox.models import Message, State

_OWED = ("recipient_id", "subject_id", "occasion_id")


def _insert(source: str, source_params: tuple[Any, ...], kind: str, now: datetime) -> int:
    """Insert a promise for each row of the SQL `source`, passing over those that exist.

    The ORM has no INSERT … SELECT, and its `ignore_conflicts` does not tell what was new.
    """
    given = {
        "kind": kind,
        "state": State.QUEUED,
        "attempts": 0,
        "next_try_at": now,
        "last_error": "",
        "reason": "",
        "created_at": now,
    }
    quote = connection.ops.quote_name
    fields = {name: Message._meta.get_field(name) for name in given}
    columns = ", ".join(quote(name) for name in (*_OWED, *given))
    owed = ", ".join(_OWED)
    marks = ", ".join(["%s"] * len(given))
    values = [
        fields[name].get_db_prep_save(value, connection)  # type: ignore[union-attr]
        for name, value in given.items()
    ]
    # SQLite needs the WHERE to tell ON CONFLICT from a join's ON, and counts the rows of a
    # statement only when INSERT is its first word.
    statement = " ".join(
        (
            f"INSERT INTO {quote(Message._meta.db_table)} ({columns})",
            f"WITH owed ({owed}) AS ({source})",
            f"SELECT {owed}, {marks} FROM owed WHERE true",  # noqa: S608  names, no values
            "ON CONFLICT (kind, subject_id, occasion_id) DO NOTHING",
        )
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, (*source_params, *values))
        return int(cursor.rowcount)


def promise(
    *, kind: str, recipient_id: int, subject_id: int, occasion_id: int = 0, now: datetime
) -> bool:
    """Owe one mail, unless it is owed already; says whether the promise is new."""
    return bool(_insert("VALUES (%s, %s, %s)", (recipient_id, subject_id, occasion_id), kind, now))


def promise_each(*, kind: str, rows: QuerySet[Any, Any], now: datetime) -> int:
    """Owe one mail for each row, in one statement; returns the number of new promises.

    `rows` is any model's `.values_list()` of three whole numbers in this order: recipient's
    id, subject's id, occasion's id.
    """
    try:
        source, params = rows.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return 0
    return _insert(source, params, kind, now)


def owe_again(
    *, kinds: Collection[str], subject_ids: Collection[int], occasion_ids: Collection[int]
) -> int:
    """Forget that mails of these kinds were not owed, so that they can be promised anew.

    For an occasion that comes back, such as a session that returns to its first time. What was
    sent or still waits stays as it is. Returns how many were forgotten.
    """
    forgotten, _ = Message.objects.filter(
        kind__in=kinds,
        subject_id__in=subject_ids,
        occasion_id__in=occasion_ids,
        state=State.NOT_OWED,
    ).delete()
    return forgotten
