"""A member's plans, one a week: reading them, making and changing one, skipping a week."""

import dataclasses
import datetime as dt
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from django.db import transaction

from enrollment.models import Enrollment
from practice.changes import ChangedMeanwhile
from practice.models import WeekPlan
from practice.own import OwnPractice
from practice.planning import Outcome, Plan
from practice.weeks import Week


@dataclass(frozen=True, slots=True)
class Kept:
    """What is stored about one week; a week without a row has an empty plan and revision 0."""

    plan: Plan
    skipped: bool
    revision: int

    @property
    def words(self) -> str:
        """In two or three words that judge nothing; none where nothing is."""
        if self.skipped:
            return "Skipped"
        if not self.plan.is_made:
            return ""
        return self.plan.outcome_label or "Planned"

    @classmethod
    def of(cls, row: WeekPlan) -> Self:
        return cls(Plan.load(row.content), row.skipped, row.revision)


NOTHING = Kept(Plan(), skipped=False, revision=0)


def plans_of(*, enrollment: Enrollment) -> dict[int, Kept]:
    """By week, those that have something. One query."""
    rows = WeekPlan.objects.filter(enrollment=enrollment)
    return {row.week: Kept.of(row) for row in rows}


def plan_of(*, enrollment: Enrollment, week: int) -> Kept:
    """One query."""
    row = WeekPlan.objects.filter(enrollment=enrollment, week=week).first()
    return Kept.of(row) if row else NOTHING


@dataclass(frozen=True, slots=True)
class OfWeek:
    week: Week
    kept: Kept


@dataclass(frozen=True, slots=True)
class Overview:
    """The plan of the week that is now, if one goes on, and of those before, the latest first."""

    current: OfWeek | None
    earlier: list[OfWeek]


def overview(*, practice: OwnPractice) -> Overview:
    """One query, or none before the first session."""
    if not practice.begun:
        return Overview(None, [])
    kept = plans_of(enrollment=practice.enrollment)
    weeks = [OfWeek(week, kept.get(week.number, NOTHING)) for week in reversed(practice.begun)]
    return Overview(weeks[0], weeks[1:]) if practice.this_week else Overview(None, weeks)


def save_plan(
    *, enrollment: Enrollment, week: int, plan: Plan, seen: int, now: dt.datetime
) -> None:
    """Make or change the one plan of a week; what was said of how it went stays.

    `seen` is the revision that the page showed. Saving twice what stands is saving it once. Raises
    ChangedMeanwhile when another page saved something else since. So do the others here.
    """

    def change(kept: Kept) -> Kept:
        went = kept.plan
        new = dataclasses.replace(plan, outcome=went.outcome, outcome_words=went.outcome_words)
        return dataclasses.replace(kept, plan=new, skipped=False)

    change_week(enrollment=enrollment, week=week, change=change, seen=seen, now=now)


def say_how_it_went(
    *,
    enrollment: Enrollment,
    week: int,
    outcome: Outcome | None,
    words: str,
    seen: int,
    now: dt.datetime,
) -> None:
    """Never needed, and never counted. Saying nothing takes back what was said."""

    def change(kept: Kept) -> Kept:
        if not kept.plan.is_made:  # erased since
            raise ChangedMeanwhile
        said = dataclasses.replace(kept.plan, outcome=str(outcome or ""), outcome_words=words)
        return dataclasses.replace(kept, plan=said)

    change_week(enrollment=enrollment, week=week, change=change, seen=seen, now=now)


def skip_week(*, enrollment: Enrollment, week: int, seen: int, now: dt.datetime) -> None:
    """Practise nothing in a week. A plan that was made stays, should they take it up again."""
    skip = functools.partial(dataclasses.replace, skipped=True)
    change_week(enrollment=enrollment, week=week, change=skip, seen=seen, now=now)


def take_up_week(*, enrollment: Enrollment, week: int, seen: int, now: dt.datetime) -> None:
    """Take the skipping back."""
    take_up = functools.partial(dataclasses.replace, skipped=False)
    change_week(enrollment=enrollment, week=week, change=take_up, seen=seen, now=now)


@transaction.atomic
def change_week(
    *,
    enrollment: Enrollment,
    week: int,
    change: Callable[[Kept], Kept],
    seen: int,
    now: dt.datetime,
) -> None:
    """Write what `change` makes of the week, unless it stands already; the row decides races."""
    row, _ = WeekPlan.objects.select_for_update().get_or_create(
        enrollment=enrollment,
        week=week,
        defaults={"content": Plan().dump(), "saved_at": now, "revision": 0},
    )
    kept = Kept.of(row)
    wanted = change(kept)
    if wanted == kept:
        if not kept.revision:  # made for the lock only
            row.delete()
        return
    if kept.revision != seen:
        raise ChangedMeanwhile
    row.content, row.skipped, row.saved_at = wanted.plan.dump(), wanted.skipped, now
    row.revision += 1
    row.save(update_fields=["content", "skipped", "saved_at", "revision"])
