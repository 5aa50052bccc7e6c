"""Everything that is kept about one person, for that person: one file of each room.

A room names its own rows when the application starts, so nobody has to know them all; a test asks
of every table with a way to a person whether it stands here. The archive is made in memory: what
it holds never lies on the server's disk.
"""

import datetime as dt
import io
import json
import zipfile
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from accounts.encryption import Unreadable
from accounts.models import User

README = """What {practice} keeps about you, as of {now:%Y-%m-%d %H:%M} UTC.

Each file is of one part of the site, in JSON, a format that other programs can read:

{files}

Times are in UTC. Amounts are in cents.

Left out are keys that open something (your door, your calendar link, your sign-in), notes that
are only between members of staff about their own work, and what is kept about other people.
"""

# In the place of a value that was encrypted with a key that is gone.
UNREADABLE = "could not be read"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one kind: `of` finds one person's, and `fields` names what they take along.

    As {"group": "cohort__name"}: the name in the file, and the way to it from the row.
    """

    name: str
    of: Callable[[User], "QuerySet[Any]"]
    fields: Mapping[str, str]
    # Keys within their values that say nothing about the person.
    without: Container[str] = ()

    def rows(self, person: User) -> list[dict[str, Any]]:
        """One query, as long as every value can be read; what no key opens says so in its place."""
        try:
            found = list(self.of(person).values_list(*self.fields.values()))
        except Unreadable:
            keys = list(self.of(person).values_list("pk", flat=True))
            found = [self._as_far_as_readable(person, key) for key in keys]
        return [
            {name: self._shown(value) for name, value in zip(self.fields, row, strict=True)}
            for row in found
        ]

    def _shown(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: one for key, one in value.items() if key not in self.without}

    def _as_far_as_readable(self, person: User, key: object) -> tuple[Any, ...]:
        row: list[Any] = []
        for way in self.fields.values():
            try:
                row.append(self.of(person).filter(pk=key).values_list(way, flat=True).get())
            except Unreadable:
                row.append(UNREADABLE)
        return tuple(row)


def _nothing(person: User, now: dt.datetime) -> list[str]:
    return []


@dataclass(frozen=True, slots=True)
class Room:
    """What one room keeps. `stays` says in sentences what it does not erase when asked to."""

    name: str
    title: str
    tables: tuple[Table, ...]
    stays: Callable[[User, dt.datetime], list[str]] = _nothing


_rooms: dict[str, Room] = {}


def register(room: Room) -> None:
    """Called when the application starts; again, it takes the earlier one's place."""
    _rooms[room.name] = room


def rooms() -> list[Room]:
    """In the order of their names, whatever started first."""
    return [_rooms[name] for name in sorted(_rooms)]


def fields(*names: str, **others: str) -> dict[str, str]:
    """Fields by their own names, and others as name=way."""
    return {**{name: name for name in names}, **others}


def everything_of(person: User) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """By room and table. As many queries as there are tables."""
    return {
        room.name: {table.name: table.rows(person) for table in room.tables} for room in rooms()
    }


def archive(*, person: User, practice_name: str, now: dt.datetime) -> bytes:
    """A zip of it all, in memory."""
    titles = "\n".join(f"- {room.name}.json: {room.title}" for room in rooms())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
        readme = README.format(practice=practice_name, now=now.astimezone(dt.UTC), files=titles)
        files.writestr("README.txt", readme)
        for room, tables in everything_of(person).items():
            text = json.dumps(tables, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False)
            files.writestr(f"{room}.json", text)
    return packed.getvalue()


def what_stays(*, person: User, now: dt.datetime) -> list[str]:
    """Sentences, of every room."""
    return [line for room in rooms() for line in room.stays(person, now)]
