"""A member has everything erased while somebody else is about to write to it. Whoever holds the
consent is waited for; whoever comes after finds nothing; nobody meets an error page."""

import threading
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from enrollment.models import Enrollment
from practice import (
    aiming,
    erasing,
    for_leaders,
    proposals,
    rating,
    shared,
    shared_goals,
    sharing,
)
from practice.changes import ChangedMeanwhile
from practice.erasing import What
from practice.models import Goal, GoalRating, Part, Proposal, Share, SharedWithLeader, WeekPlan
from practice.own import own_practice
from practice.proposals import Words
from tests.enrollment.builders import a_member, session
from tests.enrollment.crowd import PATIENCE, at_once
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import (
    a_choice,
    a_goal,
    a_plan,
    a_proposal,
    a_share,
    a_signature,
    let_in,
)
from tests.practice.test_race_of_sharing import somebody_waits, wait_for

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

Act = Callable[[], object]


def erase(seat: Enrollment, what: What | None = None) -> None:
    seen = erasing.fingerprint(erasing.counts(member=seat.member))
    erasing.erase(member=seat.member, what=what, seen=seen, now=IN_WEEK_2, ip="192.0.2.1")


class Scene:
    """Somebody with a plan, a goal, a consent and a suggestion; and who may act on them."""

    def __init__(self) -> None:
        self.seat = seat = a_practising_member()
        a_plan(seat)
        self.goal = a_goal(seat)
        self.share = a_share(seat, email=f"{uuid.uuid4()}@clinic.example")
        self.proposal = a_proposal(self.share)
        self.leader = a_member(role=Role.FACILITATOR)
        seat.cohort.facilitators.add(self.leader)
        for_leaders.choose(enrollment=seat, parts=["goals"], now=IN_WEEK_2)
        self.practice = own_practice(member=seat.member, public_id=seat.public_id, now=IN_WEEK_2)
        self.who = {
            "public_id": self.share.public_id,
            "reader": self.share.practitioner,
            "now": IN_WEEK_2,
        }

    def propose(self) -> object:
        return proposals.propose(
            **self.who,  # type: ignore[arg-type]
            key=uuid.uuid4(),
            week=2,
            kind=Proposal.Kind.COMMENT,
            words=Words(text="Late"),
            practice=self.practice,
        )

    def open_a_page(self) -> object:
        with shared.opened(**self.who, part=Part.PLAN):  # type: ignore[arg-type]
            return WeekPlan.objects.filter(enrollment=self.seat).count()

    def rate(self) -> None:
        shared_goals.rate(
            **self.who,  # type: ignore[arg-type]
            practice=self.practice,
            goal=self.goal.public_id,
            week=1,
            level=0,
            note="",
            seen=0,
            goal_seen=1,
        )

    def rate_oneself(self) -> None:
        rating.rate(
            practice=self.practice,
            goal=self.goal,
            week=1,
            level=0,
            note="",
            by=self.seat.member,
            seen=0,
            goal_seen=1,
            now=IN_WEEK_2,
        )

    def agree_as_leader(self) -> None:
        for_leaders.agree(
            session=session(self.seat.cohort, 3),
            public_id=self.seat.public_id,
            reader=self.leader,
            goal=self.goal.public_id,
            seen=self.goal.revision,
            now=IN_WEEK_2,
        )

    def say_yes(self) -> object:
        return proposals.decide(
            enrollment=self.seat,
            public_id=self.proposal.public_id,
            accept=True,
            seen=1,
            now=IN_WEEK_2,
        )

    def change(self) -> object:
        return sharing.change(
            share=self.share,
            choice=a_choice(email=""),
            signature=a_signature(),
            now=IN_WEEK_2,
        )

    def work_on(self) -> None:
        sharing.work_on(enrollment=self.seat, chosen={self.goal.public_id: self.share})


# What each hears who comes a moment after everything was erased.
LATE: dict[str, type[Exception] | None] = {
    "propose": Share.DoesNotExist,
    "open_a_page": Share.DoesNotExist,
    "rate": Share.DoesNotExist,
    "rate_oneself": aiming.NotPossible,
    "agree_as_leader": Enrollment.DoesNotExist,
    "say_yes": Proposal.DoesNotExist,
    "change": sharing.Refused,
    "work_on": None,
}


def nothing_is_left(seat: Enrollment) -> bool:
    rows = [
        Share.objects.filter(enrollment=seat),
        SharedWithLeader.objects.filter(enrollment=seat).exclude(parts=[]),
        Proposal.objects.filter(share__enrollment=seat),
        Goal.objects.filter(enrollment=seat),
        GoalRating.objects.filter(goal__enrollment=seat),
        WeekPlan.objects.filter(enrollment=seat),
    ]
    return not any(found.exists() for found in rows)


@pytest.mark.parametrize("act", LATE)
def test_who_waits_for_the_erasing_finds_nothing(act: str) -> None:
    scene, erased = Scene(), threading.Event()

    def member() -> bool:
        with transaction.atomic():
            erase(scene.seat)
            erased.set()
            return wait_for(somebody_waits)

    def other() -> object:
        erased.wait(timeout=PATIENCE)
        return getattr(scene, act)()

    waited, heard = at_once([member, other])
    assert waited is True
    expected = LATE[act]
    assert heard is None if expected is None else isinstance(heard, expected)
    assert nothing_is_left(scene.seat)


@pytest.mark.parametrize("act", LATE)
def test_the_erasing_waits_for_who_was_first(act: str) -> None:
    """And then refuses, where there is more now than its page showed, or erases it along."""
    scene, acted = Scene(), threading.Event()
    seen = erasing.fingerprint(erasing.counts(member=scene.seat.member))

    def other() -> bool:
        with transaction.atomic():
            getattr(scene, act)()
            acted.set()
            return wait_for(somebody_waits)

    def member() -> None:
        acted.wait(timeout=PATIENCE)
        erasing.erase(member=scene.seat.member, what=None, seen=seen, now=IN_WEEK_2, ip="192.0.2.1")

    waited, heard = at_once([other, member])
    assert waited is True
    assert heard is None or isinstance(heard, ChangedMeanwhile)
    assert nothing_is_left(scene.seat) is (heard is None)


@pytest.mark.parametrize("act", LATE)
def test_at_the_same_moment_nobody_meets_an_error(act: str) -> None:
    for _ in range(3):
        scene = Scene()
        acts: list[Act] = [partial(erase, scene.seat), getattr(scene, act)]
        erased, heard = at_once(acts)
        assert erased is None or isinstance(erased, ChangedMeanwhile)
        expected = LATE[act]
        assert not isinstance(heard, Exception) or (expected and isinstance(heard, expected))


def rated_while_it_is_erased(*, guarded: bool) -> Exception | None:
    """The rating holds the goal, and is written when the ratings of before are deleted already.
    What the erasing came to."""
    scene, locked, deleted = Scene(), threading.Event(), threading.Event()

    def rate() -> None:
        with transaction.atomic():
            Goal.objects.select_for_update(no_key=True).get(pk=scene.goal.pk)
            locked.set()
            assert wait_for(somebody_waits)
            GoalRating.objects.create(
                goal=scene.goal, week=1, content={"level": 0}, rated_at=IN_WEEK_2
            )

    def without_the_lock() -> None:
        """Deletes kind by kind, as `erase` does after it holds the rows."""
        locked.wait(timeout=PATIENCE)
        with transaction.atomic():
            for rows in erasing.ROWS[What.GOALS]:
                rows(scene.seat.member).delete()

    def with_it() -> None:
        locked.wait(timeout=PATIENCE)
        erase(scene.seat, What.GOALS)

    rated, found = at_once([rate, with_it if guarded else without_the_lock])
    deleted.set()
    assert rated is None
    assert found is None or isinstance(found, Exception)
    return found


def test_a_rating_that_is_being_written_is_erased_along() -> None:
    assert rated_while_it_is_erased(guarded=True) is None
    assert not GoalRating.objects.exists()


def test_control_without_holding_the_goal_the_erasing_would_fail() -> None:
    assert "foreign key" in str(rated_while_it_is_erased(guarded=False))


def test_nobody_is_worked_with_whose_consent_was_erased() -> None:
    """The page was open, with a name to choose."""
    scene = Scene()
    erase(scene.seat, What.SHARING)
    scene.work_on()
    assert Goal.objects.get().worked_on_with is None


# --- Pages that were open ---------------------------------------------------------------


def test_the_next_click_on_an_open_page_finds_nothing() -> None:
    scene = Scene()
    with time_machine.travel(IN_WEEK_2, tick=False), ExitStack() as stack:
        stack.callback(connection.close)
        reader, leader = let_in(scene.share.practitioner), let_in(scene.leader)
        member = Client()
        member.force_login(scene.seat.member)
        plan = {"week": "2", "kind": "comment", "text": "Late", "key": str(uuid.uuid4())}
        rated = {"goal": scene.goal.public_id, "week": "1", "level": "0", "seen": "0", "rate": "1"}
        agreed = {"goal": scene.goal.public_id, "seen": "1", "agree": "1"}
        led = reverse(
            "practice:leading_member", args=[scene.seat.cohort.slug, 3, scene.seat.public_id]
        )
        answer = reverse("practice:proposal", args=[scene.seat.public_id, scene.proposal.public_id])
        erase(scene.seat)
        for name, typed in (
            ("care_plan", plan),
            ("care_goals", rated),
            ("care_goals", agreed),
            ("care_summary", None),
            ("care_fhir", None),
        ):
            here = reverse(f"practice:{name}", args=[scene.share.public_id])
            assert (reader.post(here, typed) if typed else reader.get(here)).status_code == 404
        assert leader.post(led, agreed).status_code == 404
        assert member.post(answer, {"seen": "1", "accept": "1"}).status_code == 404
        assert reader.get(reverse("practice:care")).status_code == 200
