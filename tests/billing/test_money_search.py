"""Finding an enrolment by whatever somebody has at hand."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import refunds, search, sweeps
from billing.models import LedgerEntry, Payment, Refund
from billing.search import Wanted
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import PRICE, a_group, a_payment, a_seat, now, refreshed
from tests.billing.desk import text
from tests.billing.people import at_the_desk
from tests.enrollment.builders import a_cohort, a_held_seat, a_member

pytestmark = pytest.mark.django_db

SEARCH = "/money/search/"


@pytest.fixture
def desk() -> Client:
    return at_the_desk()


def found(words: str = "", **filters: Any) -> list[Any]:
    return list(search.find(wanted=Wanted(text=words, **filters), page=""))


def half_back(standin: Standin) -> Payment:
    """Paid, and a part of it given back."""
    payment = a_payment(standin)
    refunds.request_refund(
        payment_id=payment.pk, amount_cents=12_345, reason=Refund.Reason.DESK, now=now()
    )
    sweeps.submit_open_refunds(now=now())
    return payment


@pytest.mark.parametrize("words", ["Ada", "ada lo", "ADA LOVE", "lovelace", "ada@ex", "Ada@Ex"])
def test_a_part_of_a_name_or_address_finds_in_any_case(words: str) -> None:
    mine = a_held_seat(member=a_member("ada@example.org", display_name="Ada Lovelace"))
    a_held_seat()
    assert found(words) == [mine]


@pytest.mark.parametrize("words", ["quiet MORN", "quiet-mornings-2026"])
def test_a_group_is_found_by_its_name_and_its_address(words: str) -> None:
    mine = a_held_seat(cohort=a_cohort(name="Quiet mornings", slug="quiet-mornings-2026"))
    a_held_seat()
    assert found(words) == [mine]


@pytest.mark.parametrize("words", ["123.45", "$123.45", "$ 123.45"])
def test_an_amount_finds_what_moved_by_it(standin: Standin, words: str) -> None:
    payment = half_back(standin)
    a_payment(standin)
    assert found(words) == [payment.enrollment]


def test_whole_dollars_need_no_cents(standin: Standin) -> None:
    one, other = half_back(standin), a_payment(standin)
    assert found("299") == found("$299.00") == [other.enrollment, one.enrollment]
    assert found("$300.00") == []


@pytest.mark.parametrize(
    ("words", "cents"),
    [("1,299", 129_900), ("$1,299.05", 129_905), ("0.50", 50), ("7", 700),
     ("12.3", None), ("1,29", None), ("-5", None), ("299 USD", None), ("", None), ("٣", None)],
)  # fmt: skip
def test_an_amount_is_read_as_people_write_it(words: str, cents: int | None) -> None:
    assert search.in_cents(words) == cents


def test_each_id_of_stripe_finds_its_enrolment(standin: Standin) -> None:
    payment = half_back(standin)
    a_payment(standin)
    refund = Refund.objects.get()
    LedgerEntry.objects.create(
        enrollment=payment.enrollment,
        kind="dispute",
        amount_cents=-1,
        currency="usd",
        at=now(),
        stripe_id="dp_123",
        key="dispute:dp_123",
    )
    assert payment.attempt is not None
    ids = (
        payment.attempt.stripe_session_id,
        payment.stripe_payment_intent_id,
        refreshed(refund).stripe_refund_id,
        "dp_123",
    )
    assert [found(str(one)) for one in ids] == [[payment.enrollment]] * 4
    assert found(str(refund.stripe_refund_id).upper()) == [payment.enrollment]
    assert found("pi_nobody") == found("ch_1") == []


def test_an_enrolments_own_id_finds_it() -> None:
    mine, _ = a_held_seat(), a_held_seat()
    assert found(f" {mine.public_id} ") == [mine]


@pytest.mark.parametrize("words", ["100%", "_", "\0", "'; DROP TABLE", "x" * 500])
def test_odd_words_find_nothing_and_break_nothing(desk: Client, words: str) -> None:
    a_held_seat(member=a_member(display_name="Sam"), cohort=a_cohort(slug="plain"))
    assert desk.get(SEARCH, {"q": words}).status_code == 200
    if words != "\0":
        assert found(words) == []


def test_the_filters_narrow_together(standin: Standin) -> None:
    cohort = a_group()
    paid, held = a_payment(standin, a_seat(cohort)).enrollment, a_seat(cohort)
    elsewhere = a_payment(standin).enrollment
    assert set(found(cohort=cohort.slug)) == {paid, held}
    assert found(status="active", cohort=cohort.slug) == [paid]
    assert found(status="held") == [held]
    assert set(found(balance=True)) == {paid, elsewhere}
    assert found(balance=True, cohort="no-such-group") == []
    assert set(found(status="no such state")) == {paid, held, elsewhere}


def test_each_row_says_how_the_money_stands(standin: Standin, desk: Client) -> None:
    payment = half_back(standin)
    [row] = found("Sam")
    assert (row.paid_cents, row.back_cents, row.balance_cents) == (PRICE, 12_345, PRICE - 12_345)
    words = text(desk, SEARCH, q="Sam")
    for cents in ("$299.00", "$123.45", "$175.55"):
        assert cents in words
    assert f"/money/enrolments/{payment.enrollment.public_id}/" in words


def test_nothing_found_says_what_can_be_searched(desk: Client) -> None:
    words = text(desk, SEARCH, q="nobody")
    assert "Nothing found" in words
    assert "pi_ for a payment" in words


def test_the_filters_stay_in_the_address_of_the_next_page(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PER_PAGE", 1)
    for _ in range(2):
        a_held_seat(member=a_member(display_name="Sam"))
    words = text(desk, SEARCH, q="sam", status="held", page="1")
    assert 'href="?q=sam&amp;status=held&amp;page=2"' in words
    assert "Page 2 of 2" in text(desk, SEARCH, q="sam", page="999")


def test_the_search_asks_as_often_for_three_rows_as_for_one(standin: Standin, desk: Client) -> None:
    asked = []
    for more in (1, 2):
        for _ in range(more):
            half_back(standin)
        with CaptureQueriesContext(connection) as captured:
            text(desk, SEARCH, q="Sam", balance="1")
        asked.append(len(captured))
    assert len(found()) == 3
    assert asked[0] == asked[1]


@pytest.mark.parametrize("words", ["", "   ", "\0", "0", "a", "$0", "0.00", " \0 "])
def test_what_says_nothing_lists_nobody_and_asks_for_more(desk: Client, words: str) -> None:
    a_held_seat()
    page = text(desk, "/money/search/", q=words, status="", cohort="")
    assert "What are you looking for?" in page
    assert ("Type at least two characters" in page) == bool(words.replace("\0", "").strip())
    assert "enrolment, the latest first" not in page
    assert "\0" not in page


def test_nothing_typed_lists_by_what_was_chosen_and_all_without_a_question(desk: Client) -> None:
    a_held_seat()
    for query in ({}, {"q": "", "status": "held"}, {"q": "\0", "balance": "1"}):
        assert "What are you looking for?" not in text(desk, "/money/search/", **query)
    assert "enrolment, the latest first" in text(desk, "/money/search/")


def test_a_whole_address_finds_its_person_alone() -> None:
    a_held_seat(member=a_member("xada@example.org"))
    mine = a_held_seat(member=a_member("ada@example.org"))
    assert found("Ada@example.org") == [mine]
    assert len(found("da@example.org")) == 2


def test_dollars_and_cents_are_an_amount_and_plain_digits_may_be_a_name(standin: Standin) -> None:
    named = a_held_seat(member=a_member(display_name="Room 299 and 299.00"))
    paid = a_payment(standin).enrollment
    assert found("299") == [paid, named]
    assert found("$299") == found("299.00") == [paid]


def test_what_is_found_in_several_ways_is_listed_once_and_the_latest_first() -> None:
    quiet = a_cohort(name="Quiet mornings")
    first = a_held_seat(member=a_member(display_name="Quiet Sam"))
    both = a_held_seat(member=a_member(display_name="Quiet Kim"), cohort=quiet)
    last = a_held_seat(cohort=quiet)
    for seat, days in ((first, -1), (last, 1)):
        at = both.reserved_at + dt.timedelta(days=days)
        Enrollment.objects.filter(pk=seat.pk).update(reserved_at=at)
    assert found("quiet") == [last, both, first]


def test_of_very_many_the_latest_are_listed_and_the_page_says_so(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seats = [a_held_seat(member=a_member(display_name="Sam")) for _ in range(3)]
    assert "3 enrolments, the latest first" in text(desk, SEARCH, q="Sam")
    monkeypatch.setattr(search, "LISTED", 2)
    assert found("Sam") == found() == [seats[2], seats[1]]
    assert "The latest 2 enrolments: say more to find others" in text(desk, SEARCH, q="Sam")


@pytest.mark.parametrize("path", [SEARCH, "/money/ledger/"])
def test_of_very_many_groups_the_latest_can_be_chosen_and_the_chosen_one_stays(
    desk: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    for number in (1, 2, 3):
        a_held_seat(cohort=a_cohort(name=f"Group {number}", slug=f"group-{number}"))
    a_cohort(name="Nobody yet", slug="empty")
    assert "The latest" not in text(desk, path)
    monkeypatch.setattr(search, "GROUPS", 2)
    words = text(desk, path)
    assert 'value="group-1"' not in words
    assert "The latest 2 groups." in words
    assert search.groups_with_enrolments() == [("group-2", "Group 2"), ("group-3", "Group 3")]
    assert 'value="group-1" selected' in text(desk, path, cohort="group-1")
    assert search.groups_with_enrolments("no-such-group\0") == search.groups_with_enrolments()


def test_the_file_of_a_group_is_one_press_from_its_people(desk: Client) -> None:
    a_held_seat(cohort=a_cohort(slug="mine"))
    assert 'href="/money/ledger/?cohort=mine"' in text(desk, SEARCH, cohort="mine")
