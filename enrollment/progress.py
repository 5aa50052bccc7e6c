"""Where a member is in their weeks: one word for each, and what was taught last."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from enrollment.catalogue import SessionRow


class Place(StrEnum):
    """What one week is to a member now."""

    HELD = "held"
    NEXT = "next"
    COMING = "coming"
    CANCELLED = "cancelled"
    BEFORE = "before"


WORDS = {
    Place.HELD: "held",
    Place.NEXT: "your next session",
    Place.COMING: "to come",
    Place.CANCELLED: "cancelled",
    Place.BEFORE: "before you joined",
}


@dataclass(frozen=True, slots=True)
class Step:
    number: int
    place: Place

    @property
    def words(self) -> str:
        return WORDS[self.place]


@dataclass(frozen=True, slots=True)
class Progress:
    steps: list[Step]
    # As in "Week 3 of 12: 2 held, 10 to come".
    summary: str
    # The latest session that began with this member in the group, if one did: what it teaches can
    # be practised from then on.
    latest: SessionRow | None

    @property
    def runs(self) -> bool:
        """The latest session goes on now."""
        return self.latest is not None and not self.latest.past

    @property
    def over(self) -> bool:
        return not any(step.place in (Place.NEXT, Place.COMING) for step in self.steps)


def progress(*, rows: Sequence[SessionRow], next_number: int | None) -> Progress:
    """From the sessions in their order; `next_number` is the one that comes next, or runs."""
    steps = [Step(row.number, _place(row, next_number)) for row in rows]
    begun = [row for row in rows if row.begun and row.included and not row.cancelled]
    return Progress(steps, _summary(steps), begun[-1] if begun else None)


def _place(row: SessionRow, next_number: int | None) -> Place:
    if not row.included:
        return Place.BEFORE
    if row.cancelled:
        return Place.CANCELLED
    if row.past:
        return Place.HELD
    return Place.NEXT if row.number == next_number else Place.COMING


def _summary(steps: Sequence[Step]) -> str:
    count = {place: sum(step.place == place for step in steps) for place in Place}
    now = next((step.number for step in steps if step.place == Place.NEXT), None)
    parts = [f"{count[Place.HELD] or 'none'} held"]
    if ahead := count[Place.NEXT] + count[Place.COMING]:
        parts.append(f"{ahead} to come")
    parts += [
        f"{count[place]} {WORDS[place]}"
        for place in (Place.CANCELLED, Place.BEFORE)
        if count[place]
    ]
    begins = f"Week {now} of {len(steps)}" if now else f"All {len(steps)} weeks"
    return f"{begins}: {', '.join(parts)}"
