"""Two people refund at once, two workers submit at once: never more than was paid."""

import time
from collections.abc import Callable
from functools import partial

import pytest
from django.db.models import Sum
from django.utils import timezone

from billing import gateway, refunds, sweeps
from billing.models import Payment, Refund
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import PRICE, a_payment, a_refund, mails, now, refreshed
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def going_back(payment: Payment) -> int:
    return payment.refunds.exclude(status="failed").aggregate(sum=Sum("amount_cents"))["sum"] or 0


def test_many_admins_refund_at_once_and_the_payment_is_enough(standin: Standin) -> None:
    payment = a_payment(standin)
    amount = PRICE // 3
    ask = partial(
        refunds.request_refund,
        payment_id=payment.pk,
        amount_cents=amount,
        reason=Refund.Reason.DESK,
        now=now(),
    )
    results = at_once([ask] * 12)
    assert sorted(type(one).__name__ for one in results) == ["NotRefundable"] * 9 + ["Refund"] * 3
    assert (going_back(payment), refreshed(payment).refund_reserved_cents) == (
        amount * 3,
        amount * 3,
    )
    sweeps.submit_open_refunds(now=now())
    assert standin.books["totals"]["refunded"] == amount * 3


def careless_request(payment_id: int, amount_cents: int) -> bool:
    """Reads what is left, then writes, and reserves nothing."""
    payment = Payment.objects.get(pk=payment_id)
    if going_back(payment) + amount_cents > payment.amount_cents:
        return False
    time.sleep(0.02)
    Refund.objects.create(
        payment=payment,
        enrollment_id=payment.enrollment_id,
        amount_cents=amount_cents,
        reason="desk",
        requested_at=timezone.now(),
    )
    return True


def test_control_reading_before_writing_promises_more_than_was_paid(standin: Standin) -> None:
    promised = []
    for _ in range(5):
        payment = a_payment(standin)
        at_once([partial(careless_request, payment.pk, PRICE)] * 12)
        promised.append(going_back(payment))
    assert max(promised) > PRICE


def test_many_workers_submit_one_refund_once(standin: Standin) -> None:
    refund = a_refund(standin, 10_000)
    copies = [Refund.objects.select_related("payment").get(pk=refund.pk) for _ in range(8)]
    results = at_once(
        [partial(refunds.submit_refund, refund=copy, now=timezone.now()) for copy in copies]
    )
    assert results == [None] * 8
    assert refreshed(refund).status == "succeeded"
    assert standin.books["totals"]["refunded"] == 10_000
    assert len([row for row in standin.requests if row["route"] == "POST /v1/refunds"]) == 1
    assert mails("refund-sent") == 1


def test_many_sweeps_at_once_send_each_refund_once(standin: Standin) -> None:
    made = [a_refund(standin, 1_000 + number) for number in range(4)]
    sweep = partial(sweeps.submit_open_refunds, now=now())
    assert [one for one in at_once([sweep] * 5) if isinstance(one, Exception)] == []
    assert standin.books["totals"]["refunded"] == sum(refund.amount_cents for refund in made)
    assert {refreshed(refund).status for refund in made} == {"succeeded"}


def test_a_failure_told_many_times_at_once_frees_the_amount_once(standin: Standin) -> None:
    refund = a_refund(standin, 10_000)
    other = refunds.request_refund(
        payment_id=refund.payment_id, amount_cents=10_000, reason=Refund.Reason.DESK, now=now()
    )
    failed = gateway.RefundState("re_1", "failed", str(refund.uuid), "lost", 1, "pi_1")
    tell = partial(refunds.apply_state, refund=refund, state=failed, now=timezone.now())
    assert at_once([tell] * 10) == [None] * 10
    assert refreshed(refund.payment).refund_reserved_cents == other.amount_cents


def test_control_without_the_claim_two_workers_ask_stripe_twice(standin: Standin) -> None:
    """With keys of their own, as a claim-less design would have, the money goes back twice."""
    refund = a_refund(standin, 10_000)
    intent = refund.payment.stripe_payment_intent_id
    assert intent is not None

    def careless_worker(number: int) -> None:
        gateway.create_refund(
            payment_intent_id=intent,
            amount_cents=refund.amount_cents,
            reference=refund.uuid,
            key=f"{refund.uuid}:worker-{number}",
        )

    at_once([partial(careless_worker, number) for number in range(2)])
    assert standin.books["totals"]["refunded"] == 20_000


def test_requests_and_failures_at_once_never_deadlock(standin: Standin) -> None:
    payment = a_payment(standin)
    made = [
        refunds.request_refund(
            payment_id=payment.pk, amount_cents=100, reason=Refund.Reason.DESK, now=now()
        )
        for _ in range(6)
    ]

    def fail(refund: Refund) -> None:
        state = gateway.RefundState(
            f"re_{refund.pk}", "failed", str(refund.uuid), "lost", 1, "pi_1"
        )
        refunds.apply_state(refund=refund, state=state, now=timezone.now())

    def ask() -> None:
        refunds.request_refund(
            payment_id=payment.pk, amount_cents=50, reason=Refund.Reason.DESK, now=timezone.now()
        )

    actions: list[Callable[[], None]] = [partial(fail, refund) for refund in made]
    results = at_once(actions + [ask] * 6)
    assert results == [None] * 12
    assert refreshed(payment).refund_reserved_cents == going_back(payment) == 300
