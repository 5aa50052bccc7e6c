"""A paper as data: what its page shows and its PDF draws, word by word the same."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

# The template and the drawing of papers that are issued now; earlier ones keep theirs.
VERSION = 1
NOT_GIVEN = "not given"


class Fact(NamedTuple):
    """A label and its words. Without words it is left out for members, and named to staff."""

    label: str
    words: str


class Table(NamedTuple):
    """Rows under a head; the last column is an amount."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def wide(self) -> bool:
        return len(self.head) > 4

    @property
    def cells(self) -> list[list[tuple[str, str]]]:
        """The rows, each cell with its column's name."""
        return [list(zip(self.head, row, strict=True)) for row in self.rows]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One paper in words. The last four are known when it is issued, and not part of `content`."""

    kind: str
    title: str
    issuer: tuple[Fact, ...]
    recipient: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    lines: Table
    totals: tuple[Fact, ...]
    notes: tuple[str, ...]
    version: int = VERSION
    number: str = ""
    issued_at: str = ""
    replaces: str = ""

    def content(self) -> dict[str, Any]:
        """What is frozen when it is issued, as JSON reads it back."""
        return {
            "title": self.title,
            "issuer": [list(fact) for fact in self.issuer],
            "recipient": [list(fact) for fact in self.recipient],
            "facts": [list(fact) for fact in self.facts],
            "head": list(self.lines.head),
            "rows": [list(row) for row in self.lines.rows],
            "totals": [list(fact) for fact in self.totals],
            "notes": list(self.notes),
        }

    @classmethod
    def load(cls, content: Mapping[str, Any], **known: Any) -> Self:
        """A paper from its `content`; `known` are the fields that it leaves out."""
        return cls(
            title=content["title"],
            issuer=_facts(content["issuer"]),
            recipient=_facts(content["recipient"]),
            facts=_facts(content["facts"]),
            lines=Table(tuple(content["head"]), tuple(tuple(row) for row in content["rows"])),
            totals=_facts(content["totals"]),
            notes=tuple(content["notes"]),
            **known,
        )

    def for_reader(self, *, staff: bool) -> Self:
        """Staff read what is missing; whoever can do nothing about it does not."""

        def shown(facts: Sequence[Fact]) -> tuple[Fact, ...]:
            if staff:
                return tuple(Fact(label, words or NOT_GIVEN) for label, words in facts)
            return tuple(fact for fact in facts if fact.words)

        return dataclasses.replace(
            self,
            issuer=shown(self.issuer),
            recipient=shown(self.recipient),
            facts=shown(self.facts),
        )


def _facts(stored: Sequence[Sequence[str]]) -> tuple[Fact, ...]:
    return tuple(Fact(label, words) for label, words in stored)
