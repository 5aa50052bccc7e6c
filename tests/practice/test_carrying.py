"""After a move, a member's goals come along when they want them to."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from enrollment import services
from enrollment.models import Enrollment
from practice import carrying
from practice.models import Goal, GoalRating
from sessions.models import Cohort
from tests.enrollment.builders import a_cohort, a_confirmed_seat, a_member
from tests.enrollment.pages import said
from tests.practice.builders import IN_WEEK_2, a_practising_member

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(IN_WEEK_2, tick=False) as traveller:
        yield traveller


def aims(enrollment: Enrollment, *titles: str) -> None:
    for slot, title in enumerate(titles, start=1):
        Goal.objects.create(
            enrollment=enrollment,
            slot=slot,
            content={"title": title, "levels": ["", "less", "it", "more", ""]},
            made_at=IN_WEEK_2,
            saved_at=IN_WEEK_2,
        )


def moves(source: Enrollment, *, leaves: bool = True) -> Enrollment:
    """The member has a seat in another group of the program, and not in the first one."""
    cohort = a_cohort(starts_at=IN_WEEK_2 + DAY)
    target = a_confirmed_seat(cohort=cohort, member=source.member, now=IN_WEEK_2)
    if leaves:
        services.withdraw(
            enrollment_id=source.pk, actor=source.member, reason="Moved to it", now=IN_WEEK_2
        )
    return target


def titles(enrollment: Enrollment) -> list[str]:
    return [goal.content["title"] for goal in enrollment.goals.order_by("slot")]


def test_goals_come_along_with_their_ratings(client: Client) -> None:
    source = a_practising_member()
    aims(source, "tea", "sleep")
    GoalRating.objects.create(
        goal=source.goals.get(slot=1), week=1, content={"level": 0}, rated_at=IN_WEEK_2
    )
    target = moves(source)
    client.force_login(source.member)
    goals = reverse("practice:goals", args=[target.public_id])
    assert "Your goals in Tuesday evenings can come along." in said(client.get(goals))
    page = reverse("practice:bring", args=[target.public_id])
    assert "You have 2 goals in your group before, Tuesday evenings." in said(client.get(page))
    assert "Your goals are here now." in said(client.post(page, follow=True))
    assert (titles(target), titles(source)) == (["tea", "sleep"], [])
    assert GoalRating.objects.get().goal.enrollment == target
    assert "can come along" not in said(client.get(goals))
    assert client.get(page).status_code == 404
    again = client.post(page, follow=True)  # a second press
    assert "There was nothing to bring" in said(again)


def test_there_is_room_for_three() -> None:
    source = a_practising_member()
    aims(source, "tea", "sleep", "walks")
    target = moves(source)
    aims(target, "calls", "meals")
    assert carrying.bring(enrollment=target, source=source, now=IN_WEEK_2) == 1
    assert (titles(target), titles(source)) == (["calls", "meals", "tea"], ["sleep", "walks"])


def test_a_goal_that_is_over_stays_where_it_was() -> None:
    source = a_practising_member()
    aims(source, "tea")
    source.goals.update(ended_at=IN_WEEK_2)
    assert carrying.earlier(enrollment=moves(source)) is None


@pytest.mark.parametrize(
    "other", ["no goals", "a seat they have", "somebody else's", "another program"]
)
def test_nothing_is_offered_of(other: str) -> None:
    source = a_practising_member()
    if other != "no goals":
        aims(source, "tea")
    target = moves(source, leaves=other != "a seat they have")
    if other == "somebody else's":
        Enrollment.objects.filter(pk=source.pk).update(member=a_member())
    if other == "another program":
        another = Cohort.objects.get(pk=source.cohort_id).programme
        another.pk, another.slug = None, "another"
        another.save()
        Cohort.objects.filter(pk=source.cohort_id).update(programme=another)
    assert carrying.earlier(enrollment=target) is None
