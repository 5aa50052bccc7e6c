"""One week's practice: the shape of a plan, what is suggested for it, and what may be said of it.

At most one practice a week: kindness before ambition. Nothing here is counted or judged.
"""

import dataclasses
import enum
from collections.abc import Iterable
from typing import Any, NamedTuple, Self

from practice.stored import mapping, text, whole
from sessions.models import Area, CurriculumWeek

# How sure somebody is that it will happen.
SCALE = range(1, 11)
# Who is less sure than this (of 10) is offered a smaller step.
SURE_ENOUGH = 7


class Outcome(enum.StrEnum):
    """How it went, for whoever wants to say so. Empty: nothing was said."""

    DONE = "done"
    PARTLY = "partly"
    NOT_THIS_TIME = "not"

    @property
    def label(self) -> str:
        return {"done": "I did it", "partly": "Partly", "not": "Not this time"}[self.value]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What somebody means to practise in one week, and how it went."""

    skill: str = ""
    activity: str = ""
    # The area of life that the activity belongs to; empty when its writer did not say.
    area: str = ""
    # “While cooking on Tuesday”: when and where, in one line.
    when: str = ""
    # What makes it easier: another way of doing it, another place, a thing, somebody.
    task: str = ""
    place: str = ""
    tool: str = ""
    person: str = ""
    # From 1 to 10.
    sure: int | None = None
    # One of Outcome, or empty.
    outcome: str = ""
    outcome_words: str = ""

    @property
    def is_made(self) -> bool:
        return bool(self.activity)

    @property
    def eased(self) -> list["Easing"]:
        """What was written about making it easier."""
        return [
            Easing(label, text) for name, label in EASINGS.items() if (text := getattr(self, name))
        ]

    @property
    def wants_smaller_step(self) -> bool:
        """Before it is over, and only when they said that they are not sure."""
        return self.sure is not None and self.sure < SURE_ENOUGH and not self.outcome

    @property
    def was_practised(self) -> bool:
        """They said that it went at least partly."""
        return self.outcome in (Outcome.DONE, Outcome.PARTLY)

    @property
    def outcome_label(self) -> str:
        return Outcome(self.outcome).label if self.outcome else ""

    def dump(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def load(cls, content: object) -> Self:
        """What is asked today; answers to questions that were dropped since are left out."""
        stored = mapping(content)
        words = {field.name: text(stored, field.name) for field in dataclasses.fields(cls)}
        words["area"] = words["area"] if words["area"] in Area.values else ""
        words["outcome"] = words["outcome"] if words["outcome"] in set(Outcome) else ""
        return cls(**{**words, "sure": whole(stored, "sure", SCALE)})  # type: ignore[arg-type]


class Easing(NamedTuple):
    label: str
    text: str


# The four fields of a plan that make it easier, in words that end its line on a page.
EASINGS = {
    "task": "A smaller or different way",
    "place": "The place",
    "tool": "Something that helps",
    "person": "Somebody who helps",
}


class Suggestion(NamedTuple):
    """One everyday activity of the curriculum; `key` names it in a form."""

    key: str
    area: str
    text: str


class Suggested(NamedTuple):
    """The activities of one area."""

    area: str
    label: str
    matters: bool
    activities: list[Suggestion]


def suggested(*, teaches: CurriculumWeek | None, matter: Iterable[str]) -> list[Suggested]:
    """A week's activities by area, those of the areas that matter to the member first.

    Areas without an activity are left out; without a text for the week there is nothing.
    """
    if teaches is None:
        return []
    chosen = set(matter)
    groups = []
    for area in Area:
        texts = teaches.activities_in(area)
        if texts:
            activities = [Suggestion(f"{area}-{n}", area, text) for n, text in enumerate(texts)]
            groups.append(Suggested(area.value, str(area.label), area in chosen, activities))
    return sorted(groups, key=lambda group: not group.matters)
