"""Two pages that save at the same moment; each with a control that shows the race."""

from functools import partial

import pytest

from accounts.models import User
from enrollment.models import Enrollment
from practice import daily_life, week_plans
from practice.changes import ChangedMeanwhile
from practice.looks import Look, dump_all, load_all
from practice.models import Profile, WeekPlan
from practice.planning import Plan
from sessions.models import Area
from tests.enrollment.crowd import at_once
from tests.practice.builders import IN_WEEK_2, a_practising_member

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

ROUNDS = 5


def save_area(member: User, area: str) -> None:
    daily_life.save_look(member=member, area=area, look=Look(well=area), seen=0, now=IN_WEEK_2)


def plan(seat: Enrollment, activity: str, seen: int) -> None:
    week_plans.save_plan(
        enrollment=seat, week=2, plan=Plan(activity=activity), seen=seen, now=IN_WEEK_2
    )


def test_six_areas_that_are_saved_at_once_all_stand() -> None:
    for _ in range(ROUNDS):
        member = a_practising_member().member
        assert at_once([partial(save_area, member, area) for area in Area.values]) == [None] * 6
        looks = daily_life.looks_of(member=member)
        assert {area: look.well for area, look in looks.items()} == {a: a for a in Area.values}
        assert sorted(look.revision for look in looks.values()) == [1, 2, 3, 4, 5, 6]


def test_without_the_lock_areas_are_lost() -> None:
    """The control: read, then write what was read with one's own area in it."""

    def unguarded(member: User, area: str) -> None:
        profile = Profile.objects.get(member=member)
        looks = load_all(profile.content) | {area: Look(well=area)}
        Profile.objects.filter(pk=profile.pk).update(content=dump_all(looks))

    lost = 0
    for _ in range(4 * ROUNDS):
        member = a_practising_member().member
        Profile.objects.create(member=member, content={}, saved_at=IN_WEEK_2)
        at_once([partial(unguarded, member, area) for area in Area.values])
        lost += sum(not look.well for look in daily_life.looks_of(member=member).values())
    assert lost > 0


@pytest.mark.parametrize("seen", [0, 1])
def test_of_two_plans_for_one_week_one_stands_and_the_other_is_told(seen: int) -> None:
    for _ in range(ROUNDS):
        seat = a_practising_member()
        if seen:
            plan(seat, "Make the bed", seen=0)
        results = at_once([partial(plan, seat, words, seen) for words in ("Cook", "Call")])
        assert sorted(type(result).__name__ for result in results) == [
            "ChangedMeanwhile",
            "NoneType",
        ]
        row = WeekPlan.objects.get(enrollment=seat)
        assert row.revision == seen + 1
        assert Plan.load(row.content).activity == ("Cook", "Call")[results.index(None)]


def test_the_same_plan_twice_at_once_is_one_and_nobody_is_told_otherwise() -> None:
    for _ in range(ROUNDS):
        seat = a_practising_member()
        assert at_once([partial(plan, seat, "Cook", 0)] * 2) == [None, None]
        assert WeekPlan.objects.get(enrollment=seat).revision == 1


def test_a_plan_and_a_skip_at_once_do_not_both_pass() -> None:
    for _ in range(ROUNDS):
        seat = a_practising_member()
        skip = partial(week_plans.skip_week, enrollment=seat, week=2, seen=0, now=IN_WEEK_2)
        results = at_once([partial(plan, seat, "Cook", 0), skip])
        assert [isinstance(one, ChangedMeanwhile) for one in results].count(True) == 1
        assert WeekPlan.objects.get(enrollment=seat).skipped is (results[1] is None)
