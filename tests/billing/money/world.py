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
from billing import (
    charging,
    checkout,
    gateway,
    part_reminders,
    plans,
    reconciliation,
    refunds,
    sweeps,
)
from billing.models import (
    CheckoutAttempt,
    Difference,
    Payment,
    PersonalPrice,
    Reconciliation,
    Redemption,
    Refund,
    StripeEvent,
)
from enrollment import waitlist
from enrollment.models import Enrollment
from enrollment.refusals import Refused
from enrollment.states import Status
from outbox import services as outbox
from outbox.models import Message, State
from sandbox.stripe_standin.errors import Refusal
from sandbox.stripe_standin.process import Standin
from tests.billing.money import (
    laws,
    laws_of_mails,
    laws_of_moves,
    laws_of_parts,
    laws_of_the_desk,
    laws_of_the_line,
)
from tests.billing.money.sight import Sight
from tests.enrollment.builders import a_cohort, a_member, an_intake

LAWS = (
    *laws.LAWS,
    *laws_of_parts.LAWS,
    *laws_of_the_line.LAWS,
    *laws_of_the_desk.LAWS,
    *laws_of_moves.LAWS,
)
PEOPLE = 5
SEATS = 2
STARTS_IN = dt.timedelta(hours=5)
HOUR = dt.timedelta(hours=1)
WEEK = dt.timedelta(weeks=1)


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
        self.old_pages: list[Any] = []  # rehearsals that somebody looked at
        self.frozen: dict[int, int] = {}  # the price by the attempt
        self.offerable = True  # whether a seat could be offered when the minute struck last
        self.cohort = a_cohort(starts_at=self.now() + STARTS_IN, capacity=SEATS)
        # Nobody buys here: one gets in by moving from the first group only.
        self.other = a_cohort(
            starts_at=self.now() + 4 * WEEK, capacity=SEATS, price_cents=19_900, name="Elsewhere"
        )
        self.people: list[User] = [a_member() for _ in range(PEOPLE)]
        for person in self.people:
            an_intake(person, now=self.now())
        standin.control("webhooks", mode="drop")  # the machine carries them itself
        self.look()

    def now(self) -> dt.datetime:
        return timezone.now() + self.offset

    def is_young(self, created: float, days: float = 1 / 16) -> bool:
        """Whether the sweep for paid pages will see a page that was made then; or another sweep
        that looks back as many days."""
        return self.now().timestamp() - created < days * 86_400

    def look(self) -> None:
        self.sight = Sight.of(self.standin)
        for attempt in self.sight.attempts:
            if attempt.status == CheckoutAttempt.Status.OPEN and attempt.stripe_session_id:
                self.read_before[attempt.pk] = attempt
        self.sight.read_before = list(self.read_before.values())
        self.sight.old_pages_seen = len(self.old_pages)

    # --- What always holds ----------------------------------------------------------------

    def check(self) -> None:
        laws.law_1_taken_seats_never_exceed_capacity(self.sight, 2 * SEATS)
        laws.law_3_a_page_that_can_be_paid_has_its_seat_and_its_price(self.sight, self.bent)
        laws.law_3_odd_money_is_taken_by_a_person_only(self.sight, self.accepted)
        laws_of_the_desk.law_3_standing_means_paid_free_or_a_plan(self.sight, self.accepted)
        for law in LAWS:
            law(self.sight)
        if self.offerable and waitlist.terms(cohort=self.cohort, now=self.now()):
            laws_of_the_line.no_seat_is_free_while_somebody_waits(self.cohort, self.now())
        self.prices_stay_frozen()

    def prices_stay_frozen(self) -> None:
        """While a page can be paid, the price is what it was when that page was made.

        What came of a page is no matter once it is over: who tries again may get it for nothing.
        """
        for one in self.sight.enrollments:
            for attempt in self.sight.attempts_of(one):
                known = self.frozen.setdefault(attempt.pk, one.price_cents)
                reachable = attempt.checkout_url and self.sight.is_open(attempt)
                if reachable or attempt.status in ("open", "review"):
                    assert one.price_cents == known, "a price changed while a page asked for it"

    def end(self) -> None:
        """Stripe is well again and time passes: whatever was lost on the way is found."""
        self.standin.control("clear_faults")
        self.standin.world.desk.planned_refunds.clear()
        # The last one is longer than Stripe is not asked about a dispute.
        for minutes in (40, 40, 7 * 60, 40):
            for attempt in CheckoutAttempt.objects.exclude(stripe_session_id=None):
                self.at_stripe("settle", session=attempt.stripe_session_id, paid=True)
            for refund in Refund.objects.exclude(stripe_refund_id=None):
                self.at_stripe("finish_refund", refund=refund.stripe_refund_id)
            self.minute()
            self.ten_minutes()
            self.pass_time(minutes)
        self.minute()
        self.send_mails()
        self.look()
        self.check()
        laws.the_ledger_equals_stripes_books(self.sight)
        laws.nobody_waits(self.sight, self.now())
        laws_of_parts.no_part_is_forgotten(self.sight, self.now())
        laws_of_the_desk.each_account_equals_stripes(self.sight)
        laws_of_moves.no_move_is_left_open(self.sight)
        self.compare_the_books()
        assert set(Message.objects.values_list("state", flat=True)) <= {State.SENT, State.NOT_OWED}
        assert not StripeEvent.objects.filter(status=StripeEvent.Status.STORED).exists()

    def compare_the_books(self) -> None:
        """The comparison itself, over the whole story, finds nothing."""
        today, first = self.now().date(), (self.now() - self.offset).date()
        run = reconciliation.start(
            first=first - dt.timedelta(days=1), last=today, asked_by=None, now=self.now()
        )
        reconciliation.go_on(clock=self.now)
        run.refresh_from_db()
        assert run.state == Reconciliation.State.DONE, run.note
        found = Difference.objects.values_list("about", "kind", "ours", "theirs", "stripe_id")
        assert list(found) == []

    # --- Time -----------------------------------------------------------------------------

    def pass_time(self, minutes: int) -> None:
        """Stripe is never away for longer than an hour."""
        self.offset += dt.timedelta(minutes=minutes)
        self.standin.control("clock", advance=minutes * 60)
        if self.offset - self.well_at > HOUR:
            self.everything_is_asked_for()

    def jump(self, length: dt.timedelta) -> None:
        """Days or weeks, in which nobody does anything but the clock."""
        self.everything_is_asked_for()
        self.pass_time(minutes=int(length.total_seconds() // 60) + 1)

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
        now = self.now()
        part_reminders.put_off(now=now)
        part_reminders.promise_reminders(now=now)
        charging.charge_due(now=now)
        plans.watch_overdue(now=now)
        waitlist.tend(now=now)
        self.offerable = waitlist.terms(cohort=self.cohort, now=now) is not None
        laws_of_parts.after_the_minute_nobody_is_in_grace_for_too_long(now)
        laws_of_the_line.no_offer_is_overdue(now)
        laws_of_the_line.no_seat_is_free_while_somebody_waits(self.cohort, now)

    def ten_minutes(self) -> None:
        on_a_bad_day(partial(sweeps.reconcile, now=self.now()))

    # --- Acts -----------------------------------------------------------------------------

    def at_stripe(self, control: str, **arguments: Any) -> None:
        with contextlib.suppress(Refusal):
            self.standin.control(control, **arguments)

    def press_pay(self, enrollment: Enrollment, *, in_parts: bool = False) -> None:
        now = self.now()
        pages = enrollment.attempts.count()
        lowest = lowest_price(enrollment, now)
        choice = checkout.Choice(in_parts=in_parts)
        on_a_bad_day(
            partial(checkout.start_checkout, whose=Q(pk=enrollment.pk), now=now, choice=choice)
        )
        fresh = Enrollment.objects.get(pk=enrollment.pk)
        made = fresh.attempts.count() - pages
        if (made and not enrollment.attempts.filter(note=laws.ANOTHER_WAY).exists()) or (
            fresh.status == Status.ACTIVE and enrollment.status == Status.HELD
        ):
            assert fresh.price_cents == lowest, "not the lowest price that holds"

    def refund(self, payment: Payment, cents: int) -> None:
        with contextlib.suppress(refunds.NotRefundable):
            refund = refunds.request_refund(
                payment_id=payment.pk,
                amount_cents=cents,
                reason=Refund.Reason.DESK,
                now=self.now(),
            )
            laws_of_the_desk.nothing_held_by_a_bank_goes_back([refund])

    def send_mails(self) -> None:
        """Invariant 5: none to somebody who is not entitled at the moment of sending."""
        before = len(mail.outbox)
        now = self.now()
        outbox.deliver_due(clock=lambda: now)
        sent = list(Message.objects.filter(state=State.SENT, sent_at=now))
        assert len(mail.outbox) - before == len(sent)
        for message in sent:
            laws_of_mails.somebody_entitled_gets_it(message)


def on_a_bad_day(act: Callable[[], Any]) -> None:
    with contextlib.suppress(
        Refused,
        checkout.HoldOver,
        checkout.PartsChanged,
        checkout.CheckoutUnavailable,
        gateway.GatewayError,
    ):
        act()


def lowest_price(enrollment: Enrollment, now: dt.datetime) -> int:
    """What somebody has to pay who begins now, reckoned by the words of the rule alone."""
    listed = enrollment.price_cents + enrollment.off_cents
    asked = [listed]
    own = PersonalPrice.objects.filter(member=enrollment.member, ended_at=None)
    for price in own.filter(Q(cohort=None) | Q(cohort=enrollment.cohort)):
        left = 13 - enrollment.first_week
        through = (price.price_cents * (12 - left) * 2 + 12) // 24
        asked.append(price.price_cents - through)
    for redemption in Redemption.objects.select_related("code").filter(enrollment=enrollment):
        code = redemption.code
        over = code.ended_at or (code.expires_at and code.expires_at <= now)
        if not over:
            off = code.amount_off_cents
            if off is None:
                assert code.percent_off is not None
                off = int(listed * code.percent_off / 100 + 0.5)
            asked.append(max(listed - off, 0))
    return min(asked) if min(asked) >= 50 else 0


def clean() -> None:
    """One story's rows are not the next one's. (The ledger lets nobody delete a line.)"""
    mail.outbox.clear()
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE outbox_message, billing_stripeevent, billing_promotioncode,"
            " billing_personalprice, billing_reconciliation, group_sessions_cohort CASCADE"
        )
