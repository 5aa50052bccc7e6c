"""What the shared parts hold: read inside `shared.opened`, shown by the pages under /care/.

Nothing here decides who may see it. What these functions leave out is not shown to anybody but the
member: notes of the diary, weeks that have not begun, goals that were ended.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from enrollment.attended import left_at
from enrollment.models import Enrollment, Mark
from enrollment.roster import marks_of
from practice.diary import Card
from practice.goals import LEVEL_WORDS, Aim, Reached
from practice.models import DiaryEntry, Goal, Proposal
from practice.own import OwnPractice, practice_of
from practice.planning import Outcome, Plan
from practice.proposals import Suggestion, suggestion
from practice.shared import Colleague
from practice.week_plans import NOTHING, plans_of
from practice.weeks import Week, week_of_card
from sessions.models import Area, GroupSession

# The plan's fields in the order of reading. What is not named here is not shown, as the words about
# how it went: the consent does not say that they are.
PLAN_LINES = {
    "skill": "Skill",
    "activity": "What",
    "area": "Area of life",
    "when": "When and where",
    "task": "Easier: the task",
    "place": "Easier: the place",
    "tool": "Easier: a tool or an aid",
    "person": "Easier: somebody who helps",
    "sure": "How sure",
    "outcome": "How it went",
}
OUTCOMES = {
    Outcome.DONE: "Did it",
    Outcome.PARTLY: "Partly",
    Outcome.NOT_THIS_TIME: "Not this time",
}


def practice_behind(*, enrollment: Enrollment, now: dt.datetime) -> OwnPractice:
    """The weeks of a member, for somebody else: until they left. Two queries, or three."""
    cohort = enrollment.cohort
    sessions = GroupSession.objects.order_by("number")
    cohort._prefetched_objects_cache = {  # type: ignore[attr-defined]  # as prefetch_related does
        "group_sessions": sessions.filter(cohort=cohort)
    }
    practice = practice_of(enrollment=enrollment, now=now)
    return replace(practice, left_at=left_at(enrollment))


# --- The plan ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlannedWeek:
    week: Week
    skipped: bool
    lines: list[tuple[str, str]]
    suggestions: list[Suggestion] = field(default_factory=list)
    # What the chosen skill is, in the words of the curriculum: not everybody knows the names.
    skill_is: str = ""


def plan_lines(plan: Plan) -> list[tuple[str, str]]:
    """What is written in a plan, each with its label; empty fields are left out."""
    return [
        (label, _plan_words(name, value))
        for name, label in PLAN_LINES.items()
        if (value := getattr(plan, name))
    ]


def _plan_words(name: str, value: object) -> str:
    if name == "sure":
        return f"{value} of 10"
    if name == "area":
        return str(Area(str(value)).label)
    return OUTCOMES[Outcome(str(value))] if name == "outcome" else str(value)


def planned_weeks(
    *, practice: OwnPractice, by: Mapping[int, Colleague], now: dt.datetime
) -> list[PlannedWeek]:
    """Each week that has begun, the latest first, with what those who see the plan wrote to it.
    Two queries."""
    plans = plans_of(enrollment=practice.enrollment)
    written: dict[int, list[Suggestion]] = {}
    rows = Proposal.objects.filter(share__in=list(by)).select_related("share")
    for one in rows.order_by("made_at", "pk"):
        written.setdefault(one.week, []).append(suggestion(one, now))
    return [
        PlannedWeek(
            week,
            skipped=(kept := plans.get(week.number, NOTHING)).skipped,
            lines=plan_lines(kept.plan),
            suggestions=written.get(week.number, []),
            skill_is=week.what_is(kept.plan.skill),
        )
        for week in reversed(practice.begun)
    ]


# --- The diary's summary ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DiaryWeek:
    """Numbers of one week. The averages are of the days on which both were noted, from two on: of
    one they would show that day."""

    week: Week
    days: int
    skills: list[tuple[str, int]]
    before: float | None
    after: float | None


def diary_weeks(*, practice: OwnPractice) -> list[DiaryWeek]:
    """Each week that has begun, the latest first. One query."""
    cards: dict[int, list[Card]] = {}
    for entry in DiaryEntry.objects.filter(enrollment=practice.enrollment):
        week = week_of_card(practice.weeks, entry.day, entry.saved_at)
        if week is not None:
            cards.setdefault(week.number, []).append(Card.load(entry.content))
    return [_summary(week, cards.get(week.number, [])) for week in reversed(practice.begun)]


def _summary(week: Week, cards: list[Card]) -> DiaryWeek:
    skills = Counter(skill for card in cards for skill in dict.fromkeys(card.skills))
    both = [
        (card.before, card.after)
        for card in cards
        if card.before is not None and card.after is not None
    ]
    return DiaryWeek(
        week,
        days=len(cards),
        skills=sorted(skills.items(), key=lambda item: (-item[1], item[0])),
        before=_average(before for before, _ in both),
        after=_average(after for _, after in both),
    )


def _average(numbers: Iterable[int]) -> float | None:
    found = list(numbers)
    return round(sum(found) / len(found), 1) if len(found) > 1 else None


# --- Goals ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rated:
    week: int
    reached: Reached
    revision: int

    @property
    def words(self) -> str:
        """As in "+1, a little more than expected"."""
        return f"{signed(self.reached.level)}, {self.reached.level_words.lower()}"


@dataclass(frozen=True, slots=True)
class SharedGoal:
    goal: Goal
    title: str
    levels: list[tuple[str, str]]
    ratings: list[Rated]
    agreed: bool
    works_with: str

    def rated(self, week: int) -> Rated | None:
        return next((one for one in self.ratings if one.week == week), None)


def signed(level: int) -> str:
    """As in "+1" and "0", with a minus that a reader says."""
    return f"+{level}" if level > 0 else str(level).replace("-", "\u2212")


def goals_of(
    *, enrollment: Enrollment, by: Mapping[int, Colleague], notes: bool = True
) -> list[SharedGoal]:
    """The goals of now. `by` are those whose names may be shown. Two queries."""
    goals = Goal.objects.filter(enrollment=enrollment, ended_at=None).prefetch_related("ratings")
    return [_shared(goal, by, notes=notes) for goal in goals.order_by("slot")]


def _shared(goal: Goal, by: Mapping[int, Colleague], *, notes: bool) -> SharedGoal:
    aim = Aim.load(goal.content)
    ratings = []
    for one in goal.ratings.all():
        reached = Reached.load(one.content)
        if not notes:
            reached = replace(reached, note="")
        ratings.append(Rated(one.week, reached, one.revision))
    return SharedGoal(
        goal,
        title=aim.title,
        levels=[(signed(level), aim.at(level)) for level in LEVEL_WORDS],
        ratings=ratings,
        agreed=goal.agreed_at is not None,
        works_with=_name(by, goal.worked_on_with_id),
    )


def _name(by: Mapping[int, Colleague], share: int | None) -> str:
    return by[share].name if share is not None and share in by else ""


# --- Attendance -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Came:
    week: Week
    words: str


def attendance_of(*, practice: OwnPractice, now: dt.datetime) -> list[Came]:
    """Each session that has begun, the latest first. Three queries."""
    marks = marks_of([practice.enrollment.cohort_id], now).get(practice.enrollment.pk, {})
    return [
        Came(week, str(Mark(marks[week.number]).label) if week.number in marks else "Not noted")
        for week in reversed(practice.begun)
    ]
