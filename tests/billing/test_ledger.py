"""The ledger: one line for what happened once, never changed; its sums are the money itself."""

from collections.abc import Callable, Iterator
from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Sum

from billing import ledger, refunds, settlement, sweeps
from billing.models import LedgerEntry, Payment, Refund
from billing.models.ledger import Unchangeable
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    PRICE,
    a_payment,
    a_refund,
    a_seat,
    apply_all,
    expired_and_gone,
    now,
    paid_at_stripe,
    post_event,
    refreshed,
)

pytestmark = pytest.mark.django_db

Path = Callable[[Standin], Enrollment]
Lines = list[tuple[str, int]]


def lines(enrollment: Enrollment | None = None) -> Lines:
    found = LedgerEntry.objects.filter(enrollment=enrollment) if enrollment else LedgerEntry.objects
    return list(found.values_list("kind", "amount_cents"))


def with_us(enrollment: Enrollment) -> int:
    """Cents by the payments and the refunds that Stripe has taken, without the ledger."""
    gone = Refund.objects.filter(enrollment=enrollment, status__in=["pending", "succeeded"])
    came = enrollment.payments.aggregate(cents=Sum("amount_cents"))["cents"] or 0
    return came - (gone.aggregate(cents=Sum("amount_cents"))["cents"] or 0)


def give_back(payment: Payment, cents: int) -> Refund:
    refund = refunds.request_refund(
        payment_id=payment.pk, amount_cents=cents, reason=Refund.Reason.DESK, now=now()
    )
    sweeps.submit_open_refunds(now=now())
    return refreshed(refund)


# --- The balance, by each way that money takes ------------------------------------------


def a_charge(standin: Standin) -> Enrollment:
    return a_payment(standin).enrollment


def two_parts(standin: Standin) -> Enrollment:
    payment = a_payment(standin)
    give_back(payment, 10_000)
    give_back(payment, 5_001)
    return payment.enrollment


def asked_for_only(standin: Standin) -> Enrollment:
    return a_refund(standin).enrollment


def failed_at_once(standin: Standin) -> Enrollment:
    standin.control("next_refund", outcome="failed")
    payment = a_payment(standin)
    give_back(payment, 10_000)
    return payment.enrollment


def failed_later(standin: Standin) -> Enrollment:
    payment = a_payment(standin)
    refund = give_back(payment, 10_000)
    standin.control("fail_refund", refund=refund.stripe_refund_id)
    sweeps.reconcile(now=now())
    return payment.enrollment


def failed_and_tried_again(standin: Standin) -> Enrollment:
    enrollment = failed_later(standin)
    give_back(enrollment.payments.get(), 10_000)
    return enrollment


def on_its_way(standin: Standin) -> Enrollment:
    standin.control("next_refund", outcome="pending")
    payment = a_payment(standin)
    give_back(payment, 10_000)
    return payment.enrollment


def late(standin: Standin) -> Enrollment:
    attempt = expired_and_gone(standin, full=True)
    settlement.settle(attempt=attempt, now=now())
    sweeps.submit_open_refunds(now=now())
    return attempt.enrollment


def outside(standin: Standin) -> Enrollment:
    payment = a_payment(standin)
    standin.control("refund", payment_intent=payment.stripe_payment_intent_id, amount=500)
    post_event(standin.events("refund.created")[-1])
    apply_all()
    return payment.enrollment


def to_review(standin: Standin) -> Enrollment:
    attempt = paid_at_stripe(standin)
    attempt.amount_cents += 100
    attempt.save(update_fields=["amount_cents"])
    settlement.settle(attempt=attempt, now=now())
    return attempt.enrollment


CHARGE = ("charge", PRICE)
WAYS: list[tuple[Path, Lines]] = [
    (a_charge, [CHARGE]),
    (two_parts, [CHARGE, ("refund", -10_000), ("refund", -5_001)]),
    (asked_for_only, [CHARGE]),
    (failed_at_once, [CHARGE]),
    (failed_later, [CHARGE, ("refund", -10_000), ("refund_failed", 10_000)]),
    (
        failed_and_tried_again,
        [CHARGE, ("refund", -10_000), ("refund_failed", 10_000), ("refund", -10_000)],
    ),
    (on_its_way, [CHARGE, ("refund", -10_000)]),
    (late, [CHARGE, ("refund", -PRICE)]),
    (outside, [CHARGE, ("refund", -500)]),
    (to_review, [CHARGE]),
]


@pytest.mark.parametrize(("way", "expected"), WAYS, ids=[way.__name__ for way, _ in WAYS])
def test_the_balance_is_what_came_less_what_went(
    standin: Standin, way: Path, expected: Lines
) -> None:
    enrollment = way(standin)
    assert lines(enrollment) == expected
    cents = sum(amount for _, amount in expected)
    assert (ledger.balance(enrollment), with_us(enrollment)) == (cents, cents)


@pytest.mark.parametrize("way", [way for way, _ in WAYS], ids=lambda way: way.__name__)
def test_the_balance_equals_the_books_at_stripe(standin: Standin, way: Path) -> None:
    enrollment = way(standin)
    totals = standin.books["totals"]
    gone = totals["refunded"] + totals["refund_pending"]
    assert ledger.balance(enrollment) == totals["charged"] - gone
    charged = LedgerEntry.objects.filter(kind="charge").aggregate(cents=Sum("amount_cents"))
    assert charged["cents"] == totals["charged"]


def test_a_balance_is_of_one_enrolment_only(standin: Standin) -> None:
    mine, other = a_payment(standin), a_payment(standin)
    give_back(other, 1)
    assert (ledger.balance(mine.enrollment), ledger.balance(other.enrollment)) == (PRICE, PRICE - 1)
    assert ledger.balance(a_seat()) == 0


# --- Each line --------------------------------------------------------------------------


def test_a_line_knows_its_object_at_stripe_who_did_it_and_why(standin: Standin) -> None:
    refund = a_refund(standin, 10_000)
    Refund.objects.update(actor=refund.enrollment.member)
    sweeps.submit_open_refunds(now=now())
    charge, back = LedgerEntry.objects.all()
    assert charge.stripe_id == refund.payment.stripe_payment_intent_id
    assert (charge.actor, charge.currency) == (None, "usd")
    assert back.stripe_id == refreshed(refund).stripe_refund_id
    assert (back.actor, back.reason) == (refund.enrollment.member, "Decided by staff")


def test_what_happened_once_is_one_line_however_often_it_is_heard(standin: Standin) -> None:
    payment = a_payment(standin)
    refund = give_back(payment, 10_000)
    for _ in range(2):
        ledger.post_charge(payment=payment, at=now())
        ledger.post_refund(refund=refund, at=now())
    sweeps.reconcile(now=now())
    assert lines() == [CHARGE, ("refund", -10_000)]


def test_a_refund_that_never_left_does_not_come_back(standin: Standin) -> None:
    refund = a_refund(standin)
    ledger.post_failed_refund(refund=refund, at=now())
    assert lines() == [CHARGE]


def test_a_group_that_costs_nothing_moves_nothing(standin: Standin) -> None:
    payment = a_payment(standin)
    ledger.post_charge(
        payment=Payment(pk=0, amount_cents=0, enrollment=payment.enrollment), at=now()
    )
    assert lines() == [CHARGE]


@pytest.mark.parametrize(
    ("kind", "cents"),
    [("charge", 0), ("charge", -1), ("refund", 1), ("refund_failed", -1), ("fee", 1),
     ("dispute", 1), ("dispute_won", -1), ("adjustment", 0)],
)  # fmt: skip
def test_the_database_refuses_a_line_with_the_wrong_sign(kind: str, cents: int) -> None:
    entry = LedgerEntry(
        enrollment=a_seat(), kind=kind, amount_cents=cents, currency="usd", key="x", at=now()
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        entry.save()


# --- Only added to ----------------------------------------------------------------------


@pytest.fixture
def entry(standin: Standin) -> LedgerEntry:
    a_payment(standin)
    return LedgerEntry.objects.get()


CHANGES: dict[str, Callable[[LedgerEntry], object]] = {
    "save": lambda entry: entry.save(),
    "delete": lambda entry: entry.delete(),
    "update all": lambda entry: LedgerEntry.objects.update(amount_cents=1),
    "delete all": lambda entry: LedgerEntry.objects.all().delete(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_model_refuses_to_change_or_remove_a_line(entry: LedgerEntry, name: str) -> None:
    entry.amount_cents = 1
    with pytest.raises(Unchangeable):
        CHANGES[name](entry)
    assert lines() == [CHARGE]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_ledgerentry SET amount_cents = 1",
        "UPDATE billing_ledgerentry SET reason = 'another' WHERE kind = 'charge'",
        "DELETE FROM billing_ledgerentry",
    ],
)
def test_the_database_refuses_to_change_or_remove_a_line(
    entry: LedgerEntry, statement: str
) -> None:
    with (
        pytest.raises(IntegrityError, match="only added to"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert lines() == [CHARGE]


def test_without_its_trigger_the_database_would_change_a_line(entry: LedgerEntry) -> None:
    """The negative control: it is the trigger that refuses."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_ledgerentry DISABLE TRIGGER USER")
        cursor.execute("UPDATE billing_ledgerentry SET amount_cents = 1")
        assert lines() == [("charge", 1)]
        transaction.set_rollback(True)
    assert lines() == [CHARGE]


# --- Before there was a ledger ----------------------------------------------------------

BEFORE = ("billing", "0002_whose_refund")


def migrate_to(*targets: tuple[str, str]) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets) or executor.loader.graph.leaf_nodes())


@pytest.fixture
def and_forth() -> Iterator[None]:
    """Whatever becomes of the test, the database is as new afterwards."""
    yield
    migrate_to()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("and_forth")
def test_the_migration_writes_what_was_before_there_was_a_ledger(standin: Standin) -> None:
    for way in (two_parts, failed_at_once, failed_and_tried_again, late, asked_for_only):
        way(standin)
    fields = ("kind", "amount_cents", "enrollment_id", "currency", "stripe_id", "key", "reason")
    before = sorted(LedgerEntry.objects.values_list(*fields))
    balances = {one.pk: ledger.balance(one) for one in Enrollment.objects.all()}
    migrate_to(BEFORE)
    assert "billing_ledgerentry" not in connection.introspection.table_names()
    migrate_to()
    never_left = Refund.objects.filter(status="failed").exclude(
        uuid__in=[key.split(":")[1] for *_, key, _ in before if key.startswith("refund:")]
    )
    # Of a refund that failed at once nobody knew any more whether it had left: it is written with
    # its way back, which adds up to nothing.
    guessed = {f"{kind}:{one.uuid}" for one in never_left for kind in ("refund", "refund-failed")}
    after = sorted(LedgerEntry.objects.values_list(*fields))
    assert [line for line in after if line[5] not in guessed] == before
    assert {one.pk: ledger.balance(one) for one in Enrollment.objects.all()} == balances
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_ledgerentry")


def test_the_migration_has_the_words_for_each_reason() -> None:
    """A copy, because a migration must not change with the code."""
    migration = import_module("billing.migrations.0003_ledger")
    reasons = {value: label for value, label in Refund.Reason.choices if value in migration.REASONS}
    assert reasons == migration.REASONS
