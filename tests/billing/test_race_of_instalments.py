"""Workers, pages, withdrawals and kill -9 around one part: it is paid once, or goes back."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from billing import charging, gateway, ledger, part_checkout, plans, settlement, sweeps
from billing.gateway.client import _client
from billing.models import CheckoutAttempt, Instalment, InstalmentTry, Payment, Refund
from enrollment import services as enrollment_services
from enrollment.models import Enrollment
from enrollment.states import Status
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import mails, now, refreshed
from tests.billing.instalments import (
    AMOUNTS,
    CHARGE,
    a_plan,
    at,
    card_does,
    part,
    received,
    statuses,
    tries,
    when_due,
)
from tests.enrollment.builders import MINUTE, a_member
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

TWO_PARTS = AMOUNTS[0] + AMOUNTS[1]
Actions = list[Callable[[], object]]


def test_many_workers_charge_one_part_once(standin: Standin) -> None:
    enrollment = a_plan(standin)
    due = when_due(standin, enrollment)
    results = at_once([partial(charging.charge_due, now=due)] * 8)
    assert sorted(str(one) for one in results) == ["0"] * 7 + ["1"]
    assert received(standin) == ledger.balance(enrollment) == TWO_PARTS
    assert len([row for row in standin.requests if row["route"] == CHARGE]) == 1
    assert mails(plans.PART_PAID) == 1


def careless_worker(enrollment: Enrollment, number: int) -> None:
    """Looks whether the part is due, then charges with a key of its own."""
    instalment = part(enrollment, 2)
    assert instalment.status == Instalment.Status.DUE
    plan = enrollment.plan
    params = gateway.charge_params(
        instalment=str(instalment.uuid),
        number=1,
        amount_cents=instalment.amount_cents,
        currency=instalment.currency,
        customer_id=plan.stripe_customer_id,
        payment_method_id=plan.stripe_payment_method_id,
    )
    gateway.charge_saved_card(params=params, key=f"{instalment.uuid}:worker-{number}")


def test_control_without_the_claim_two_workers_charge_twice(standin: Standin) -> None:
    enrollment = a_plan(standin)
    enrollment = Enrollment.objects.select_related("plan").get(pk=enrollment.pk)
    at_once([partial(careless_worker, enrollment, number) for number in range(2)])
    assert received(standin) == TWO_PARTS + AMOUNTS[1]


def test_many_sweeps_look_up_a_lost_try_once(standin: Standin) -> None:
    enrollment = a_plan(standin)
    due = when_due(standin, enrollment)
    standin.control("fault", route=CHARGE, kind="reset", when="after")
    standin.control("fault", route=CHARGE, kind="reset", times=2)
    charging.charge_due(now=due)
    results = at_once([partial(charging.settle_open, now=due + 6 * MINUTE)] * 6)
    assert sorted(str(one) for one in results) == ["0"] * 5 + ["1"]
    assert received(standin) == ledger.balance(enrollment) == TWO_PARTS
    assert tries(enrollment) == ["succeeded"]


# --- The page against the saved card --------------------------------------------------------


def at_the_part_page(enrollment: Enrollment) -> CheckoutAttempt:
    part_checkout.start_part_checkout(whose=Q(pk=enrollment.pk), number=2, now=now())
    return enrollment.attempts.get(status="open")


def pay_late(standin: Standin, attempt: CheckoutAttempt, wait: float) -> bool:
    """The member pays in the moment in which their page closes."""
    time.sleep(wait)
    standin.control("pay", session=attempt.stripe_session_id, force=True)
    settled = settlement.settle(attempt=attempt, now=timezone.now())
    return settled is not None and settled.refund_owed


def test_the_page_and_the_saved_card_at_once_pay_once_and_the_second_goes_back(
    standin: Standin,
) -> None:
    for number in range(8):
        enrollment = a_plan(standin)
        attempt = at_the_part_page(enrollment)
        # Due as of now, and the page has just run out.
        Instalment.objects.filter(pk=part(enrollment, 2).pk).update(
            due_at=now() - MINUTE, next_try_at=now() - MINUTE
        )
        CheckoutAttempt.objects.filter(pk=attempt.pk).update(
            expires_at=now() - MINUTE, status=CheckoutAttempt.Status.EXPIRED
        )
        both: Actions = [
            partial(pay_late, standin, attempt, number / 500),
            partial(charging.charge_due, now=now()),
        ]
        results = at_once(both)
        assert [one for one in results if isinstance(one, Exception)] == []
        sweeps.submit_open_refunds(now=now())
        assert statuses(enrollment) == ["paid", "paid", "due"]
        assert ledger.balance(enrollment) == TWO_PARTS
        twice = Refund.objects.filter(payment__enrollment=enrollment)
        assert {refund.reason for refund in twice} <= {Refund.Reason.TWICE}
        assert refreshed(enrollment).status == Status.ACTIVE
    assert received(standin) == 8 * TWO_PARTS


def test_a_page_paid_while_the_card_is_charged_goes_back(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrollment = a_plan(standin)
    attempt = at_the_part_page(enrollment)
    due = when_due(standin, enrollment)
    sweeps.reconcile(now=due)  # the page has closed unpaid, as far as anybody knows
    charge_saved_card = gateway.charge_saved_card

    def and_pay(**how: object) -> gateway.ChargeState:
        state = charge_saved_card(**how)  # type: ignore[arg-type]
        pay_late(standin, attempt, 0)
        return state

    monkeypatch.setattr(gateway, "charge_saved_card", and_pay)
    charging.charge_due(now=due)
    assert [refund.reason for refund in Refund.objects.all()] == [Refund.Reason.TWICE]
    sweeps.submit_open_refunds(now=due)
    assert received(standin) == ledger.balance(enrollment) == TWO_PARTS
    assert part(enrollment, 2).payment.attempt == attempt  # type: ignore[union-attr]


def careless_receive(instalment: Instalment, payment: Payment) -> bool:
    """Reads the part, then writes it; says whether the money is kept."""
    fresh = Instalment.objects.get(pk=instalment.pk)
    if fresh.status != Instalment.Status.DUE:
        return False
    time.sleep(0.02)
    Instalment.objects.filter(pk=fresh.pk).update(status="paid", payment=payment, next_try_at=None)
    return True


def test_control_reading_before_writing_keeps_both_payments(standin: Standin) -> None:
    kept = []
    for _ in range(5):
        enrollment = a_plan(standin)
        two = [
            Payment.objects.create(
                enrollment=enrollment, amount_cents=AMOUNTS[1], currency="usd", paid_at=now()
            )
            for _ in range(2)
        ]
        action = partial(careless_receive, part(enrollment, 2))
        kept.append(sum(map(bool, at_once([partial(action, one) for one in two]))))
    assert max(kept) == 2


def test_a_page_and_a_claim_never_begin_together(standin: Standin) -> None:
    """Both lock the enrolment: the second sees the first, and the member pays in one way."""
    for _ in range(8):
        enrollment = a_plan(standin)
        Instalment.objects.filter(pk=part(enrollment, 2).pk).update(
            due_at=now() - MINUTE, next_try_at=now() - MINUTE
        )
        both: Actions = [
            partial(
                part_checkout.open_part_attempt,
                whose=Q(pk=enrollment.pk),
                number=2,
                now=now(),
            ),
            partial(charging.claim, instalment=part(enrollment, 2), now=now()),
        ]
        page, charge = at_once(both)
        began = isinstance(page, CheckoutAttempt), isinstance(charge, InstalmentTry)
        assert sum(began) == 1, (page, charge)


# --- Leaving while it is charged ------------------------------------------------------------


def withdraw(enrollment: Enrollment, wait: float) -> bool:
    time.sleep(wait)
    return enrollment_services.withdraw(
        enrollment_id=enrollment.pk, actor=a_member(), reason="They asked", now=timezone.now()
    )


def test_leaving_and_a_charge_at_once_leave_a_paid_part_or_money_that_goes_back(
    standin: Standin,
) -> None:
    for number in range(10):
        enrollment = a_plan(standin)
        Instalment.objects.filter(pk=part(enrollment, 2).pk).update(
            due_at=now() - MINUTE, next_try_at=now() - MINUTE
        )
        both: Actions = [
            partial(withdraw, enrollment, number / 250),
            partial(charging.charge_due, now=now()),
        ]
        results = at_once(both)
        assert [one for one in results if isinstance(one, Exception)] == []
        sweeps.submit_open_refunds(now=now())
        assert refreshed(enrollment).status == Status.WITHDRAWN
        paid = part(enrollment, 2).status == Instalment.Status.PAID
        assert ledger.balance(enrollment) == (TWO_PARTS if paid else AMOUNTS[0])
    total = sum(ledger.balance(one) for one in Enrollment.objects.all())
    assert received(standin) == total


def test_a_charge_that_arrives_after_they_left_goes_back(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrollment = a_plan(standin)
    due = when_due(standin, enrollment)
    charge_saved_card = gateway.charge_saved_card

    def and_leave(**how: object) -> gateway.ChargeState:
        state = charge_saved_card(**how)  # type: ignore[arg-type]
        withdraw(enrollment, 0)
        return state

    monkeypatch.setattr(gateway, "charge_saved_card", and_leave)
    charging.charge_due(now=due)
    assert Refund.objects.get().reason == Refund.Reason.LATE
    sweeps.submit_open_refunds(now=due)
    assert received(standin) == ledger.balance(enrollment) == AMOUNTS[0]
    assert statuses(enrollment) == ["paid", "cancelled", "cancelled"]


# --- Paying against the pause ---------------------------------------------------------------


def test_paying_and_the_pause_at_once_never_leave_a_paid_member_paused(standin: Standin) -> None:
    for number in range(6):
        enrollment = a_plan(standin)
        card_does(standin, enrollment, "authentication_required")
        Instalment.objects.filter(pk=part(enrollment, 2).pk).update(
            due_at=now() - MINUTE, next_try_at=now() - MINUTE
        )
        charging.charge_due(now=now())
        later = now() + plans.GRACE
        plans.watch_overdue(now=later - plans.NOTICE)
        attempt = at_the_part_page(enrollment)
        both: Actions = [
            partial(pay_late, standin, attempt, number / 500),
            partial(plans.watch_overdue, now=later),
        ]
        results = at_once(both)
        assert [one for one in results if isinstance(one, Exception)] == []
        assert refreshed(enrollment).status == Status.ACTIVE
        assert statuses(enrollment) == ["paid", "paid", "due"]


# --- kill -9 --------------------------------------------------------------------------------


def killed_worker(due: object, *, after_stripe: bool) -> int:
    """A worker of its own that is killed around the charge; the signal that ended it."""
    connection.close()
    pid = os.fork()
    if pid == 0:
        charge = gateway.charge_saved_card

        def die(**how: object) -> gateway.ChargeState:
            if after_stripe:
                charge(**how)  # type: ignore[arg-type]
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError

        try:
            _client.cache_clear()
            gateway.charge_saved_card = die
            charging.charge_due(now=due)  # type: ignore[arg-type]
        finally:
            os._exit(1)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("after_stripe", [False, True])
def test_a_worker_killed_around_the_charge_leaves_a_try_that_the_sweep_finishes(
    standin: Standin, after_stripe: bool
) -> None:
    enrollment = a_plan(standin)
    due = when_due(standin, enrollment)
    assert killed_worker(due, after_stripe=after_stripe) == signal.SIGKILL
    assert tries(enrollment) == ["open"]
    assert received(standin) == (TWO_PARTS if after_stripe else AMOUNTS[0])
    charging.charge_due(now=due + MINUTE)
    later = at(standin, due + 6 * MINUTE)
    assert charging.settle_open(now=later) == 1
    assert statuses(enrollment) == ["paid", "paid", "due"]
    assert received(standin) == ledger.balance(enrollment) == TWO_PARTS
