"""A dispute while Stripe or its webhooks fail: the same end as on a good day."""

from itertools import product

import pytest

from billing import events, gateway, ledger, sweeps
from billing.models import Dispute, StripeEvent
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import a_payment, now, post_event

pytestmark = pytest.mark.django_db

KINDS = ("500", "429", "timeout", "reset")
READS = ("GET /v1/disputes", "GET /v1/disputes/:id")


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real timeouts of the SDK, a hundred times shorter."""
    monkeypatch.setattr("billing.gateway.client.PATIENT", (0.15, 2))


def lines(dispute: Dispute) -> list[tuple[str, int]]:
    rows = dispute.payment.enrollment.ledger.order_by("pk")
    return list(rows.values_list("kind", "amount_cents"))


@pytest.mark.parametrize(("route", "kind"), list(product(READS, KINDS)))
def test_a_read_that_fails_is_made_up_for(standin: Standin, route: str, kind: str) -> None:
    payment = a_payment(standin)
    made = standin.control("dispute", payment_intent=payment.stripe_payment_intent_id)
    standin.control("fault", route=route, kind=kind, times=3, seconds=0.5)
    for event in standin.events("charge.dispute.created"):
        post_event(event)
    try:
        for stored in StripeEvent.objects.all():
            events.apply_event(event=stored, now=now())
        sweeps.reconcile(now=now())
    except gateway.Unreachable:
        pass
    standin.control("clear_faults")
    sweeps.apply_stored_events(now=now())
    sweeps.reconcile(now=now())
    dispute = Dispute.objects.get(stripe_dispute_id=made["id"])
    assert [kind for kind, _ in lines(dispute)] == ["charge", "dispute"]
    assert StripeEvent.objects.get().status == "applied"
    assert ledger.balance(payment.enrollment) == 0


@pytest.mark.parametrize("won", [True, False])
def test_with_every_webhook_dropped_the_books_end_equal(standin: Standin, won: bool) -> None:
    payment = a_payment(standin)
    made = standin.control("dispute", payment_intent=payment.stripe_payment_intent_id)
    standin.control("close_dispute", dispute=made["id"], won=won)
    assert StripeEvent.objects.count() == 0
    sweeps.reconcile(now=now())
    dispute = Dispute.objects.get()
    cents = payment.amount_cents
    told = [("charge", cents), ("dispute", -cents), *([("dispute_won", cents)] if won else [])]
    assert (lines(dispute), dispute.status) == (told, "won" if won else "lost")
    assert standin.books["totals"]["withdrawn"] == (0 if won else cents)


def test_control_without_the_sweep_a_dropped_dispute_is_never_known(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = a_payment(standin)
    standin.control("dispute", payment_intent=payment.stripe_payment_intent_id)
    monkeypatch.setattr(sweeps, "_disputes", lambda now: 0)
    sweeps.reconcile(now=now())
    assert Dispute.objects.count() == 0
    assert ledger.balance(payment.enrollment) != 0
