"""Decisions at once: two desks, the desk and Stripe's dashboard, two second persons, the member.

Each race has its control: the same done carelessly goes wrong, so the guard is what decides.
"""

import datetime as dt
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from django.db import OperationalError, transaction
from django.db.models import F, Sum
from django.utils import timezone

from accounts.models import User
from billing import (
    decisions,
    facts,
    failed_refunds,
    gateway,
    ledger,
    refunds,
    rehearsals,
    settlement,
    sweeps,
)
from billing.decisions import AlreadyDecided, ChangedMeanwhile
from billing.failed_refunds import AlreadySettled
from billing.models import CheckoutAttempt, LedgerEntry, Payment, Refund, RefundDecision
from billing.policy import Basis
from billing.rehearsals import Impossible, Wish
from enrollment import services as enrollment_services
from enrollment.models import Enrollment, EnrollmentMove, Seat
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import PRICE, a_payment, checkout_state, now
from tests.billing.decided import a_failed_refund, a_paid_seat, after, approve, decide, look, paid
from tests.billing.people import a_billing_admin
from tests.enrollment.builders import a_held_seat
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

SOME = Wish(Basis.AMOUNT, 10_000)
ROUNDS = 5
MOMENT = 0.05  # seconds between a careless look and its press


def going_back(enrollment: Enrollment) -> int:
    made = Refund.objects.filter(enrollment=enrollment).exclude(status="failed")
    return made.aggregate(cents=Sum("amount_cents"))["cents"] or 0


def together(*actions: Callable[[], object]) -> list[object]:
    return list(at_once(actions))


def kinds(results: Sequence[object]) -> list[str]:
    return sorted(type(one).__name__ for one in results)


# --- Two desks --------------------------------------------------------------------------


def test_many_desks_that_saw_the_same_money_give_it_back_once() -> None:
    """Each of twelve could have its $100.00: but eleven looked at a page that holds no more."""
    enrollment, people = a_paid_seat(400_000), [a_billing_admin() for _ in range(12)]
    shown = look(enrollment, SOME, after(3))
    results = at_once(
        [
            partial(
                decisions.decide,
                enrollment_id=enrollment.pk,
                wish=SOME,
                seen=shown.seen,
                key=uuid.uuid4(),
                actor=person,
                reason="",
                now=after(3),
            )
            for person in people
        ]
    )
    assert kinds(results) == ["ChangedMeanwhile"] * 11 + ["RefundDecision"]
    assert going_back(enrollment) == 10_000


def careless_desk(enrollment: Enrollment, actor: User) -> None:
    """Looks, and presses a moment later without a lock and without looking again."""
    shown = rehearsals.rehearse(enrollment=enrollment, wish=SOME, now=after(3))
    time.sleep(MOMENT)
    for take in shown.takes:
        refunds.request_refund(
            payment_id=take.payment.pk,
            amount_cents=take.cents,
            reason=Refund.Reason.DESK,
            now=after(3),
            actor=actor,
        )


def test_control_without_what_was_seen_each_desk_gives_it_back() -> None:
    enrollment = a_paid_seat()
    at_once([partial(careless_desk, enrollment, a_billing_admin()) for _ in range(2)])
    assert going_back(enrollment) == 20_000


def test_one_page_pressed_many_times_is_one_decision() -> None:
    enrollment, key, kim = a_paid_seat(), uuid.uuid4(), a_billing_admin()
    shown = look(enrollment, SOME, after(3))
    press = partial(
        decisions.decide,
        enrollment_id=enrollment.pk,
        wish=SOME,
        seen=shown.seen,
        key=key,
        actor=kim,
        reason="",
        now=after(3),
    )
    results = at_once([press] * 10)
    assert kinds(results) == ["RefundDecision"] * 10
    assert (RefundDecision.objects.count(), going_back(enrollment)) == (1, 10_000)


# --- The desk and Stripe's dashboard ----------------------------------------------------


def test_the_desk_and_the_dashboard_never_give_back_more_than_was_paid(standin: Standin) -> None:
    for news_first in (True, False, True, False):
        payment = a_payment(standin)
        enrollment = payment.enrollment
        wish = Wish(Basis.AMOUNT, 20_000)
        shown = look(enrollment, wish, now())
        standin.control("refund", payment_intent=payment.stripe_payment_intent_id, amount=15_000)
        made = list(gateway.refunds_of(payment_intent_id=payment.stripe_payment_intent_id or ""))

        def desk() -> object:
            return decisions.decide(
                enrollment_id=enrollment.pk,  # noqa: B023  run before the next round
                wish=wish,  # noqa: B023
                seen=shown.seen,  # noqa: B023
                key=uuid.uuid4(),
                actor=a_billing_admin(),
                reason="",
                now=timezone.now(),
            )

        def news() -> object:
            return refunds.import_outside(state=made[0], now=timezone.now())  # noqa: B023

        results = together(*([news, desk] if news_first else [desk, news]))
        allowed = (bool, RefundDecision, ChangedMeanwhile, Impossible)
        assert [one for one in results if not isinstance(one, allowed)] == []
        sweeps.submit_open_refunds(now=timezone.now())
        sweeps.reconcile(now=timezone.now())
        # Whoever was first: the dashboard's refund stands, and ours does not fit beside it.
        assert going_back(enrollment) == 15_000
        assert ledger.balance(enrollment) == PRICE - 15_000
    assert standin.books["totals"]["refunded"] == 4 * 15_000


def test_control_a_desk_that_only_looks_promises_beside_the_dashboard_more_than_was_paid(
    standin: Standin,
) -> None:
    payment = a_payment(standin)
    standin.control("refund", payment_intent=payment.stripe_payment_intent_id, amount=15_000)
    [made] = gateway.refunds_of(payment_intent_id=payment.stripe_payment_intent_id or "")

    def careless_desk() -> None:
        assert facts.money_of(payment.enrollment).left >= 20_000
        time.sleep(2 * MOMENT)
        Refund.objects.create(
            payment=payment,
            enrollment=payment.enrollment,
            amount_cents=20_000,
            reason=Refund.Reason.DESK,
            requested_at=timezone.now(),
        )

    def news() -> bool:
        time.sleep(MOMENT / 2)
        return refunds.import_outside(state=made, now=timezone.now())

    assert together(careless_desk, news) == [None, True]
    assert going_back(payment.enrollment) == 35_000 > PRICE


def test_booking_refunds_while_the_desk_decides_never_deadlocks() -> None:
    for _ in range(ROUNDS):
        enrollment = a_paid_seat()
        payment = Payment.objects.get(enrollment=enrollment)
        shown = look(enrollment, SOME, after(3))

        def desk() -> object:
            return decisions.decide(
                enrollment_id=enrollment.pk,  # noqa: B023  run before the next round
                wish=SOME,
                seen=shown.seen,  # noqa: B023
                key=uuid.uuid4(),
                actor=a_billing_admin(),
                reason="",
                now=after(3),
            )

        def book(number: int) -> object:
            state = gateway.RefundState(
                refund_id=f"re_{payment.pk}_{number}",  # noqa: B023
                status="succeeded",
                reference="",
                failure="",
                amount_cents=100,
                payment_intent_id=payment.stripe_payment_intent_id or "",  # noqa: B023
            )
            return refunds.import_outside(state=state, now=after(3))

        results = together(desk, *(partial(book, number) for number in range(5)), desk)
        assert [one for one in results if isinstance(one, OperationalError)] == []
        assert facts.money_of(enrollment).left == PRICE - going_back(enrollment)


def test_control_an_enrolment_locked_with_its_key_waits_for_who_waits_for_it() -> None:
    enrollment = a_paid_seat()
    payment = Payment.objects.get(enrollment=enrollment)
    both_hold = threading.Barrier(2)

    def desk() -> None:
        with transaction.atomic():
            Enrollment.objects.select_for_update().get(pk=enrollment.pk)
            both_hold.wait(timeout=10)
            Payment.objects.filter(pk=payment.pk).update(refund_reserved_cents=1)

    def booking() -> None:
        with transaction.atomic():
            Payment.objects.filter(pk=payment.pk).update(refund_reserved_cents=1)
            both_hold.wait(timeout=10)
            Refund.objects.create(
                payment=payment,
                enrollment=enrollment,
                amount_cents=1,
                reason="outside",
                requested_at=after(3),
            )

    results = at_once([desk, booking])
    assert kinds(results) == ["NoneType", "OperationalError"]


# --- A second person --------------------------------------------------------------------


def a_waiting_decision() -> RefundDecision:
    """$400.00 of $2,000.00, so that the money alone would not stop a second one."""
    return decide(a_paid_seat(200_000), basis=Basis.AMOUNT, amount=40_000)


def test_two_second_persons_who_agree_at_once_carry_it_out_once() -> None:
    decision = a_waiting_decision()
    shown = rehearsals.rehearse(
        enrollment=decision.enrollment,
        wish=decisions.wish_of(decision),
        now=after(3),
        apart_from=decision,
    )
    copies = [RefundDecision.objects.get(pk=decision.pk) for _ in range(6)]
    results = at_once(
        [
            partial(
                decisions.approve,
                decision=copy,
                seen=shown.seen,
                actor=a_billing_admin(),
                now=after(3),
            )
            for copy in copies
        ]
    )
    assert kinds(results) == ["AlreadyDecided"] * 5 + ["RefundDecision"]
    assert going_back(decision.enrollment) == 40_000


def careless_approval(decision: RefundDecision) -> None:
    """Looks whether it waits, and carries it out a moment later."""
    assert decision.status == RefundDecision.Status.WAITING
    time.sleep(MOMENT)
    payment = Payment.objects.get(enrollment=decision.enrollment)
    refunds.request_refund(
        payment_id=payment.pk,
        amount_cents=decision.amount_cents,
        reason=Refund.Reason.DESK,
        now=after(3),
    )


def test_control_looking_whether_it_waits_carries_it_out_twice() -> None:
    decision = a_waiting_decision()
    copies = [RefundDecision.objects.get(pk=decision.pk) for _ in range(2)]
    at_once([partial(careless_approval, copy) for copy in copies])
    assert going_back(decision.enrollment) == 80_000


def test_agreed_to_and_declined_at_once_it_is_one_of_the_two() -> None:
    for _ in range(ROUNDS):
        decision = a_waiting_decision()
        mine, yours = (RefundDecision.objects.get(pk=decision.pk) for _ in range(2))
        lee = a_billing_admin()
        results = at_once(
            [
                partial(approve, mine),
                partial(decisions.decline, decision=yours, actor=lee, now=after(3)),
            ]
        )
        decision.refresh_from_db()
        done = decision.status == "done"
        assert going_back(decision.enrollment) == (40_000 if done else 0)
        # Who looked after it was declined is told that it does not wait.
        assert [isinstance(one, AlreadyDecided | RefundDecision) for one in results] == [True, True]


# --- The seat ---------------------------------------------------------------------------


def withdraw(enrollment: Enrollment) -> bool:
    return enrollment_services.withdraw(
        enrollment_id=enrollment.pk, actor=enrollment.member, reason="Left", now=after(3)
    )


def moves_out(enrollment: Enrollment) -> int:
    return EnrollmentMove.objects.filter(enrollment=enrollment, target="withdrawn").count()


def test_whoever_leaves_while_the_desk_frees_the_seat_leaves_once() -> None:
    outcomes = set()
    for number in range(ROUNDS * 2):
        enrollment = a_paid_seat()
        desk = partial(decide, enrollment, frees=True, seen=look_to_free(enrollment))
        leave = partial(withdraw, enrollment)
        pair: list[Callable[[], object]] = [desk, leave]
        results = together(*(pair if number % 2 else reversed(pair)))
        decided = any(isinstance(one, RefundDecision) for one in results)
        assert (True in results) is not decided
        # Nothing goes back on a page that said the seat would be freed by it.
        assert going_back(enrollment) == (22_425 if decided else 0)
        assert (moves_out(enrollment), Seat.objects.filter(enrollment=enrollment).count()) == (1, 0)
        outcomes.add(decided)
    assert outcomes


def look_to_free(enrollment: Enrollment) -> rehearsals.Rehearsal:
    return look(enrollment, Wish(Basis.POLICY, frees_seat=True), after(3))


def test_control_without_the_lock_money_goes_for_a_seat_that_somebody_else_freed() -> None:
    enrollment = a_paid_seat()
    looked, left = threading.Event(), threading.Event()

    def careless() -> bool:
        shown = rehearsals.rehearse(
            enrollment=enrollment, wish=Wish(Basis.POLICY, frees_seat=True), now=after(3)
        )
        looked.set()
        left.wait(timeout=10)
        for take in shown.takes:
            refunds.request_refund(
                payment_id=take.payment.pk,
                amount_cents=take.cents,
                reason=Refund.Reason.DESK,
                now=after(3),
            )
        return withdraw(enrollment)

    def leave() -> bool:
        looked.wait(timeout=10)
        done = withdraw(enrollment)
        left.set()
        return done

    assert at_once([careless, leave]) == [False, True]
    assert going_back(enrollment) == 22_425


# --- Settlement -------------------------------------------------------------------------


def a_second_page(enrollment: Enrollment) -> CheckoutAttempt:
    """Another page for the same seat, which is being paid."""
    return CheckoutAttempt.objects.create(
        enrollment=enrollment,
        amount_cents=PRICE,
        currency="usd",
        params={},
        stripe_session_id=f"cs_{enrollment.pk}",
        created_at=after(3),
        expires_at=after(3) + dt.timedelta(hours=1),
    )


def test_money_that_arrives_while_the_desk_decides_goes_back_once() -> None:
    for number in range(ROUNDS * 2):
        enrollment = a_paid_seat()
        attempt = a_second_page(enrollment)
        shown = look(enrollment, Wish(Basis.FULL, frees_seat=True), after(3))
        state = checkout_state(
            session_id=attempt.stripe_session_id,
            reference=str(attempt.uuid),
            payment_intent_id=f"pi_second_{enrollment.pk}",
        )
        desk = partial(decide, enrollment, basis=Basis.FULL, frees=True, seen=shown)
        arrive = partial(settlement.apply_state, attempt=attempt, state=state, now=after(3))
        pair: list[Callable[[], object]] = [desk, arrive]
        results = together(*(pair if number % 2 else reversed(pair)))
        assert [one for one in results if isinstance(one, OperationalError)] == []
        decided = any(isinstance(one, RefundDecision) for one in results)
        # The second payment bought nothing and goes back by itself, whatever the desk does.
        assert going_back(enrollment) == (2 * PRICE if decided else PRICE)
        enrollment.refresh_from_db()
        left = {"withdrawn", "late_paid"} if decided else {"active"}
        assert enrollment.status in left
        assert facts.money_of(enrollment).left == (0 if decided else PRICE)


def test_odd_money_that_goes_back_while_refunds_are_booked_never_deadlocks() -> None:
    for _ in range(ROUNDS):
        attempt = a_second_page(a_held_seat(now=after(0)))
        CheckoutAttempt.objects.filter(pk=attempt.pk).update(status="review")
        payment = paid(attempt.enrollment, PRICE, attempt=attempt)
        states = [
            gateway.RefundState(
                refund_id=f"re_{payment.pk}_{number}",
                status="succeeded",
                reference="",
                failure="",
                amount_cents=100,
                payment_intent_id=payment.stripe_payment_intent_id or "",
            )
            for number in range(6)
        ]
        book = [partial(refunds.import_outside, state=one, now=after(3)) for one in states]
        back = partial(
            settlement.return_reviewed, attempt=attempt, actor=a_billing_admin(), now=after(3)
        )
        results = together(*book[:3], back, *book[3:])
        assert [one for one in results if not isinstance(one, bool)] == []
        assert going_back(attempt.enrollment) == PRICE


# --- A refund that failed ---------------------------------------------------------------


def test_many_who_send_a_failed_refund_again_send_it_once() -> None:
    refund = a_failed_refund(cents=1_000)
    results = at_once(
        [
            partial(
                failed_refunds.try_again,
                refund_uuid=refund.uuid,
                actor=a_billing_admin(),
                now=after(3),
            )
            for _ in range(8)
        ]
    )
    assert kinds(results) == ["AlreadySettled"] * 7 + ["Refund"]
    assert going_back(refund.enrollment) == 1_000


def test_sent_again_and_paid_another_way_at_once_it_is_one_of_the_two() -> None:
    for _ in range(ROUNDS):
        refund = a_failed_refund(cents=1_000)
        which, lee, at = refund.uuid, a_billing_admin(), after(3)
        results = together(
            partial(failed_refunds.try_again, refund_uuid=which, actor=lee, now=at),
            partial(
                failed_refunds.settle_otherwise, refund_uuid=which, actor=lee, how="Check", now=at
            ),
        )
        assert [isinstance(one, Refund | AlreadySettled) for one in results] == [True, True]
        noted = LedgerEntry.objects.filter(
            enrollment=refund.enrollment, kind="adjustment"
        ).aggregate(cents=Sum("amount_cents"))["cents"]
        assert going_back(refund.enrollment) - (noted or 0) == 1_000


def careless_retry(refund: Refund) -> None:
    """Looks whether it failed, and asks for it again."""
    assert refund.status == Refund.Status.FAILED
    time.sleep(MOMENT)
    refunds.request_refund(
        payment_id=refund.payment_id,
        amount_cents=refund.amount_cents,
        reason=Refund.Reason.DESK,
        now=after(3),
    )


def test_control_without_the_unique_link_it_is_sent_again_twice() -> None:
    refund = a_failed_refund(cents=1_000)
    at_once([partial(careless_retry, refund) for _ in range(2)])
    assert Payment.objects.filter(refund_reserved_cents=F("amount_cents") - 38_000).exists()
    assert going_back(refund.enrollment) == 2_000
