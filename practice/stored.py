"""Reading what an encrypted value holds, whichever version of the code wrote it.

What is missing, or is of another kind than today's pages write, counts as not written. A key may
be gone as well.
"""

import dataclasses
from collections.abc import Container, Mapping
from typing import Any, Self, TypeVar

from django.db import models

from accounts.encryption import Unreadable

Row = TypeVar("Row", bound=models.Model)


def mapping(content: object) -> Mapping[str, Any]:
    return content if isinstance(content, Mapping) else {}


def text(stored: Mapping[str, Any], key: str) -> str:
    value = stored.get(key)
    return value if isinstance(value, str) else ""


@dataclasses.dataclass(frozen=True, slots=True)
class Texts:
    """A value of texts alone: its subclasses name them, each with "" for what is not written."""

    def dump(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def load(cls, content: object) -> Self:
        stored = mapping(content)
        return cls(**{field.name: text(stored, field.name) for field in dataclasses.fields(cls)})


def texts(stored: Mapping[str, Any], key: str) -> list[str]:
    """An entry for each of a list, also where it is empty: their places count."""
    value = stored.get(key)
    listed = value if isinstance(value, list | tuple) else ()
    return [one if isinstance(one, str) else "" for one in listed]


def whole(stored: Mapping[str, Any], key: str, allowed: Container[int]) -> int | None:
    value = stored.get(key)
    fits = isinstance(value, int) and not isinstance(value, bool) and value in allowed
    return value if isinstance(value, int) and fits else None


def rows_of(rows: "models.QuerySet[Row]", *values: str) -> list[Row]:
    """The rows. One query, as long as every value can be read: else each is fetched when it is
    asked for, so that only whoever asks for the one without a key gets an Unreadable."""
    try:
        return list(rows.all())
    except Unreadable:
        return list(rows.defer(*(values or ("content",))))


def content_of(row: Any) -> Any:
    """A row's content, or {} when no key opens it."""
    try:
        return row.content
    except Unreadable:
        return {}
