"""What is asked for every minute, or looked up at the desk, has an index that serves it.

On tables with few rows the database reads them whole; told not to, it shows what it can use.
"""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import part_reminders, search, sweeps, transfers
from billing.models import CheckoutAttempt, Payment
from billing.papers import issuing
from billing.search import Wanted
from tests.billing.builders import now

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    """As if nobody had ever counted the rows: of tables known to be small any index is as good."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_class SET reltuples = -1, relpages = 0"
            " WHERE relnamespace = 'public'::regnamespace"
        )
        cursor.execute("DELETE FROM pg_statistic WHERE starelid >= 16384")


def plans_of(work: Callable[[], object]) -> str:
    """How the database would do all that the work asks for."""
    with CaptureQueriesContext(connection) as captured:
        work()
    asked = [query["sql"] for query in captured.captured_queries]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plans = []
        for sql in asked:
            if sql.startswith("SELECT"):
                cursor.execute(f"EXPLAIN {sql}")
                plans += [line for (line,) in cursor.fetchall()]
        cursor.execute("SET LOCAL enable_seqscan = on")
    return "\n".join(plans)


def look_for(words: str) -> Callable[[], object]:
    return lambda: search.find(wanted=Wanted(text=words), page="")


@pytest.mark.parametrize(
    ("work", "indexes"),
    [
        (lambda: issuing.issue_estimates(now=now()), ["enrollment_confirmed_lately"]),
        (transfers.end_lapsed, ["billing_open_transfers"]),
        (lambda: part_reminders.promise_reminders(now=now()), ["billing_parts_"]),
        (lambda: part_reminders.put_off(now=now()), ["billing_parts_to_charge"]),
        (lambda: sweeps.submit_open_refunds(now=now()), ["billing_unsettled_refunds"]),
        (lambda: list(Payment.objects.filter(paid_at=now())), ["billing_payments_by_time"]),
        (
            lambda: list(CheckoutAttempt.objects.filter(created_at=now(), status="paid")),
            ["billing_attempts_by_time"],
        ),
        (
            look_for("pi_1"),
            ["billing_ledger_by_id", "billing_attempts_by_id", "billing_payments_by_id",
             "billing_refunds_by_id"],
        ),
        (look_for("$299.00"), ["billing_ledger_by_amount"]),
        (look_for("ada@example.org"), ["accounts_user_email"]),
    ],
    ids=["estimates", "moves", "reminders", "put-off", "refunds", "payments-of-a-day",
         "pages-of-a-day", "stripe-id", "amount", "address"],
)  # fmt: skip
def test_an_index_serves(work: Callable[[], object], indexes: list[str]) -> None:
    plans = plans_of(work)
    assert [index for index in indexes if index not in plans] == [], plans
