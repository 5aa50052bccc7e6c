"""Somebody who paid $299.00 and moves to another group after three of twelve sessions.

What is left of their group is worth $224.25 then (`CREDIT`).
"""

import datetime as dt
import uuid
from typing import Any

from django.db.models import Q

from billing import checkout, ledger, settlement, transfers
from billing.models import CheckoutAttempt, Payment, Transfer
from billing.transfers import Rehearsal
from enrollment.models import Enrollment
from sessions.models import Cohort
from tests.billing.builders import checkout_state
from tests.billing.decided import WEEK, after
from tests.enrollment.builders import FIRST_SESSION, a_cohort

CREDIT = 22_425
NOW = after(3)


def a_group_for(price_cents: int = 29_900, **fields: Any) -> Cohort:
    """Another group, that begins two weeks after they ask."""
    return a_cohort(
        starts_at=FIRST_SESSION + 5 * WEEK,
        **{"name": "Thursday mornings", "price_cents": price_cents, **fields},
    )


def look(source: Enrollment, cohort: Cohort, now: dt.datetime = NOW) -> Rehearsal:
    source.refresh_from_db()
    return transfers.rehearse(source=source, cohort=cohort, now=now)


def start(
    source: Enrollment,
    cohort: Cohort,
    *,
    now: dt.datetime = NOW,
    seen: Rehearsal | None = None,
    key: uuid.UUID | None = None,
) -> Transfer:
    """Look, and press at once; `seen` is a look that was taken earlier."""
    shown = seen or look(source, cohort, now)
    return transfers.start(
        source_id=source.pk,
        cohort=cohort,
        seen=shown.seen,
        key=key or uuid.uuid4(),
        actor=source.member,
        now=now,
    )


def at_the_page(transfer: Transfer, now: dt.datetime = NOW) -> CheckoutAttempt:
    """An attempt to pay the rest, whose page is open; no Stripe stands behind it."""
    attempt = checkout.open_attempt(whose=Q(pk=transfer.target_id), now=now)
    assert attempt is not None
    return attempt


def paid_there(attempt: CheckoutAttempt, now: dt.datetime = NOW) -> bool:
    """Stripe says that the page was paid; whether it is owed back."""
    attempt.refresh_from_db()
    state = checkout_state(
        session_id=f"cs_{attempt.pk}",
        reference=str(attempt.uuid),
        amount_cents=attempt.amount_cents,
        payment_intent_id=f"pi_of_{attempt.pk}",
    )
    return settlement.apply_state(attempt=attempt, state=state, now=now)


def balances(*enrollments: Enrollment) -> list[int]:
    return [ledger.balance(one) for one in enrollments]


def reserved(enrollment: Enrollment) -> list[int]:
    payments = Payment.objects.filter(enrollment=enrollment).order_by("pk")
    return list(payments.values_list("refund_reserved_cents", flat=True))
