"""The small world of the money machine: one group, a few people, a Stripe, a clock."""

import contextlib
import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core import mail
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from billing import checkout, gateway, refunds, sweeps
from billing.models import CheckoutAttempt, Payment, Refund, StripeEvent
from enrollment.links import HOLD_EXPIRED
from enrollment.models import Enrollment
from enrollment.refusals import Refused
from enrollment.states import IN_STANDING, Status
from outbox import services as outbox
from outbox.models import Message, State
from sandbox.stripe_standin.errors import Refusal
from sandbox.stripe_standin.process import Standin
from tests.billing.money import laws
from tests.billing.money.sight import Sight
from tests.enrollment.builders import a_cohort, a_member, an_intake

PEOPLE = 5
SEATS = 2
STARTS_IN = dt.timedelta(hours=5)
HOUR = dt.timedelta(hours=1)


class World:
    """Acts of people, Stripe and time. Whatever Stripe does not do on a bad day is let pass."""

    def __init__(self, standin: Standin) -> None:
        clean()
        self.standin = standin
        self.offset = dt.timedelta(0)
        self.well_at = self.offset  # when Stripe was well and asked for everything
        self.bent: set[str] = set()  # pages whose price somebody changed at Stripe
        self.read_before: dict[int, CheckoutAttempt] = {}
        self.accepted: set[int] = set()  # attempts whose odd money a person took
        self.cohort = a_cohort(starts_at=self.now() + STARTS_IN, capacity=SEATS)
        self.people: list[User] = [a_member() for _ in range(PEOPLE)]
        for person in self.people:
            an_intake(person, now=self.now())
        standin.control("webhooks", mode="drop")  # the machine carries them itself
        self.look()

    def now(self) -> dt.datetime:
        return timezone.now() + self.offset

    def is_young(self, created: float) -> bool:
        """Whether the sweep for paid pages will see a page that was made then."""
        return self.now().timestamp() - created < 5_400

    def look(self) -> None:
        self.sight = Sight.of(self.standin)
        for attempt in self.sight.attempts:
            if attempt.status == CheckoutAttempt.Status.OPEN and attempt.stripe_session_id:
                self.read_before[attempt.pk] = attempt
        self.sight.read_before = list(self.read_before.values())

    # --- What always holds ----------------------------------------------------------------

    def check(self) -> None:
        laws.law_1_taken_seats_never_exceed_capacity(self.sight, SEATS)
        laws.law_3_a_page_that_can_be_paid_has_its_seat_and_its_price(self.sight, self.bent)
        laws.law_3_odd_money_is_taken_by_a_person_only(self.sight, self.accepted)
        for law in laws.LAWS:
            law(self.sight)

    def end(self) -> None:
        """Stripe is well again and time passes: whatever was lost on the way is found."""
        self.standin.control("clear_faults")
        self.standin.world.desk.planned_refunds.clear()
        for _ in range(3):
            for attempt in CheckoutAttempt.objects.exclude(stripe_session_id=None):
                self.at_stripe("settle", session=attempt.stripe_session_id, paid=True)
            for refund in Refund.objects.exclude(stripe_refund_id=None):
                self.at_stripe("finish_refund", refund=refund.stripe_refund_id)
            self.minute()
            self.ten_minutes()
            self.pass_time(minutes=40)
        self.send_mails()
        self.look()
        self.check()
        laws.the_ledger_equals_stripes_books(self.sight)
        laws.nobody_waits(self.sight)
        assert set(Message.objects.values_list("state", flat=True)) <= {State.SENT, State.NOT_OWED}
        assert not StripeEvent.objects.filter(status=StripeEvent.Status.STORED).exists()

    # --- Time -----------------------------------------------------------------------------

    def pass_time(self, minutes: int) -> None:
        """Stripe is never away for longer than an hour."""
        self.offset += dt.timedelta(minutes=minutes)
        self.standin.control("clock", advance=minutes * 60)
        if self.offset - self.well_at > HOUR:
            self.everything_is_asked_for()

    def everything_is_asked_for(self) -> None:
        self.standin.control("clear_faults")
        self.minute()
        self.ten_minutes()
        self.well_at = self.offset

    def minute(self) -> None:
        for sweep in (
            sweeps.release_overdue_holds,
            sweeps.apply_stored_events,
            sweeps.submit_open_refunds,
        ):
            on_a_bad_day(partial(sweep, now=self.now()))

    def ten_minutes(self) -> None:
        on_a_bad_day(partial(sweeps.reconcile, now=self.now()))

    # --- Acts -----------------------------------------------------------------------------

    def at_stripe(self, control: str, **arguments: Any) -> None:
        with contextlib.suppress(Refusal):
            self.standin.control(control, **arguments)

    def press_pay(self, enrollment: Enrollment) -> None:
        on_a_bad_day(partial(checkout.start_checkout, whose=Q(pk=enrollment.pk), now=self.now()))

    def refund(self, payment: Payment, cents: int) -> None:
        with contextlib.suppress(refunds.NotRefundable):
            refunds.request_refund(
                payment_id=payment.pk,
                amount_cents=cents,
                reason=Refund.Reason.DESK,
                now=self.now(),
            )

    def send_mails(self) -> None:
        """Invariant 5: none to somebody who is not entitled at the moment of sending."""
        before = len(mail.outbox)
        now = self.now()
        outbox.deliver_due(clock=lambda: now)
        sent = list(Message.objects.filter(state=State.SENT, sent_at=now))
        assert len(mail.outbox) - before == len(sent)
        for message in sent:
            if message.kind == refunds.REFUND_SENT:
                assert Refund.objects.get(pk=message.subject_id).status != Refund.Status.FAILED
                continue
            status = Enrollment.objects.get(pk=message.subject_id).status
            entitled = (Status.EXPIRED,) if message.kind == HOLD_EXPIRED else IN_STANDING
            assert status in entitled, message.kind


def on_a_bad_day(act: Callable[[], Any]) -> None:
    with contextlib.suppress(
        Refused, checkout.HoldOver, checkout.CheckoutUnavailable, gateway.GatewayError
    ):
        act()


def clean() -> None:
    """One story's rows are not the next one's. (The ledger lets nobody delete a line.)"""
    mail.outbox.clear()
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE outbox_message, billing_stripeevent, group_sessions_cohort CASCADE"
        )
