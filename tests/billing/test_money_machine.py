"""Members, holds, payments, refunds and a bad Stripe in any order: what must always hold.

Hypothesis writes the stories. After each step the invariants of docs/architecture.md are
checked on the database; at the end every fault is over, time passes, the sweeps run, and our
ledger must equal the stand-in's books to the cent.
"""

import contextlib
import datetime as dt
from functools import partial
from typing import Any

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, Phase
from hypothesis import settings as story_options
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from pytest_django import Settings

from accounts.models import User
from billing import checkout, events, gateway, refunds, settlement, sweeps
from billing.models import CheckoutAttempt, Payment, Refund, StripeEvent
from enrollment import services as enrollment_services
from enrollment.models import Enrollment, EnrollmentMove, Seat
from enrollment.refusals import Refused
from enrollment.states import IN_STANDING, LIVE, Status
from outbox.models import Message
from sandbox.stripe_standin.errors import Refusal
from sandbox.stripe_standin.process import Standin, start
from sessions.models import Cohort
from tests.billing.builders import a_group
from tests.billing.builders import now as present
from tests.enrollment.builders import a_member, an_intake

ROUTES = (
    "POST /v1/checkout/sessions",
    "GET /v1/checkout/sessions/:id",
    "POST /v1/checkout/sessions/:id/expire",
    "GET /v1/checkout/sessions",
    "POST /v1/refunds",
    "GET /v1/refunds/:id",
)
PEOPLE = 4
SEATS = 2
any_index = st.integers(min_value=0, max_value=999)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


class MoneyMachine(RuleBasedStateMachine):
    """One group of two seats, four people who want one, and a Stripe that has bad days."""

    configuration: Settings

    @initialize()
    def begin(self) -> None:
        self.clean()
        self.context = start()
        self.standin: Standin = self.context.__enter__()
        self.configuration.STRIPE_API_BASE = self.standin.url
        self.standin.control("webhooks", mode="drop")
        self.offset = dt.timedelta(0)
        self.cohort: Cohort = a_group(capacity=SEATS)
        self.people: list[User] = [a_member() for _ in range(PEOPLE)]
        for person in self.people:
            an_intake(person, now=self.now())

    def clean(self) -> None:
        for model in (Message, StripeEvent, Refund, Payment, CheckoutAttempt):
            model.objects.all().delete()
        Seat.objects.all().delete()
        EnrollmentMove.objects.all().delete()
        for enrollment in Enrollment.objects.all():
            enrollment.consents.all().delete()
            enrollment.delete()
        Cohort.objects.all().delete()

    def now(self) -> dt.datetime:
        return present() + self.offset

    # --- People -------------------------------------------------------------------------

    @rule(index=any_index)
    def somebody_reserves(self, index: int) -> None:
        with contextlib.suppress(Refused):
            enrollment_services.reserve_seat(
                cohort=self.cohort, member=self.people[index % PEOPLE], now=self.now()
            )

    @rule(index=any_index)
    def somebody_presses_pay(self, index: int) -> None:
        enrollment = self.pick(Enrollment, index)
        if enrollment is not None:
            self.on_a_bad_day(
                lambda: checkout.start_checkout(enrollment_id=enrollment.pk, now=self.now())
            )

    @rule(index=any_index, outcome=st.sampled_from(["paid", "paid", "paid", "declined", "async"]))
    def somebody_pays_at_stripe(self, index: int, outcome: str) -> None:
        """Whoever has been given the page's address; nobody else can know it."""
        attempt = self.pick(CheckoutAttempt, index)
        if attempt is not None and attempt.checkout_url and attempt.stripe_session_id:
            self.at_stripe("pay", session=attempt.stripe_session_id, outcome=outcome)

    @rule(index=any_index, paid=st.booleans())
    def slow_money_arrives_or_not(self, index: int, paid: bool) -> None:
        attempt = self.pick(CheckoutAttempt, index)
        if attempt is not None and attempt.stripe_session_id:
            self.at_stripe("settle", session=attempt.stripe_session_id, paid=paid)

    @rule(index=any_index)
    def somebody_comes_back_to_the_return_page(self, index: int) -> None:
        attempt = self.pick(CheckoutAttempt, index)
        if attempt is not None:
            self.on_a_bad_day(lambda: settlement.settle(attempt=attempt, now=self.now()))

    @rule(index=any_index)
    def staff_withdraw_somebody(self, index: int) -> None:
        enrollment = self.pick(Enrollment, index)
        if enrollment is not None:
            enrollment_services.withdraw(
                enrollment_id=enrollment.pk,
                actor=self.people[0],
                reason="Asked to",
                now=self.now(),
            )

    @rule(index=any_index, cents=st.integers(min_value=1, max_value=40_000))
    def staff_refund(self, index: int, cents: int) -> None:
        payment = self.pick(Payment, index)
        if payment is None:
            return
        with contextlib.suppress(refunds.NotRefundable):
            refunds.request_refund(
                payment_id=payment.pk,
                amount_cents=cents,
                reason=Refund.Reason.DESK,
                now=self.now(),
            )

    @rule(
        index=any_index,
        cents=st.integers(min_value=1, max_value=20_000),
        kind=st.sampled_from(["500", "reset"]),
        when=st.sampled_from(["before", "after"]),
    )
    def staff_refund_while_stripe_breaks(
        self, index: int, cents: int, kind: str, when: str
    ) -> None:
        """The answer to every try is lost; after the silence the sweep looks again."""
        if not Payment.objects.exists():
            return
        self.standin.control("fault", route="POST /v1/refunds", kind=kind, when=when, times=3)
        self.staff_refund(index=index, cents=cents)
        self.the_minute_strikes()
        self.time_passes(minutes=6)
        self.the_minute_strikes()

    # --- Stripe -------------------------------------------------------------------------

    @rule(index=any_index)
    def a_webhook_arrives(self, index: int) -> None:
        """Any event that was ever made: late, twice, out of order, or never."""
        made = self.standin.events()
        if not made:
            return
        event = made[index % len(made)]
        facts = gateway.EventFacts(event["id"], event["type"], event["livemode"], event)
        events.store_event(facts=facts, now=self.now())
        stored = StripeEvent.objects.get(event_id=event["id"])
        self.on_a_bad_day(lambda: events.apply_event(event=stored, now=self.now()))

    @rule(
        route=st.sampled_from(ROUTES),
        kind=st.sampled_from(["500", "429", "reset"]),
        when=st.sampled_from(["before", "after"]),
        times=st.integers(min_value=1, max_value=4),
    )
    def stripe_has_a_bad_moment(self, route: str, kind: str, when: str, times: int) -> None:
        self.standin.control("fault", route=route, kind=kind, when=when, times=times)

    @rule(outcome=st.sampled_from(["pending", "failed", "fails_later"]))
    def the_next_refund_goes_another_way(self, outcome: str) -> None:
        self.standin.control("next_refund", outcome=outcome, after=60.0)

    # --- Time and the sweeps ------------------------------------------------------------

    @rule(minutes=st.sampled_from([1, 6, 16, 32, 40]))
    def time_passes(self, minutes: int) -> None:
        self.offset += dt.timedelta(minutes=minutes)
        self.standin.control("clock", advance=minutes * 60)

    @rule()
    def the_minute_strikes(self) -> None:
        for sweep in (
            sweeps.release_overdue_holds,
            sweeps.apply_stored_events,
            sweeps.submit_open_refunds,
        ):
            self.on_a_bad_day(partial(sweep, now=self.now()))

    @rule()
    def ten_minutes_strike(self) -> None:
        self.on_a_bad_day(lambda: sweeps.reconcile(now=self.now()))

    # --- What must always hold ----------------------------------------------------------

    @invariant()
    def seats_are_never_oversold(self) -> None:
        if not hasattr(self, "cohort"):
            return
        assert Seat.objects.filter(cohort=self.cohort).count() == SEATS
        live = set(Enrollment.objects.filter(status__in=LIVE).values_list("pk", flat=True))
        taken = Seat.objects.exclude(enrollment=None).values_list("enrollment_id", flat=True)
        assert sorted(taken) == sorted(live)

    @invariant()
    def a_confirmed_seat_is_paid_for(self) -> None:
        confirmed = Enrollment.objects.filter(status__in=IN_STANDING)
        assert not confirmed.filter(payments=None).exists()

    @invariant()
    def refunds_never_exceed_what_was_paid(self) -> None:
        for payment in Payment.objects.all():
            going_back = payment.refunds.exclude(status=Refund.Status.FAILED)
            total = going_back.aggregate(cents=Sum("amount_cents"))["cents"] or 0
            assert payment.refund_reserved_cents == total
            assert total <= payment.amount_cents

    @invariant()
    def history_explains_every_status(self) -> None:
        for enrollment in Enrollment.objects.prefetch_related("moves"):
            assert [*enrollment.moves.all()][-1].target == enrollment.status

    def teardown(self) -> None:
        if not hasattr(self, "context"):
            return
        try:
            self.settle_everything()
            self.check_the_books()
        finally:
            self.context.__exit__(None, None, None)

    def settle_everything(self) -> None:
        """Stripe is well again and time passes: whatever was lost on the way is found."""
        self.standin.control("clear_faults")
        for _ in range(4):
            for attempt in CheckoutAttempt.objects.exclude(stripe_session_id=None):
                self.at_stripe("settle", session=attempt.stripe_session_id, paid=True)
            for refund in Refund.objects.exclude(stripe_refund_id=None):
                self.at_stripe("finish_refund", refund=refund.stripe_refund_id)
            self.the_minute_strikes()
            self.ten_minutes_strike()
            self.time_passes(40)

    def check_the_books(self) -> None:
        """To the cent, page by page; and nobody who paid is left with neither seat nor money."""
        books = {row["payment_intent"]: row for row in self.standin.books["rows"]}
        charged = {intent: row["charged"] for intent, row in books.items() if row["charged"]}
        ours = dict(Payment.objects.values_list("stripe_payment_intent_id", "amount_cents"))
        assert ours == charged
        for payment in Payment.objects.select_related("enrollment"):
            row = books[payment.stripe_payment_intent_id]
            done = payment.refunds.filter(status=Refund.Status.SUCCEEDED)
            assert (done.aggregate(cents=Sum("amount_cents"))["cents"] or 0) == row["refunded"]
            failed = payment.refunds.filter(status=Refund.Status.FAILED).exists()
            if payment.enrollment.status == Status.LATE_PAID and not failed:
                assert row["refunded"] == row["charged"]
        assert not Enrollment.objects.filter(status=Status.HELD).exists()
        paid_twice = (
            Payment.objects.filter(refund_reserved_cents=0)
            .values("enrollment")
            .annotate(cents=Sum("amount_cents"))
            .filter(cents__gt=self.cohort.price_cents)
        )
        assert not paid_twice.exists()

    # --- Helpers ------------------------------------------------------------------------

    def pick(self, model: Any, index: int) -> Any:
        rows = list(model.objects.order_by("pk"))
        return rows[index % len(rows)] if rows else None

    def on_a_bad_day(self, act: Any) -> None:
        with contextlib.suppress(
            checkout.HoldOver, checkout.CheckoutUnavailable, gateway.GatewayError
        ):
            act()

    def at_stripe(self, control: str, **arguments: Any) -> None:
        with contextlib.suppress(Refusal):
            self.standin.control(control, **arguments)


STORIES = story_options(
    deadline=None,
    max_examples=40,
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    # A failing story is told as it was found: shortening it takes many minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def test_no_story_loses_a_cent_or_sells_a_seat_twice(settings: Settings) -> None:
    MoneyMachine.configuration = settings
    run_state_machine_as_test(MoneyMachine, settings=STORIES)
