"""The last use of a code, wanted by many at once."""

import time
from collections.abc import Callable
from functools import partial

import pytest
from django.db.models import Q

from billing import checkout, codes
from billing.models import PromotionCode, Redemption
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import a_group, a_seat, now
from tests.billing.pricing import a_code
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

BUYERS = 20


def buyers() -> list[Enrollment]:
    group = a_group(capacity=8)
    others = [a_group(capacity=8) for _ in range(2)]
    return [a_seat([group, *others][number % 3]) for number in range(BUYERS)]


@pytest.mark.parametrize("left", [1, 3])
def test_the_last_uses_go_to_exactly_as_many_of_twenty_buyers(left: int) -> None:
    code, seats = a_code(limit=left), buyers()
    outcomes = at_once(
        [partial(codes.redeem, whose=Q(pk=one.pk), typed=code.code, now=now()) for one in seats]
    )
    won = [one for one in outcomes if isinstance(one, Redemption)]
    words = [str(one) for one in outcomes if isinstance(one, codes.CodeRefused)]
    assert (len(won), words) == (left, [codes.USED_UP] * (BUYERS - left))
    assert codes.used(code) == left


def careless_redeem(enrollment: Enrollment, code: PromotionCode) -> bool:
    """Counts, then writes, and locks nothing."""
    if codes.used(code) >= (code.limit or 0):
        return False
    time.sleep(0.02)
    Redemption.objects.create(enrollment=enrollment, code=code, off_cents=1, at=now())
    return True


def test_control_without_the_lock_the_last_use_is_given_to_several() -> None:
    code, seats = a_code(limit=1), buyers()
    at_once([partial(careless_redeem, one, code) for one in seats])
    assert codes.used(code) > 1


def test_one_person_who_presses_with_two_codes_at_once_uses_one() -> None:
    first, second, seat = a_code(), a_code(), a_seat()
    ask = [
        partial(codes.redeem, whose=Q(pk=seat.pk), typed=code.code, now=now())
        for code in (first, second) * 5
    ]
    outcomes = at_once(ask)
    assert sorted({type(one).__name__ for one in outcomes}) == ["CodeRefused", "Redemption"]
    assert Redemption.objects.filter(enrollment=seat).count() == 1


def test_a_code_and_the_payment_at_once_agree_on_one_price(standin: Standin) -> None:
    """Whoever comes first: the page at Stripe asks for what stands in the enrolment."""
    code = a_code()
    for _ in range(5):
        seat = a_seat()
        both: list[Callable[[], object]] = [
            partial(checkout.start_checkout, whose=Q(pk=seat.pk), now=now()),
            partial(codes.redeem, whose=Q(pk=seat.pk), typed=code.code, now=now()),
        ]
        at_once(both)
        seat.refresh_from_db()
        used = Redemption.objects.filter(enrollment=seat).exists()
        amount = seat.attempts.get().amount_cents
        assert (amount, seat.price_cents) == ((22_425,) * 2 if used else (29_900,) * 2)


def test_ending_and_using_at_once_never_deadlock() -> None:
    code, seats = a_code(limit=BUYERS), buyers()
    admin = seats[0].member
    acts: list[Callable[[], object]] = [
        partial(codes.redeem, whose=Q(pk=one.pk), typed=code.code, now=now()) for one in seats
    ]
    acts.append(partial(codes.end_code, code=code, actor=admin, now=now()))
    outcomes = at_once(acts)
    assert {type(one).__name__ for one in outcomes} <= {"Redemption", "CodeRefused", "bool"}
    assert type(outcomes[-1]) is bool
    assert PromotionCode.objects.get().ended_at is not None
