"""A dispute opens while somebody refunds; two people decide at once; two workers compare."""

import time
from collections.abc import Callable
from functools import partial

import pytest
from django.db.models import F
from django.utils import timezone

from billing import (
    differences,
    dispute_seats,
    disputes,
    ledger,
    reconciliation,
    refunds,
)
from billing.gateway import books as gateway_books
from billing.models import Difference, Dispute, LedgerEntry, Payment, Reconciliation, Refund
from enrollment.models import EnrollmentMove
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import PRICE, a_payment, now, paid_at_stripe, refreshed
from tests.billing.people import a_billing_admin
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def ask(payment: Payment) -> Refund:
    return refunds.request_refund(
        payment_id=payment.pk, amount_cents=PRICE, reason=Refund.Reason.DESK, now=now()
    )


def hear(standin: Standin, payment: Payment) -> gateway_books.DisputeState:
    made = standin.control("dispute", payment_intent=payment.stripe_payment_intent_id)
    return gateway_books.retrieve_dispute(made["id"])


def test_a_refund_and_a_dispute_at_once_never_deadlock_and_know_of_each_other(
    standin: Standin,
) -> None:
    for _ in range(6):
        payment = a_payment(standin)
        write = partial(disputes.apply_state, state=hear(standin, payment), now=now())
        both: list[Callable[[], object]] = [write, partial(ask, payment)]
        results = at_once(both * 4)
        names = {type(one).__name__ for one in results}
        assert names <= {"Dispute", "Refund", "NotRefundable"}
        assert Dispute.objects.filter(payment=payment).count() == 1
        # Whoever comes after the dispute was written is refused: at most one came before.
        assert payment.refunds.count() <= 1
        with pytest.raises(refunds.NotRefundable):
            ask(payment)


def careless_ask(payment: Payment) -> bool:
    """Looks for a dispute first, reserves afterwards, and holds no row meanwhile."""
    if not disputes.refundable_cents(Payment.objects.get(pk=payment.pk)):
        return False
    time.sleep(0.1)
    seen = Dispute.objects.filter(payment=payment).exists()
    Payment.objects.filter(pk=payment.pk).update(
        refund_reserved_cents=F("refund_reserved_cents") + PRICE
    )
    return seen


def test_the_guard_holds_the_row_until_the_refund_is_written(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dispute's writer comes between the guard and the refund's row, and has to wait."""
    payment = a_payment(standin)
    state = hear(standin, payment)
    order: list[str] = []
    guard = disputes.obstacle

    def slow(row: Payment) -> str:
        said = guard(row)
        time.sleep(0.1)
        return said

    monkeypatch.setattr(disputes, "obstacle", slow)

    def refund() -> None:
        ask(payment)
        order.append("refund")

    def write() -> None:
        time.sleep(0.02)
        disputes.apply_state(state=state, now=now())
        order.append("dispute")

    assert at_once([refund, write]) == [None, None]
    assert order == ["refund", "dispute"]


def test_control_looking_before_reserving_refunds_what_is_disputed(standin: Standin) -> None:
    payment = a_payment(standin)
    state = hear(standin, payment)

    def write() -> None:
        time.sleep(0.03)
        disputes.apply_state(state=state, now=now())

    looked: list[bool] = []
    assert at_once([lambda: looked.append(careless_ask(payment)), write]) == [None, None]
    assert looked == [True]
    assert refreshed(payment).refund_reserved_cents == PRICE


def test_many_workers_hear_of_one_dispute_and_post_it_once(standin: Standin) -> None:
    payment = a_payment(standin)
    write = partial(disputes.apply_state, state=hear(standin, payment), now=now())
    results = at_once([write] * 8)
    assert {type(one).__name__ for one in results} == {"Dispute"}
    assert LedgerEntry.objects.filter(kind="dispute").count() == 1
    assert ledger.balance(payment.enrollment) == 0


def test_two_people_decide_about_a_seat_and_one_is_told_to_look_again(standin: Standin) -> None:
    payment = a_payment(standin)
    dispute = disputes.apply_state(state=hear(standin, payment), now=now())
    assert dispute is not None
    seen = dispute_seats.rehearse(dispute=dispute, what=Dispute.Seat.END, now=now()).seen
    decide = [
        partial(
            dispute_seats.decide,
            dispute_id=dispute.pk,
            what=what,
            reason="Talked",
            seen=seen,
            actor=a_billing_admin(),
            now=now(),
        )
        for what in (Dispute.Seat.END, Dispute.Seat.PAUSE) * 3
    ]
    results = at_once(decide)
    assert sorted(type(one).__name__ for one in results) == ["ChangedMeanwhile"] * 5 + ["Dispute"]
    assert EnrollmentMove.objects.filter(reason__startswith="Dispute").count() == 1


def test_two_presses_begin_one_comparison_and_two_workers_do_it_once(standin: Standin) -> None:
    paid_at_stripe(standin)
    today = now().date()
    begin = partial(reconciliation.start, first=today, last=today, asked_by=None, now=now())
    results = at_once([begin] * 6)
    names = sorted(type(one).__name__ for one in results)
    assert names == ["AlreadyRunning"] * 5 + ["Reconciliation"]
    worked = at_once([partial(reconciliation.go_on, clock=timezone.now)] * 4)
    assert [worked.count(True), worked.count(False)] == [1, 3]
    assert Reconciliation.objects.get().state == "done"
    assert Difference.objects.count() <= 1


@pytest.mark.parametrize("left", [0, -2])
def test_a_line_by_hand_pressed_many_times_is_written_once(standin: Standin, left: int) -> None:
    payment = a_payment(standin)
    row = Difference.objects.create(
        key="ledger:pi_1",
        kind="ledger",
        about="payment",
        stripe_id=str(payment.stripe_payment_intent_id),
        enrollment=payment.enrollment,
        currency="usd",
        ours_cents=PRICE,
        theirs_cents=PRICE - 1 + left,
        first_seen_at=now(),
        last_seen_at=now(),
    )
    press = partial(
        differences.put_right,
        difference_id=row.pk,
        cents=-1,
        left=left,
        reason="Once",
        seen=row.fingerprint,
        actor=a_billing_admin(),
        now=now(),
    )
    results = at_once([press] * 6)
    names = sorted(type(one).__name__ for one in results)
    assert names == ["ChangedMeanwhile"] * 5 + ["Difference"]
    assert ledger.balance(payment.enrollment) == PRICE - 1
