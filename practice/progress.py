"""What a summary shows, as tables and as sentences: each picture's text equivalent is made here.

No judgement is in them: neither of a week without a card nor of an emotion that grew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from practice.attainment import EXPECTED, t_score
from practice.models import RATED_WEEKS
from practice.summary import DaySummary, GoalSummary, Summary, WeekSummary
from sessions.models import Area

# Where a skill was lived, when nothing says where.
NOT_SAID = ""
AREAS = {**{str(area.value): str(area.label) for area in Area}, NOT_SAID: "Not said"}
# The same, where they stand side by side on a phone.
SHORT = dict(
    zip(AREAS, ("Self-care", "Home", "Work", "Rest", "Leisure", "People", "Not said"), strict=True)
)
# A picture and its sentence show so many; the table has them all.
ROWS = 8


@dataclass(frozen=True, slots=True)
class Change:
    """How strong the emotion was on average around one skill, from 0 to 10."""

    skill: str
    days: int
    before: float
    after: float

    @property
    def before_words(self) -> str:
        return _strength(self.before)

    @property
    def after_words(self) -> str:
        return _strength(self.after)

    @property
    def words(self) -> str:
        return f"{self.before_words} before, {self.after_words} after"


def changes(days: Iterable[DaySummary]) -> list[Change]:
    """By skill, from the days that say how strong it was before and after; most days first."""
    found: dict[str, list[tuple[int, int]]] = {}
    for day in days:
        if day.before is not None and day.after is not None:
            for skill in day.skills:
                found.setdefault(skill, []).append((day.before, day.after))
    rows = [
        Change(
            skill=skill,
            days=len(pairs),
            before=sum(before for before, _ in pairs) / len(pairs),
            after=sum(after for _, after in pairs) / len(pairs),
        )
        for skill, pairs in found.items()
    ]
    return sorted(rows, key=lambda row: -row.days)


def changes_words(rows: Sequence[Change]) -> str:
    if not rows:
        return "No day says yet how strong an emotion was before and after a skill."
    named = [f"{row.skill}: {row.words} ({_days(row.days)})" for row in rows[:ROWS]]
    return (
        f"How strong the emotion was, from 0 to 10, on average. {'; '.join(named)}."
        f"{_more(len(rows) - ROWS, 'skill')}"
    )


@dataclass(frozen=True, slots=True)
class Places:
    """Where each skill was lived: by skill, the number of days in each of `areas`."""

    areas: list[str]
    rows: list[tuple[str, list[int]]]

    @property
    def has_not_said(self) -> bool:
        return NOT_SAID in self.areas

    @property
    def labels(self) -> list[str]:
        return [AREAS[area] for area in self.areas]

    @property
    def short(self) -> list[str]:
        return [SHORT[area] for area in self.areas]

    @property
    def cells(self) -> list[tuple[str, list[tuple[str, int]], int]]:
        """Skill, then each area's name and days, then all days."""
        return [
            (skill, list(zip(self.labels, counts, strict=True)), sum(counts))
            for skill, counts in self.rows
        ]


def places(summary: Summary) -> Places:
    """From the cards, and from plans that were carried out without one; in the order in which
    skills were first lived. "Not said" is there only when it is needed."""
    lived: dict[str, dict[str, int]] = {}
    for week in summary.weeks:
        for skill, area in _lived(week):
            counts = lived.setdefault(skill, dict.fromkeys(AREAS, 0))
            counts[area] += 1
    used = any(counts[NOT_SAID] for counts in lived.values())
    areas = [area for area in AREAS if area != NOT_SAID or used]
    return Places(areas, [(skill, [counts[a] for a in areas]) for skill, counts in lived.items()])


def _lived(week: WeekSummary) -> list[tuple[str, str]]:
    found = [(skill, day.area) for day in week.days for skill in day.skills]
    plan = week.chosen
    if plan and plan.done and plan.skill and plan.skill not in dict(found):
        found.append((plan.skill, plan.area))
    return found


def places_words(found: Places) -> str:
    if not found.rows:
        return "No skill has been noted in a part of your days yet."
    named = []
    for skill, counts in found.rows[:ROWS]:
        parts = [
            f"{label.lower()} ({_days(count)})"
            for label, count in zip(found.labels, counts, strict=True)
            if count
        ]
        named.append(f"{skill}: {_listed(parts)}")
    return (
        f"Where each skill was lived. {'; '.join(named)}.{_more(len(found.rows) - ROWS, 'skill')}"
    )


@dataclass(frozen=True, slots=True)
class Together:
    """All goals that were looked at in one week, as one number."""

    week: int
    goals: int
    score: float

    @property
    def words(self) -> str:
        which = "your goal comes" if self.goals == 1 else f"your {self.goals} goals together come"
        return f"At week {self.week} {which} to {self.score:.0f}."


ABOUT_TOGETHER = (
    "People who work with goals of this kind use one number for all goals of a week: "
    f"{EXPECTED:.0f} means what you expected. It says how far your goals were from your own words "
    "for \u201cexpected\u201d, and nothing about you."
)


def together(goals: Sequence[GoalSummary]) -> list[Together]:
    found = []
    for week in RATED_WEEKS:
        levels = [goal.looks[week].reached.level for goal in goals if week in goal.looks]
        if levels:
            found.append(Together(week, len(levels), t_score(levels)))
    return found


def looked_at(goals: Sequence[GoalSummary]) -> list[GoalSummary]:
    return [goal for goal in goals if goal.looks]


def goal_rows(goals: Sequence[GoalSummary]) -> list[tuple[GoalSummary, list[tuple[str, str]]]]:
    """Each goal that was looked at, with the four weeks and what was reached in them."""
    return [
        (
            goal,
            [
                (f"Week {week}", goal.looks[week].reached.level_words if week in goal.looks else "")
                for week in RATED_WEEKS
            ],
        )
        for goal in looked_at(goals)
    ]


def goals_words(goals: Sequence[GoalSummary]) -> str:
    shown = looked_at(goals)
    if not shown:
        return "No goal has been looked at yet."
    named = [
        f"\u201c{goal.aim.title}\u201d: "
        + ", ".join(
            f"{look.reached.level_words.lower()} at week {week}"
            for week, look in sorted(goal.looks.items())
        )
        for goal in shown
    ]
    return f"How far your goals were. {'; '.join(named)}."


def weeks_words(summary: Summary) -> str:
    """Which weeks have something in them. They are not counted, nor are those that have not."""
    begun = summary.begun
    if not begun:
        return "Your weeks begin with your first session."
    have = "has" if len(begun) == 1 else "have"
    words = f"{len(begun)} of your {len(summary.weeks)} weeks {have} begun."
    own = [str(week.number) for week in begun if week.chosen or week.days]
    if not own:
        return words
    which = f"Week {own[0]} has" if len(own) == 1 else f"Weeks {_listed(own)} have"
    return f"{words} {which} a plan or a note of yours."


def _strength(value: float) -> str:
    """7, or 7.5: no digit that says nothing."""
    return f"{value:.1f}".removesuffix(".0")


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count or 'no'} days"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if parts[1:] else parts)


def _more(count: int, what: str) -> str:
    if count <= 0:
        return ""
    return f" And {count} more {what}{'' if count == 1 else 's'}, in the table."
