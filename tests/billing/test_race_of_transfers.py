"""Moves at once: two of one member, the desk, the last seat, leaving; each with its control."""

import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from django.db import IntegrityError
from django.db.models import Sum

from billing import decisions, disputes, holders, leaving, ledger, refunds, rehearsals, transfers
from billing.gateway.books import DisputeState, Movement
from billing.models import LedgerEntry, Payment, Refund, Transfer
from billing.policy import Basis
from billing.rehearsals import Wish
from billing.transfers import Rehearsal
from enrollment import services as enrollment_services
from enrollment.models import Enrollment, Seat
from sessions.models import Cohort
from tests.billing.builders import refreshed
from tests.billing.decided import PRICE, a_paid_seat, after
from tests.billing.moving import NOW, a_group_for, at_the_page, look, paid_there, start
from tests.billing.people import a_billing_admin
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
MOMENT = 0.05  # seconds between a careless look and its press
ROUNDS = 4


def kinds(results: Sequence[object]) -> list[str]:
    return sorted(type(one).__name__ for one in results)


def press(source: Enrollment, shown: Rehearsal, key: uuid.UUID | None = None) -> Transfer:
    return transfers.start(
        source_id=source.pk,
        cohort=shown.card.cohort,
        seen=shown.seen,
        key=key or uuid.uuid4(),
        actor=source.member,
        now=NOW,
    )


def total() -> int:
    cents: int = LedgerEntry.objects.aggregate(cents=Sum("amount_cents"))["cents"]
    return cents


def reserved() -> int:
    cents: int = Payment.objects.aggregate(cents=Sum("refund_reserved_cents"))["cents"]
    return cents


# --- Two moves of one member ------------------------------------------------------------


def test_two_moves_at_once_are_one() -> None:
    for _ in range(ROUNDS):
        source = a_paid_seat()
        looks = [look(source, a_group_for(20_000)) for _ in range(2)]
        results = at_once([partial(press, source, one) for one in looks])
        assert "Transfer" in kinds(results)
        assert Transfer.objects.filter(source=source).count() == 1
        assert ledger.balance(source) == PRICE - 20_000


def test_one_page_pressed_many_times_moves_once() -> None:
    source, key = a_paid_seat(), uuid.uuid4()
    shown = look(source, a_group_for(PRICE))
    results = at_once([partial(press, source, shown, key)] * 8)
    assert kinds(results) == ["Transfer"] * 8
    assert Transfer.objects.count() == 1


def careless_move(source: Enrollment, cohort: Cohort) -> None:
    """Looks and moves the credit without a lock, and with no row of its own."""
    shown = transfers.rehearse(source=source, cohort=cohort, now=NOW)
    time.sleep(MOMENT)
    ledger.post(
        enrollment_id=source.pk,
        kind=LedgerEntry.Kind.CREDIT,
        amount_cents=-shown.price_cents,
        currency="usd",
        key=f"careless:{uuid.uuid4()}",
        at=NOW,
    )


def test_control_without_the_lock_the_credit_moves_twice() -> None:
    source = a_paid_seat()
    groups = [a_group_for(20_000) for _ in range(2)]
    at_once([partial(careless_move, source, one) for one in groups])
    assert ledger.balance(source) == PRICE - 40_000


def test_the_database_refuses_a_second_move_of_one_seat() -> None:
    source = a_paid_seat()
    made = start(source, a_group_for(PRICE))
    other = enrollment_services.reserve_seat(
        cohort=a_group_for(PRICE), member=source.member, now=NOW
    )
    with pytest.raises(IntegrityError):
        Transfer.objects.create(
            source=source,
            target=other,
            credit_cents=1,
            price_cents=1,
            made_by=source.member,
            made_at=NOW,
        )
    assert made.state == "open"


# --- Against the desk -------------------------------------------------------------------


def refund(source: Enrollment, shown: rehearsals.Rehearsal) -> object:
    return decisions.decide(
        enrollment_id=source.pk,
        wish=shown.wish,
        seen=shown.seen,
        key=uuid.uuid4(),
        actor=a_billing_admin(),
        reason="",
        now=NOW,
    )


@pytest.mark.parametrize("price", [20_000, PRICE])
def test_a_move_and_a_refund_of_all_never_give_the_money_twice(price: int) -> None:
    for _ in range(ROUNDS):
        source = a_paid_seat()
        shown = look(source, a_group_for(price))
        desk = rehearsals.rehearse(enrollment=source, wish=Wish(Basis.FULL), now=NOW)
        presses: list[Callable[[], object]] = [
            partial(press, source, shown),
            partial(refund, source, desk),
        ]
        results = at_once(presses)
        assert sum(isinstance(one, Exception) for one in results) == 1, results
        going = Refund.objects.filter(enrollment=source).aggregate(c=Sum("amount_cents"))["c"] or 0
        moved = Transfer.objects.filter(source=source).first()
        credit = moved.moved_cents if moved else 0
        assert going + credit <= PRICE
        assert (going == PRICE) == (moved is None)


def careless_refund(source: Enrollment) -> None:
    shown = rehearsals.rehearse(enrollment=source, wish=Wish(Basis.FULL), now=NOW)
    time.sleep(MOMENT)
    for take in shown.takes:
        refunds.request_refund(
            payment_id=take.payment.pk, amount_cents=take.cents, reason=Refund.Reason.DESK, now=NOW
        )


def test_control_without_the_lock_money_is_moved_and_given_back() -> None:
    source, cohort = a_paid_seat(), a_group_for(20_000)
    at_once([partial(careless_refund, source), partial(careless_move, source, cohort)])
    assert ledger.balance(source) - reserved() == -20_000


@pytest.mark.parametrize("frees", [True, False])
def test_paying_the_rest_and_the_desk_at_once_end_in_one_of_two_ways(frees: bool) -> None:
    for _ in range(ROUNDS):
        source = a_paid_seat()
        transfer = start(source, a_group_for(PRICE))
        attempt = at_the_page(transfer)
        wish = Wish(Basis.AMOUNT, 7_475, frees)
        desk = rehearsals.rehearse(enrollment=source, wish=wish, now=NOW)
        actions: list[Callable[[], object]] = [
            partial(paid_there, attempt),
            partial(refund, source, desk),
        ]
        at_once(actions)
        transfer.refresh_from_db()
        target = refreshed(transfer.target)
        if transfer.state == "done":
            assert (refreshed(source).status, target.status) == ("withdrawn", "active")
            assert ledger.balance(target) == PRICE
        else:
            assert (refreshed(source).status, target.status) == ("withdrawn", "cancelled")
            own = Payment.objects.get(enrollment=target)
            assert own.refund_reserved_cents == own.amount_cents
        assert Seat.objects.filter(enrollment__member=source.member).count() <= 1


# --- Against the last seat --------------------------------------------------------------


def test_of_many_who_move_to_the_last_seat_one_does() -> None:
    cohort = a_group_for(20_000, capacity=1)
    sources = [a_paid_seat() for _ in range(6)]
    looks = [look(source, cohort) for source in sources]
    results = at_once(
        [partial(press, source, shown) for source, shown in zip(sources, looks, strict=True)]
    )
    assert kinds(results) == ["GroupFull"] * 5 + ["Transfer"]
    statuses = sorted(refreshed(source).status for source in sources)
    assert statuses == ["active"] * 5 + ["withdrawn"]
    assert total() == 6 * PRICE


def careless_seat(cohort: Cohort, source: Enrollment) -> None:
    """Takes what looked free."""
    seat = Seat.objects.filter(cohort=cohort, enrollment=None).first()
    time.sleep(MOMENT)
    if seat is not None:
        Seat.objects.filter(enrollment=source).update(enrollment=None)
        Seat.objects.filter(pk=seat.pk).update(enrollment=source)


def test_control_a_careless_look_leaves_somebody_without_any_seat() -> None:
    cohort, sources = a_group_for(capacity=1), [a_paid_seat() for _ in range(2)]
    at_once([partial(careless_seat, cohort, source) for source in sources])
    assert Seat.objects.filter(enrollment__in=sources).count() == 1


# --- Against leaving --------------------------------------------------------------------


def leave(source: Enrollment, shown: rehearsals.Rehearsal) -> object:
    return leaving.leave(
        enrollment_id=source.pk, seen=shown.seen, key=uuid.uuid4(), member=source.member, now=NOW
    )


@pytest.mark.parametrize("price", [20_000, PRICE])
def test_leaving_and_moving_at_once_are_one_of_both(price: int) -> None:
    for _ in range(ROUNDS):
        source = a_paid_seat()
        shown = look(source, a_group_for(price))
        out = leaving.rehearse(enrollment=source, now=NOW)
        actions: list[Callable[[], object]] = [
            partial(press, source, shown),
            partial(leave, source, out),
        ]
        results = at_once(actions)
        assert sum(isinstance(one, Exception) for one in results) == 1, results
        moved = Transfer.objects.filter(source=source).exists()
        going = Refund.objects.filter(enrollment=source).aggregate(c=Sum("amount_cents"))["c"] or 0
        expected = {20_000: 2_425, PRICE: 0}[price] if moved else 22_425
        assert going == expected


def test_leaving_many_times_at_once_gives_back_once() -> None:
    source = a_paid_seat()
    out = leaving.rehearse(enrollment=source, now=NOW)
    results = at_once([partial(leave, source, out)] * 6)
    assert kinds(results)[-1] == "RefundDecision"
    assert Refund.objects.aggregate(c=Sum("amount_cents"))["c"] == 22_425


def test_control_a_careless_leaving_and_a_careless_move_use_the_money_twice() -> None:
    source, cohort = a_paid_seat(), a_group_for(20_000)

    def careless_leaving() -> None:
        shown = leaving.rehearse(enrollment=source, now=NOW)
        time.sleep(MOMENT)
        refunds.request_refund(
            payment_id=shown.takes[0].payment.pk,
            amount_cents=shown.cents,
            reason=Refund.Reason.DESK,
            now=NOW,
        )

    actions: list[Callable[[], object]] = [
        careless_leaving,
        partial(careless_move, source, cohort),
    ]
    at_once(actions)
    assert ledger.balance(source) - reserved() < 0


def test_members_who_swap_their_groups_do_not_wait_for_each_other() -> None:
    for _ in range(ROUNDS):
        one, other = a_paid_seat(), a_paid_seat()
        groups = [a_group_for(20_000), a_group_for(20_000)]
        first, second = (start(s, g).target for s, g in zip((one, other), groups, strict=True))
        looks = [
            (refreshed(first), look(first, groups[1], after(3))),
            (refreshed(second), look(second, groups[0], after(3))),
        ]
        results = at_once([partial(press, source, shown) for source, shown in looks])
        assert kinds(results) == ["Transfer"] * 2


# --- Against the bank -------------------------------------------------------------------


def disputed(payment: Payment) -> DisputeState:
    return DisputeState(
        dispute_id="dp_1",
        payment_intent_id=payment.stripe_payment_intent_id or "",
        status="needs_response",
        reason="fraudulent",
        amount_cents=PRICE,
        currency="usd",
        evidence_due_by=None,
        opened_at=NOW,
        movements=(Movement(id="txn_1", cents=-PRICE),),
        live=False,
    )


def a_dispute_comes_while_the_rest_is_paid(monkeypatch: pytest.MonkeyPatch) -> Transfer:
    """Its writer has seen whose money it is, and has not committed when the rest is settled."""
    source = a_paid_seat()
    transfer = start(source, a_group_for(PRICE))
    attempt = at_the_page(transfer)
    payment = Payment.objects.get(enrollment=source)
    known = holders.holder

    def slow(row: Payment) -> Enrollment:
        found = known(row)
        time.sleep(4 * MOMENT)
        return found

    monkeypatch.setattr(disputes, "holder", slow)

    def settle() -> None:
        time.sleep(MOMENT)
        paid_there(attempt)

    hear = partial(disputes.apply_state, state=disputed(payment), now=NOW)
    actions: list[Callable[[], object]] = [hear, settle]
    results = at_once(actions)
    assert not any(isinstance(one, Exception) for one in results), results
    transfer.refresh_from_db()
    return transfer


def test_a_dispute_at_once_with_the_rest_is_booked_where_the_money_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transfer = a_dispute_comes_while_the_rest_is_paid(monkeypatch)
    booked = LedgerEntry.objects.get(kind="dispute").enrollment_id
    assert (transfer.state, booked) == ("ended", transfer.source_id)
    own = Payment.objects.get(enrollment=transfer.target_id)
    assert own.refund_reserved_cents == own.amount_cents
    assert refreshed(transfer.source).status == "active"


def test_control_without_the_payments_lock_it_is_booked_on_the_old_seat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decisions, "lock_payments", lambda enrollment: None)
    transfer = a_dispute_comes_while_the_rest_is_paid(monkeypatch)
    assert transfer.state == "done"
    assert LedgerEntry.objects.get(kind="dispute").enrollment_id == transfer.source_id
    assert ledger.balance(transfer.source) < 0
