"""A goal as a value: in the member's words, with five levels; and how far it was at one look."""

import dataclasses
from typing import Any, Self

from practice.attainment import LEVELS
from practice.models import RATED_WEEKS
from practice.own import OwnPractice
from practice.stored import mapping, text, texts, whole
from sessions.schedule import WEEKS

# What each level is, whatever the goal.
LEVEL_WORDS = {
    -2: "Much less than expected",
    -1: "A little less than expected",
    0: "As expected",
    1: "A little more than expected",
    2: "Much more than expected",
}
MOST_TITLE, MOST_LEVEL, MOST_NOTE = 150, 300, 1000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What somebody wants to be able to do. `levels` go from -2 to +2; the two outermost may be
    empty: a scale has to say what is expected and one level on each side of it."""

    title: str
    levels: tuple[str, str, str, str, str]

    def at(self, level: int) -> str:
        return self.levels[level - LEVELS[0]]

    @property
    def steps(self) -> list[tuple[int, str, str]]:
        """Level, its general words and the member's own: the highest first, as on a ladder."""
        return [(level, LEVEL_WORDS[level], self.at(level)) for level in reversed(LEVELS)]

    def dump(self) -> dict[str, Any]:
        return {"title": self.title, "levels": list(self.levels)}

    @classmethod
    def load(cls, content: object) -> Self:
        stored = mapping(content)
        written = texts(stored, "levels")[: len(LEVELS)]
        worst, less, expected, more, best = written + [""] * (len(LEVELS) - len(written))
        return cls(title=text(stored, "title"), levels=(worst, less, expected, more, best))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far a goal was. `words` are those of the level as it read then: the goal may be written
    anew later, and what was reached does not change by that."""

    level: int
    words: str = ""
    note: str = ""

    @property
    def level_words(self) -> str:
        return LEVEL_WORDS[self.level]

    def dump(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def load(cls, content: object) -> Self:
        stored = mapping(content)
        return cls(
            level=whole(stored, "level", LEVELS) or 0,
            words=text(stored, "words"),
            note=text(stored, "note"),
        )


def open_looks(practice: OwnPractice) -> list[int]:
    """The weeks at which goals can be looked at by now: 1, 4, 8 and 12, from the week that the
    member began with.

    A look whose own session was cancelled opens with the next one, or with the last of all.
    """
    if not practice.begun:
        return []
    ended = len(practice.begun) == len(practice.weeks)
    reached = WEEKS if ended else max(week.number for week in practice.begun)
    first = practice.enrollment.first_week
    return [number for number in RATED_WEEKS if first <= number <= reached]
