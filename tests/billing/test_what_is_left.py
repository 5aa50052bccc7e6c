"""What can still go back of a payment is one sum, the same wherever money is about to go back.

It leaves out what Stripe gave back, what a bank kept, and what went by check because its refund
had failed: that is settled, though Stripe knows nothing of it.
"""

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import (
    disputes,
    facts,
    failed_refunds,
    plans,
    queue,
    refunds,
    reviews,
    standing,
    sweeps,
    transfers,
)
from billing.models import CheckoutAttempt, Dispute, Instalment, LedgerEntry, Payment, Refund
from billing.policy import Basis
from billing.refunds import NotRefundable
from enrollment import services
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import a_payment, now, refreshed
from tests.billing.decided import PRICE, a_paid_seat, after, decide, fail, paid, parts
from tests.billing.desk import a_stuck_late_payment, a_wrong_payment
from tests.billing.instalments import a_plan, part
from tests.billing.moving import a_group_for, start
from tests.billing.papers import signed_in
from tests.billing.people import a_billing_admin, at_the_desk
from tests.billing.run_people import carry_on, states
from tests.billing.run_people import start as start_run
from tests.billing.test_refund_pages import hidden, page_of, typed
from tests.enrollment.pages import said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(after(3), tick=False) as traveller:
        yield traveller


def by_check(payment: Payment, cents: int = 0, *, reason: str = "desk") -> Refund:
    """A refund that failed and was then paid by check; all of the payment unless told."""
    refund = refunds.request_refund(
        payment_id=payment.pk,
        amount_cents=cents or payment.amount_cents,
        reason=Refund.Reason(reason),
        now=after(1),
    )
    fail(refund, after(1))
    return failed_refunds.settle_otherwise(
        refund_uuid=refund.uuid, actor=a_billing_admin("Kim"), how="Check 1042", now=after(1)
    )


def newest_by_check(*amounts: int) -> Enrollment:
    """Paid in several payments, of which the newest went back by check."""
    enrollment = a_paid_seat(*amounts)
    by_check(Payment.objects.latest("paid_at"))
    return enrollment


def kept_by_bank(payment: Payment, cents: int, *, status: str = Dispute.Status.LOST) -> Dispute:
    dispute = Dispute.objects.create(
        stripe_dispute_id=f"dp_{payment.pk}_{status}",
        payment=payment,
        amount_cents=cents,
        currency="usd",
        reason="general",
        status=status,
        opened_at=after(1),
        closed_at=None if status == Dispute.Status.OPEN else after(2),
        asked_at=after(1),
    )
    LedgerEntry.objects.create(
        enrollment=payment.enrollment,
        kind="dispute",
        amount_cents=-cents,
        currency="usd",
        at=after(2),
        key=f"dispute:{dispute.stripe_dispute_id}:txn",
        stripe_id=dispute.stripe_dispute_id,
    )
    return dispute


# --- The sum ----------------------------------------------------------------------------------


def test_each_payment_counts_what_went_of_itself_whichever_way_it_went() -> None:
    a_paid_seat(10_000, 10_000, 10_000, 10_000, 10_000)
    back, check, bank, whole, _ = payments = list(Payment.objects.order_by("pk"))
    refunds.request_refund(
        payment_id=back.pk, amount_cents=1_000, reason=Refund.Reason.DESK, now=after(1)
    )
    by_check(check, 2_000)
    kept_by_bank(bank, 3_000)
    kept_by_bank(whole, 10_000)
    left = disputes.left_of_each([refreshed(one) for one in payments])
    assert list(left.values()) == [9_000, 8_000, 7_000, 0, 10_000]
    assert disputes.left_cents(refreshed(check)) == 8_000


def test_what_went_back_twice_leaves_nothing_and_never_less() -> None:
    a_paid_seat(10_000)
    payment = Payment.objects.get()
    by_check(payment)
    kept_by_bank(payment, 10_000)
    assert disputes.left_cents(refreshed(payment)) == 0
    assert "given this money back to the member already" in disputes.obstacle(payment)


def test_a_refund_that_is_not_owed_any_more_leaves_its_money_where_it_is() -> None:
    a_paid_seat(10_000)
    refund = refunds.request_refund(
        payment_id=Payment.objects.get().pk,
        amount_cents=4_000,
        reason=Refund.Reason.DESK,
        now=after(1),
    )
    fail(refund, after(1))
    failed_refunds.owe_no_more(
        refund_uuid=refund.uuid, actor=a_billing_admin(), why="It never was", now=after(1)
    )
    assert disputes.left_cents(Payment.objects.get()) == 10_000


def test_where_it_can_go_back_takes_as_many_queries_for_three_payments_as_for_one() -> None:
    counts = []
    for number in (1, 3):
        enrollment = a_paid_seat(*[10_000] * number)
        for payment in enrollment.payments.all():
            by_check(payment, 1_000)
            kept_by_bank(payment, 2_000)
            kept_by_bank(payment, 500, status=Dispute.Status.OPEN)
        with CaptureQueriesContext(connection) as asked:
            sources = facts.refundable_payments(enrollment)
        assert [(one.left, one.obstacle) for one in sources] == [(7_000, disputes.HELD)] * number
        counts.append(len(asked))
    assert counts == [5, 5]


# --- The newest payment went by check: nothing is taken from it again ---------------------------


def test_a_decision_takes_from_the_payment_that_has_money_left() -> None:
    enrollment = newest_by_check(10_000, 10_000)
    older = Payment.objects.earliest("paid_at")
    assert parts(decide(enrollment, basis=Basis.AMOUNT, amount=5_000)) == [(older.pk, 5_000)]


def test_at_the_desk_the_rehearsed_refund_can_be_pressed() -> None:
    enrollment, desk = newest_by_check(10_000, 10_000), at_the_desk()
    shown = desk.post(page_of(enrollment), typed(basis="amount", amount="50.00"))
    assert desk.post(page_of(enrollment), hidden(shown)).status_code == 302
    assert Payment.objects.earliest("paid_at").refund_reserved_cents == 5_000


def test_a_member_who_had_a_check_can_still_leave() -> None:
    enrollment = newest_by_check(14_950, 14_950)
    client, page = signed_in(enrollment.member), reverse("billing:leave", args=[_id(enrollment)])
    assert client.post(page, hidden(client.get(page))).status_code == 302
    assert refreshed(enrollment).status == "withdrawn"
    assert Refund.objects.get(status="requested").payment == Payment.objects.earliest("paid_at")


def test_what_is_left_over_from_a_move_goes_back_after_a_check() -> None:
    source = newest_by_check(20_000, 20_000)
    transfer = start(source, a_group_for(6_000))
    assert transfer.back_cents == Refund.objects.get(status="requested").amount_cents == 6_525


def test_a_run_does_whoever_had_a_check_like_everybody_else() -> None:
    enrollment = newest_by_check(10_000, 10_000)
    run = start_run(enrollment.cohort)
    carry_on()
    assert states(run) == ["done"]


def _id(enrollment: Enrollment) -> str:
    return str(enrollment.public_id)


# --- Money that bought nothing goes back by itself, as far as it is left --------------------------


def test_the_money_of_a_part_that_is_not_asked_for_goes_back_less_the_check(
    standin: Standin,
) -> None:
    second = part(a_plan(standin), 2)
    payment = paid(second.enrollment, 9_900)
    by_check(payment, 5_000, reason="outside")
    Instalment.objects.filter(pk=second.pk).update(status="cancelled", next_try_at=None)
    assert plans.receive(instalment=second, payment=refreshed(payment), now=after(3))
    assert Refund.objects.get(payment=payment, status="requested").amount_cents == 4_900


@pytest.mark.parametrize(("lost", "back"), [(0, [5_000]), (1_000, [4_000]), (7_000, [])])
def test_the_rest_of_a_move_that_is_not_possible_goes_back_less_the_check(
    lost: int, back: list[int]
) -> None:
    source = a_paid_seat(29_900)
    transfer = start(source, a_group_for(29_900))
    payment = paid(transfer.target, 7_000, at=after(3))
    by_check(payment, 2_000, reason="outside")
    if lost:
        kept_by_bank(payment, lost)
    decide(source, frees=True)
    found = transfers.unfinished(transfer.target_id)
    assert found
    owed = transfers.receive(transfer=found, payment=refreshed(payment), now=after(3))
    again = Refund.objects.filter(payment=payment, status="requested")
    assert (owed, list(again.values_list("amount_cents", flat=True))) == (bool(back), back)


def test_what_stripe_refused_tells_what_is_left_less_the_check(standin: Standin) -> None:
    payment = a_payment(standin)
    by_check(payment, 9_900)
    refund = refunds.request_refund(
        payment_id=payment.pk, amount_cents=20_000, reason=Refund.Reason.DESK, now=now()
    )
    standin.control("refund", payment_intent=payment.stripe_payment_intent_id, amount=15_000)
    sweeps.submit_open_refunds(now=now())
    assert "Of this payment $50.00 is left to give back." in refreshed(refund).note


# --- Odd money that a person decides about --------------------------------------------------------


def under_review(attempt: CheckoutAttempt) -> reviews.Review:
    rows = CheckoutAttempt.objects.select_related("enrollment__cohort", "instalment")
    return reviews.review(rows.get(pk=attempt.pk))


@pytest.mark.parametrize("way", list(reviews.Decision))
def test_a_look_from_before_a_check_was_noted_decides_nothing(
    standin: Standin, way: reviews.Decision
) -> None:
    attempt, kim = a_wrong_payment(standin), a_billing_admin("Kim")
    refund = refunds.request_refund(
        payment_id=Payment.objects.get().pk,
        amount_cents=5_000,
        reason=Refund.Reason.OUTSIDE,
        now=now(),
    )
    fail(refund, now())
    shown = under_review(attempt)
    failed_refunds.settle_otherwise(refund_uuid=refund.uuid, actor=kim, how="Check 1042", now=now())
    assert (shown.left, under_review(attempt).left) == (PRICE, PRICE - 5_000)
    with pytest.raises(reviews.ChangedMeanwhile):
        reviews.decide(attempt=attempt, decision=way, seen=shown.seen, actor=kim, now=now())
    assert refreshed(attempt).status == "review"


def test_a_look_from_before_the_bank_held_the_money_decides_nothing(standin: Standin) -> None:
    attempt = a_wrong_payment(standin)
    shown = under_review(attempt)
    kept_by_bank(Payment.objects.get(), PRICE, status=Dispute.Status.OPEN)
    assert under_review(attempt).obstacle == disputes.HELD
    with pytest.raises(reviews.ChangedMeanwhile):
        reviews.decide(
            attempt=attempt,
            decision=reviews.Decision.ACCEPT,
            seen=shown.seen,
            actor=a_billing_admin(),
            now=now(),
        )


def test_a_look_at_odd_money_takes_seven_queries_at_most(
    standin: Standin, django_assert_max_num_queries: Any
) -> None:
    a_wrong_payment(standin)
    payment = Payment.objects.get()
    by_check(payment, 500)
    kept_by_bank(payment, 100)
    attempt = CheckoutAttempt.objects.select_related("enrollment__cohort", "instalment").get()
    with django_assert_max_num_queries(7):
        assert reviews.review(attempt).left == PRICE - 600


# --- Whoever has left ----------------------------------------------------------------------


@pytest.mark.parametrize(("check", "waits"), [(PRICE, []), (20_000, [9_900])])
def test_what_was_won_too_late_waits_as_far_as_it_is_left(check: int, waits: list[int]) -> None:
    enrollment = a_paid_seat()
    by_check(enrollment.payments.get(), check)
    services.withdraw(
        enrollment_id=enrollment.pk, actor=enrollment.member, reason="Left", now=after(1)
    )
    Dispute.objects.create(
        stripe_dispute_id="dp_won",
        payment=enrollment.payments.get(),
        amount_cents=PRICE,
        currency="usd",
        reason="general",
        status=Dispute.Status.WON,
        opened_at=after(1),
        closed_at=after(2),
        asked_at=after(1),
    )
    assert [row.cents for row in queue.won_too_late(after(3)).rows] == waits


def test_a_late_payer_who_had_a_check_reads_that_the_money_went_back(standin: Standin) -> None:
    refund = a_stuck_late_payment(standin)
    whose = refund.payment.enrollment
    page = reverse("billing:return", args=[_id(whose)])
    assert "We could not send your money back yet" in said(signed_in(whose.member).get(page))
    failed_refunds.settle_otherwise(
        refund_uuid=refund.uuid, actor=a_billing_admin(), how="Check 1042", now=now()
    )
    assert standing.payment_state(refreshed(whose)) == "late_settled"
    words = said(signed_in(whose.member).get(page))
    assert "It was given back to you by check or by your bank" in words
    assert "on its way back" not in words


# --- Should a payment not give after all what was rehearsed --------------------------------------


@pytest.fixture
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> NoReturn:
        raise NotRefundable("That is more than what is left of this payment.")

    monkeypatch.setattr(refunds, "request_refund", refuse)


def the_desk_presses(enrollment: Enrollment) -> Any:
    desk = at_the_desk()
    return desk.post(page_of(enrollment), hidden(desk.post(page_of(enrollment), typed())))


def the_member_leaves(enrollment: Enrollment) -> Any:
    client, page = signed_in(enrollment.member), reverse("billing:leave", args=[_id(enrollment)])
    return client.post(page, hidden(client.get(page)))


def the_member_moves(enrollment: Enrollment) -> Any:
    client, there = signed_in(enrollment.member), a_group_for(6_000)
    page = reverse("billing:move_to", args=[_id(enrollment), there.slug])
    return client.post(page, hidden(client.get(page)), follow=True)


@pytest.mark.usefixtures("nothing_given")
@pytest.mark.parametrize(
    ("press", "status", "words"),
    [
        (the_desk_presses, 422, "Nothing was done. That is more than what is left"),
        (the_member_leaves, 409, "cannot go back to your card by itself just now. Ask us"),
        (the_member_moves, 200, "nothing was changed. Ask us, and a person takes care of it"),
    ],
)
def test_it_is_said_kindly_and_nothing_is_done(
    press: Callable[[Enrollment], Any], status: int, words: str
) -> None:
    enrollment = a_paid_seat()
    reply = press(enrollment)
    assert (reply.status_code, refreshed(enrollment).status) == (status, "active")
    assert words in said(reply)
    assert not Refund.objects.exists()
