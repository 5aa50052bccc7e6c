"""Whatever is asked for, fails or succeeds: what goes back never exceeds what was paid."""

import itertools

import pytest
from django.db.models import Sum
from hypothesis import given
from hypothesis import strategies as st

from billing import gateway, refunds
from billing.models import CheckoutAttempt, Payment, Refund
from tests.billing.builders import PRICE, a_seat, now

numbers = itertools.count(1)
STATUSES = ("pending", "requires_action", "succeeded", "failed", "canceled")

# Ask for an amount, or let Stripe say something about one of the refunds.
steps = st.lists(
    st.one_of(
        st.integers(min_value=-PRICE, max_value=PRICE * 2),
        st.tuples(st.integers(min_value=0, max_value=9), st.sampled_from(STATUSES)),
    ),
    max_size=12,
)


def a_bare_payment(amount_cents: int) -> Payment:
    """A payment that no Stripe stands behind."""
    enrollment = a_seat()
    attempt = CheckoutAttempt.objects.create(
        enrollment=enrollment,
        status="paid",
        amount_cents=amount_cents,
        currency="usd",
        params={},
        created_at=now(),
        expires_at=now(),
    )
    return Payment.objects.create(
        attempt=attempt,
        enrollment=enrollment,
        amount_cents=amount_cents,
        currency="usd",
        paid_at=now(),
    )


@pytest.mark.django_db
@given(amount_cents=st.integers(min_value=1, max_value=PRICE), steps=steps)
def test_refunds_never_exceed_the_payment(
    amount_cents: int, steps: list[int | tuple[int, str]]
) -> None:
    payment = a_bare_payment(amount_cents)
    made: list[Refund] = []
    for step in steps:
        if isinstance(step, int):
            left = amount_cents - going_back(payment)
            if 0 < step <= left:
                made.append(request(payment, step))
            else:
                with pytest.raises(refunds.NotRefundable):
                    request(payment, step)
        elif made:
            say(made[step[0] % len(made)], step[1])
        payment.refresh_from_db()
        assert payment.refund_reserved_cents == going_back(payment)
        assert 0 <= payment.refund_reserved_cents <= amount_cents


def request(payment: Payment, amount_cents: int) -> Refund:
    return refunds.request_refund(
        payment_id=payment.pk, amount_cents=amount_cents, reason=Refund.Reason.DESK, now=now()
    )


def going_back(payment: Payment) -> int:
    """What has not failed, summed from the refunds themselves."""
    alive = Refund.objects.filter(payment=payment).exclude(status="failed")
    return alive.aggregate(sum=Sum("amount_cents"))["sum"] or 0


def say(refund: Refund, status: str) -> None:
    refund.refresh_from_db()
    refund_id = refund.stripe_refund_id or f"re_{next(numbers)}"
    state = gateway.RefundState(refund_id, status, str(refund.uuid), "", 1, "pi_1")
    refunds.apply_state(refund=refund, state=state, now=now())
