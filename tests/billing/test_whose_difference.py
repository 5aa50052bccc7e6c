"""On whose seat a line by hand is booked: on the same as an import would, also after a move."""

import dataclasses
import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import comparison, differences, disputes, findings, remedies
from billing.differences import ChangedMeanwhile
from billing.gateway.books import BookedRefund, DisputeState, Movement
from billing.models import Difference, Payment
from billing.remedies import Gap
from tests.billing.decided import a_paid_seat, after
from tests.billing.moving import CREDIT, a_group_for, balances, start
from tests.billing.people import a_billing_admin

pytestmark = pytest.mark.django_db

PRICE = 29_900
USED = PRICE - CREDIT
MOVED = after(3)
LATER = after(4)
About = Difference.About


def the_payment() -> Payment:
    return Payment.objects.get()


def outside(payment: Payment, id: str = "re_outside") -> BookedRefund:
    """A refund of $50.00 that was made in the dashboard."""
    return BookedRefund(
        refund_id=id,
        status="succeeded",
        reference="",
        amount_cents=5_000,
        currency="usd",
        payment_intent_id=str(payment.stripe_payment_intent_id),
    )


def of_the_bank(payment: Payment, *moved: int) -> DisputeState:
    return DisputeState(
        dispute_id="dp_1",
        payment_intent_id=str(payment.stripe_payment_intent_id),
        amount_cents=PRICE,
        currency="usd",
        reason="fraudulent",
        status="needs_response",
        opened_at=LATER,
        evidence_due_by=None,
        movements=tuple(Movement(f"txn_{number}", cents) for number, cents in enumerate(moved)),
        live=False,
    )


def found(about: Difference.About, id: str, said: Any, at: dt.datetime = LATER) -> Difference:
    """What a comparison writes down about one object; `said` is Stripe's side."""
    theirs = {id: said} if said else {}
    findings.record(comparison.pairs(about, [id], theirs), about, [id], now=at)
    return Difference.objects.get(stripe_id=id)


def imported_in_vain(difference: Difference, at: dt.datetime = LATER) -> Difference:
    Difference.objects.filter(pk=difference.pk).update(in_vain_at=at)
    difference.refresh_from_db()
    return difference


def by_hand(difference: Difference, cents: int) -> Difference:
    return differences.put_right(
        difference_id=difference.pk,
        cents=cents,
        left=0,
        reason="By hand",
        seen=difference.fingerprint,
        actor=a_billing_admin(),
        now=LATER,
    )


def test_a_refund_of_moved_money_is_put_right_where_it_is_now() -> None:
    source = a_paid_seat(PRICE)
    target = start(source, a_group_for(CREDIT), now=MOVED).target
    row = found(About.REFUND, "re_outside", outside(the_payment()))
    assert row.enrollment == target
    by_hand(imported_in_vain(row), -5_000)
    assert balances(source, target) == [USED, CREDIT - 5_000]


def test_a_dispute_of_moved_money_is_shown_where_it_is_now() -> None:
    source = a_paid_seat(PRICE)
    target = start(source, a_group_for(CREDIT), now=MOVED).target
    row = found(About.DISPUTE, "dp_1", of_the_bank(the_payment(), -PRICE))
    assert row.enrollment == target


@pytest.mark.parametrize("taken_at", [after(1), LATER])
def test_what_a_bank_never_took_comes_back_to_where_it_was_taken(taken_at: dt.datetime) -> None:
    """As when it is imported: the line of the dispute says where."""
    source = a_paid_seat(PRICE)
    taken = dataclasses.replace(of_the_bank(the_payment(), -5_000), status="lost")
    if taken_at < MOVED:
        disputes.apply_state(state=taken, now=taken_at)
    target = start(source, a_group_for(PRICE // 2), now=MOVED).target
    before = balances(source, target)
    if taken_at > MOVED:
        disputes.apply_state(state=taken, now=taken_at)
    row = found(About.DISPUTE, "dp_1", None)
    assert (row.kind, row.enrollment) == ("not_there", source if taken_at < MOVED else target)
    by_hand(row, 5_000)
    came_back = [before[0] + 5_000, before[1]] if taken_at < MOVED else before
    assert balances(source, target) == came_back


def test_money_that_moves_after_it_was_seen_is_asked_about_anew() -> None:
    source = a_paid_seat(PRICE)
    payment = the_payment()
    row = imported_in_vain(found(About.REFUND, "re_outside", outside(payment), after(1)), after(1))
    assert remedies.gap(row) == Gap(theirs=-5_000, ours=0)
    target = start(source, a_group_for(CREDIT), now=MOVED).target
    with pytest.raises(ChangedMeanwhile):
        by_hand(row, -5_000)
    row = imported_in_vain(found(About.REFUND, "re_outside", outside(payment)))
    assert row.enrollment == target
    by_hand(row, -5_000)
    assert balances(source, target) == [USED, CREDIT - 5_000]


@pytest.mark.parametrize("about", [About.REFUND, About.DISPUTE])
def test_three_objects_cost_as_many_queries_as_one(about: Difference.About) -> None:
    said: dict[str, Any] = {}
    for number in range(3):
        source = a_paid_seat(PRICE)
        start(source, a_group_for(CREDIT, name=f"Group {number}"), now=MOVED)
        payment = Payment.objects.latest("pk")
        said[f"id_{number}"] = (
            outside(payment) if about == About.REFUND else of_the_bank(payment, -PRICE)
        )

    def cost(ids: list[str]) -> int:
        with CaptureQueriesContext(connection) as captured:
            pairs = comparison.pairs(about, ids, {id: said[id] for id in ids})
        assert len(pairs) == len(ids)
        return len(captured)

    assert cost(["id_0"]) == cost(list(said))
