"""Goals that are rated, set, brought along or erased at once: each waits for the other."""

import datetime as dt
import threading
import uuid
from collections.abc import Callable

import pytest
from django.db import connection

from enrollment.models import Enrollment
from practice import aiming, carrying, erasing, rating
from practice.goals import Aim
from practice.models import Goal, GoalRating
from practice.own import own_practice
from tests.enrollment.builders import NOW, a_cohort, a_confirmed_seat
from tests.enrollment.crowd import PATIENCE, at_once
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import a_goal
from tests.practice.test_race_of_sharing import somebody_waits, wait_for

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

AIM = Aim(title="Cook", levels=("", "Less", "As now", "More", ""))


class Held:
    """Stops one act at a line until another waits for it, or is done."""

    def __init__(self) -> None:
        self.here, self.done = threading.Event(), threading.Event()

    def wait(self) -> None:
        self.here.set()
        wait_for(lambda: self.done.is_set() or somebody_waits())

    def after(self, act: Callable[[], object]) -> Callable[[], object]:
        def acted() -> object:
            assert self.here.wait(PATIENCE)
            try:
                return act()
            finally:
                self.done.set()

        return acted


def test_a_rating_beside_an_erasing_does_not_lock_both_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seat = a_practising_member()
    goal = a_goal(seat)
    GoalRating.objects.create(
        goal=goal, week=1, content={"level": 0}, rated_by=seat.member, rated_at=IN_WEEK_2
    )
    seen = erasing.fingerprint(erasing.counts(member=seat.member))
    practice = own_practice(member=seat.member, public_id=seat.public_id, now=IN_WEEK_2)
    held, find = Held(), GoalRating.objects.filter

    def late(*args: object, **kwargs: object) -> object:
        if "revision" in kwargs:  # the rating's: the goal's row is held by now
            held.wait()
        return find(*args, **kwargs)

    monkeypatch.setattr(GoalRating.objects, "filter", late)

    def rate() -> None:
        rating.rate(
            practice=practice,
            goal=goal,
            week=1,
            level=1,
            note="",
            by=seat.member,
            seen=1,
            goal_seen=1,
            now=IN_WEEK_2,
        )

    def erase() -> None:
        erasing.erase(member=seat.member, what=None, seen=seen, now=IN_WEEK_2, ip="")

    assert at_once([rate, held.after(erase)]) == [None, None]
    assert not Goal.objects.exists()


def test_a_goal_set_beside_goals_that_come_along_finds_another_slot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = a_practising_member()
    goal = a_goal(old)
    new = a_confirmed_seat(cohort=a_cohort(), member=old.member, now=NOW + dt.timedelta(hours=1))
    Enrollment.objects.filter(pk=old.pk).update(status="withdrawn")
    held = Held()

    def late(found: object) -> list[int]:
        free = sorted(found)  # type: ignore[call-overload]
        if free == [1, 2, 3]:
            held.wait()
        return list(free)

    monkeypatch.setattr(carrying, "sorted", late, raising=False)

    def bring() -> int:
        return carrying.bring(enrollment=new, source=old, now=IN_WEEK_2)

    def set_one() -> int:
        return aiming.set_goal(enrollment=new, aim=AIM, key=uuid.uuid4(), now=IN_WEEK_2).slot

    assert at_once([bring, held.after(set_one)]) == [1, 2]
    goal.refresh_from_db()
    assert goal.enrollment_id == new.pk
    connection.close()


def test_goals_that_come_along_count_a_saving_that_came_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = a_practising_member()
    goal = a_goal(old)
    new = a_confirmed_seat(cohort=a_cohort(), member=old.member, now=NOW + dt.timedelta(hours=1))
    Enrollment.objects.filter(pk=old.pk).update(status="withdrawn")
    pairs = zip

    def late(*rows: object, **how: object) -> list[object]:
        found = list(pairs(*rows, **how))  # type: ignore[call-overload]
        aiming.change_goal(goal=goal, aim=AIM, seen=1, now=IN_WEEK_2)
        return found

    monkeypatch.setattr(carrying, "zip", late, raising=False)
    carrying.bring(enrollment=new, source=old, now=IN_WEEK_2)
    goal.refresh_from_db()
    assert goal.revision == 3
