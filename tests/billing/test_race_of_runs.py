"""Many workers on one run, many presses of one page, and a member who leaves at that moment."""

import uuid
from collections.abc import Callable
from functools import partial

import pytest
from pytest_django import Settings

from billing import run_work, runs
from billing.decisions import AlreadyDecided, ChangedMeanwhile
from billing.models import Refund, RefundDecision, RefundRun, RunItem
from enrollment import services as enrollment_services
from enrollment.models import Seat
from enrollment.states import Status
from tests.billing.decided import after
from tests.billing.people import a_billing_admin
from tests.billing.run_people import a_paid_group, carry_on, look, people, start, states
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

ROUNDS = 4


@pytest.fixture(autouse=True)
def one_person_may(settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = None


def together(*actions: Callable[[], object]) -> list[object]:
    return list(at_once(actions))


def test_many_workers_do_everybody_once() -> None:
    run = start(a_paid_group(8))
    done = together(*[carry_on] * 8)
    assert sum(one for one in done if isinstance(one, int)) == 8
    assert states(run) == ["done"] * 8
    assert Refund.objects.count() == RefundDecision.objects.count() == 8
    run.refresh_from_db()
    assert run.state == "done"


def test_many_presses_of_one_page_and_of_others_begin_one_run() -> None:
    cohort, key = a_paid_group(3), uuid.uuid4()
    seen, people_there = look(cohort), [a_billing_admin() for _ in range(8)]
    pressed = together(
        *[
            partial(
                start,
                cohort,
                seen=seen,
                actor=person,
                key=key if number % 2 else uuid.uuid4(),
            )
            for number, person in enumerate(people_there)
        ]
    )
    assert RefundRun.objects.count() == 1
    assert all(isinstance(one, RefundRun) or type(one).__name__ == "Impossible" for one in pressed)
    assert RunItem.objects.count() == 3


@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_a_member_who_leaves_at_that_moment_is_paid_once_or_waits_for_a_person(
    attempt: int,
) -> None:
    cohort = a_paid_group(1)
    run, (enrollment,) = start(cohort), people(cohort)
    leave = partial(
        enrollment_services.withdraw,
        enrollment_id=enrollment.pk,
        actor=enrollment.member,
        reason="Gone",
        now=after(3),
    )
    together(leave, carry_on)
    (state,) = states(run)
    enrollment.refresh_from_db()
    assert enrollment.status == Status.WITHDRAWN
    assert Refund.objects.count() == {"done": 1, "changed": 0}[state]
    assert not Seat.objects.filter(enrollment=enrollment).exists()


@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_stopping_at_that_moment_leaves_nobody_half_done(attempt: int) -> None:
    run, kim = start(a_paid_group(6)), a_billing_admin()

    def stop() -> None:
        runs.pause(run=run)
        left = run.items.filter(state="todo").count()
        runs.stop(run=run, seen=left, actor=kim, now=after(3))

    results = together(carry_on, stop, carry_on)
    kinds = (ChangedMeanwhile, AlreadyDecided)
    assert [one for one in results if isinstance(one, Exception)] == [
        one for one in results if isinstance(one, kinds)
    ]
    runs.go_on(run=run)
    carry_on()
    found = states(run)
    assert (
        found.count("done")
        == Refund.objects.count()
        == Refund.objects.values("enrollment").distinct().count()
    )
    assert set(found) <= {"done", "aside"}


def test_two_people_who_decide_about_who_is_left_decide_once() -> None:
    cohort = a_paid_group(1)
    run = start(cohort)
    RunItem.objects.update(cents=1)
    carry_on()
    item = run.items.get()
    seen = run_work.look(item, after(3)).seen
    results = together(
        *[
            partial(run_work.try_again, item=item, seen=seen, actor=a_billing_admin(), now=after(3))
            for _ in range(4)
        ]
    )
    assert sorted(type(one).__name__ for one in results) == [
        *["ChangedMeanwhile"] * 3,
        "RefundDecision",
    ]
    assert Refund.objects.count() == 1
