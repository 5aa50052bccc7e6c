"""Our books beside Stripe's: every kind of difference is found, listed once and mended by nobody.

Each test bends one side and then looks; the first shows that straight books differ in nothing.
"""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Action, AuditEntry
from billing import (
    differences,
    disputes,
    gateway,
    ledger,
    reconciliation,
    remedies,
    sweeps,
    tasks,
)
from billing.gateway import books as gateway_books
from billing.gateway.client import client
from billing.models import (
    CheckoutAttempt,
    Difference,
    Dispute,
    LedgerEntry,
    Payment,
    Reconciliation,
    Refund,
)
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    PRICE,
    a_payment,
    a_refund,
    at_the_page,
    now,
    paid_at_stripe,
    refreshed,
    stripe_is_away,
)
from tests.billing.people import a_billing_admin, at_the_desk
from tests.enrollment.pages import said

pytestmark = pytest.mark.django_db

PAGE = "/money/reconciliation/"
DAY = dt.timedelta(days=1)


def later() -> dt.datetime:
    """When nothing of this test is so young that it may still be on its way."""
    return now() + dt.timedelta(minutes=20)


def compare(days: int = 2) -> list[tuple[str, str]]:
    """Compare the last days; what differs then, as (about, kind)."""
    today = later().date()
    reconciliation.start(first=today - days * DAY, last=today, asked_by=None, now=later())
    reconciliation.go_on(clock=later)
    run = Reconciliation.objects.latest("pk")
    assert run.state == "done", run.note
    Reconciliation.objects.filter(pk=run.pk).update(asked_by=a_billing_admin())
    rows = Difference.objects.filter(resolved_at=None)
    return sorted(rows.values_list("about", "kind"))


def bend(standin: Standin, kind: str, **fields: Any) -> dict[str, Any]:
    """Change the stand-in's newest object of a kind behind everybody's back."""
    with standin.world.working():
        found = next(iter(standin.world.store.newest_first(kind)))
        found |= fields
    return found


def forget(standin: Standin, kind: str) -> None:
    with standin.world.working():
        standin.world.store.tables[kind].clear()


def returned(standin: Standin) -> Refund:
    refund = a_refund(standin, 10_000)
    sweeps.submit_open_refunds(now=now())
    return refreshed(refund)


def disputed(standin: Standin) -> Dispute:
    payment = a_payment(standin)
    made = standin.control("dispute", payment_intent=payment.stripe_payment_intent_id)
    disputes.refresh(dispute_id=made["id"], now=now())
    return Dispute.objects.get()


# --- What is found ------------------------------------------------------------------------


def test_straight_books_differ_in_nothing(standin: Standin) -> None:
    returned(standin)
    disputed(standin)
    standin.control("next_refund", outcome="pending")
    a_refund(standin, 500)
    sweeps.submit_open_refunds(now=now())
    standin.control("next_refund", outcome="fails_later", after=0)
    a_refund(standin, 700)
    sweeps.submit_open_refunds(now=now())
    sweeps.reconcile(now=now())
    at_the_page()
    assert compare() == []
    counts = Reconciliation.objects.get().counts
    assert counts == {"payments": 4, "pages": 4, "refunds": 3, "disputes": 1, "ours": 12}


def nothing_booked(standin: Standin) -> None:
    paid_at_stripe(standin)


def an_attempt_that_a_restore_lost(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    CheckoutAttempt.objects.filter(pk=attempt.pk).update(uuid=uuid.uuid4(), stripe_session_id=None)


def a_payment_nobody_made(standin: Standin) -> None:
    payment = a_payment(standin)
    Payment.objects.filter(pk=payment.pk).update(stripe_payment_intent_id="pi_none")
    CheckoutAttempt.objects.update(stripe_session_id=None)
    forget(standin, "charge")
    forget(standin, "checkout.session")


def another_amount(standin: Standin) -> None:
    payment = a_payment(standin)
    Payment.objects.filter(pk=payment.pk).update(amount_cents=PRICE + 1)


def another_currency(standin: Standin) -> None:
    a_payment(standin)
    bend(standin, "charge", currency="eur")


def real_money_among_test_money(standin: Standin) -> None:
    a_payment(standin)
    bend(standin, "charge", livemode=True)


def a_charge_that_was_never_paid(standin: Standin) -> None:
    a_payment(standin)
    bend(standin, "charge", status="failed")


def a_ledger_with_a_line_too_many(standin: Standin) -> None:
    payment = a_payment(standin)
    ledger.post(
        enrollment_id=payment.enrollment_id,
        kind=LedgerEntry.Kind.CHARGE,
        amount_cents=1,
        currency="usd",
        key="twice",
        at=now(),
        stripe_id=str(payment.stripe_payment_intent_id),
    )


def a_page_of_another_price(standin: Standin) -> None:
    a_payment(standin)
    bend(standin, "checkout.session", amount_total=PRICE - 100)


def a_page_that_is_unpaid(standin: Standin) -> None:
    a_payment(standin)
    bend(standin, "checkout.session", payment_status="unpaid")


def a_page_that_stripe_does_not_know(standin: Standin) -> None:
    a_payment(standin)
    forget(standin, "checkout.session")


def an_outside_refund(standin: Standin) -> None:
    payment = a_payment(standin)
    standin.control("refund", payment_intent=payment.stripe_payment_intent_id, amount=5_000)


def an_outside_refund_that_our_books_cannot_take(standin: Standin) -> None:
    """All of the payment is on its way back already, by our books."""
    an_outside_refund(standin)
    Payment.objects.update(refund_reserved_cents=PRICE)


def a_refund_that_stripe_does_not_know(standin: Standin) -> None:
    returned(standin)
    forget(standin, "refund")


def a_refund_that_failed_in_silence(standin: Standin) -> None:
    standin.control("fail_refund", refund=returned(standin).stripe_refund_id)


def a_refund_of_another_amount(standin: Standin) -> None:
    returned(standin)
    bend(standin, "refund", amount=9_999)


def a_refund_in_another_currency(standin: Standin) -> None:
    returned(standin)
    bend(standin, "refund", currency="eur")


def a_refund_that_the_ledger_has_twice(standin: Standin) -> None:
    refund = returned(standin)
    ledger.post(
        enrollment_id=refund.enrollment_id,
        kind=LedgerEntry.Kind.REFUND,
        amount_cents=-10_000,
        currency="usd",
        key="twice",
        at=now(),
        stripe_id=str(refund.stripe_refund_id),
    )


def a_dispute_nobody_told_of(standin: Standin) -> None:
    payment = a_payment(standin)
    standin.control("dispute", payment_intent=payment.stripe_payment_intent_id)


def a_dispute_that_was_won_in_silence(standin: Standin) -> None:
    standin.control("close_dispute", dispute=disputed(standin).stripe_dispute_id, won=True)


def a_dispute_that_stripe_does_not_know(standin: Standin) -> None:
    disputed(standin)
    forget(standin, "dispute")


def a_dispute_whose_money_came_back(standin: Standin) -> None:
    disputed(standin)
    bend(standin, "dispute", balance_transactions=[])


Bend = Callable[[Standin], None]
BENDS: list[tuple[Bend, list[tuple[str, str]]]] = [
    (nothing_booked, [("payment", "not_booked")]),
    (an_attempt_that_a_restore_lost, [("payment", "not_booked")]),
    (a_payment_nobody_made, [("payment", "not_there")]),
    (another_amount, [("payment", "amount")]),
    (another_currency, [("payment", "currency")]),
    (real_money_among_test_money, [("payment", "mode")]),
    (a_charge_that_was_never_paid, [("payment", "state")]),
    (a_ledger_with_a_line_too_many, [("payment", "ledger")]),
    (a_page_of_another_price, [("page", "amount")]),
    (a_page_that_is_unpaid, [("page", "state")]),
    (a_page_that_stripe_does_not_know, [("page", "not_there")]),
    (an_outside_refund, [("refund", "not_booked")]),
    (a_refund_that_stripe_does_not_know, [("refund", "not_there")]),
    (a_refund_that_failed_in_silence, [("refund", "state")]),
    (a_refund_of_another_amount, [("refund", "amount")]),
    (a_refund_in_another_currency, [("refund", "currency")]),
    (a_refund_that_the_ledger_has_twice, [("refund", "ledger")]),
    (a_dispute_nobody_told_of, [("dispute", "not_booked")]),
    (a_dispute_that_was_won_in_silence, [("dispute", "state")]),
    (a_dispute_that_stripe_does_not_know, [("dispute", "not_there")]),
    (a_dispute_whose_money_came_back, [("dispute", "ledger")]),
]


def books() -> list[Any]:
    """All rows of money. What Stripe keeps of a payment is ours to learn from the comparison."""
    rows: list[Any] = [
        list(model.objects.order_by("pk").values())
        for model in (CheckoutAttempt, Payment, Refund, Dispute)
    ]
    return [*rows, list(LedgerEntry.objects.exclude(kind="fee").order_by("pk").values())]


@pytest.mark.parametrize(("bent", "found"), BENDS, ids=lambda one: getattr(one, "__name__", ""))
def test_what_differs_is_listed_once_and_mended_by_nobody(
    standin: Standin, bent: Bend, found: list[tuple[str, str]]
) -> None:
    bent(standin)
    before = books()
    assert compare() == found
    assert compare() == found
    assert books() == before
    assert Difference.objects.count() == len(found)
    row = Difference.objects.get()
    assert row.last_seen_at > row.first_seen_at
    assert remedies.remedy(row).words
    assert at_the_desk().get(row.get_absolute_url()).status_code == 200


def test_somebody_elses_money_in_the_same_account_is_passed_over(standin: Standin) -> None:
    params: Any = {**at_the_page().params, "client_reference_id": "order-17", "metadata": {}}
    params["payment_intent_data"] = {}
    session = client().v1.checkout.sessions.create(params)
    standin.control("pay", session=session.id)
    standin.control("refund", session=session.id, amount=100)
    assert compare() == []


def test_what_lies_outside_the_period_is_not_looked_at(standin: Standin) -> None:
    nothing_booked(standin)
    standin.control("clock", advance=3 * 24 * 3600)
    day = now().date() - 5 * DAY
    reconciliation.start(first=day, last=day + DAY, asked_by=None, now=later())
    reconciliation.go_on(clock=later)
    assert Difference.objects.count() == 0
    assert Reconciliation.objects.get().counts == {}


def test_what_is_ten_minutes_old_at_most_is_left_to_its_webhook() -> None:
    noon = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
    run = reconciliation.start(first=noon.date(), last=noon.date(), asked_by=None, now=noon)
    assert run.ends_at == noon - reconciliation.SETTLING


def test_more_objects_than_one_list_holds_are_all_compared(standin: Standin) -> None:
    params: Any = {**at_the_page().params}
    for _ in range(101):
        params["client_reference_id"] = str(uuid.uuid4())
        params["metadata"] = {"attempt": params["client_reference_id"]}
        params["payment_intent_data"] = {"metadata": params["metadata"]}
        session = client().v1.checkout.sessions.create(params)
        standin.control("pay", session=session.id)
    assert len(compare()) == 101


# --- Runs ---------------------------------------------------------------------------------


def test_it_begins_by_itself_once_a_night_and_on_mondays_looks_further_back() -> None:
    monday = dt.datetime(2026, 11, 23, 8, 20, tzinfo=dt.UTC)
    run = reconciliation.start_by_itself(now=monday)
    assert run is not None
    assert (run.starts_at, run.ends_at) == (
        dt.datetime(2026, 10, 19, tzinfo=dt.UTC),
        dt.datetime(2026, 11, 23, tzinfo=dt.UTC),
    )
    reconciliation.stop(run_id=run.pk, now=monday)
    assert reconciliation.start_by_itself(now=monday) is None
    tuesday = reconciliation.start_by_itself(now=monday + DAY)
    assert tuesday is not None
    assert tuesday.starts_at == dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def test_the_nightly_task_runs_to_its_end(standin: Standin) -> None:
    nothing_booked(standin)
    tasks.compare_books_nightly()
    assert Reconciliation.objects.get().state == "done"


def test_while_stripe_is_away_a_run_waits_and_then_goes_on(standin: Standin) -> None:
    nothing_booked(standin)
    today = later().date()
    reconciliation.start(first=today - DAY, last=today, asked_by=None, now=later())
    stripe_is_away(standin)
    assert reconciliation.go_on(clock=later)
    run = Reconciliation.objects.get()
    assert (run.state, run.lease, run.cursor) == ("running", None, run.starts_at)
    standin.control("clear_faults")
    assert not reconciliation.go_on(clock=later)
    assert reconciliation.go_on(clock=lambda: later() + 2 * reconciliation.REST)
    assert (refreshed_run().state, Difference.objects.count()) == ("done", 1)


def refreshed_run() -> Reconciliation:
    return Reconciliation.objects.latest("pk")


class Killed(BaseException):
    """As when the worker's process ends in the middle."""


def test_a_run_that_was_killed_goes_on_where_it_was(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_booked(standin)
    today = later().date()
    reconciliation.start(first=today - 4 * DAY, last=today, asked_by=None, now=later())
    compared: list[dt.datetime] = []
    whole = reconciliation._compare

    def compare_until_killed(run: Any, about: Any, since: dt.datetime, *rest: Any) -> None:
        compared.append(since)
        if len(compared) == 10:
            raise Killed
        whole(run, about, since, *rest)

    monkeypatch.setattr(reconciliation, "_compare", compare_until_killed)
    with pytest.raises(Killed):
        reconciliation.go_on(clock=later)
    run = refreshed_run()
    assert (run.state, run.cursor - run.starts_at) == ("running", 2 * DAY)
    # Whoever was killed holds it for a while; then the next one goes on from there.
    assert not reconciliation.go_on(clock=later)
    assert reconciliation.go_on(clock=lambda: later() + 2 * reconciliation.LEASE)
    assert refreshed_run().state == "done"
    assert compared[10] == run.cursor
    assert Difference.objects.count() == 1


def test_a_stopped_run_is_not_gone_on_with(standin: Standin) -> None:
    today = later().date()
    run = reconciliation.start(first=today - DAY, last=today, asked_by=None, now=later())
    assert reconciliation.stop(run_id=run.pk, now=later())
    assert not reconciliation.go_on(clock=later)
    assert not reconciliation.stop(run_id=run.pk, now=later())


def test_what_stripe_refuses_ends_the_run_and_says_so(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**span: Any) -> Any:
        raise gateway.RefusedByStripe("InvalidRequestError")

    monkeypatch.setattr(gateway_books, "disputes", refused)
    today = later().date()
    reconciliation.start(first=today, last=today, asked_by=None, now=later())
    reconciliation.go_on(clock=later)
    run = refreshed_run()
    assert (run.state, run.note) == ("stopped", "InvalidRequestError")


def test_its_queries_do_not_grow_with_what_lies_outside_the_period(standin: Standin) -> None:
    def cost() -> int:
        today = later().date()
        reconciliation.start(first=today, last=today, asked_by=a_billing_admin(), now=later())
        with CaptureQueriesContext(connection) as captured:
            reconciliation.go_on(clock=later)
        return len(captured)

    a_payment(standin)
    one = cost()
    for _ in range(3):
        a_payment(standin)
    assert cost() == one


# --- What a person does -------------------------------------------------------------------


def the_difference(standin: Standin, bent: Bend) -> Difference:
    bent(standin)
    compare()
    return Difference.objects.get()


def press(client: Client, row: Difference, act: str, **typed: str) -> Any:
    return client.post(row.get_absolute_url(), {"act": act, "seen": row.fingerprint, **typed})


@pytest.mark.parametrize(
    "bent",
    [
        nothing_booked,
        an_outside_refund,
        a_refund_that_failed_in_silence,
        a_dispute_nobody_told_of,
        a_dispute_that_was_won_in_silence,
    ],
)
def test_an_import_is_shown_first_and_makes_both_sides_equal(standin: Standin, bent: Bend) -> None:
    row = the_difference(standin, bent)
    client = at_the_desk()
    assert "What will be written" in client.get(row.get_absolute_url()).content.decode()
    assert press(client, row, "import").status_code == 302
    row.refresh_from_db()
    assert row.how == "imported"
    assert AuditEntry.objects.get().action == Action.BOOKS_IMPORTED
    assert compare() == []


def test_an_imported_payment_confirms_its_seat(standin: Standin) -> None:
    row = the_difference(standin, nothing_booked)
    press(at_the_desk(), row, "import")
    assert row.enrollment is not None
    assert refreshed(row.enrollment).status == "active"
    assert ledger.balance(row.enrollment) == PRICE


def test_an_import_of_what_changed_meanwhile_does_nothing(standin: Standin) -> None:
    row = the_difference(standin, an_outside_refund)
    bend(standin, "refund", amount=4_000)
    response = press(at_the_desk(), row, "import")
    assert response.status_code == 409
    assert Refund.objects.count() == 0


def test_a_second_press_imports_nothing_again(standin: Standin) -> None:
    row = the_difference(standin, an_outside_refund)
    client = at_the_desk()
    press(client, row, "import")
    assert press(client, row, "import").status_code == 409
    assert Refund.objects.count() == 1


def test_what_has_no_import_offers_none(standin: Standin) -> None:
    row = the_difference(standin, an_attempt_that_a_restore_lost)
    client = at_the_desk()
    page = client.get(row.get_absolute_url()).content.decode()
    assert ("Import it" in page, "Put right by hand" in page) == (False, False)
    assert press(client, row, "import").status_code == 409


def test_asking_again_closes_what_differs_no_more(standin: Standin) -> None:
    row = the_difference(standin, nothing_booked)
    client = at_the_desk()
    press(client, row, "again")
    assert Difference.objects.get().resolved_at is None
    sweeps.reconcile(now=later())
    press(client, row, "again")
    assert Difference.objects.get().how == "gone"


def test_asking_while_stripe_is_away_says_so(standin: Standin) -> None:
    row = the_difference(standin, nothing_booked)
    stripe_is_away(standin)
    response = press(at_the_desk(), row, "again")
    assert response.status_code == 503
    assert "Stripe does not answer just now" in response.content.decode()


def test_a_line_by_hand_is_shown_then_written_once_with_its_reason(standin: Standin) -> None:
    row = the_difference(standin, a_ledger_with_a_line_too_many)
    client = at_the_desk()
    assert 'value="-0.01"' in client.get(row.get_absolute_url()).content.decode()
    typed = {"amount": "-0.01", "reason": "Booked twice by mistake"}
    shown = press(client, row, "by_hand", **typed)
    assert "Adjusted, -$0.01" in said(shown)
    assert (
        "Stripe says $299.00, our ledger says $299.01; with this entry $299.00, difference left: "
        "$0.00." in said(shown)
    )
    assert "still differs" not in said(shown)
    assert LedgerEntry.objects.filter(kind="adjustment").count() == 0
    typed["left"] = "0"
    assert press(client, row, "by_hand", **typed, confirm="1").status_code == 302
    assert press(client, row, "by_hand", **typed, confirm="1").status_code == 409
    line = LedgerEntry.objects.get(kind="adjustment")
    assert (line.amount_cents, line.reason) == (-1, "Booked twice by mistake")
    assert line.actor is not None
    assert AuditEntry.objects.get().action == Action.BOOKS_ADJUSTED
    assert refreshed_difference(row).how == "by_hand"
    assert compare() == []


def imported_in_vain(standin: Standin) -> Difference:
    row = the_difference(standin, an_outside_refund_that_our_books_cannot_take)
    assert press(at_the_desk(), row, "import").status_code == 302
    assert refreshed_difference(row).resolved_at is None
    return row


@pytest.mark.parametrize(
    "bent", [nothing_booked, an_outside_refund, a_refund_that_failed_in_silence]
)
def test_what_an_event_or_a_sweep_will_book_is_not_typed_by_hand(
    standin: Standin, bent: Bend
) -> None:
    row = the_difference(standin, bent)
    cents = {"nothing_booked": PRICE, "an_outside_refund": -5_000}.get(bent.__name__, 10_000)
    typed = {"amount": f"{cents / 100:.2f}", "reason": "x", "left": "0", "confirm": "1"}
    client = at_the_desk()
    assert "Put right by hand" not in said(client.get(row.get_absolute_url()))
    assert press(client, row, "by_hand", **typed).status_code == 409
    with pytest.raises(differences.ChangedMeanwhile):
        by_hand(row, cents)
    sweeps.reconcile(now=later())
    assert not LedgerEntry.objects.filter(kind="adjustment").exists()
    assert compare() == []


def by_hand(row: Difference, cents: int, left: int = 0) -> Difference:
    return differences.put_right(
        difference_id=row.pk,
        cents=cents,
        left=left,
        reason="x",
        seen=row.fingerprint,
        actor=a_billing_admin(),
        now=now(),
    )


def test_what_an_import_could_not_write_is_put_right_by_hand(standin: Standin) -> None:
    row = the_difference(standin, an_outside_refund_that_our_books_cannot_take)
    client = at_the_desk()
    assert "Put right by hand" not in said(client.get(row.get_absolute_url()))
    press(client, row, "import")
    page = client.get(row.get_absolute_url()).content.decode()
    assert "Our books could not take it" in page
    assert 'value="-50.00"' in page
    by_hand(refreshed_difference(row), -5_000)
    assert ledger.balance(Payment.objects.get().enrollment) == PRICE - 5_000


def test_when_it_is_another_difference_its_import_is_tried_first(standin: Standin) -> None:
    row = imported_in_vain(standin)
    assert remedies.gap(row) == remedies.Gap(theirs=-5_000, ours=0)
    compare()
    assert remedies.gap(refreshed_difference(row)) == remedies.Gap(theirs=-5_000, ours=0)
    bend(standin, "refund", amount=4_000)
    compare()
    assert remedies.gap(refreshed_difference(row)) is None


def test_what_is_booked_after_a_line_by_hand_all_the_same_is_found(standin: Standin) -> None:
    row = imported_in_vain(standin)
    by_hand(row, -5_000)
    Payment.objects.update(refund_reserved_cents=0)  # our own refund failed, so there is room
    sweeps.reconcile(now=later())
    assert compare() == [("refund", "ledger")]
    [twice] = Difference.objects.filter(kind="ledger")
    assert remedies.gap(twice) == remedies.Gap(theirs=-5_000, ours=-10_000)


def test_a_part_of_it_is_written_only_by_who_knows_what_still_differs(standin: Standin) -> None:
    row = imported_in_vain(standin)
    client, typed = at_the_desk(), {"amount": "-20.00", "reason": "Half of it"}
    assert 'value="-50.00"' in client.get(row.get_absolute_url()).content.decode()
    shown = said(press(client, row, "by_hand", **typed))
    assert (
        "Stripe says -$50.00, our ledger says $0.00; with this entry -$20.00, difference left: "
        "-$30.00." in shown
    )
    assert "I know that -$30.00 still differs" in shown
    unread = press(client, row, "by_hand", **typed, left="-3000", confirm="1")
    assert (unread.status_code, "Tick that you know" in said(unread)) == (422, True)
    other = press(client, row, "by_hand", **typed, left="-2000", known="on", confirm="1")
    assert (other.status_code, LedgerEntry.objects.filter(kind="adjustment").count()) == (409, 0)
    done = press(client, row, "by_hand", **typed, left="-3000", known="on", confirm="1")
    assert done.status_code == 302
    assert LedgerEntry.objects.get(kind="adjustment").amount_cents == -2_000


@pytest.mark.parametrize("amount", ["50.00", "-50.01", "0.01", "-999999.00"])
def test_a_line_away_from_stripe_or_past_it_is_refused(standin: Standin, amount: str) -> None:
    row = imported_in_vain(standin)
    typed = {"amount": amount, "reason": "x", "left": "0", "known": "on", "confirm": "1"}
    response = press(at_the_desk(), row, "by_hand", **typed)
    assert response.status_code == 422
    assert "-$50.00 makes both the same" in said(response)
    with pytest.raises(differences.ChangedMeanwhile):
        by_hand(row, round(float(amount) * 100), -5_000 - round(float(amount) * 100))
    assert not LedgerEntry.objects.filter(kind="adjustment").exists()


def test_no_line_is_offered_across_currencies(standin: Standin) -> None:
    payment = a_payment(standin)
    bend(standin, "charge", currency="eur", amount=28_000, amount_captured=28_000)
    assert compare() == [("payment", "amount"), ("payment", "currency")]
    row = Difference.objects.get(kind="amount")
    assert (row.theirs_cents, row.currency) == (28_000, "eur")
    client, typed = at_the_desk(), {"amount": "-19.00", "reason": "x", "left": "0", "confirm": "1"}
    for one in Difference.objects.all():
        assert "Put right by hand" not in said(client.get(one.get_absolute_url()))
    assert press(client, row, "by_hand", **typed).status_code == 409
    assert ledger.balance(payment.enrollment) == PRICE


def test_two_differences_of_one_object_are_not_put_right_twice(standin: Standin) -> None:
    row = the_difference(standin, a_ledger_with_a_line_too_many)
    client, typed = at_the_desk(), {"amount": "-0.01", "reason": "Once", "left": "0"}
    other = Difference.objects.get(pk=row.pk)
    other.pk, other.key = None, "ledger:again"
    other.save()
    assert press(client, row, "by_hand", **typed, confirm="1").status_code == 302
    assert press(client, other, "by_hand", **typed, confirm="1").status_code == 409
    assert "Put right by hand" not in said(client.get(other.get_absolute_url()))
    assert LedgerEntry.objects.filter(kind="adjustment").count() == 1


def test_what_a_bank_moved_is_not_typed_by_hand(standin: Standin) -> None:
    row = the_difference(standin, a_dispute_nobody_told_of)
    page = said(at_the_desk().get(row.get_absolute_url()))
    assert ("Import it" in page, "Put right by hand" in page) == (True, False)


def test_what_a_bank_moved_back_without_stripe_is_typed_when_no_import_helps(
    standin: Standin,
) -> None:
    row = the_difference(standin, a_dispute_whose_money_came_back)
    assert remedies.gap(row) is None
    press(at_the_desk(), row, "import")
    assert remedies.gap(refreshed_difference(row)) == remedies.Gap(theirs=0, ours=-PRICE)


def test_how_a_dispute_stands_is_said_in_words(standin: Standin) -> None:
    row = the_difference(standin, a_dispute_nobody_told_of)
    assert row.theirs == "needs_response"
    for path in (row.get_absolute_url(), PAGE):
        words = said(at_the_desk().get(path))
        assert ("needs_response" in words, "open, an answer is due" in words) == (False, True)


def refreshed_difference(row: Difference) -> Difference:
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"amount": "", "reason": "x"}, "Write an amount."),
        ({"amount": "1.005", "reason": "x"}, "at most two digits"),
        ({"amount": "0", "reason": "x"}, "moves nothing"),
        ({"amount": "ten", "reason": "x"}, "as 12.50 or -12.50"),
        ({"amount": "NaN", "reason": "x"}, "as 12.50 or -12.50"),
        ({"amount": "1.00", "reason": ""}, "Write a few words about why"),
    ],
)
def test_a_line_that_makes_no_sense_is_asked_for_anew(
    standin: Standin, typed: dict[str, str], words: str
) -> None:
    row = the_difference(standin, a_ledger_with_a_line_too_many)
    response = press(at_the_desk(), row, "by_hand", **typed)
    assert (response.status_code, words in response.content.decode()) == (422, True)


def test_settled_another_way_stays_settled_until_it_is_another_difference(
    standin: Standin,
) -> None:
    row = the_difference(standin, an_outside_refund)
    press(at_the_desk(), row, "otherwise", reason="A gift")
    assert (refreshed_difference(row).how, row.note) == ("otherwise", "A gift")
    assert compare() == []
    bend(standin, "refund", amount=4_000)
    assert compare() == [("refund", "not_booked")]


def test_a_note_is_asked_for(standin: Standin) -> None:
    row = the_difference(standin, an_outside_refund)
    assert press(at_the_desk(), row, "otherwise", reason="").status_code == 422


# --- Pages --------------------------------------------------------------------------------


def test_a_comparison_is_begun_from_the_page_and_runs_once(standin: Standin) -> None:
    client = at_the_desk()
    today = now().date()
    typed = {"first": str(today - DAY), "last": str(today)}
    Reconciliation.objects.create(
        starts_at=now() - DAY,
        ends_at=now(),
        cursor=now() - DAY,
        started_at=now(),
        lease_until=now() + DAY,
    )
    page = client.post(PAGE, typed, follow=True).content.decode()
    assert "A comparison is running already" in page
    assert "A comparison is running: 0" in page
    run = Reconciliation.objects.get()
    client.post(f"{PAGE}{run.pk}/stop/")
    assert client.post(PAGE, typed).status_code == 302
    assert Reconciliation.objects.count() == 2
    assert "is running" in client.get(f"{PAGE}progress/").content.decode()
    Reconciliation.objects.update(state="done")
    asked = client.get(f"{PAGE}progress/", headers={"HX-Request": "true"})
    assert asked["HX-Refresh"] == "true"


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("", "2026-01-01", "Choose the first day."),
        ("2026-01-02", "2026-01-01", "The last day is before the first."),
        ("2099-01-01", "2099-01-02", "still to come"),
        ("2026-01-01", "2026-04-03", "At most 92 days"),
        ("soon", "2026-04-03", "Enter a date as"),
    ],
)
def test_a_period_that_makes_no_sense_is_asked_for_anew(first: str, last: str, words: str) -> None:
    response = at_the_desk().post(PAGE, {"first": first, "last": last})
    assert (response.status_code, words in response.content.decode()) == (422, True)
    assert Reconciliation.objects.count() == 0


def test_the_page_and_the_queue_ask_as_much_for_three_as_for_one(standin: Standin) -> None:
    def cost() -> tuple[int, int]:
        client = at_the_desk()
        client.get(PAGE)
        with CaptureQueriesContext(connection) as page:
            assert client.get(PAGE).status_code == 200
        with CaptureQueriesContext(connection) as queue:
            reconciliation.waiting(now())
        return len(page), len(queue)

    nothing_booked(standin)
    compare()
    one = cost()
    nothing_booked(standin)
    nothing_booked(standin)
    compare()
    assert (cost(), one[1]) == (one, 1)
    assert len(reconciliation.waiting(now())) == 3


def test_the_queue_says_what_differs_and_where(standin: Standin) -> None:
    row = the_difference(standin, an_outside_refund)
    [one] = reconciliation.waiting(now())
    assert (one.what, one.cents, one.url) == (
        "Refund: at Stripe, not in our books",
        5_000,
        row.get_absolute_url(),
    )


def test_what_stripe_kept_is_posted_once_and_is_no_part_of_a_members_balance(
    standin: Standin,
) -> None:
    payment = a_payment(standin)
    for _ in range(2):
        compare()
    fee = LedgerEntry.objects.get(kind="fee")
    assert (fee.amount_cents, fee.stripe_id) == (-897, payment.stripe_payment_intent_id)
    assert ledger.balance(payment.enrollment) == payment.amount_cents
