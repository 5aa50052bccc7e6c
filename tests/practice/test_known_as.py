"""Whoever works on a goal with a member is named as the member knows them, not by an account."""

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import exports
from accounts.models import Role, User
from enrollment.models import Enrollment
from practice import aiming, known_as, rating
from practice.models import Goal, GoalRating, Share
from practice.own import practice_of
from practice.summary import goals_of
from tests.enrollment.builders import a_member
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.lived import COOK, a_goal
from tests.practice.sharing import a_practitioner, a_share

pytestmark = pytest.mark.django_db

ADDRESS = "their.own@clinic.example"
SECRET = "Their Own Name"


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Robin")


def worked_on(seat: Enrollment, by: User) -> Goal:
    """A goal that somebody agreed on and rated in week 1."""
    goal = a_goal(seat)
    aiming.agree(goal=goal, by=by, seen=1, now=IN_WEEK_2)
    rating.rate(
        practice=practice_of(enrollment=seat, now=IN_WEEK_2),
        goal=goal,
        week=1,
        level=1,
        note="",
        by=by,
        seen=0,
        goal_seen=2,
        now=IN_WEEK_2,
    )
    goal.refresh_from_db()
    return goal


def pages(seat: Enrollment, goal: Goal) -> list[str]:
    """The list, the form, and a look that came too late."""
    client = Client()
    client.force_login(seat.member)
    late = {"level": "0", "note": "", "seen": "0", "goal_seen": str(goal.revision)}
    here = [seat.public_id, goal.public_id]
    replies = [
        client.get(reverse("practice:goals", args=here[:1])),
        client.get(reverse("practice:goal", args=here)),
        client.post(reverse("practice:goal_look", args=[*here, 1]), late),
    ]
    assert [reply.status_code for reply in replies] == [200, 200, 409]
    return [reply.content.decode() for reply in replies]


@pytest.mark.parametrize("role", list(Role))
def test_somebody_shared_with_is_called_as_the_member_wrote(
    clock: Any, seat: Enrollment, role: Role
) -> None:
    reader = a_practitioner(ADDRESS, role=role, display_name=SECRET)
    share = a_share(seat, to=reader)
    for page in pages(seat, worked_on(seat, reader)):
        assert "Sam Ortiz" in page
        assert ADDRESS not in page
        assert SECRET not in page
    taken = exports.everything_of(seat.member)["practice"]
    assert taken["goals"][0]["share"] == taken["ratings"][0]["share"] == share.public_id
    assert SECRET not in json.dumps(taken, default=str)


def test_whoever_leads_is_called_by_their_name(clock: Any, seat: Enrollment) -> None:
    leader = a_member("dana@practice.example", role=Role.FACILITATOR, display_name="Dana Reyes")
    for page in pages(seat, worked_on(seat, leader)):
        assert "Dana Reyes" in page
        assert "dana@practice.example" not in page
    taken = exports.everything_of(seat.member)["practice"]
    assert taken["goals"][0]["agreed_with"] == taken["ratings"][0]["rated_by"] == "Dana Reyes"


@pytest.mark.parametrize("role", [Role.PRACTITIONER, Role.MEMBER])
def test_without_a_name_of_the_members_own_nobody_is_named(
    clock: Any, seat: Enrollment, role: Role
) -> None:
    reader = a_practitioner(ADDRESS, role=role, display_name=SECRET)
    a_share(seat, to=reader)
    goal = worked_on(seat, reader)
    Share.objects.all().delete()  # as erasing does
    for page in pages(seat, goal):
        assert known_as.UNNAMED in page
        assert SECRET not in page
        assert ADDRESS not in page
    assert SECRET not in json.dumps(exports.everything_of(seat.member)["practice"], default=str)


def test_the_latest_consent_says_the_name_and_another_members_does_not(seat: Enrollment) -> None:
    reader = a_practitioner()
    for name, withdrawn in [("Sam", IN_WEEK_2), ("Sam of the clinic", None)]:
        share = a_share(seat, to=reader, name=name)
        Share.objects.filter(pk=share.pk).update(withdrawn_at=withdrawn)
    a_share(a_practising_member(), to=reader, name="As somebody else wrote")
    worked_on(seat, reader)
    found = goals_of(seat)[0]
    assert found.agreed_with == found.looks[1].by == "Sam of the clinic"


def test_a_look_of_an_account_that_is_gone_says_no_name(clock: Any, seat: Enrollment) -> None:
    leader = a_member(role=Role.FACILITATOR, display_name="Dana Reyes")
    goal = worked_on(seat, leader)
    Goal.objects.update(agreed_by=None)
    GoalRating.objects.update(rated_by=None)
    assert goals_of(seat)[0].looks[1].by == ""
    listed, _, late = pages(seat, goal)
    assert f"Agreed with {known_as.UNNAMED} on" in listed
    assert ", with" not in listed
    assert "saved by" not in late


def test_the_names_are_part_of_the_one_query_for_goals(seat: Enrollment) -> None:
    reader = a_practitioner()
    a_share(seat, to=reader)
    worked_on(seat, reader)
    aiming.set_goal(enrollment=seat, aim=COOK, key=uuid.uuid4(), now=IN_WEEK_2)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        goals_of(seat)
    assert len(asked) == 1
