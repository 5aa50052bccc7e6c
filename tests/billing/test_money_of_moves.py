"""Whatever somebody does with moves and refunds: no cent is made, lost or given back twice."""

import uuid

import pytest
from django.db.models import QuerySet, Sum
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing import decisions, leaving, ledger, rehearsals, transfers
from billing.models import Payment, Refund, Transfer
from billing.policy import Basis
from billing.rehearsals import Impossible, Wish
from enrollment.models import Enrollment
from enrollment.refusals import Refused
from tests.billing.decided import PRICE, a_paid_seat, after, go_through
from tests.billing.moving import a_group_for, at_the_page, balances, paid_there
from tests.billing.people import a_billing_admin

PRICES = st.sampled_from([0, 5_000, 19_999, 22_450, 29_900, 44_400])
CENTS = st.integers(min_value=1, max_value=40_000)


class Moves(RuleBasedStateMachine):
    """One member, who moves on and on; the desk gives back what it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = after(3)
        self.seat: Enrollment = a_paid_seat(PRICE)
        self.desk = a_billing_admin()
        self.waiting: Transfer | None = None

    def fresh(self) -> Enrollment:
        self.seat.refresh_from_db()
        return self.seat

    def payments(self) -> "QuerySet[Payment]":
        return Payment.objects.filter(enrollment__member=self.seat.member)

    def here(self) -> bool:
        return self.fresh().status in rehearsals.CONFIRMED

    @precondition(lambda self: self.here())
    @rule(price=PRICES)
    def move(self, price: int) -> None:
        cohort = a_group_for(price)
        try:
            shown = transfers.rehearse(source=self.fresh(), cohort=cohort, now=self.now)
        except Impossible:
            return
        try:
            made = transfers.start(
                source_id=self.seat.pk,
                cohort=cohort,
                seen=shown.seen,
                key=uuid.uuid4(),
                actor=self.seat.member,
                now=self.now,
            )
        except Refused:
            return
        if made.state == "done":
            self.seat = made.target
        else:
            self.waiting = made

    @precondition(lambda self: self.waiting is not None)
    @rule()
    def pay_the_rest(self) -> None:
        assert self.waiting is not None
        made, self.waiting = self.waiting, None
        paid_there(at_the_page(made, self.now), self.now)
        made.refresh_from_db()
        if made.state == "done":
            self.seat = made.target

    @precondition(lambda self: self.waiting is not None)
    @rule()
    def stay(self) -> None:
        assert self.waiting is not None
        transfers.stop(transfer=self.waiting, actor=self.seat.member, now=self.now)
        self.waiting = None

    @rule(cents=CENTS, which=st.integers(min_value=0, max_value=5), frees=st.booleans())
    def give_back(self, cents: int, which: int, frees: bool) -> None:
        seats = list(Enrollment.objects.filter(member=self.seat.member).order_by("pk"))
        seat = seats[which % len(seats)]
        try:
            wish = Wish(Basis.AMOUNT, cents, frees)
            shown = rehearsals.rehearse(enrollment=seat, wish=wish, now=self.now)
        except Impossible:
            return
        decisions.decide(
            enrollment_id=seat.pk,
            wish=wish,
            seen=shown.seen,
            key=uuid.uuid4(),
            actor=self.desk,
            reason="",
            now=self.now,
        )

    @precondition(lambda self: self.here())
    @rule()
    def leave(self) -> None:
        try:
            shown = leaving.rehearse(enrollment=self.fresh(), now=self.now)
        except Impossible:
            return
        leaving.leave(
            enrollment_id=self.seat.pk,
            seen=shown.seen,
            key=uuid.uuid4(),
            member=self.seat.member,
            now=self.now,
        )

    @rule(status=st.sampled_from(["succeeded", "failed"]))
    def stripe_answers(self, status: str) -> None:
        asked = Refund.objects.filter(status="requested", payment__in=self.payments())
        refund = asked.order_by("pk").first()
        if refund is not None:
            go_through(refund, status, self.now)

    @invariant()
    def no_cent_is_made_or_lost(self) -> None:
        seats = Enrollment.objects.filter(member=self.seat.member)
        sums = balances(*seats)
        assert min(sums) >= 0
        came = self.payments().aggregate(c=Sum("amount_cents"))["c"]
        theirs = Refund.objects.filter(enrollment__in=seats)
        taken = theirs.filter(status="succeeded").aggregate(c=Sum("amount_cents"))["c"]
        assert sum(sums) == came - (taken or 0)

    @invariant()
    def no_balance_is_promised_twice(self) -> None:
        for seat in Enrollment.objects.filter(member=self.seat.member):
            out = Refund.objects.filter(enrollment=seat)
            on_its_way = out.filter(status="requested").aggregate(c=Sum("amount_cents"))["c"] or 0
            moving = Transfer.objects.filter(Transfer.KEPT, source=seat, state="open").first()
            reserved = moving.credit_cents if moving else 0
            assert on_its_way + reserved <= ledger.balance(seat)

    @invariant()
    def no_payment_gives_back_more_than_it_brought(self) -> None:
        for payment in self.payments():
            out = Refund.objects.filter(payment=payment).exclude(status="failed")
            going = out.aggregate(c=Sum("amount_cents"))["c"] or 0
            assert going == payment.refund_reserved_cents <= payment.amount_cents

    @invariant()
    def nobody_has_two_confirmed_seats(self) -> None:
        confirmed = Enrollment.objects.filter(member=self.seat.member, status="active")
        assert confirmed.count() <= 1


STORIES = settings(
    deadline=None,
    max_examples=25,
    stateful_step_count=20,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.django_db
def test_no_story_of_moves_and_refunds_makes_or_loses_a_cent() -> None:
    run_state_machine_as_test(Moves, settings=STORIES)
