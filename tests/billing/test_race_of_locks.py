"""A line of the ledger points at its enrolment: who writes one waits for nobody who locks it.

PostgreSQL looks at that pointer when the line's transaction ends, which holds a payment or a
refund by then. Whoever locks the enrolment first, and wants that payment, must not lock its key.
"""

import dataclasses
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings

from billing import (
    decisions,
    differences,
    dispute_seats,
    disputes,
    gateway,
    ledger,
    refunds,
    reviews,
)
from billing.models import Difference, Dispute, Payment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import PRICE, a_payment, now
from tests.billing.desk import a_wrong_payment, an_outside_refund
from tests.billing.people import a_billing_admin
from tests.billing.test_race_of_disputes import hear
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

# The writer has posted its line and not ended yet; the other one comes in between.
MEANWHILE = 0.2
WRITING = 0.6


def slow(act: Callable[..., object]) -> Callable[..., None]:
    def acting(*args: object, **named: object) -> None:
        act(*args, **named)
        time.sleep(WRITING)

    return acting


def both(writer: Callable[[], object], decide: Callable[[], object]) -> list[object]:
    """What the writer, and whoever comes a little later, returned or raised."""

    def later() -> object:
        time.sleep(MEANWHILE)
        return decide()

    actions: list[Callable[[], object]] = [writer, later]
    return list(at_once(actions))


def test_a_decision_about_a_seat_while_its_dispute_is_closed(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = a_payment(standin)
    state = hear(standin, payment)
    dispute = disputes.apply_state(state=state, now=now())
    assert dispute is not None
    back = dataclasses.replace(state.movements[0], id="txn_back", cents=PRICE)
    won = dataclasses.replace(state, status="won", movements=(*state.movements, back))
    decide = partial(
        dispute_seats.decide,
        dispute_id=dispute.pk,
        what=Dispute.Seat.PAUSE,
        reason="Talked",
        seen=dispute_seats.rehearse(dispute=dispute, what=Dispute.Seat.PAUSE, now=now()).seen,
        actor=a_billing_admin(),
        now=now(),
    )
    monkeypatch.setattr(disputes, "_post", slow(disputes._post))
    results = both(partial(disputes.apply_state, state=won, now=now()), decide)
    assert [type(one).__name__ for one in results] == ["Dispute", "ChangedMeanwhile"], results
    dispute.refresh_from_db()
    assert (dispute.status, dispute.seat_decision) == ("won", "")


def test_a_decision_about_a_payment_while_the_dashboard_refunds_it(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = a_wrong_payment(standin)
    intent = Payment.objects.get().stripe_payment_intent_id
    made = standin.control("refund", payment_intent=intent, amount=500)
    state = gateway.retrieve_refund(made["id"])
    decide = partial(
        reviews.decide,
        attempt=attempt,
        decision=reviews.Decision.ACCEPT,
        seen=reviews.review(attempt).seen,
        actor=a_billing_admin(),
        now=now(),
    )
    monkeypatch.setattr(ledger, "post_refund", slow(ledger.post_refund))
    results = both(partial(refunds.import_outside, state=state, now=now()), decide)
    assert [type(one).__name__ for one in results] == ["bool", "ChangedMeanwhile"], results
    assert Payment.objects.get().refund_reserved_cents == 500


def test_an_outside_refund_is_noted_while_it_fails(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund = an_outside_refund(standin)
    failed = gateway.RefundState(
        refund_id=str(refund.stripe_refund_id),
        status="failed",
        reference="",
        failure="declined",
        amount_cents=refund.amount_cents,
        payment_intent_id=str(refund.payment.stripe_payment_intent_id),
    )
    note = partial(
        reviews.acknowledge,
        refund=refund,
        seen=reviews.looked_at(refund),
        actor=a_billing_admin(),
        now=now(),
    )
    monkeypatch.setattr(ledger, "post_failed_refund", slow(ledger.post_failed_refund))
    hear_of_it = partial(refunds.apply_state, refund=refund, state=failed, now=now())
    results = both(hear_of_it, note)
    assert [type(one).__name__ for one in results] == ["NoneType", "ChangedMeanwhile"], results
    refund.refresh_from_db()
    assert (refund.status, refund.seen_at) == ("failed", None)


@pytest.mark.parametrize("locked", [True, False])
def test_a_line_by_hand_while_an_event_books_the_same(
    standin: Standin, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    """Without the lock on the payment, which the event holds, both are booked."""
    payment = a_payment(standin)
    intent = str(payment.stripe_payment_intent_id)
    made = standin.control("refund", payment_intent=intent, amount=500)
    row = Difference.objects.create(
        key=f"not_booked:{made['id']}",
        kind="not_booked",
        about="refund",
        stripe_id=made["id"],
        enrollment=payment.enrollment,
        currency="usd",
        theirs_cents=500,
        theirs="returned",
        first_seen_at=now(),
        last_seen_at=now(),
        in_vain_at=now(),
    )
    line = partial(
        differences.put_right,
        difference_id=row.pk,
        cents=-500,
        left=0,
        reason="By hand",
        seen=row.fingerprint,
        actor=a_billing_admin(),
        now=now(),
    )
    if not locked:
        monkeypatch.setattr(decisions, "lock_payments", lambda enrollment: None)
    monkeypatch.setattr(ledger, "post_refund", slow(ledger.post_refund))
    state = gateway.retrieve_refund(made["id"])
    results = both(partial(refunds.import_outside, state=state, now=now()), line)
    second = "ChangedMeanwhile" if locked else "Difference"
    assert [type(one).__name__ for one in results] == ["bool", second], results
    assert ledger.balance(payment.enrollment) == PRICE - (500 if locked else 1_000)


def test_no_lock_of_ours_is_on_a_key() -> None:
    code = sorted((Path(settings.BASE_DIR) / "billing").rglob("*.py"))
    calls = [
        (path.name, call)
        for path in code
        for call in re.findall(r"\.select_for_update\(([^)]*)", path.read_text())
    ]
    assert len(calls) > 15
    assert [one for one in calls if "no_key=True" not in one[1]] == []
