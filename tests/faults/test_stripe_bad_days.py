"""Stripe's bad days through real processes: the same end as on a good day.

The same days in one process, with every fault by itself, are tests/billing/test_bad_days.py.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import requests

from billing import ledger, refunds
from billing.models import Dispute, Payment, Refund
from enrollment.models import Enrollment
from sandbox.stripe_standin.errors import ContractBroken, check_contract
from tests.billing.builders import (
    CREATE,
    EXPIRE,
    PRICE,
    REFUND,
    RETRIEVE,
    a_group,
    a_seat,
    now,
)
from tests.faults.processes import Processes
from tests.faults.town import Town, end_of, minutes_pass, open_town

pytestmark = [pytest.mark.soak, pytest.mark.stack, pytest.mark.timeout(240)]

PART = 10_000
HOUR = 3600
WAYS = list(product(("500", "429", "timeout", "reset"), ("before", "after")))
CONFIRMED: dict[str, Any] = {
    "status": "active",
    "seat": True,
    "attempts": ["paid"],
    "paid": [(PRICE, 0)],
    "refunds": [],
    "mails": ["seat-confirmed"],
    "charged": [(1, PRICE)],
    "given back": 0,
}
PARTLY_RETURNED = {
    **CONFIRMED,
    "paid": [(PRICE, PART)],
    "refunds": [(PART, "succeeded")],
    "mails": ["refund-sent", "seat-confirmed"],
    "given back": PART,
}
RELEASED: dict[str, Any] = {
    "status": "expired",
    "seat": False,
    "attempts": ["expired"],
    "paid": [],
    "refunds": [],
    "mails": ["hold-expired"],
    "charged": [],
    "given back": 0,
}


@pytest.fixture
def town(parts: Processes) -> Iterator[Town]:
    with open_town(parts) as running:
        yield running


def give_a_part_back(payment: Payment) -> None:
    refunds.request_refund(
        payment_id=payment.pk, amount_cents=PART, reason=Refund.Reason.DESK, now=now()
    )


@pytest.mark.parametrize("half", [WAYS[::2], WAYS[1::2]], ids=["before", "after"])
def test_every_call_fails_and_the_day_ends_well(town: Town, half: list[tuple[str, str]]) -> None:
    for kind, when in half:
        a_day(town, kind, when)


def a_day(town: Town, kind: str, when: str) -> None:
    """Ada pays and gets a part back, Ben leaves; each of Stripe's calls fails at its time."""
    stripe, group = town.stripe, a_group(capacity=2)
    ada, ben = a_seat(group), a_seat(group)

    stripe.strike(CREATE, kind=kind, when=when)
    pressed = [town.press_pay(one) for one in (ada, ben)]
    assert not any(pressed)
    stripe.control("clear_faults")
    assert all(town.press_pay(one) for one in (ada, ben))

    stripe.strike(RETRIEVE, kind=kind, when=when)
    town.pay(ada)
    town.come_back(ada)
    town.webhooks_arrive()
    assert not Payment.objects.filter(enrollment=ada).exists()
    stripe.control("clear_faults")
    minutes_pass(group, 3)
    town.sweep()

    give_a_part_back(Payment.objects.get(enrollment=ada))
    stripe.strike(REFUND, kind=kind, when=when)
    town.run("submit_open_refunds")
    stripe.control("clear_faults")
    minutes_pass(group, 6)
    town.sweep()

    stripe.strike(EXPIRE, kind=kind, when=when)
    minutes_pass(group, 40)
    town.run("release_overdue_holds")
    stripe.control("clear_faults")
    minutes_pass(group, 6)
    town.sweep()
    town.webhooks_arrive()
    assert end_of(group, stripe) == [PARTLY_RETURNED, RELEASED], (kind, when)


MODES: dict[str, dict[str, Any]] = {
    "normal": {"mode": "normal"},
    "dropped": {"mode": "drop"},
    "doubled": {"mode": "double"},
    "turned round": {"mode": "reorder", "seconds": HOUR},
    "an hour late": {"mode": "delay", "seconds": HOUR},
}


def test_however_webhooks_come_the_day_ends_well(town: Town) -> None:
    for mode in MODES:
        a_day_of_webhooks(town, mode)


def a_day_of_webhooks(town: Town, mode: str) -> None:
    """Paid, slow money that comes, slow money that does not, an expired page, a refund."""
    stripe, group = town.stripe, a_group(capacity=5)
    people = [a_seat(group) for _ in range(5)]
    paid, slow, refused, leaves, refunded = people
    stripe.control("webhooks", **MODES[mode])
    assert all(town.press_pay(one) for one in people)
    town.pay(paid)
    stripe.control("settle", session=town.pay(slow, "async"), paid=True)
    stripe.control("settle", session=town.pay(refused, "async"), paid=False)
    town.pay(refunded)
    town.come_back(refunded)
    stripe.control("next_refund", outcome="pending")
    give_a_part_back(Payment.objects.get(enrollment=refunded))
    town.run("submit_open_refunds")
    pending = Refund.objects.get(payment__enrollment=refunded).stripe_refund_id
    stripe.control("finish_refund", refund=pending)
    stripe.control("clock", advance=32 * 60)  # Stripe closes the page that nobody paid
    minutes_pass(group, 32)
    town.sweep()
    stripe.control("clock", advance=HOUR)
    stripe.control("webhooks", mode="normal")  # lets go of those that were held back
    town.webhooks_arrive()
    town.sweep()
    stripe.control("clock", reset=True)
    ends = [CONFIRMED, CONFIRMED, RELEASED, RELEASED, PARTLY_RETURNED]
    assert end_of(group, stripe) == ends, mode
    assert leaves.attempts.count() == 1


@pytest.mark.parametrize("mode", MODES)
def test_however_webhooks_come_a_dispute_ends_the_same(town: Town, mode: str) -> None:
    """One is lost and one is won; both end in our ledger as in Stripe's books."""
    stripe, group = town.stripe, a_group(capacity=2)
    lost, won = people = [a_seat(group), a_seat(group)]
    assert all(town.press_pay(one) for one in people)
    sessions = [town.pay(one) for one in people]
    town.webhooks_arrive()
    town.sweep()
    stripe.control("webhooks", **MODES[mode])
    for session, decision in zip(sessions, (False, True), strict=True):
        made = stripe.control("dispute", session=session)
        stripe.control("answer_dispute", dispute=made["id"])
        stripe.control("close_dispute", dispute=made["id"], won=decision)
    stripe.control("clock", advance=HOUR)
    stripe.control("webhooks", mode="normal")
    town.webhooks_arrive()
    town.sweep()
    stripe.control("clock", reset=True)
    assert [ledger.balance(one) for one in (lost, won)] == [0, PRICE]
    assert stripe.report("books")["totals"]["withdrawn"] == PRICE
    statuses = Dispute.objects.order_by("payment__enrollment").values_list("status", flat=True)
    assert list(statuses) == ["lost", "won"]
    assert [Enrollment.objects.get(pk=one.pk).status for one in people] == ["active"] * 2


def test_a_breach_of_the_contract_by_a_process_is_found(town: Town) -> None:
    """The control of what the end of each of these tests looks for."""
    key = {"Authorization": "Bearer sk_test_standin"}
    told = requests.post(
        f"{town.stripe.url}/v1/refunds", data={"shoe_size": "44"}, headers=key, timeout=30
    )
    assert told.status_code == 400
    with pytest.raises(ContractBroken, match=r"^request POST /v1/refunds: "):
        check_contract(town.parts.log("standin"))
    (town.parts.folder / "standin.log").write_text("")
