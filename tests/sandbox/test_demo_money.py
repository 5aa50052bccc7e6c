"""The demo's payments stand in the books of the stand-in, so they go back like any other."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from billing import disputes, reconciliation, sweeps
from billing.models import CheckoutAttempt, Difference, Payment, Reconciliation, Redemption, Refund
from enrollment.models import Enrollment
from outbox.models import Message
from sandbox import demo
from sandbox.demo_people import KIM, NOOR, SAM
from sandbox.stripe_standin.process import Standin
from tests.accounts.people import sign_in_with_factor
from tests.billing.test_refund_pages import hidden, typed
from tests.enrollment.pages import said

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def loaded(standin: Standin) -> Standin:
    demo.load(now=timezone.now())
    return standin


def seat_of(email: str) -> Enrollment:
    return Enrollment.objects.get(member__email=email)


def compared() -> Reconciliation:
    """Everything from the first demo payment until now, and the refunds of a moment ago."""
    later = timezone.now() + dt.timedelta(minutes=20)
    first = Payment.objects.earliest("paid_at").paid_at
    run = reconciliation.start(
        first=(first - DAY).date(), last=later.date(), asked_by=None, now=later
    )
    assert reconciliation.go_on(clock=lambda: later)
    run.refresh_from_db()
    return run


def differing() -> list[str]:
    return list(Difference.objects.values_list("key", flat=True))


def test_every_payment_is_a_charge_of_the_same_moment(loaded: Standin) -> None:
    with loaded.world.working():
        intents = loaded.world.store.tables["payment_intent"]
        theirs = {row["id"]: (row["amount_received"], row["created"]) for row in intents.values()}
    ours = {
        row.stripe_payment_intent_id: (row.amount_cents, int(row.paid_at.timestamp()))
        for row in Payment.objects.all()
    }
    assert ours == theirs
    assert len(ours) == 38
    assert set(CheckoutAttempt.objects.values_list("status", flat=True)) == {"paid"}


def test_nobody_hears_of_it_again(loaded: Standin) -> None:
    assert loaded.report("deliveries") == []
    assert abs(loaded.report("clock")["offset"]) < 1
    told = Message.objects.exclude(state="sent").values_list("recipient__email", flat=True)
    assert set(told) == {SAM, KIM}


def test_the_comparison_of_the_whole_period_finds_nothing() -> None:
    run = compared()
    assert (run.state, run.counts["payments"], run.counts["pages"]) == ("done", 38, 38)
    assert differing() == []


def test_the_desk_rehearses_and_confirms_a_refund() -> None:
    seat, desk = seat_of(KIM), Client()
    sign_in_with_factor(desk, User.objects.get(email=NOOR))
    page = reverse("billing:refund", args=[seat.public_id])
    shown = desk.post(page, typed(basis="amount", amount="25.00"))
    assert "$25.00" in said(shown)
    desk.post(page, hidden(shown))
    sweeps.submit_open_refunds(now=timezone.now())
    refund = Refund.objects.get()
    assert (refund.enrollment, refund.amount_cents, refund.status) == (seat, 2_500, "succeeded")
    assert compared().counts["refunds"] == 1
    assert differing() == []


def test_a_member_leaves_with_money_back() -> None:
    seat, browser = seat_of(SAM), Client()
    browser.force_login(seat.member)
    page = reverse("billing:leave", args=[seat.public_id])
    shown = browser.get(page)
    assert "Leave and get $" in said(shown)
    browser.post(page, hidden(shown))
    sweeps.submit_open_refunds(now=timezone.now())
    seat.refresh_from_db()
    refund = Refund.objects.get()
    assert (seat.status, refund.status) == ("withdrawn", "succeeded")
    assert 0 < refund.amount_cents < seat.price_cents
    compared()
    assert differing() == []


def test_a_payment_can_be_disputed(loaded: Standin) -> None:
    payment = Payment.objects.get(enrollment=seat_of(KIM))
    loaded.control("dispute", payment_intent=payment.stripe_payment_intent_id)
    disputes.find_lost(now=timezone.now())
    assert payment.disputes.get().amount_cents == payment.amount_cents


def test_somebody_paid_with_a_code() -> None:
    redemption = Redemption.objects.get()
    seat = redemption.enrollment
    assert seat.cohort.slug.startswith("hawaii-afternoon-")
    assert (redemption.code.code, redemption.off_cents) == ("ALOHA-20", 5_980)
    assert Payment.objects.get(enrollment=seat).amount_cents == seat.price_cents == 23_920


def test_loading_again_buys_nothing_twice(loaded: Standin) -> None:
    before = loaded.books["totals"]
    demo.load(now=timezone.now())
    assert loaded.books["totals"] == before
