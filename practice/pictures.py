"""The four pictures of the progress page, each for any width from a phone's upwards."""

import itertools
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace

from accounts.plots import WIDTH
from practice.attainment import LEVELS
from practice.drawing import Box, Circle, Line, Part, Picture, Shape, Text
from practice.models import RATED_WEEKS
from practice.progress import (
    ROWS,
    Change,
    changes,
    changes_words,
    goals_words,
    looked_at,
    places,
    places_words,
    weeks_words,
)
from practice.summary import STRONGEST, WEAKEST, GoalSummary, Summary, WeekSummary

EDGE = 20
BESIDE = 600  # from this width on, names stand beside what they name
SCALE = (WEAKEST, (WEAKEST + STRONGEST) / 2, STRONGEST)
BEFORE, AFTER = "distress", "mindfulness"
GOAL_COLOURS, MARKS = ("mindfulness", "people", "distress", "emotion"), "\u25cf\u25a0\u25c6\u25b2"
STEPS = {2: "Much more", 1: "A little more", 0: "As expected", -1: "A little less", -2: "Much less"}


def emotion(summary: Summary, *, width: int = WIDTH) -> Picture:
    """A line for each skill, from how strong the emotion was before to how it was after."""
    found = changes(summary.days)
    rows = found[:ROWS]
    picture = Picture(width, 52 * len(rows) + 46, changes_words(found))
    most = width // 14  # letters beside "12 days"

    def at(strength: float) -> float:
        part = (strength - WEAKEST) / (STRONGEST - WEAKEST)
        return EDGE + 8 + part * (width - 2 * EDGE - 16)

    for place, row in enumerate(rows):
        picture.add(*_change(row, 8 + 52 * place, at, most=most))
    for strength in SCALE:
        words = f"{strength:g}"
        picture.add(Text(at(strength), picture.height - 14, words, 12, "ink-soft", anchor="middle"))
    return picture


def _change(row: Change, top: float, at: Callable[[float], float], *, most: int) -> list[Part]:
    y = top + 34
    days = "1 day" if row.days == 1 else f"{row.days} days"
    return [
        Text(EDGE, top + 15, _cut(row.skill, most), 14, bold=True),
        Text(at(STRONGEST) + 8, top + 15, days, 12, "ink-soft", anchor="end"),
        Line([(at(WEAKEST), y), (at(STRONGEST), y)]),
        *(Line([(at(strength), y - 5), (at(strength), y + 5)]) for strength in SCALE),
        Line([(at(row.before), y), (at(row.after), y)], "edge", 3),
        Circle(at(row.before), y, 7, fill="surface", edge=BEFORE, width=3),
        Circle(at(row.after), y, 8, fill=AFTER),
    ]


def lived(summary: Summary, *, width: int = WIDTH) -> Picture:
    """A dot where a skill was lived: larger for more days, with their number."""
    found = places(summary)
    rows = found.rows[:ROWS]
    narrow = width < BESIDE
    labels = 0 if narrow else 190
    step = (width - 2 * EDGE - labels) / len(found.areas)
    row_height = 58 if narrow else 42
    picture = Picture(width, row_height * len(rows) + 48, places_words(found))
    columns = [EDGE + labels + step * (place + 0.5) for place in range(len(found.areas))]
    for x, name in zip(columns, found.short, strict=True):
        picture.add(Text(x, 26, name, 11 if narrow else 13, "ink-soft", anchor="middle"))
    for place, (skill, counts) in enumerate(rows):
        top = 38 + row_height * place
        y = top + (38 if narrow else 21)
        picture.add(
            Line([(EDGE, top), (width - EDGE, top)]),
            Text(EDGE, top + 17 if narrow else y + 5, _cut(skill, 40 if narrow else 25), 14),
        )
        for x, days in zip(columns, counts, strict=True):
            picture.add(*_dot(x, y, days))
    return picture


def _dot(x: float, y: float, days: int) -> list[Part]:
    if not days:
        return [Circle(x, y, 3, edge="edge", width=1.25)]
    parts: list[Part] = [Circle(x, y, min(8 + 1.5 * days, 15), fill="mindfulness")]
    if days > 1:
        parts.append(Text(x, y + 4.5, str(days), 13, "surface", bold=True, anchor="middle"))
    return parts


def goals(summary: Summary, *, width: int = WIDTH) -> Picture:
    """Each goal as a path through the looks, on the ladder of the five levels."""
    shown = looked_at(summary.goals)
    narrow = width < BESIDE
    labels = 96 if narrow else 130
    picture = Picture(width, 290, goals_words(summary.goals))
    step = (width - 2 * EDGE - labels) / len(RATED_WEEKS)
    columns = {week: EDGE + labels + step * (place + 0.5) for place, week in enumerate(RATED_WEEKS)}

    def height(level: int) -> float:
        return 34 + 50 * (LEVELS[-1] - level)

    for level, words in STEPS.items():
        expected = level == 0
        picture.add(
            Line(
                [(EDGE + labels, height(level)), (width - EDGE, height(level))],
                "edge" if expected else "line",
                2 if expected else 1,
            ),
            Text(EDGE, height(level) + 4, words, 12 if narrow else 13, bold=expected),
        )
    for week, x in columns.items():
        name = f"Week {week}"
        picture.add(Text(x, 272, name, 12 if narrow else 13, "ink-soft", anchor="middle"))
    for place, goal in enumerate(shown):
        points = [
            (columns[week], height(look.reached.level) + _aside(goal, shown, week))
            for week, look in sorted(goal.looks.items())
        ]
        picture.add(*_path(points, place % len(GOAL_COLOURS)))
    return picture


def _aside(goal: GoalSummary, shown: Sequence[GoalSummary], week: int) -> float:
    """Marks that would lie on each other stand beside each other; any other is on its line."""
    level = goal.looks[week].reached.level
    there = [one for one in shown if week in one.looks and one.looks[week].reached.level == level]
    return (there.index(goal) - (len(there) - 1) / 2) * min(13, 40 / len(there))


def _path(points: Sequence[tuple[float, float]], kind: int) -> list[Part]:
    colour = GOAL_COLOURS[kind]
    return [Line(points, colour, 3), *(_mark(x, y, kind, colour) for x, y in points)]


def _mark(x: float, y: float, kind: int, colour: str) -> Part:
    """A circle, a square, a diamond or a triangle: told apart without colours, too."""
    if kind == 0:
        return Circle(x, y, 7, fill=colour)
    corners = (
        [(-6, -6), (6, -6), (6, 6), (-6, 6)],
        [(0, -9), (9, 0), (0, 9), (-9, 0)],
        [(0, -9), (8, 7), (-8, 7)],
    )[kind - 1]
    return Shape([(x + dx, y + dy) for dx, dy in corners], colour)


TILE, GAP = 96, 8  # a tile is at least so wide


def weeks(summary: Summary, *, width: int = WIDTH) -> Picture:
    """A tile for each week with what was chosen for it, and a dot for each day with a card."""
    each = 6 if width >= BESIDE else (width - 2 * EDGE + GAP) // (TILE + GAP)
    wide = (width - 2 * EDGE + GAP) / each - GAP
    tiles: list[Part] = []
    top: float = EDGE
    for at in range(0, len(summary.weeks), each):
        row = summary.weeks[at : at + each]
        tall = max(_tall(week) for week in row)
        for place, week in enumerate(row):
            tiles += _tile(week, Box(EDGE + place * (wide + GAP), top, wide, tall, round=8))
        top += tall + GAP
    return Picture(width, top - GAP + EDGE, weeks_words(summary), tiles)


def _tall(week: WeekSummary) -> float:
    """A week that is longer than seven days, as the last one, has more lines of days."""
    lines = max(((day.day - week.week.first_day).days // 7 for day in week.days), default=0)
    return 90 + 13 * lines


def _tile(week: WeekSummary, tile: Box) -> list[Part]:
    begun, x, y = week.begun, tile.x + 10, tile.y
    fill, edge, ink = ("sunk", "", "ink") if begun else ("", "line", "ink-soft")
    parts: list[Part] = [
        replace(tile, fill=fill, edge=edge),
        Text(x, y + 21, f"Week {week.number}", 13, ink, bold=begun),
    ]
    if plan := week.chosen:
        letters = int((tile.width - 12) / 6.6)
        lines = textwrap.wrap(
            plan.skill or plan.activity, letters, max_lines=2, placeholder="\u2026"
        )
        parts += [Text(x, y + 39 + 15 * n, words, 12, "ink-soft") for n, words in enumerate(lines)]
    for day in week.days:
        after = (day.day - week.week.first_day).days
        parts.append(
            Circle(x + 4 + 12 * (after % 7), y + 74 + 13 * (after // 7), 4.5, fill="mindfulness")
        )
    return parts


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}\u2026"


PICTURES: dict[str, Callable[..., Picture]] = {
    "emotion": emotion,
    "places": lived,
    "goals": goals,
    "weeks": weeks,
}


def legend(shown: Sequence[GoalSummary]) -> list[tuple[str, str, str]]:
    """The mark, the colour and the title of each goal, in the order in which they are drawn."""
    kinds = zip(itertools.cycle(MARKS), itertools.cycle(GOAL_COLOURS), shown, strict=False)
    return [(mark, colour, goal.aim.title) for mark, colour, goal in kinds]


def keys(shown: Sequence[GoalSummary], *, width: int) -> Picture:
    """The legend as a picture, for paper: its font has no such marks."""
    picture = Picture(width, 20 * len(shown), "")
    for place, goal in enumerate(shown):
        kind, y = place % len(GOAL_COLOURS), 20 * place + 10
        title = _cut(goal.aim.title, width // 8)
        picture.add(_mark(EDGE + 8, y, kind, GOAL_COLOURS[kind]), Text(EDGE + 26, y + 4, title, 12))
    return picture
