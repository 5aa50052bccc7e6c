"""Steps around the waitlist: joining, being offered a seat, answering, and not answering."""

import contextlib
import datetime as dt

from enrollment import services as enrollment_services
from enrollment import waiting, waitlist
from enrollment.models import Enrollment
from enrollment.refusals import Refused
from enrollment.states import LIVE, Status
from tests.billing.money.people import People
from tests.billing.money.steps import nth, recent, step
from tests.billing.money.world import PEOPLE, SEATS

anybody = range(PEOPLE)


class Line(People):
    """People wait for one of the two seats."""

    @step(5, who=anybody)
    def somebody_joins_the_waitlist(self, who: int) -> None:
        with contextlib.suppress(Refused):
            waiting.join(cohort=self.cohort, member=self.people[who], now=self.now())

    @step(5)
    def the_group_fills_and_the_others_wait(self) -> None:
        live = Enrollment.objects.filter(cohort=self.cohort, status__in=LIVE)
        for member in self.people:
            with contextlib.suppress(Refused):
                if live.count() < SEATS:
                    held = enrollment_services.reserve_seat(
                        cohort=self.cohort, member=member, now=self.now()
                    )
                    self.press_pay(held)
                else:
                    waiting.join(cohort=self.cohort, member=member, now=self.now())

    @step(6, needs="waiting", n=recent)
    def a_seat_comes_free_while_somebody_waits(self, n: int) -> None:
        if self.sight.confirmed:
            self.staff_withdraw_somebody(n)
        elif self.sight.held:
            self.whoever_holds_a_seat_lets_it_go(n)

    @step(5, needs="offered", n=recent)
    def somebody_accepts(self, n: int) -> None:
        one = nth(self.sight.offered, n)
        was = Enrollment.objects.get(pk=one.pk)
        with contextlib.suppress(Refused, waiting.OfferOver):
            waiting.accept(enrollment=one, member=one.member, now=self.now())
            assert was.status == Status.OFFERED
            assert was.held_until
            assert was.held_until > self.now() - dt.timedelta(seconds=10), "the offer was over"

    @step(3, needs="offered", n=recent)
    def somebody_accepts_and_goes_to_stripe(self, n: int) -> None:
        one = nth(self.sight.offered, n)
        self.somebody_accepts(n)
        self.press_pay(Enrollment.objects.get(pk=one.pk))

    @step(2, needs="offered", n=recent)
    def somebody_accepts_too_late(self, n: int) -> None:
        """Before any sweep has seen that the time is over."""
        one = nth(self.sight.offered, n)
        assert one.held_until is not None
        self.everything_is_asked_for()
        length = one.held_until - self.now() + dt.timedelta(minutes=1)
        self.offset += length
        self.standin.control("clock", advance=length.total_seconds())
        self.somebody_accepts(n)

    @step(2, needs="offered", n=recent)
    def somebody_declines(self, n: int) -> None:
        self._leave(nth(self.sight.offered, n))

    @step(1, needs="waiting", n=recent)
    def somebody_leaves_the_waitlist(self, n: int) -> None:
        self._leave(nth(self.sight.waiting, n))

    def _leave(self, one: Enrollment) -> None:
        waitlist.leave(
            enrollment_id=one.pk,
            seen=Status(one.status),
            now=self.now(),
            reason="Said no",
            actor=one.member,
        )

    @step(1, needs="waiting", n=recent)
    def staff_offer_out_of_turn(self, n: int) -> None:
        waitlist.offer_out_of_turn(
            enrollment=nth(self.sight.waiting, n),
            now=self.now(),
            reason="Their sister is in it",
            actor=self.people[0],
        )

    @step(2, needs="offered", n=recent)
    def an_offer_lapses(self, n: int) -> None:
        until = nth(self.sight.offered, n).held_until
        assert until is not None
        self.jump(max(until - self.now(), dt.timedelta(0)))
        self.minute()

    @step(2, needs="held", n=recent)
    def whoever_holds_a_seat_lets_it_go(self, n: int) -> None:
        """Without paying: its time is over, and the sweep comes by."""
        until = nth(self.sight.held, n).held_until
        assert until is not None
        self.jump(max(until - self.now(), dt.timedelta(0)))
        self.minute()
