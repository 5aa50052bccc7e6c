"""kill -9 for a worker in the middle of giving money back to a whole group."""

import uuid
from collections import Counter
from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import Settings

from billing import run_plan, runs
from billing.models import Payment, Refund, RefundDecision, RefundRun, RunItem
from billing.policy import Basis
from billing.run_plan import Whom
from enrollment.models import Seat
from sandbox.stripe_standin.process import Standin, start
from tests.billing.builders import REFUND, a_group, a_payment, a_seat, calls
from tests.billing.people import a_billing_admin
from tests.enrollment.builders import a_member
from tests.faults.processes import Processes

pytestmark = [pytest.mark.race, pytest.mark.stack]

MEMBERS = 8
EVERYBODY = Whom(ends_group=True, basis=Basis.POLICY, frees_seat=True)
SOME_OF_IT = 5_000
CARRY_ON, SUBMIT = "billing.tasks.carry_on_runs", "billing.tasks.submit_open_refunds"


@pytest.fixture
def standin(settings: Settings, parts: Processes) -> Iterator[Standin]:
    with start() as running:
        settings.STRIPE_API_BASE = running.url
        settings.STRIPE_CHECKOUT_ORIGIN = running.url
        settings.REFUND_SECOND_PERSON_CENTS = None
        parts.environment["STRIPE_API_BASE"] = running.url
        yield running
        parts.kill("worker", "other")


def a_run(standin: Standin, whom: Whom = EVERYBODY) -> RefundRun:
    """Eight people have paid, and the desk has pressed; no worker has begun."""
    cohort = a_group(capacity=MEMBERS)
    for number in range(MEMBERS):
        a_payment(standin, a_seat(cohort, a_member(display_name=f"Member {number}")))
    cohort.refresh_from_db()
    now = timezone.now()
    return runs.start(
        cohort_id=cohort.pk,
        whom=whom,
        seen=run_plan.plan(cohort=cohort, whom=whom, now=now).seen,
        key=uuid.uuid4(),
        actor=a_billing_admin(),
        reason="",
        now=now,
    )


def done(run: RefundRun) -> int:
    return RunItem.objects.filter(run=run, state="done").count()


def kill_after(parts: Processes, run: RefundRun, people: int) -> None:
    """Kill the worker once so many are done: it is in the middle of the next one."""
    parts.wait_until("people", lambda: done(run) >= people)
    parts.kill("worker")


def asked_for(standin: Standin) -> Counter[str]:
    """How often Stripe was asked for a refund of each payment, repeats of a key left out."""
    return Counter(row["params"]["payment_intent"] for row in calls(standin, REFUND))


def each_once() -> Counter[str]:
    return Counter(str(payment.stripe_payment_intent_id) for payment in Payment.objects.all())


def test_three_kills_give_everybody_their_money_exactly_once(
    parts: Processes, standin: Standin
) -> None:
    run = a_run(standin)
    for people in (1, 3, 6):
        parts.start_worker(include="tests.faults.slow_runs")
        parts.enqueue(CARRY_ON)
        kill_after(parts, run, people)
    assert 6 <= done(run) < MEMBERS
    # A decision that was written in the killed transaction is gone with it.
    assert RefundDecision.objects.count() == Refund.objects.count() == done(run)
    parts.start_worker("other")
    for _ in range(3):
        parts.enqueue(CARRY_ON)
    over = RefundRun.objects.filter(pk=run.pk, state="done")
    parts.wait_until("the end of the run", over.exists)
    parts.enqueue(SUBMIT)
    gone = Refund.objects.filter(stripe_refund_id__isnull=False)
    parts.wait_until("Stripe", lambda: gone.count() == MEMBERS)

    assert asked_for(standin) == each_once()
    assert RefundDecision.objects.count() == Refund.objects.count() == MEMBERS
    assert not Seat.objects.filter(enrollment__isnull=False).exists()


def test_two_workers_at_once_do_everybody_once(parts: Processes, standin: Standin) -> None:
    run = a_run(standin)
    for name in ("worker", "other"):
        parts.start_worker(name, include="tests.faults.slow_runs", RUN_SECONDS="0.1")
    for _ in range(6):
        parts.enqueue(CARRY_ON)
    over = RefundRun.objects.filter(pk=run.pk, state="done")
    parts.wait_until("the end of the run", over.exists)
    gone = Refund.objects.filter(stripe_refund_id__isnull=False)
    parts.wait_until("Stripe", lambda: gone.count() == MEMBERS)

    assert asked_for(standin) == each_once()


def test_a_worker_that_marks_people_in_a_second_transaction_pays_somebody_twice(
    parts: Processes, standin: Standin
) -> None:
    """The control: the same kill, and a worker with a deliberate break."""
    run = a_run(standin, Whom(True, Basis.FULL, True))
    run.items.update(cents=SOME_OF_IT)
    parts.start_worker(include="tests.faults.careless_runs")
    parts.enqueue(CARRY_ON)
    made = RefundDecision.objects.all()
    parts.wait_until("decisions", lambda: made.count() == 3 and done(run) == 2)
    parts.kill("worker")
    assert (made.count(), done(run)) == (3, 2)
    parts.start_worker(include="tests.faults.careless_runs")
    parts.enqueue(CARRY_ON)
    parts.wait_until("the rest", lambda: done(run) == MEMBERS)
    parts.enqueue(SUBMIT)
    asked = Refund.objects.filter(stripe_refund_id__isnull=False)
    parts.wait_until("Stripe", lambda: asked.count() == MEMBERS + 1)

    assert sorted(asked_for(standin).values()) == [1] * (MEMBERS - 1) + [2]
