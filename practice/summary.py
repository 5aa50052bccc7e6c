"""A member's plans, diary and goals as plain values: what the progress page, its pictures and its
paper are made of. The one place that reads what the other parts of practice store.

Values written by other versions of the code may lack a key or have another kind of value in it;
such a value is left out. Notes are not read at all: nothing here shows them.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import F

from enrollment.models import Enrollment
from practice.diary import STRENGTHS, Card
from practice.goals import Aim, Reached, open_looks
from practice.known_as import consent, known_as
from practice.models import DiaryEntry, Goal, WeekPlan
from practice.own import OwnPractice
from practice.planning import Plan
from practice.weeks import Week, week_of_card
from sessions.models import Area

# Of how strong an emotion was.
WEAKEST, STRONGEST = STRENGTHS[0], STRENGTHS[-1]


@dataclass(frozen=True, slots=True)
class DaySummary:
    """One card of the diary. `area` is a value of `Area`, or empty when nothing says which."""

    day: dt.date
    week: int
    skills: tuple[str, ...]
    activity: str
    area: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class PlanSummary:
    skill: str
    activity: str
    area: str
    skipped: bool
    done: bool


@dataclass(frozen=True, slots=True)
class WeekSummary:
    """One of the member's own weeks; `begun` by the time of the summary."""

    week: Week
    begun: bool
    plan: PlanSummary | None
    days: tuple[DaySummary, ...]

    @property
    def number(self) -> int:
        return self.week.number

    @property
    def chosen(self) -> PlanSummary | None:
        """The plan, unless the week was skipped or nothing was chosen."""
        plan = self.plan
        return plan if plan and not plan.skipped and (plan.skill or plan.activity) else None


@dataclass(frozen=True, slots=True)
class LookSummary:
    """How far a goal was at one of the four looks, who rated it, and when."""

    reached: Reached
    by: str
    by_member: bool
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class GoalSummary:
    public_id: uuid.UUID
    aim: Aim
    made_at: dt.datetime
    ended_at: dt.datetime | None
    agreed_at: dt.datetime | None
    agreed_with: str
    looks: dict[int, LookSummary]


@dataclass(frozen=True, slots=True)
class Summary:
    weeks: list[WeekSummary]
    goals: list[GoalSummary]
    # The weeks at which goals can be looked at by now.
    looks: list[int]

    @property
    def days(self) -> list[DaySummary]:
        return [day for week in self.weeks for day in week.days]

    @property
    def begun(self) -> list[WeekSummary]:
        return [week for week in self.weeks if week.begun]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw: no day, no plan, and no goal looked at."""
        plans = any(week.chosen for week in self.weeks)
        return not (self.days or plans or any(goal.looks for goal in self.goals))

    def until(self, number: int) -> "Summary":
        """As it was when that week ended, without what came after it."""
        weeks = [week for week in self.weeks if week.number <= number]
        last = max((week.week.last_day for week in weeks), default=dt.date.min)
        goals = [
            replace(goal, looks={n: look for n, look in goal.looks.items() if n <= number})
            for goal in self.goals
            if goal.made_at.date() <= last
        ]
        return Summary(
            weeks=weeks,
            goals=goals,
            looks=[look for look in self.looks if look <= number],
        )


def summary_of(practice: OwnPractice) -> Summary:
    """Three queries, however many weeks there are."""
    plans = {
        plan.week: _plan(plan.content, skipped=plan.skipped)
        for plan in WeekPlan.objects.filter(enrollment=practice.enrollment)
    }
    days: dict[int, list[DaySummary]] = {}
    for entry in DiaryEntry.objects.filter(enrollment=practice.enrollment).order_by("day"):
        if week := week_of_card(practice.weeks, entry.day, entry.saved_at):
            day = _day(entry.day, entry.content, week=week, plans=plans)
            days.setdefault(week.number, []).append(day)
    weeks = [
        WeekSummary(
            week=week,
            begun=week.has_begun(practice.now),
            plan=plans.get(week.number),
            days=tuple(days.get(week.number, ())),
        )
        for week in practice.weeks
    ]
    return Summary(weeks, goals_of(practice.enrollment), open_looks(practice))


def goals_of(enrollment: Enrollment) -> list[GoalSummary]:
    """Those that go on first, each with how far it was at its looks. One query."""
    found: dict[uuid.UUID, GoalSummary] = {}
    rows = (
        Goal.objects.filter(enrollment=enrollment)
        .annotate(
            agreed_under=consent(person="agreed_by", field="content"),
            rated_under=consent(person="ratings__rated_by", field="content"),
        )
        .order_by(F("ended_at").asc(nulls_first=True), "slot", "pk", "ratings__week")
        .values(
            *("public_id", "content", "made_at", "ended_at"),
            *("agreed_at", "agreed_by__display_name", "agreed_by__role", "agreed_under"),
            *("ratings__week", "ratings__content", "ratings__rated_at", "ratings__rated_by"),
            *("ratings__rated_by__display_name", "ratings__rated_by__role", "rated_under"),
        )
    )
    for row in rows:
        goal = found.setdefault(
            row["public_id"],
            GoalSummary(
                public_id=row["public_id"],
                aim=Aim.load(row["content"]),
                made_at=row["made_at"],
                ended_at=row["ended_at"],
                agreed_at=row["agreed_at"],
                agreed_with=known_as(
                    signed=row["agreed_under"],
                    role=row["agreed_by__role"],
                    display_name=row["agreed_by__display_name"],
                ),
                looks={},
            ),
        )
        if row["ratings__week"] is not None:
            goal.looks[row["ratings__week"]] = _look(row, enrollment.member_id)
    return list(found.values())


def _look(row: Mapping[str, Any], member_id: int) -> LookSummary:
    return LookSummary(
        reached=Reached.load(row["ratings__content"]),
        by=known_as(
            signed=row["rated_under"],
            role=row["ratings__rated_by__role"],
            display_name=row["ratings__rated_by__display_name"],
        )
        if row["ratings__rated_by"]
        else "",
        by_member=row["ratings__rated_by"] == member_id,
        at=row["ratings__rated_at"],
    )


def _plan(content: object, *, skipped: bool) -> PlanSummary:
    plan = Plan.load(content)
    return PlanSummary(plan.skill, plan.activity, plan.area, skipped, done=plan.was_practised)


def _day(
    day: dt.date, content: object, *, week: Week, plans: Mapping[int, PlanSummary]
) -> DaySummary:
    card = Card.load(content)
    tried = tuple(dict.fromkeys(card.skills))
    return DaySummary(
        day=day,
        week=week.number,
        skills=tried,
        activity=card.activity,
        area=_lived_in(card.activity, tried, week=week, plans=plans),
        before=card.before,
        after=card.after,
    )


def _lived_in(
    activity: str, skills: Iterable[str], *, week: Week, plans: Mapping[int, PlanSummary]
) -> str:
    """The area of life of a day: that of the week's plan when it was about the same activity, or
    names no other and has its skill; that of the same words in the week's suggestions; else that of
    an earlier plan for the same activity, tried again."""
    said, plan = _plain(activity), plans.get(week.number)
    if not said:
        return plan.area if plan and plan.skill in skills else ""
    if plan and plan.area and said == _plain(plan.activity):
        return plan.area
    if week.teaches:
        for area in Area.values:
            if said in map(_plain, week.teaches.activities_in(area)):
                return str(area)
    before = (plans[number] for number in sorted(plans, reverse=True) if number < week.number)
    return next((one.area for one in before if one.area and said == _plain(one.activity)), "")


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")
