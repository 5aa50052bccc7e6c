"""Every split of the twelve adds up to the cent."""

from itertools import pairwise

import pytest
from django.template import Context, Template
from hypothesis import example, given
from hypothesis import strategies as st

from sessions.pricing import format_money, price_from_week, share_of_session, value_through

prices = st.integers(0, 10_000_000)


@given(prices, st.lists(st.integers(1, 11), unique=True))
@example(29_900, [4, 8])
def test_the_parts_of_any_split_sum_to_the_price(price: int, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), 12]
    parts = [
        value_through(price, end) - value_through(price, start) for start, end in pairwise(edges)
    ]
    assert sum(parts) == price
    assert all(part >= 0 for part in parts)


@given(prices)
def test_no_two_sessions_differ_by_more_than_a_cent(price: int) -> None:
    each = [value_through(price, n) - value_through(price, n - 1) for n in range(1, 13)]
    assert max(each) - min(each) <= 1


@given(prices, st.integers(1, 12))
def test_what_is_paid_and_what_is_missed_make_the_whole_price(price: int, week: int) -> None:
    assert price_from_week(price, week) + value_through(price, week - 1) == price


def test_the_list_price_by_starting_week() -> None:
    assert [price_from_week(29_900, week) for week in (1, 5, 9)] == [29_900, 19_933, 9_967]


def test_half_a_cent_is_rounded_up() -> None:
    assert [value_through(6, sessions) for sessions in (1, 3, 12)] == [1, 2, 6]


@pytest.mark.parametrize("sessions", [-1, 13])
def test_there_is_no_thirteenth_session_to_price(sessions: int) -> None:
    with pytest.raises(ValueError, match="12 sessions"):
        value_through(29_900, sessions)


@pytest.mark.parametrize(
    ("cents", "currency", "words"),
    [
        (29_900, "usd", "$299.00"),
        (22_425, "usd", "$224.25"),
        (7, "usd", "$0.07"),
        (0, "usd", "$0.00"),
        (129_900, "usd", "$1,299.00"),
        (-22_425, "usd", "-$224.25"),
        (29_900, "eur", "299.00 EUR"),
    ],
)
def test_money_is_always_shown_with_cents(cents: int, currency: str, words: str) -> None:
    assert format_money(cents, currency) == words


def test_pages_show_money_by_the_same_rule() -> None:
    page = Template("{% load money %}{{ cents|money }}, {{ cents|money:'eur' }}, {{ none|money }}.")
    assert page.render(Context({"cents": 29_900, "none": None})) == "$299.00, 299.00 EUR, ."


@given(price=st.integers(0, 200_000), first_week=st.integers(1, 12))
def test_the_shares_of_the_sessions_add_up_to_the_price(price: int, first_week: int) -> None:
    shares = [share_of_session(price, first_week, week) for week in range(first_week, 13)]
    assert sum(shares) == price
    assert max(shares) - min(shares) <= 1


def test_from_the_first_week_a_share_is_a_difference_of_two_values() -> None:
    for week in range(1, 13):
        value = value_through(29_900, week) - value_through(29_900, week - 1)
        assert share_of_session(29_900, 1, week) == value


@pytest.mark.parametrize("week", [4, 13])
def test_a_session_that_was_not_bought_has_no_share(week: int) -> None:
    with pytest.raises(ValueError, match="not among"):
        share_of_session(29_900, 5, week)
