"""Steps around prices: codes that run out or run down, prices of one's own, free places."""

import contextlib
import datetime as dt
import itertools

from django.db.models import Q

from billing import codes, personal_prices
from billing.checkout import HoldOver
from billing.models import PersonalPrice, PromotionCode
from enrollment.models import Enrollment
from tests.billing.money.people import People
from tests.billing.money.steps import either, nth, recent, step
from tests.billing.money.world import PEOPLE

anybody = range(PEOPLE)
numbers = itertools.count(1)


class Prices(People):
    """Staff make codes and give prices; members use them."""

    @step(
        3,
        percent=(25, 33, 100, None, None),
        cents=(5_000, 29_870, 40_000),
        limit=(None, 1, 1, 2),
        minutes=(None, None, 20),
    )
    def staff_make_a_code(
        self, percent: int | None, cents: int, limit: int | None, minutes: int | None
    ) -> None:
        now = self.now()
        code = PromotionCode(
            code=f"CODE-{next(numbers)}",
            percent_off=percent,
            amount_off_cents=None if percent else cents,
            limit=limit,
            starts_at=now - dt.timedelta(minutes=1),
            expires_at=now + dt.timedelta(minutes=minutes) if minutes else None,
        )
        codes.make_code(code=code, actor=self.people[0], now=now)

    @step(1, needs="codes", n=recent)
    def staff_end_a_code(self, n: int) -> None:
        codes.end_code(code=nth(self.sight.codes, n), actor=self.people[0], now=self.now())

    @step(3, needs="codes", who=anybody, n=recent)
    def somebody_uses_a_code(self, who: int, n: int) -> None:
        self.somebody_reserves(who)
        typed = nth(self.sight.codes, n).code.lower()
        for one in Enrollment.objects.filter(member=self.people[who], status="held"):
            with contextlib.suppress(codes.CodeRefused, codes.PageIsOpen, HoldOver):
                codes.redeem(whose=Q(pk=one.pk), typed=typed, now=self.now())

    @step(8, needs="codes", who=anybody, n=recent, in_parts=either)
    def somebody_goes_to_stripe_with_a_code(self, who: int, n: int, in_parts: bool) -> None:
        self.somebody_uses_a_code(who, n)
        for one in Enrollment.objects.filter(member=self.people[who], status="held"):
            self.press_pay(one, in_parts=in_parts)

    @step(1, needs="redemptions", n=recent)
    def somebody_takes_a_code_off(self, n: int) -> None:
        pk = nth(self.sight.redemptions, n).enrollment_id
        with contextlib.suppress(codes.PageIsOpen, HoldOver):
            codes.give_back(whose=Q(pk=pk), now=self.now())

    @step(3, who=anybody, cents=(0, 40, 9_900, 20_000, 35_000), here=either)
    def staff_give_somebody_a_price(self, who: int, cents: int, here: bool) -> None:
        with contextlib.suppress(personal_prices.HasOne):
            personal_prices.give(
                member=self.people[who],
                cohort=self.cohort if here else None,
                price_cents=cents,
                reason="A hard year",
                actor=self.people[0],
                now=self.now(),
            )

    @step(4, needs="payable", n=recent)
    def somebody_is_given_a_price_while_their_page_is_open(self, n: int) -> None:
        """And presses again: what the page asks for still holds."""
        one = self.sight.enrollment(nth(self.sight.payable, n).enrollment_id)
        self.staff_give_somebody_a_price(self.people.index(one.member), 9_900, here=True)
        self.press_pay(one)

    @step(1, n=recent)
    def staff_end_a_price(self, n: int) -> None:
        prices = list(PersonalPrice.objects.filter(ended_at=None).order_by("pk"))
        if prices:
            personal_prices.end(price=nth(prices, n), actor=self.people[0], now=self.now())
