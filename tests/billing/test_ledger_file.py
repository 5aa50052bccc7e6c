"""The ledger as a file: whole, without names, harmless in a spreadsheet, and never in memory."""

import csv
import datetime as dt
import io
import types
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry
from billing import ledger, ledger_file, refunds, sweeps
from billing.ledger_file import Part
from billing.models import LedgerEntry, Refund
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import a_group, a_payment, a_seat, now
from tests.billing.people import a_billing_admin, at_the_desk

pytestmark = pytest.mark.django_db

FILE = "/money/ledger.csv"
NOON = dt.datetime(2026, 11, 15, 12, tzinfo=dt.UTC)


@pytest.fixture
def desk() -> Client:
    return at_the_desk()


def download(client: Client, **query: str) -> list[dict[str, str]]:
    reply = client.get(FILE, query)
    assert reply.status_code == 200
    body = b"".join(reply.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(body)))


def posted(enrollment: Enrollment, at: dt.datetime, cents: int = 100, **fields: Any) -> None:
    ledger.post(
        enrollment_id=enrollment.pk,
        kind=ledger.Kind.CHARGE if cents > 0 else ledger.Kind.REFUND,
        amount_cents=cents,
        currency="usd",
        key=f"{at} {cents}",
        at=at,
        **fields,
    )


def test_each_line_stands_in_the_file_as_it_stands_in_the_ledger(
    standin: Standin, desk: Client
) -> None:
    payment, admin = a_payment(standin), a_billing_admin()
    refunds.request_refund(
        payment_id=payment.pk,
        amount_cents=12_305,
        reason=Refund.Reason.DESK,
        now=now(),
        actor=admin,
    )
    sweeps.submit_open_refunds(now=now())
    charge, back = download(desk)
    entry = LedgerEntry.objects.get(kind="refund")
    assert back == {
        "time (UTC)": entry.at.astimezone(dt.UTC).isoformat(),
        "enrolment": str(payment.enrollment.public_id),
        "group": payment.enrollment.cohort.slug,
        "kind": "refund",
        "amount": "-123.05",
        "amount in cents": "-12305",
        "currency": "usd",
        "Stripe id": entry.stripe_id,
        "reason": "Decided by staff",
        "actor": f"person {admin.pk}",
    }
    assert (charge["amount"], charge["actor"]) == ("299.00", "")


def test_the_file_sums_to_the_balance(standin: Standin, desk: Client) -> None:
    payments = [a_payment(standin) for _ in range(3)]
    for number, payment in enumerate(payments):
        refunds.request_refund(
            payment_id=payment.pk,
            amount_cents=101 + number,
            reason=Refund.Reason.DESK,
            now=now(),
        )
    sweeps.submit_open_refunds(now=now())
    rows = download(desk)
    cents = sum(int(row["amount in cents"]) for row in rows)
    every = LedgerEntry.objects.aggregate(cents=Sum("amount_cents"))["cents"]
    assert cents == every == sum(ledger.balance(one.enrollment) for one in payments)
    assert sum(round(float(row["amount"]) * 100) for row in rows) == cents
    mine = str(payments[0].enrollment.public_id)
    own = sum(int(row["amount in cents"]) for row in rows if row["enrolment"] == mine)
    assert own == ledger.balance(payments[0].enrollment)


@pytest.mark.parametrize(
    ("cents", "words"),
    [(1, "0.01"), (-1, "-0.01"), (-5, "-0.05"), (100, "1.00"), (-12_305, "-123.05"),
     (129_900_000, "1299000.00")],
)  # fmt: skip
def test_an_amount_has_two_places(cents: int, words: str) -> None:
    assert ledger_file.decimal(cents) == words


def test_nobodys_name_or_address_is_in_the_file(standin: Standin, desk: Client) -> None:
    member = a_payment(standin).enrollment.member
    words = str(download(desk))
    for secret in (member.display_name, member.email, "Sam", "@"):
        assert secret not in words


@pytest.mark.parametrize("reason", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1", "\u200b=1"])
def test_no_reason_is_a_formula(desk: Client, reason: str) -> None:
    posted(a_seat(), NOON, reason=reason, stripe_id="=1")
    [row] = download(desk)
    assert (row["reason"], row["Stripe id"]) == (f"'{reason}", "'=1")


def test_a_negative_amount_stays_a_number(desk: Client) -> None:
    posted(a_seat(), NOON, cents=-100)
    [row] = download(desk)
    assert (row["amount"], row["amount in cents"]) == ("-1.00", "-100")


def test_days_are_those_of_utc_and_both_belong_to_the_range(desk: Client) -> None:
    seat, moment = a_seat(), dt.timedelta(microseconds=1)
    start, end = dt.datetime(2026, 11, 1, tzinfo=dt.UTC), dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    for at in (start - moment, start, end - moment, end):
        posted(seat, at)
    rows = download(desk, **{"from": "2026-11-01", "to": "2026-11-30"})
    assert [row["time (UTC)"] for row in rows] == [
        start.isoformat(),
        (end - moment).isoformat(),
    ]
    assert len(download(desk, to="9999-12-31")) == 4


def test_one_group_can_be_asked_for(desk: Client) -> None:
    cohort = a_group()
    posted(a_seat(cohort), NOON, 100)
    posted(a_seat(), NOON, 200)
    assert [row["amount"] for row in download(desk, cohort=cohort.slug)] == ["1.00"]


@pytest.mark.parametrize("path", [FILE, "/money/ledger/"])
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"from": "yesterday"}, "Write a day as 2026-11-30."),
        ({"to": "2026-02-30"}, "Write a day as 2026-11-30."),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "The last day lies before the first."),
        ({"cohort": "no-such-group"}, "There is no such group."),
    ],
)
def test_what_cannot_be_read_is_said_and_stays_typed(
    desk: Client, path: str, query: dict[str, str], words: str
) -> None:
    reply = desk.get(path, query)
    assert reply.status_code == 422
    assert words in reply.content.decode()
    assert AuditEntry.objects.count() == 0
    if len(query) == 2:  # two days, the wrong way round
        for typed in query.values():
            assert f'value="{typed}"' in reply.content.decode()


def test_the_page_says_beforehand_what_is_in_the_file(desk: Client) -> None:
    posted(a_seat(), NOON, 300)
    posted(a_seat(), NOON, -100)
    words = desk.get("/money/ledger/", {"from": "2026-11-01"}).content.decode()
    assert "2 lines, together" in words
    assert "$2.00" in words
    assert 'href="/money/ledger.csv?from=2026-11-01"' in words
    assert "No line" in desk.get("/money/ledger/", {"from": "2030-01-01"}).content.decode()


def test_a_download_is_written_into_the_audit_log(desk: Client) -> None:
    admin, cohort = a_billing_admin(), a_group()
    client = at_the_desk(admin)
    client.head(FILE)
    assert AuditEntry.objects.count() == 0
    download(client, **{"from": "2026-11-01", "to": "2026-11-30", "cohort": cohort.slug})
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.subject_kind) == (admin, "ledger.taken", "ledger")
    assert entry.subject_id == f"2026-11-01..2026-11-30 group {cohort.pk}"


def test_the_file_is_read_in_chunks_by_one_query(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seat = a_seat()
    for number in range(1, 8):
        posted(seat, NOON, number)
    monkeypatch.setattr(ledger_file, "CHUNK", 2)
    with CaptureQueriesContext(connection) as captured:
        rows = ledger_file.rows(Part())
        assert isinstance(rows, types.GeneratorType)
        next(rows)
        assert len(captured) == 0  # nothing is read before it is asked for
        next(rows)
        next(rows)
    [query] = captured.captured_queries
    assert "DECLARE" in query["sql"]  # a cursor of the server's: nothing more is in memory
    assert len(list(rows)) == 5
