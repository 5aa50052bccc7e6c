"""Steps around paying in three parts: weeks pass, cards fail, members pay by themselves."""

import contextlib
import datetime as dt

from django.db.models import Q

from billing import charging, part_checkout, plans
from billing.models import Instalment, PaymentPlan
from enrollment import services as enrollment_services
from enrollment.models import Enrollment
from tests.billing.money.people import People
from tests.billing.money.steps import either, nth, recent, step
from tests.billing.money.world import PEOPLE, on_a_bad_day

anybody = range(PEOPLE)
BEHAVIOURS = ("paid", "declined", "expired_card", "authentication_required", "removed")


class Plan(People):
    """Some pay in parts, and weeks pass."""

    @step(3, who=anybody)
    def somebody_goes_to_stripe_for_parts(self, who: int) -> None:
        self.somebody_reserves(who)
        for one in Enrollment.objects.filter(member=self.people[who], status="held"):
            self.press_pay(one, in_parts=True)

    @step(6, who=anybody)
    def somebody_buys_in_parts(self, who: int) -> None:
        self.somebody_goes_to_stripe_for_parts(who)
        self._pay_newest_page()

    def _pay_newest_page(self) -> None:
        self.look()
        if self.sight.payable:
            page = self.sight.payable[-1].stripe_session_id
            self.at_stripe("pay", session=page)
            self.a_webhook_arrives(0)

    @step(1, needs="held", n=recent, in_parts=either)
    def somebody_chooses_another_way(self, n: int, in_parts: bool) -> None:
        self.press_pay(nth(self.sight.held, n), in_parts=in_parts)

    @step(8, needs="due_parts", n=recent)
    def a_part_falls_due(self, n: int) -> None:
        """Weeks later: the sweeps ask for it by themselves."""
        part = nth(self.sight.due_parts, n)
        self.jump(max(part.due_at - self.now(), dt.timedelta(0)))
        self.minute()

    @step(6, needs="running_plans", days=(1, 2, 5, 7, 8))
    def days_pass(self, days: int) -> None:
        self.jump(dt.timedelta(days=days))
        self.minute()
        self.send_mails()

    @step(5, needs="running_plans", n=recent, behaviour=BEHAVIOURS)
    def a_card_turns(self, n: int, behaviour: str) -> None:
        method = nth(self.sight.running_plans, n).stripe_payment_method_id
        self.at_stripe("card", payment_method=method, behaviour=behaviour)

    @step(4, needs="due_parts", n=recent)
    def a_card_fails_when_its_part_falls_due(self, n: int) -> None:
        part = nth(self.sight.due_parts, n)
        plan = PaymentPlan.objects.get(enrollment=part.enrollment_id)
        method = plan.stripe_payment_method_id
        self.at_stripe("card", payment_method=method, behaviour="declined")
        self.a_part_falls_due(n)

    @step(3, needs="due_parts", n=recent, when=("before", "after"), kind=("500", "reset"))
    def the_answer_to_a_charge_is_lost(self, n: int, when: str, kind: str) -> None:
        part = nth(self.sight.due_parts, n)
        self.jump(max(part.due_at - self.now() - dt.timedelta(minutes=2), dt.timedelta(0)))
        self.pass_time(minutes=2)
        self.stripe_has_a_bad_moment("POST /v1/payment_intents", kind, when, 1)
        self.stripe_has_a_bad_moment("POST /v1/payment_intents", kind, "before", 2)
        self.minute()

    @step(3, needs="due_parts", n=recent)
    def a_worker_dies_before_it_asks(self, n: int) -> None:
        part = nth(self.sight.due_parts, n)
        ahead = part.due_at - self.now()
        if ahead > dt.timedelta(0):
            self.everything_is_asked_for()
            self.offset += ahead + dt.timedelta(minutes=1)
            self.standin.control("clock", advance=(ahead.total_seconds() + 60))
        charging.claim(instalment=Instalment.objects.get(pk=part.pk), now=self.now())

    @step(4, needs="tries", n=recent)
    def a_slower_worker_settles_a_try(self, n: int) -> None:
        """As it read it, which may be long ago."""
        charge = nth(self.sight.tries, n)
        on_a_bad_day(lambda: charging.settle(charge=charge, now=self.now()))

    @step(3, needs="due_parts", n=recent)
    def somebody_opens_a_page_for_a_part(self, n: int) -> None:
        part = nth(self.sight.due_parts, n)
        with contextlib.suppress(part_checkout.NothingToPay, part_checkout.BeingCharged):
            on_a_bad_day(
                lambda: part_checkout.start_part_checkout(
                    whose=Q(pk=part.enrollment_id), number=part.number, now=self.now()
                )
            )

    @step(4, needs="due_parts", n=recent)
    def somebody_pays_a_part_by_link(self, n: int) -> None:
        self.somebody_opens_a_page_for_a_part(n)
        self._pay_newest_page()

    @step(2, needs="due_parts", n=recent)
    def a_part_is_charged_while_its_page_is_open(self, n: int) -> None:
        """The page has run out, the card is charged, and the page's money comes all the same."""
        self.somebody_opens_a_page_for_a_part(n)
        self.look()
        pages = [one for one in self.sight.payable if one.instalment_id]
        if not pages:
            return
        part = next(one for one in self.sight.parts if one.pk == pages[-1].instalment_id)
        self.jump(max(part.due_at - self.now(), dt.timedelta(minutes=32)))
        self.minute()
        self.at_stripe("pay", session=pages[-1].stripe_session_id, force=True)
        # Longer ago than the sweep for paid pages looks: its event tells.
        self.a_webhook_arrives(0)

    @step(4, needs="due_parts", n=recent)
    def somebody_leaves_after_a_worker_died(self, n: int) -> None:
        """The charge was claimed, and nobody knows whether Stripe was asked."""
        part = nth(self.sight.due_parts, n)
        self.a_worker_dies_before_it_asks(n)
        enrollment_services.withdraw(
            enrollment_id=part.enrollment_id,
            actor=self.people[0],
            reason="Asked to",
            now=self.now(),
        )
        self.pass_time(minutes=6)
        self.ten_minutes()

    @step(1, needs="running_plans", n=recent)
    def a_plan_is_ended(self, n: int) -> None:
        """As for whoever leaves by themselves."""
        plan = nth(self.sight.running_plans, n)
        withdrawn = enrollment_services.withdraw(
            enrollment_id=plan.enrollment_id,
            actor=self.people[0],
            reason="Left by themselves",
            now=self.now(),
        )
        if withdrawn:
            plans.end_plan(enrollment_id=plan.enrollment_id, now=self.now(), why="Left")
