"""What members noted, planned and aimed at, saved the way the application saves it."""

import datetime as dt
import uuid
from typing import Any

from enrollment.models import Enrollment
from practice import aiming, diary, rating, week_plans
from practice.diary import Card
from practice.goals import Aim
from practice.models import DiaryEntry, Goal, WeekPlan
from practice.own import practice_of
from practice.planning import Outcome, Plan
from tests.enrollment.builders import FIRST_SESSION, HOUR, NOW
from tests.practice.builders import a_practising_member

# The first day of the first week in New York.
FIRST_DAY = dt.date(2026, 10, 6)
# In the middle of each week that goals are looked at, and of the ones around them.
IN_WEEK = {n: FIRST_SESSION + dt.timedelta(days=7 * (n - 1), hours=18) for n in range(1, 13)}
COOK = Aim(
    title="Cook dinner at home",
    levels=(
        "I don\u2019t cook",
        "On one evening of the week",
        "On two evenings of the week",
        "On three evenings of the week",
        "On most evenings, and I ask somebody to join me",
    ),
)
CALL = Aim(
    title="Call my sister",
    levels=("", "Once in two weeks", "Once a week", "Twice a week", ""),
)


def a_card(
    enrollment: Enrollment, day: int | dt.date, *, now: dt.datetime = NOW, **noted: Any
) -> DiaryEntry:
    """Of a date, or of the day so many days after the first session."""
    card = {"skills": ("STOP",), "before": 7, "after": 4, **noted}
    card["skills"] = tuple(card["skills"])
    entry = diary.save_card(
        enrollment=enrollment,
        day=FIRST_DAY + dt.timedelta(days=day) if isinstance(day, int) else day,
        card=Card(**card),
        seen="",
        page="",
        now=now,
    )
    assert entry
    return entry


def a_plan(
    enrollment: Enrollment,
    week: int,
    *,
    now: dt.datetime = NOW,
    skipped: bool = False,
    outcome: str = "",
    outcome_words: str = "",
    **chosen: Any,
) -> WeekPlan:
    """Made, and then skipped or told of."""
    plan = Plan(**{"skill": "STOP", "activity": "Open the post", "area": "home", **chosen})
    where: dict[str, Any] = {"enrollment": enrollment, "week": week, "now": now}
    week_plans.save_plan(plan=plan, seen=0, **where)
    if outcome or outcome_words:
        went = Outcome(outcome) if outcome else None
        week_plans.say_how_it_went(outcome=went, words=outcome_words, seen=1, **where)
    elif skipped:
        week_plans.skip_week(seen=1, **where)
    return WeekPlan.objects.get(enrollment=enrollment, week=week)


def a_goal(enrollment: Enrollment, aim: Aim = COOK, *, now: dt.datetime = NOW + HOUR) -> Goal:
    return aiming.set_goal(enrollment=enrollment, aim=aim, key=uuid.uuid4(), now=now)


def rates(
    goal: Goal,
    week: int,
    level: int,
    note: str = "",
    *,
    seen: int = 0,
    now: dt.datetime | None = None,
) -> None:
    """By the member, in that week unless `now` says when."""
    now = now or IN_WEEK[week]
    rating.rate(
        practice=practice_of(enrollment=goal.enrollment, now=now),
        goal=goal,
        week=week,
        level=level,
        note=note,
        by=goal.enrollment.member,
        seen=seen,
        goal_seen=Goal.objects.values_list("revision", flat=True).get(pk=goal.pk),
        now=now,
    )


SKILLS = (
    *("Wise mind", "STOP", "Self-soothe", "Radical acceptance", "Naming emotions"),
    *("Opposite action", "Build mastery", "PLEASE", "One-mindfully", "DEAR MAN", "GIVE", "FAST"),
)
AREAS = ("home", "work", "rest", "people", "self-care", "leisure")


def twelve_weeks(enrollment: Enrollment | None = None, *, weeks: int = 12) -> Enrollment:
    """Somebody who planned and noted in most weeks, with two goals and an ended one."""
    enrollment = enrollment or a_practising_member()
    for number, skill in enumerate(SKILLS[:weeks], start=1):
        area = AREAS[number % len(AREAS)]
        if number != 6:
            a_plan(enrollment, number, skill=skill, activity=f"Activity {number}", area=area)
        for day in {1: (0, 1, 4), 6: (), 12: (2, 9, 15)}.get(number, (1, 2, 5)):
            a_card(
                enrollment,
                7 * (number - 1) + day,
                skills=[skill, "STOP"] if day == 2 else [skill],
                activity=f"Activity {number}" if day != 5 else "On the bus",
                before=5 + (number + day) % 5,
                after=2 + (number * day) % 5,
            )
    cook, call = a_goal(enrollment, COOK), a_goal(enrollment, CALL)
    walk = a_goal(enrollment, Aim(title="Walk to work", levels=("", "Once", "Twice", "Often", "")))
    levels = {1: (-2, -1, -2), 4: (-1, -1, 1), 8: (0, 0, None), 12: (2, 0, None)}
    for week, reached in levels.items():
        for goal, level in zip((cook, call, walk), reached, strict=True):
            if level is not None and week <= weeks:
                rates(goal, week, level)
    if weeks > 4:
        walk.refresh_from_db()
        aiming.end_goal(goal=walk, seen=walk.revision, now=IN_WEEK[5])
    return enrollment
