"""Several people decide about the same odd money at once: one decision is made, and once."""

from functools import partial

import pytest

from billing import ledger, reviews, sweeps
from billing.models import Payment, Refund
from billing.reviews import ChangedMeanwhile, Decision
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import PRICE, now, refreshed, seat_of
from tests.billing.desk import a_wrong_payment, an_outside_refund
from tests.billing.people import a_billing_admin
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def test_of_those_who_decide_about_a_payment_at_once_one_wins(standin: Standin) -> None:
    attempt, admin = a_wrong_payment(standin), a_billing_admin()
    seen = reviews.review(attempt).seen
    decide = partial(reviews.decide, attempt=attempt, seen=seen, actor=admin, now=now())
    results = at_once([partial(decide, decision=decision) for decision in Decision] * 4)
    assert sorted(type(one).__name__ for one in results) == ["ChangedMeanwhile"] * 7 + ["NoneType"]
    sweeps.submit_open_refunds(now=now())
    kept = refreshed(attempt).status == "paid"
    assert ledger.balance(attempt.enrollment) == (PRICE if kept else 0)
    assert Payment.objects.get().refund_reserved_cents == (0 if kept else PRICE)
    assert Refund.objects.count() == (0 if kept else 1)
    assert (seat_of(attempt.enrollment) is not None) == kept


def test_of_those_who_see_an_outside_refund_at_once_one_is_written_down(standin: Standin) -> None:
    refund = an_outside_refund(standin)
    seen = reviews.looked_at(refund)
    people = [a_billing_admin(f"Kim {number}") for number in range(6)]
    results = at_once(
        [
            partial(
                reviews.acknowledge,
                refund=refund,
                seen=seen,
                actor=person,
                now=now(),
            )
            for person in people
        ]
    )
    [winner] = [place for place, one in enumerate(results) if one is None]
    assert sum(isinstance(one, ChangedMeanwhile) for one in results) == 5
    assert refreshed(refund).seen_by == people[winner]
