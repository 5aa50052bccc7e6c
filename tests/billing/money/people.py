"""The steps that are always possible: what people and staff do about a seat and its payment."""

import contextlib

from django.contrib.auth import get_user_model

from billing import failed_refunds, refunds, settlement
from enrollment import door, waitlist
from enrollment import services as enrollment_services
from enrollment.models import Enrollment, Seat
from enrollment.refusals import GroupFull, Refused
from enrollment.states import IN_STANDING
from tests.billing.money.laws_of_the_desk import nothing_held_by_a_bank_goes_back
from tests.billing.money.steps import cents, either, nth, recent, step
from tests.billing.money.stripe import Stripe
from tests.billing.money.world import PEOPLE, on_a_bad_day
from tests.enrollment.builders import session

anybody = range(PEOPLE)
outcomes = ("paid", "paid", "paid", "declined", "async")


class People(Stripe):
    """Five people who want one of two seats."""

    # --- People -------------------------------------------------------------------------

    @step(2, who=anybody)
    def somebody_reserves(self, who: int) -> None:
        waited_for = waitlist.waiting(self.cohort.pk).exists()
        try:
            enrollment_services.reserve_seat(
                cohort=self.cohort, member=self.people[who], now=self.now()
            )
            assert not waited_for, "somebody bought past those who wait"
        except GroupFull:
            free = Seat.objects.filter(cohort=self.cohort, enrollment=None)
            assert waited_for or not free.exists()
        except Refused:
            pass

    @step(5, who=anybody)
    def somebody_goes_to_stripe(self, who: int) -> None:
        self.somebody_reserves(who)
        for enrollment in Enrollment.objects.filter(member=self.people[who], status="held"):
            self.press_pay(enrollment)

    @step(2, who=anybody, minutes=(0, 6, 16))
    def somebody_gets_a_second_page(self, who: int, minutes: int) -> None:
        """The first was made, but all that came of it was a 500."""
        self.somebody_reserves(who)
        self.stripe_has_a_bad_moment("POST /v1/checkout/sessions", "500", "after", 1)
        self.somebody_goes_to_stripe(who)
        self.pass_time(minutes)
        self.somebody_goes_to_stripe(who)

    @step(1, who=anybody)
    def a_lost_page_closes_beside_a_second_one(self, who: int) -> None:
        self.somebody_gets_a_second_page(who, minutes=6)
        self.pass_time(minutes=27)
        self.a_webhook_arrives(0)

    @step(2, who=anybody)
    def somebody_presses_pay_until_it_works(self, who: int) -> None:
        """The answers to the first press are lost."""
        self.somebody_reserves(who)
        self.stripe_has_a_bad_moment("POST /v1/checkout/sessions", "reset", "after", 1)
        self.stripe_has_a_bad_moment("POST /v1/checkout/sessions", "reset", "before", 2)
        self.somebody_goes_to_stripe(who)
        self.somebody_goes_to_stripe(who)

    @step(2, needs="enrollments", n=recent)
    def somebody_presses_pay(self, n: int) -> None:
        self.press_pay(nth(self.sight.enrollments, n))

    @step(5, needs="payable", n=recent, outcome=outcomes)
    def somebody_pays_at_stripe(self, n: int, outcome: str) -> None:
        """Whoever has been given the page's address; nobody else can know it."""
        attempt = nth(self.sight.payable, n)
        self.at_stripe("pay", session=attempt.stripe_session_id, outcome=outcome)

    @step(5, needs="payable", n=recent)
    def somebody_pays_and_it_is_known_at_once(self, n: int) -> None:
        self.somebody_pays_at_stripe(n, "paid")
        self.a_webhook_arrives(0)

    @step(4, needs="unpaid_pages", n=recent)
    def money_arrives_that_nobody_expected(self, n: int) -> None:
        """On a page that is closed, or whose address nobody was given."""
        session = nth(self.sight.unpaid_pages, n)
        if self.is_young(session["created"]):
            self.at_stripe("pay", session=session["id"], force=True)

    @step(2, needs="payable", n=recent)
    def somebody_pays_a_wrong_amount(self, n: int) -> None:
        """Never seen, and never to be taken for the price."""
        id = nth(self.sight.payable, n).stripe_session_id or ""
        page = self.standin.world.store.get("checkout.session", id)
        if not page["payment_intent"]:  # nobody has tried to pay yet
            page["amount_total"] += 100
            self.bent.add(id)
            self.at_stripe("pay", session=id)

    @step(2, needs="attempts", n=recent)
    def somebody_pays_at_every_page_they_had(self, n: int) -> None:
        """Those whose address was lost among them: twice for one seat."""
        enrollment = nth(self.sight.attempts, n).enrollment_id
        own = {str(a.uuid) for a in self.sight.attempts if a.enrollment_id == enrollment}
        for page in self.sight.unpaid_pages:
            if page["client_reference_id"] in own and self.is_young(page["created"]):
                self.at_stripe("pay", session=page["id"], force=True)

    @step(3, needs="lapsed", n=recent)
    def somebody_reserves_again_and_the_first_money_comes(self, n: int) -> None:
        """While a seat is free, so that there would be one for each."""
        first = nth(self.sight.lapsed, n)
        if self.sight.confirmed:
            self.staff_withdraw_somebody(0)
        member = self.sight.enrollment(first.enrollment_id).member
        self.somebody_reserves(self.people.index(member))
        if self.is_young(first.created_at.timestamp()):
            self.at_stripe("pay", session=first.stripe_session_id, force=True)
            self.ten_minutes()

    @step(4, needs="slow_pages", n=recent, paid=either)
    def slow_money_arrives_or_not(self, n: int, paid: bool) -> None:
        self.at_stripe("settle", session=nth(self.sight.slow_pages, n)["id"], paid=paid)

    @step(4, needs="unpaid_attempts", n=recent)
    def somebody_comes_back_to_the_return_page(self, n: int) -> None:
        attempt = nth(self.sight.unpaid_attempts, n)
        on_a_bad_day(lambda: settlement.settle(attempt=attempt, now=self.now()))

    @step(2, needs="read_before", n=recent)
    def a_slower_process_settles(self, n: int) -> None:
        """It read the attempt when its page was open, and asks Stripe only now."""
        attempt = nth(self.sight.read_before, n)
        on_a_bad_day(lambda: settlement.settle(attempt=attempt, now=self.now()))

    @step(1, needs="enrollments", n=recent)
    def somebody_tries_the_door(self, n: int) -> None:
        """Invariant 6, at the moment when the door is open."""
        enrollment = nth(self.sight.enrollments, n)
        at = session(enrollment.cohort, enrollment.first_week).starts_at
        member = get_user_model().objects.get(pk=enrollment.member_id)
        doorway = door.look(token=enrollment.door_token, user=member, now=at)
        entered = door.enter(doorway=doorway, location="NY", now=at)
        stands = enrollment.status in IN_STANDING
        assert (doorway.state == door.DoorState.OPEN, bool(entered)) == (stands, stands)

    # --- Staff --------------------------------------------------------------------------

    @step(2, needs="confirmed", n=recent)
    def staff_withdraw_somebody(self, n: int) -> None:
        enrollment_services.withdraw(
            enrollment_id=nth(self.sight.confirmed, n).pk,
            actor=self.people[0],
            reason="Asked to",
            now=self.now(),
        )

    @step(3, needs="payments", n=recent, cents=cents)
    def staff_refund(self, n: int, cents: int) -> None:
        """As a single payment is given back, without a rehearsal."""
        self.refund(nth(self.sight.payments, n), cents)

    @step(
        2,
        needs="refundable",
        n=recent,
        kind=("500", "reset"),
        when=("before", "after"),
        news=("", "webhook", "sweep"),
    )
    def staff_refund_while_stripe_breaks(self, n: int, kind: str, when: str, news: str) -> None:
        """The answer to every try is lost; news of it, if any, come before the silence is over."""
        self.stripe_has_a_bad_moment("POST /v1/refunds", kind, when, 1)
        self.stripe_has_a_bad_moment("POST /v1/refunds", kind, "before", 2)
        self.refund(nth(self.sight.refundable, n), 9_900)
        self.minute()
        if news == "webhook":
            self.a_webhook_arrives(1)
        if news == "sweep":
            self.ten_minutes()
        self.pass_time(minutes=6)
        self.minute()

    @step(3, needs="failed_refunds", n=recent)
    def staff_try_a_refund_again(self, n: int) -> None:
        with contextlib.suppress(refunds.NotRefundable, failed_refunds.AlreadySettled):
            again = failed_refunds.try_again(
                refund_uuid=nth(self.sight.failed_refunds, n).uuid,
                actor=self.people[0],
                now=self.now(),
            )
            nothing_held_by_a_bank_goes_back([again])

    @step(4, needs="in_review", n=recent, accept=either)
    def staff_decide_about_odd_money(self, n: int, accept: bool) -> None:
        attempt = nth(self.sight.in_review, n)
        decide = settlement.accept_reviewed if accept else settlement.return_reviewed
        with contextlib.suppress(refunds.NotRefundable):  # a bank holds the money
            decide(attempt=attempt, actor=self.people[0], now=self.now())
            if accept:
                self.accepted.add(attempt.pk)
