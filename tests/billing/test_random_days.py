"""Good and bad days at random: members, pages, late money, refunds, lost events, faults.

After every step the invariants hold, and once Stripe answers again the ledger equals its books.
"""

import datetime as dt
from contextlib import ExitStack, suppress
from typing import Any

import hypothesis
import pytest
from django.db.models import Sum
from django.test import override_settings
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from billing import checkout, events, gateway, refunds, settlement, sweeps
from billing.models import CheckoutAttempt, Payment, Refund
from enrollment import services as enrollment_services
from enrollment.models import Enrollment, Seat
from enrollment.refusals import GroupFull
from enrollment.states import LIVE, Status
from sandbox.stripe_standin.errors import Refusal
from sandbox.stripe_standin.process import start
from tests.billing.builders import CREATE, EXPIRE, PRICE, REFUND, RETRIEVE, a_group
from tests.billing.privacy import leaks
from tests.enrollment.builders import a_held_seat

pytestmark = pytest.mark.django_db

CAPACITY = 3
ROUTES = (CREATE, RETRIEVE, EXPIRE, REFUND, "GET *")
which = st.integers(min_value=0, max_value=99)


class Days(RuleBasedStateMachine):
    """One group with few seats, and a Stripe of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        self.stripe = self.open.enter_context(start())
        self.open.enter_context(override_settings(STRIPE_API_BASE=self.stripe.url))
        self.group = a_group(capacity=CAPACITY)
        self.ahead = dt.timedelta(0)

    def teardown(self) -> None:
        try:
            self.come_to_rest()
            self.ledger_equals_the_books()
            assert leaks(self.stripe.requests) == []
        finally:
            self.open.close()

    # --- What there is ---

    def now(self) -> dt.datetime:
        return timezone.now() + self.ahead

    def enrollments(self) -> list[Enrollment]:
        return list(Enrollment.objects.filter(cohort=self.group).order_by("pk"))

    def attempts(self) -> list[CheckoutAttempt]:
        mine = CheckoutAttempt.objects.filter(enrollment__cohort=self.group)
        return list(mine.select_related("enrollment").order_by("pk"))

    def payments(self) -> list[Payment]:
        return list(Payment.objects.filter(enrollment__cohort=self.group).order_by("pk"))

    def pick(self, rows: list[Any], number: int) -> Any:
        return rows[number % len(rows)] if rows else None

    # --- Members ---

    @initialize()
    def somebody_has_a_seat(self) -> None:
        self.somebody_pays()
        self.come_back(0)

    @rule()
    def somebody_pays(self) -> None:
        """Three steps in one, or chance alone would seldom come this far."""
        self.reserve()
        self.press(len(self.enrollments()) - 1)
        self.pay(len(self.attempts()) - 1, "paid")

    @rule()
    def reserve(self) -> None:
        try:
            a_held_seat(cohort=self.group, now=self.now())
        except GroupFull:
            assert Seat.objects.filter(cohort=self.group, enrollment=None).count() == 0

    @rule(number=which)
    def press(self, number: int) -> None:
        enrollment = self.pick(self.enrollments(), number)
        if enrollment:
            with suppress(checkout.HoldOver, checkout.CheckoutUnavailable):
                checkout.start_checkout(enrollment_id=enrollment.pk, now=self.now())

    @rule(number=which, outcome=st.sampled_from(["paid", "paid", "async", "declined"]))
    def pay(self, number: int, outcome: str) -> None:
        """At a page whose address somebody was given; it may have closed."""
        attempt = self.pick(self.attempts(), number)
        if attempt and attempt.checkout_url:
            with suppress(Refusal):
                self.stripe.control("pay", session=attempt.stripe_session_id, outcome=outcome)

    @rule(number=which, paid=st.booleans())
    def slow_money_ends(self, number: int, paid: bool) -> None:
        attempt = self.pick([one for one in self.attempts() if one.checkout_url], number)
        if attempt:
            with suppress(Refusal):
                self.stripe.control("settle", session=attempt.stripe_session_id, paid=paid)

    @rule(number=which)
    def come_back(self, number: int) -> None:
        """The return page asks Stripe."""
        attempt = self.pick(self.attempts(), number)
        if attempt:
            with suppress(gateway.GatewayError):
                settlement.settle(attempt=attempt, now=self.now())

    # --- Us ---

    @rule(number=which)
    def release_too_early(self, number: int) -> None:
        enrollment = self.pick(self.enrollments(), number)
        if enrollment:
            enrollment_services.expire_hold(
                enrollment_id=enrollment.pk,
                now=self.now(),
                reason="Too early",
                overdue_only=False,
            )

    @rule(number=which, cents=st.sampled_from([1, 10_000, PRICE]))
    def refund(self, number: int, cents: int) -> None:
        payment = self.pick(self.payments(), number)
        if payment:
            with suppress(refunds.NotRefundable):
                refunds.request_refund(
                    payment_id=payment.pk,
                    amount_cents=cents,
                    reason=Refund.Reason.DESK,
                    now=self.now(),
                )

    @rule()
    def a_minute_passes(self) -> None:
        self.wait(1)
        sweeps.apply_stored_events(now=self.now())
        sweeps.release_overdue_holds(now=self.now())
        sweeps.submit_open_refunds(now=self.now())

    @rule()
    def ten_minutes_pass(self) -> None:
        self.wait(10)
        with suppress(gateway.Unreachable):
            sweeps.reconcile(now=self.now())

    @rule(minutes=st.sampled_from([5, 20, 45]))
    def wait(self, minutes: int) -> None:
        self.ahead += dt.timedelta(minutes=minutes)
        self.stripe.control("clock", advance=minutes * 60)

    # --- Stripe ---

    @rule(number=which)
    def an_event_arrives(self, number: int) -> None:
        """Any that was ever made: late, again, out of order; most never arrive."""
        event = self.pick(self.stripe.events(), number)
        if event:
            facts = gateway.EventFacts(event["id"], event["type"], False, event)
            events.store_event(facts=facts, now=self.now())

    @rule(
        route=st.sampled_from(ROUTES),
        kind=st.sampled_from(["reset", "500", "429"]),
        when=st.sampled_from(["before", "after"]),
        more=st.integers(min_value=0, max_value=3),
    )
    def something_goes_wrong(self, route: str, kind: str, when: str, more: int) -> None:
        self.stripe.control("fault", route=route, kind=kind, when=when)
        if more:
            self.stripe.control("fault", route=route, kind=kind, times=more)

    @rule(outcome=st.sampled_from(["pending", "failed"]))
    def the_next_refund_is_slow_or_fails(self, outcome: str) -> None:
        self.stripe.control("next_refund", outcome=outcome)

    @rule(number=which, good=st.booleans())
    def a_refund_ends(self, number: int, good: bool) -> None:
        made = self.pick(list(self.stripe.world.store.tables["refund"].values()), number)
        if made and (not good or made["status"] == "pending"):
            try:
                name = "finish_refund" if good else "fail_refund"
                self.stripe.control(name, refund=made["id"])
            except Refusal:
                pass

    # --- Days on which several things come together; chance alone seldom gets so far ---

    @rule(kind=st.sampled_from(["reset", "500"]))
    def a_refunds_reply_is_lost(self, kind: str) -> None:
        self.refund(0, 10_000)
        self.stripe.control("fault", route=REFUND, kind=kind, when="after")
        self.stripe.control("fault", route=REFUND, kind="reset", times=2)
        self.a_minute_passes()

    @rule(number=which)
    def a_refund_is_taken_back_after_it_succeeded(self, number: int) -> None:
        self.refund(number, 1)
        self.a_minute_passes()
        self.a_refund_ends(-1, False)

    @rule()
    def somebody_pays_and_the_hold_runs_out_in_silence(self) -> None:
        self.somebody_pays()
        self.wait(45)
        self.a_minute_passes()

    @rule()
    def every_event_arrives_once_more(self) -> None:
        for number in range(len(self.stripe.events())):
            self.an_event_arrives(number)
        self.a_minute_passes()

    # --- What always holds ---

    @invariant()
    def seats_belong_to_live_enrollments(self) -> None:
        taken = Seat.objects.filter(cohort=self.group).exclude(enrollment=None)
        seated = set(taken.values_list("enrollment_id", flat=True))
        assert len(seated) <= CAPACITY
        assert seated == {one.pk for one in self.enrollments() if one.status in LIVE}

    @invariant()
    def active_means_paid(self) -> None:
        for enrollment in self.enrollments():
            if enrollment.status == Status.ACTIVE:
                assert enrollment.payments.exists()

    @invariant()
    def refunds_never_exceed_the_payment(self) -> None:
        for payment in self.payments():
            alive = payment.refunds.exclude(status="failed")
            going_back = alive.aggregate(sum=Sum("amount_cents"))["sum"] or 0
            assert 0 <= going_back == payment.refund_reserved_cents <= payment.amount_cents

    # --- The end of a bad day ---

    def come_to_rest(self) -> None:
        """Stripe answers again; beat goes on for an hour and a half."""
        self.stripe.control("clear_faults")
        for _ in range(9):
            self.a_minute_passes()
            self.ten_minutes_pass()
            self.a_minute_passes()

    def ledger_equals_the_books(self) -> None:
        books = {row["payment_intent"]: row for row in self.stripe.books["rows"] if row["charged"]}
        payments = self.payments()
        assert {one.stripe_payment_intent_id: one.amount_cents for one in payments} == {
            intent: row["charged"] for intent, row in books.items()
        }
        for payment in payments:
            row = books[payment.stripe_payment_intent_id]
            assert payment.refund_reserved_cents == row["refunded"] + row["refund_pending"]
        for enrollment in self.enrollments():
            self.no_money_without_seat_or_refund(enrollment)

    def no_money_without_seat_or_refund(self, enrollment: Enrollment) -> None:
        """Money buys one seat or goes back in full; what a bank sent back waits for a person."""
        paid = list(enrollment.payments.order_by("pk"))
        if enrollment.status == Status.ACTIVE:
            paid = paid[1:]
        for payment in paid:
            automatic = payment.refunds.filter(reason__in=["late", "twice"])
            assert [one.amount_cents for one in automatic] == [payment.amount_cents]
        assert enrollment.status != Status.HELD or enrollment.held_until is not None


def test_whatever_happens_the_ledger_equals_stripes_books() -> None:
    run_state_machine_as_test(
        Days,
        settings=hypothesis.settings(
            deadline=None,
            max_examples=25,
            stateful_step_count=30,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )
