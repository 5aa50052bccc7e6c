"""How somebody sees one area of their daily life: the shape of what a profile holds.

Own questions in plain words, after what occupational therapists ask: what goes well, what is
hard, and whether the person, the surroundings or the task itself gets in the way. No licensed
instrument, and no score: the two numbers are for whoever chose them to compare with later.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from practice.stored import mapping, text, whole
from sessions.models import Area

# What an area takes in, for people who would not call it so.
COVERS: dict[str, str] = {
    Area.SELF_CARE: "Washing, dressing, eating, looking after your health",
    Area.HOME: "Cooking, cleaning, shopping, bills, looking after others",
    Area.WORK: "A job, classes, looking for work, volunteering",
    Area.REST: "Breaks, winding down, the night",
    Area.LEISURE: "What you do because you like it",
    Area.PEOPLE: "Family, friends, neighbors, strangers",
}


WORDS = ("well", "hard", "helps", "person", "surroundings", "task")
STEPS = range(1, 11)
REVISIONS = range(2**31)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One area, looked at. Everything may be left out."""

    well: str = ""
    hard: str = ""
    helps: str = ""
    # What gets in the way.
    person: str = ""
    surroundings: str = ""
    task: str = ""
    # From 1 to 10: how well it goes, and how content the person is with that.
    performance: int | None = None
    satisfaction: int | None = None
    matters: bool = False
    # Which saving of the profile wrote this area; 0 for one that was never saved.
    revision: int = 0

    @property
    def is_looked_at(self) -> bool:
        """Something was written or rated. Only to say that an area matters is no look at it."""
        return dataclasses.replace(self, matters=False, revision=0) != Look()

    def says_the_same_as(self, other: "Look") -> bool:
        return dataclasses.replace(self, revision=other.revision) == other

    def dump(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def load(cls, content: object) -> Self:
        """What is asked today; answers to questions that were dropped since are left out, and so
        is what is none."""
        stored = mapping(content)
        return cls(
            **{name: text(stored, name) for name in WORDS},
            performance=whole(stored, "performance", STEPS),
            satisfaction=whole(stored, "satisfaction", STEPS),
            matters=stored.get("matters") is True,
            revision=whole(stored, "revision", REVISIONS) or 0,
        )


def dump_all(looks: Mapping[str, Look]) -> dict[str, Any]:
    return {area: look.dump() for area, look in looks.items()}


def load_all(content: object) -> dict[str, Look]:
    """By area, each of the six in their order: an empty look where nothing was saved."""
    stored = mapping(content)
    return {area: Look.load(stored.get(area)) for area in Area.values}


def that_matter(looks: Mapping[str, Look]) -> list[str]:
    """The areas that matter to the person now, in the areas' order."""
    return [area for area, look in looks.items() if look.matters]
