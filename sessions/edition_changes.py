"""What is different between two versions of a curriculum, in words. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from sessions.models import Area, CurriculumWeek, Module
from sessions.schedule import WEEKS


@dataclass(frozen=True, slots=True)
class Line:
    """`what` happened, as “Skill added”, and to which `text`."""

    what: str
    text: str


@dataclass(frozen=True, slots=True)
class WeekChange:
    number: int
    lines: list[Line]


def changes(before: Iterable[CurriculumWeek], after: Iterable[CurriculumWeek]) -> list[WeekChange]:
    """The weeks that differ, in order."""
    was = {week.number: week for week in before}
    now = {week.number: week for week in after}
    found = []
    for number in range(1, WEEKS + 1):
        lines = _lines(was.get(number), now.get(number))
        if lines:
            found.append(WeekChange(number, lines))
    return found


def _lines(before: CurriculumWeek | None, after: CurriculumWeek | None) -> list[Line]:
    if before is None and after is None:
        return []
    if after is None:
        return [Line("The week has no text any more", before.title if before else "")]
    old = before or CurriculumWeek(number=after.number)
    lines = []
    if old.title != after.title:
        lines.append(Line("New title", after.title))
    if old.module != after.module:
        lines.append(Line("New module", Module(after.module).label))
    lines += _list_lines("Skill", "Skills", old.skills, after.skills)
    lines += _explanation_lines(old, after)
    for area in Area:
        lines += _list_lines(
            f"{area.label}, activity",
            f"{area.label}, activities",
            old.activities_in(area),
            after.activities_in(area),
        )
    return lines


def _explanation_lines(before: CurriculumWeek, after: CurriculumWeek) -> list[Line]:
    """Of the skills that are there now: with one that is taken out goes what was said of it."""
    was, lines = dict(before.explained_skills), []
    for skill, words in after.explained_skills:
        old = was.get(skill, "")
        if words and words != old:
            lines.append(Line(f"What {skill} is, {'in new words' if old else 'added'}", words))
        elif old and not words:
            lines.append(Line(f"What {skill} is, taken out", old))
    return lines


def _list_lines(one: str, many: str, before: list[str], after: list[str]) -> list[Line]:
    lines = [Line(f"{one} added", text) for text in after if text not in before]
    lines += [Line(f"{one} taken out", text) for text in before if text not in after]
    if not lines and before != after:
        lines.append(Line(f"{many} in another order", "; ".join(after)))
    return lines
