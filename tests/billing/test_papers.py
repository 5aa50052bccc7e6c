"""Papers: what they say adds up, they are issued once, and only the right people read them."""

import re
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import AuditEntry, Role
from billing import ledger
from billing.models import IssuedPaper, LedgerEntry
from billing.models.ledger import Unchangeable
from billing.papers import issuing
from billing.papers.drafting import NotYet
from billing.papers.shares import fees, spread
from enrollment import moves
from enrollment.models import Enrollment
from enrollment.states import Status
from tests.billing.papers import (
    AFTER,
    CLINICAL,
    PRICE,
    a_paid_seat,
    cents,
    comes,
    gets_back,
    issued,
    may_have_superbills,
    paper,
    pays,
    pdf_words,
    posts,
    signed_in,
    somebody,
)
from tests.billing.people import a_billing_admin, at_the_desk
from tests.enrollment.builders import FIRST_SESSION, HOUR, NOW, a_cohort, a_member, session

pytestmark = pytest.mark.django_db
Kind = LedgerEntry.Kind
WEEK = 7 * 24 * HOUR


# --- Sums -------------------------------------------------------------------------------


@given(st.integers(0, 500_000), st.integers(1, 12))
def test_a_price_is_spread_to_the_cent_and_evenly(total: int, count: int) -> None:
    parts = spread(total, count)
    assert (sum(parts), len(parts)) == (total, count)
    assert max(parts) - min(parts) <= 1


@given(
    st.integers(-50_000, 500_000), st.integers(0, 500_000), st.integers(1, 12), st.integers(0, 12)
)
def test_fees_are_never_more_than_was_kept_nor_than_the_sessions_cost(
    kept: int, price: int, sold: int, covered: int
) -> None:
    covered = min(covered, sold)
    parts = fees(kept_cents=kept, price_cents=price, sold=sold, covered=covered)
    assert len(parts) == covered
    assert all(part >= 0 for part in parts)
    assert sum(parts) <= max(0, kept)
    assert sum(parts) <= sum(spread(price, sold)[:covered])
    if covered == sold and 0 <= kept <= price:
        assert sum(parts) == kept


@given(st.lists(st.tuples(st.integers(100, 50_000), st.integers(0, 100)), min_size=1, max_size=4))
def test_a_receipts_lines_and_totals_are_what_the_ledger_says(
    money: list[tuple[int, int]],
) -> None:
    with transaction.atomic():
        seat = a_paid_seat(0)
        for amount, percent in money:
            payment = pays(seat, amount)
            if part := amount * percent // 100:
                gets_back(payment, part)
        found = paper("receipt", seat)
        *sums, last = found.totals
        balance = ledger.balance(seat)
        assert cents(last.words) == balance
        assert sum(cents(row[-1]) for row in found.lines.rows) == balance
        assert sum(cents(fact.words) for fact in sums) == balance
        transaction.set_rollback(True)


# --- The receipt ------------------------------------------------------------------------


def test_a_receipt_tells_what_came_what_went_back_and_what_stays() -> None:
    seat = a_paid_seat(member=somebody())
    gets_back(seat.payments.get(), 5_000)
    gets_back(seat.payments.get(), 2_500, fails=True)
    found = paper("receipt", seat)
    assert found.lines.rows == (
        ("Sep 29, 2026, 11:00 AM Eastern", "Paid by card", "$299.00"),
        ("Sep 29, 2026, 12:00 PM Eastern", "Refunded to the card", "-$50.00"),
        ("Sep 29, 2026, 12:00 PM Eastern", "Refunded to the card", "-$25.00"),
        ("Sep 29, 2026, 1:00 PM Eastern", "A refund came back to us", "$25.00"),
    )
    assert found.totals == (
        ("Paid", "$299.00"),
        ("Refunded", "-$50.00"),
        ("Stays paid", "$249.00"),
    )
    assert found.recipient == (("For", "Sam Rivers"),)
    assert found.facts == (("What", "12-week program"), ("Paid with", "Card"))


def test_a_receipt_shows_disputes_and_credits_and_not_what_the_processor_takes() -> None:
    seat = a_paid_seat()
    posts(seat, Kind.FEE, -900)
    posts(seat, Kind.DISPUTE, -10_000)
    posts(seat, Kind.CREDIT, -1_000)
    found = paper("receipt", seat)
    assert [row[1:] for row in found.lines.rows] == [
        ("Paid by card", "$299.00"),
        ("Taken back by the bank", "-$100.00"),
        ("Credit to another group", "-$10.00"),
    ]
    assert found.totals[-1] == ("Stays paid", "$189.00")


def test_every_kind_of_line_has_words_on_a_receipt() -> None:
    for kind in set(Kind) - {Kind.FEE}:
        seat = a_paid_seat()
        posts(seat, kind, -100 if kind in (Kind.REFUND, Kind.DISPUTE) else 100)
        found = paper("receipt", seat)
        assert len(found.lines.rows) == 2
        assert sum(cents(fact.words) for fact in found.totals[:-1]) == ledger.balance(seat)


def test_one_payment_has_a_receipt_of_its_own() -> None:
    seat = a_paid_seat(10_000)
    second = pays(seat, 7_000, NOW + HOUR)
    gets_back(second, 700)
    found = paper("receipt", seat, payment=second)
    assert [row[-1] for row in found.lines.rows] == ["$70.00", "-$7.00"]
    assert found.number != paper("receipt", seat).number
    with time_machine.travel(AFTER, tick=False):
        client = signed_in(seat.member)
        page = client.get(f"/my/{seat.public_id}/papers/payments/{second.pk}/")
        assert "$63.00" in page.content.decode()
        theirs = a_paid_seat().payments.get()
        assert client.get(f"/my/{seat.public_id}/papers/payments/{theirs.pk}/").status_code == 404
        listed = client.get(f"/my/{seat.public_id}/papers/").content.decode()
    assert "A receipt for each payment" in listed


def test_without_money_there_is_no_receipt() -> None:
    seat = a_paid_seat(0)
    with pytest.raises(NotYet, match="Nothing has been paid"):
        issued("receipt", seat)


# --- Issuing ----------------------------------------------------------------------------


def test_who_asks_again_gets_the_same_paper_until_the_money_changes() -> None:
    seat = a_paid_seat()
    first = issued("receipt", seat, NOW)
    assert issued("receipt", seat, AFTER) == first
    gets_back(seat.payments.get(), 100)
    second = issued("receipt", seat, AFTER)
    assert (second.replaces, issued("receipt", seat, AFTER)) == (first, second)
    assert paper("receipt", seat).replaces == first.number
    assert issuing.read(first).totals[-1] == ("Stays paid", "$299.00")
    assert re.fullmatch(r"R-2026-\d{6}", first.number)
    # AFTER lies in January.
    assert re.fullmatch(r"R-2027-\d{6}", second.number)


def test_an_issued_paper_is_never_changed() -> None:
    one = issued("receipt", a_paid_seat())
    one.version = 2
    for act in (one.save, one.delete, IssuedPaper.objects.all().delete):
        with pytest.raises(Unchangeable):
            act()
    with pytest.raises(Unchangeable):
        IssuedPaper.objects.update(version=2)
    for statement in (
        "UPDATE billing_issuedpaper SET version = 2",
        "DELETE FROM billing_issuedpaper",
    ):
        with (
            pytest.raises(IntegrityError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_its_content_is_ciphertext_and_can_be_written_again_under_a_new_key(
    settings: Settings,
) -> None:
    one = issued("estimate", a_paid_seat(member=somebody()), NOW)

    def stored() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT content FROM billing_issuedpaper WHERE id = %s", [one.pk])
            return str(cursor.fetchone()[0])

    before = stored()
    assert before.startswith("gAAAA")
    settings.INTAKE_KEYS = ["bmV3LWtleS1mb3ItdGhlLXRlc3Qtb2YtcGFwZXJzLi4=", *settings.INTAKE_KEYS]
    one.save(update_fields=["content"])
    assert stored() != before
    settings.INTAKE_KEYS = settings.INTAKE_KEYS[:1]
    assert IssuedPaper.objects.get(pk=one.pk).content == one.content


# --- The superbill ----------------------------------------------------------------------


def a_billable_seat(**fields: Any) -> Enrollment:
    seat = a_paid_seat(member=somebody(), **fields)
    may_have_superbills(seat)
    comes(seat, 1, 2, 5)
    return seat


def test_a_superbill_lists_attended_sessions_in_the_groups_zone_and_nothing_else() -> None:
    seat = a_billable_seat()
    found = paper("superbill", seat)
    every_row = ("60", "90853", "10", "95", "1", "a colleague")
    assert [row[:2] for row in found.lines.rows] == [
        ("Oct 6, 2026", "6:00 PM to 7:00 PM Eastern"),
        ("Oct 13, 2026", "6:00 PM to 7:00 PM Eastern"),
        ("Nov 3, 2026", "6:00 PM to 7:00 PM Eastern"),
    ]
    assert {row[2:8] for row in found.lines.rows} == {every_row}
    assert found.recipient == (
        ("For", "Samira Ruth Okafor"),
        ("Date of birth", "March 28, 1991"),
    )
    assert ("Diagnosis code", "To be entered by your clinician") in found.facts


@given(st.integers(1, PRICE), st.sets(st.integers(1, 12), min_size=1))
def test_the_fees_of_a_superbill_sum_to_the_cent(kept: int, weeks: set[int]) -> None:
    with transaction.atomic():
        seat = a_paid_seat(member=somebody())
        may_have_superbills(seat)
        if kept < PRICE:
            gets_back(seat.payments.get(), PRICE - kept)
        comes(seat, *weeks)
        found = paper("superbill", seat)
        rows = sum(cents(row[-1]) for row in found.lines.rows)
        assert cents(found.totals[0].words) == rows
        assert rows == sum(spread(kept, 12)[week - 1] for week in weeks)
        transaction.set_rollback(True)


def test_after_leaving_what_is_kept_belongs_to_the_sessions_before() -> None:
    seat = a_billable_seat()
    # $74.75 are three sessions; the rest is going back, or was kept by mistake.
    gets_back(seat.payments.get(), PRICE - 7_475)
    moves.move(
        enrollment_id=seat.pk,
        sources=[Status.ACTIVE],
        target=Status.WITHDRAWN,
        now=FIRST_SESSION + 2 * WEEK + HOUR,
        reason="Asked to",
    )
    found = paper("superbill", seat)
    assert [row[-1] for row in found.lines.rows] == ["$24.92", "$24.91", "$0.00"]


@pytest.mark.parametrize("missing", ["PROVIDER_NPI", "PROVIDER_EIN"])
def test_no_superbill_without_the_practices_numbers(settings: Settings, missing: str) -> None:
    seat = a_billable_seat()
    setattr(settings, missing, "")
    with pytest.raises(NotYet, match=r"write to help@grouport\.example"):
        issued("superbill", seat)


def test_no_superbill_until_a_clinician_has_decided_or_somebody_came_or_paid() -> None:
    seat = a_paid_seat(member=somebody())
    with pytest.raises(NotYet, match="No clinician has decided"):
        issued("superbill", seat)
    may_have_superbills(seat)
    with pytest.raises(NotYet, match="first one is still to come"):
        issued("superbill", seat)
    comes(seat, 1)
    gets_back(seat.payments.get(), PRICE)
    with pytest.raises(NotYet, match="Nothing stays paid"):
        issued("superbill", seat)


# --- Pages ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["receipt", "superbill", "estimate"])
def test_the_pdf_says_what_the_page_says(kind: str) -> None:
    seat = a_billable_seat()
    with time_machine.travel(AFTER, tick=False):
        client = signed_in(seat.member)
        page = client.get(f"/my/{seat.public_id}/papers/{kind}/")
        file = client.get(f"/my/{seat.public_id}/papers/{kind}.pdf")
    shown, html = page.context["paper"], page.content.decode()
    words = pdf_words(file.content)
    together = words.replace(" ", "")
    zone = "Days and times on this paper are in the group\u2019s zone: Eastern time."
    assert zone in shown.notes
    for part in (
        shown.number,
        shown.issued_at,
        *(word for fact in (*shown.issuer, *shown.recipient, *shown.facts) for word in fact),
        *(word for fact in shown.totals for word in fact),
        *shown.lines.head,
        *(cell for row in shown.lines.rows for cell in row),
        *shown.notes,
    ):
        assert escape(part) in html
        assert part.replace(" ", "") in together
    assert file["Content-Disposition"] == f'attachment; filename="{kind}-{shown.number}.pdf"'
    assert "no-store" in file["Cache-Control"]
    assert file["Content-Type"] == "application/pdf"


@pytest.mark.parametrize("kind", ["receipt", "estimate"])
def test_receipt_and_estimate_hold_no_clinical_word(kind: str) -> None:
    seat = a_billable_seat()
    assert re.findall(CLINICAL, str(paper(kind, seat)), re.IGNORECASE) == []
    assert seat.cohort.name not in str(paper(kind, seat))


def test_a_receipt_names_no_number_that_health_providers_have(settings: Settings) -> None:
    settings.PROVIDER_NPI, settings.PROVIDER_LICENSE = "1234567893", "NY 7654321"
    words = str(paper("receipt", a_paid_seat()))
    assert ("1234567893" in words, "7654321" in words, "NPI" in words) == (False, False, False)


def test_somebody_elses_papers_do_not_exist() -> None:
    seat, other = a_billable_seat(), a_paid_seat()
    with time_machine.travel(AFTER, tick=False):
        client = signed_in(other.member)
        for end in ("", "receipt/", "receipt.pdf", "superbill/", "estimate/", "invoice/"):
            assert client.get(f"/my/{seat.public_id}/papers/{end}").status_code == 404
        mine = signed_in(seat.member)
        for end in ("invoice/", "invoice.pdf"):
            assert mine.get(f"/my/{seat.public_id}/papers/{end}").status_code == 404


def test_what_is_not_there_yet_says_why_and_has_no_file() -> None:
    seat = a_paid_seat(0)
    with time_machine.travel(AFTER, tick=False):
        client = signed_in(seat.member)
        page = client.get(f"/my/{seat.public_id}/papers/receipt/").content.decode()
        assert "Nothing has been paid for this seat" in page
        assert client.get(f"/my/{seat.public_id}/papers/receipt.pdf").status_code == 404
        listed = client.get(f"/my/{seat.public_id}/papers/").content.decode()
    assert listed.count("Not there yet.") == 2
    assert IssuedPaper.objects.count() == 0


def test_staff_read_what_is_missing_and_members_do_not(settings: Settings) -> None:
    settings.PROVIDER_EIN = ""
    seat = a_paid_seat()
    with time_machine.travel(AFTER, tick=False):
        mine = signed_in(seat.member).get(f"/my/{seat.public_id}/papers/receipt/")
        theirs = at_the_desk().get(f"/money/enrolments/{seat.public_id}/receipt/")
        file = at_the_desk().get(f"/money/enrolments/{seat.public_id}/receipt.pdf")
    assert "Tax number" not in mine.content.decode()
    assert "not given" in theirs.content.decode()
    assert "not given" in pdf_words(file.content)
    assert IssuedPaper.objects.count() == 1


def test_a_superbill_is_for_admins_and_their_look_is_written_down() -> None:
    seat, admin = a_billable_seat(), a_member(role=Role.ADMIN)
    url = f"/money/enrolments/{seat.public_id}/superbill/"
    with time_machine.travel(AFTER, tick=False):
        for person in (a_billing_admin(), a_member(role=Role.FACILITATOR), seat.member):
            client = at_the_desk(person)
            assert [client.get(url).status_code, client.post(url).status_code] == [404, 404]
        client = at_the_desk(admin)
        asked = client.get(url).content.decode()
        assert ("Okafor" in asked, AuditEntry.objects.count()) == (False, 0)
        assert "Samira Ruth Okafor" in client.post(url).content.decode()
        assert "Samira Ruth Okafor" in pdf_words(client.post(url, {"pdf": "1"}).content)
    assert [
        (entry.actor, entry.action, entry.subject_id) for entry in AuditEntry.objects.all()
    ] == 2 * [(admin, "superbill.read", str(seat.member_id))]


def test_a_page_asks_as_many_queries_for_one_session_as_for_twelve() -> None:
    counts = []
    for number in (1, 12):
        seat = a_paid_seat(
            1_000, member=somebody(), cohort=a_cohort(starts_at=FIRST_SESSION + number * HOUR)
        )
        for _ in range(number - 1):
            pays(seat, 2_000)
        may_have_superbills(seat)
        comes(seat, *range(1, number + 1))
        asked = []
        with time_machine.travel(AFTER, tick=False):
            client = signed_in(seat.member)
            for end in ("", "receipt/", "superbill/", "estimate/"):
                client.get(f"/my/{seat.public_id}/papers/{end}")
                with CaptureQueriesContext(connection) as queries:
                    found = client.get(f"/my/{seat.public_id}/papers/{end}")
                assert found.status_code == 200
                asked.append(len(queries))
        counts.append(asked)
    assert counts[0] == counts[1]


def test_my_group_and_the_pay_page_lead_to_the_papers(client: Client) -> None:
    seat = a_paid_seat()
    with time_machine.travel(NOW, tick=False):
        page = signed_in(seat.member).get(f"/my/{seat.public_id}/").content.decode()
    assert f'href="/my/{seat.public_id}/papers/"' in page


def test_a_moved_session_changes_the_estimate() -> None:
    seat = a_paid_seat(member=somebody())
    first = issued("estimate", seat, NOW)
    last = session(seat.cohort, 12)
    last.starts_at, last.ends_at = last.starts_at + WEEK, last.ends_at + WEEK
    last.save(update_fields=["starts_at", "ends_at"])
    assert issued("estimate", seat, NOW).replaces == first
