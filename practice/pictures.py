"""The four pictures of the progress page, each for any width from a phone's upwards."""

import itertools
from collections.abc import Callable, Sequence

from accounts.plots import WIDTH
from practice.attainment import LEVELS
from practice.drawing import Box, Circle, Line, Part, Picture, Shape, Text
from practice.models import RATED_WEEKS
from practice.progress import (
    ELSEWHERE,
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
from sessions.models import Area

EDGE = 20
BESIDE = 600  # from this width on, names stand beside what they name
BEFORE, AFTER = "distress", "mindfulness"
GOAL_COLOURS, MARKS = ("mindfulness", "people", "distress", "emotion"), "\u25cf\u25a0\u25c6\u25b2"
# Names that stand side by side, also on a phone.
SHORT = {
    Area.SELF_CARE: "Self-care",
    Area.HOME: "Home",
    Area.WORK: "Work",
    Area.REST: "Rest",
    Area.LEISURE: "Leisure",
    Area.PEOPLE: "People",
    ELSEWHERE: "Other",
}
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

    bottom = picture.height - 26
    for strength in (WEAKEST, (WEAKEST + STRONGEST) / 2, STRONGEST):
        picture.add(
            Line([(at(strength), 16), (at(strength), bottom)]),
            Text(at(strength), bottom + 18, f"{strength:g}", 12, "ink-soft", anchor="middle"),
        )
    for place, row in enumerate(rows):
        picture.add(*_change(row, 16 + 52 * place, at, most=most))
    return picture


def _change(row: Change, top: float, at: Callable[[float], float], *, most: int) -> list[Part]:
    y = top + 32
    right = at(STRONGEST) + 8
    days = "1 day" if row.days == 1 else f"{row.days} days"
    return [
        # On its own ground, so that the lines of the scale do not run through the words.
        Box(EDGE - 2, top + 2, right - EDGE + 4, 18, fill="surface"),
        Text(EDGE, top + 15, _cut(row.skill, most), 14, bold=True),
        Text(right, top + 15, days, 12, "ink-soft", anchor="end"),
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
    for x, area in zip(columns, found.areas, strict=True):
        name = SHORT[Area(area)] if area else SHORT[ELSEWHERE]
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
        return [Circle(x, y, 2, fill="line")]
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
    # Paths that go along together are drawn beside each other.
    spread = 9
    for place, goal in enumerate(shown):
        aside = (place - (len(shown) - 1) / 2) * spread
        points = [
            (columns[week], height(look.reached.level) + aside)
            for week, look in sorted(goal.looks.items())
        ]
        picture.add(*_path(points, place % len(GOAL_COLOURS)))
    return picture


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


TILE, GAP = 104, 8


def weeks(summary: Summary, *, width: int = WIDTH) -> Picture:
    """A tile for each week with what was chosen for it, and a dot for each day with a card."""
    each = (width - 2 * EDGE + GAP) // (TILE + GAP)
    tops = []
    top: float = EDGE
    lines = [summary.weeks[at : at + each] for at in range(0, len(summary.weeks), each)]
    for line in lines:
        tops.append(top)
        top += max(map(_tall, line)) + GAP
    picture = Picture(width, top - GAP + EDGE, weeks_words(summary))
    for line, y in zip(lines, tops, strict=True):
        tall = max(map(_tall, line))
        for place, week in enumerate(line):
            picture.add(*_tile(week, EDGE + place * (TILE + GAP), y, tall))
    return picture


def _tall(week: WeekSummary) -> float:
    """A week that is longer than seven days, as the last one, has more lines of days."""
    lines = max(((day.day - week.week.first_day).days // 7 for day in week.days), default=0)
    return 76 + 13 * lines


def _tile(week: WeekSummary, x: float, y: float, tall: float) -> list[Part]:
    begun = week.begun
    parts: list[Part] = [
        Box(x, y, TILE, tall, fill="sunk" if begun else "", edge="" if begun else "line", round=8),
        Text(x + 10, y + 21, f"Week {week.number}", 13, "ink" if begun else "ink-soft", bold=begun),
    ]
    if plan := week.chosen:
        words = _cut(plan.skill or plan.activity, 15)
        parts.append(Text(x + 10, y + 41, words, 12, "ink-soft"))
    for day in week.days:
        after = (day.day - week.week.first_day).days
        at_x, at_y = x + 13 + 13 * (after % 7), y + 61 + 13 * (after // 7)
        parts.append(Circle(at_x, at_y, 4.5, fill="mindfulness"))
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
