"""People with money in a group, and what the desk decides about them.

Everything happens around the sessions of `tests.enrollment.builders`: `after(3)` is when three of
the twelve are over. No Stripe stands behind these payments; what needs one makes `a_payment`.
"""

import datetime as dt
import itertools
import uuid
from typing import Any

from accounts.models import User
from billing import decisions, gateway, ledger, refunds, rehearsals
from billing.models import Payment, Refund, RefundDecision
from billing.policy import Basis
from billing.rehearsals import Rehearsal, Wish
from enrollment.models import Enrollment
from tests.billing.people import a_billing_admin
from tests.enrollment.builders import FIRST_SESSION, HOUR, NOW, a_cohort, a_confirmed_seat
from tests.enrollment.builders import session as session

PRICE = 29_900
WEEK = dt.timedelta(weeks=1)
_numbers = itertools.count(1)


def after(sessions: int) -> dt.datetime:
    """Right after so many sessions, across the November change of the clock."""
    start = FIRST_SESSION + (sessions - 1) * WEEK
    return start + 2 * HOUR + dt.timedelta(minutes=sessions)


def paid(enrollment: Enrollment, cents: int, *, at: dt.datetime = NOW, **fields: Any) -> Payment:
    """Money that arrived for an enrolment, as a card that was charged without its owner."""
    payment = Payment.objects.create(
        enrollment=enrollment,
        amount_cents=cents,
        paid_at=at,
        **{
            "currency": "usd",
            "stripe_payment_intent_id": f"pi_{next(_numbers)}",
            **fields,
        },
    )
    ledger.post_charge(payment=payment, at=at)
    return payment


def a_paid_seat(*cents: int, **fields: Any) -> Enrollment:
    """A confirmed seat, paid by these amounts, each a minute after the other."""
    enrollment = a_confirmed_seat(cohort=a_cohort(), **fields)
    for minute, amount in enumerate(cents or (PRICE,)):
        paid(enrollment, amount, at=NOW + dt.timedelta(minutes=minute))
    return enrollment


def look(enrollment: Enrollment, wish: Wish, now: dt.datetime) -> Rehearsal:
    enrollment.refresh_from_db()
    return rehearsals.rehearse(enrollment=enrollment, wish=wish, now=now)


def decide(
    enrollment: Enrollment,
    *,
    basis: Basis = Basis.POLICY,
    amount: int = 0,
    frees: bool = False,
    now: dt.datetime | None = None,
    actor: User | None = None,
    seen: Rehearsal | None = None,
    key: uuid.UUID | None = None,
) -> RefundDecision:
    """Look, and press at once; `seen` is a look that was taken earlier."""
    wish, now = Wish(basis, amount, frees), now or after(3)
    shown = seen or look(enrollment, wish, now)
    return decisions.decide(
        enrollment_id=enrollment.pk,
        wish=wish,
        seen=shown.seen,
        key=key or uuid.uuid4(),
        actor=actor or a_billing_admin(),
        reason="They moved away",
        now=now,
    )


def approve(
    decision: RefundDecision, *, actor: User | None = None, now: dt.datetime | None = None
) -> RefundDecision:
    """A second person looks at it and presses."""
    now = now or after(3)
    shown = rehearsals.rehearse(
        enrollment=decision.enrollment,
        wish=decisions.wish_of(decision),
        now=now,
        apart_from=decision,
    )
    return decisions.approve(
        decision=decision, seen=shown.seen, actor=actor or a_billing_admin(), now=now
    )


def parts(decision: RefundDecision) -> list[tuple[int, int]]:
    """(payment, cents) of each refund that carries it out, in the order they were made."""
    rows = Refund.objects.filter(decision=decision).order_by("pk")
    return list(rows.values_list("payment_id", "amount_cents"))


def go_through(refund: Refund, status: str = "succeeded", now: dt.datetime | None = None) -> Refund:
    """Stripe says how a refund ended."""
    state = gateway.RefundState(
        refund_id=f"re_{refund.pk}",
        status=status,
        reference=str(refund.uuid),
        failure="expired_or_canceled_card" if status == "failed" else "",
        amount_cents=refund.amount_cents,
        payment_intent_id=refund.payment.stripe_payment_intent_id or "",
    )
    refunds.apply_state(refund=refund, state=state, now=now or after(3))
    refund.refresh_from_db()
    return refund


def fail(refund: Refund, now: dt.datetime | None = None) -> Refund:
    """The bank sends a refund back after it had succeeded."""
    return go_through(go_through(refund, now=now), "failed", now)


def a_failed_refund(
    enrollment: Enrollment | None = None, *, cents: int = 22_425, now: dt.datetime | None = None
) -> Refund:
    """Part of a payment of $400.00 whose refund failed: it is owed again."""
    payment = paid(enrollment or a_confirmed_seat(cohort=a_cohort()), 40_000)
    refund = refunds.request_refund(
        payment_id=payment.pk,
        amount_cents=cents,
        reason=Refund.Reason.DESK,
        now=now or after(3),
    )
    return fail(refund, now)
