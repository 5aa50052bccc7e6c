"""What goes back, by the terms that somebody agreed to, holds for every split and moment."""

import dataclasses
import datetime as dt

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from billing.policy import (
    TERMS,
    Basis,
    Computed,
    Facts,
    Line,
    Meeting,
    Terms,
    compute,
    full_until,
)
from enrollment import agreements
from sessions.pricing import share_of_session

START = dt.datetime(2027, 1, 5, 23, tzinfo=dt.UTC)
WEEK, HOUR = dt.timedelta(weeks=1), dt.timedelta(hours=1)
NOVEMBER = TERMS["2026-11"]
# Invented: two weeks' notice, and $25.00.
STRICT = Terms(version="invented", full_until=dt.timedelta(days=14), fee_cents=2_500)
BASES = (Basis.POLICY, Basis.ATTENDED, Basis.CANCELLED, Basis.FULL)


def twelve(cancelled: frozenset[int] = frozenset()) -> list[Meeting]:
    return [
        Meeting(
            number=number,
            starts_at=START + (number - 1) * WEEK,
            ends_at=START + (number - 1) * WEEK + HOUR,
            cancelled=number in cancelled,
        )
        for number in range(1, 13)
    ]


def paid_in_full(**changes: object) -> Facts:
    facts = Facts(paid_cents=29_900, price_cents=29_900, first_week=1, sessions=twelve())
    return dataclasses.replace(facts, **changes)  # type: ignore[arg-type]


def after(sessions: int) -> dt.datetime:
    """When so many of the twelve are over."""
    return START + (sessions - 1) * WEEK + HOUR


def words(computed: Computed) -> list[str]:
    return [line.words() for line in computed.lines]


# --- By example -------------------------------------------------------------------------


def test_after_three_of_twelve_sessions_the_other_nine_come_back() -> None:
    computed = compute(basis=Basis.POLICY, facts=paid_in_full(), terms=NOVEMBER, now=after(3))
    assert computed.cents == 22_425
    assert words(computed) == ["Paid: $299.00", "3 of 12 sessions were held: -$74.75"]


@pytest.mark.parametrize(
    ("now", "cents"),
    [
        (START - dt.timedelta(seconds=1), 29_900),
        # The first session has begun, and counts when it is over.
        (START, 29_900),
        (after(1) - dt.timedelta(seconds=1), 29_900),
        (after(1), 27_408),
        (after(12), 0),
    ],
)
def test_everything_comes_back_before_the_first_session_and_nothing_after_the_last(
    now: dt.datetime, cents: int
) -> None:
    computed = compute(basis=Basis.POLICY, facts=paid_in_full(), terms=NOVEMBER, now=now)
    assert computed.cents == cents


def test_notice_and_a_fee_are_kept_to_when_terms_name_them() -> None:
    until = START - dt.timedelta(days=14)
    early, late = (
        compute(basis=Basis.POLICY, facts=paid_in_full(), terms=STRICT, now=now)
        for now in (until - HOUR, until)
    )
    assert words(early) == [
        "Paid: $299.00",
        "14 days or more before the first session: nothing is kept: $0.00",
    ]
    assert words(late) == [
        "Paid: $299.00",
        "0 of 12 sessions were held: $0.00",
        "Fee: -$25.00",
    ]


def test_only_sessions_that_the_member_came_to_are_used_up_by_attendance() -> None:
    facts = paid_in_full(attended=frozenset({2, 9}))
    computed = compute(basis=Basis.ATTENDED, facts=facts, terms=NOVEMBER, now=after(4))
    assert words(computed) == ["Paid: $299.00", "1 of 12 sessions were attended: -$24.91"]


def test_an_hour_that_was_cancelled_comes_back_even_after_the_last() -> None:
    facts = paid_in_full(sessions=twelve(frozenset({5})))
    computed = compute(basis=Basis.POLICY, facts=facts, terms=STRICT, now=after(12))
    assert computed.cents == share_of_session(29_900, 1, 5)
    assert words(computed)[-1] == "1 session was cancelled by us: nothing is kept: $0.00"


def test_a_fee_leaves_alone_what_belongs_to_cancelled_sessions() -> None:
    facts = paid_in_full(sessions=twelve(frozenset({12})))
    computed = compute(basis=Basis.POLICY, facts=facts, terms=STRICT, now=after(11))
    assert computed.cents == share_of_session(29_900, 1, 12)


def test_when_the_first_session_was_cancelled_the_next_is_the_first() -> None:
    facts = paid_in_full(sessions=twelve(frozenset({1, 2})))
    assert full_until(facts=facts, terms=NOVEMBER) == START + 2 * WEEK


def test_a_group_that_was_cancelled_as_a_whole_pays_everything_back_at_any_time() -> None:
    facts = paid_in_full(sessions=twelve(frozenset(range(1, 13))))
    computed = compute(basis=Basis.POLICY, facts=facts, terms=STRICT, now=after(12))
    assert words(computed) == [
        "Paid: $299.00",
        "Every session was cancelled by us: nothing is kept: $0.00",
    ]


def test_who_joined_at_week_nine_has_four_sessions() -> None:
    facts = paid_in_full(paid_cents=9_967, price_cents=9_967, first_week=9)
    before = compute(basis=Basis.POLICY, facts=facts, terms=NOVEMBER, now=after(8))
    later = compute(basis=Basis.POLICY, facts=facts, terms=NOVEMBER, now=after(9))
    assert before.cents == 9_967
    assert words(later) == ["Paid: $99.67", "1 of 4 sessions were held: -$24.92"]


def test_who_pays_in_parts_gets_back_what_the_parts_were_more_than_the_sessions() -> None:
    facts = paid_in_full(paid_cents=9_967)
    computed = compute(basis=Basis.POLICY, facts=facts, terms=NOVEMBER, now=after(3))
    assert words(computed) == ["Paid: $99.67", "3 of 12 sessions were held: -$74.75"]
    assert computed.cents == 2_492


def test_sessions_that_are_not_paid_for_yet_leave_nothing_to_give_back() -> None:
    facts = paid_in_full(paid_cents=9_967)
    computed = compute(basis=Basis.POLICY, facts=facts, terms=NOVEMBER, now=after(6))
    assert computed.lines[-1] == Line(
        "6 of 12 sessions were held ($149.50, of which no more was paid)", -9_967
    )


def test_what_went_back_already_is_taken_off() -> None:
    facts = paid_in_full(back_cents=10_000)
    computed = compute(basis=Basis.POLICY, facts=facts, terms=NOVEMBER, now=after(3))
    assert computed.cents == 12_425
    assert words(computed)[-1] == "Given back already, or on its way: -$100.00"


def test_a_member_who_stays_gets_the_part_for_the_cancelled_session() -> None:
    facts = paid_in_full(sessions=twelve(frozenset({5})))
    computed = compute(basis=Basis.CANCELLED, facts=facts, terms=NOVEMBER, now=after(3))
    assert words(computed) == ["1 session was cancelled by us: $24.91"]


def test_a_chosen_amount_says_what_stays() -> None:
    computed = compute(
        basis=Basis.AMOUNT, facts=paid_in_full(), terms=NOVEMBER, now=after(3), amount_cents=5_000
    )
    assert (computed.cents, words(computed)) == (
        5_000,
        ["Paid: $299.00", "Stays with us: -$249.00"],
    )


# --- The agreement and the terms --------------------------------------------------------


def test_the_words_that_members_agree_to_are_the_terms_that_are_computed() -> None:
    """Whoever changes the text has to give it a version, and the version its terms."""
    agreement = next(one for one in agreements.CURRENT if one.kind == "refunds")
    written = {
        "2026-11": (
            "Before your first session you get everything back. After it, you get back the part "
            "for the sessions that have not been held yet. A session that we cancel and don't "
            "replace is always paid back.",
            Terms(version="2026-11", full_until=dt.timedelta(0), fee_cents=0),
        ),
    }
    assert {version: terms for version, (_, terms) in written.items()} == TERMS
    assert agreement.text == (written[agreement.version][0],)


# --- For every price, split and moment --------------------------------------------------

cents = st.integers(0, 200_000)
numbers = st.frozensets(st.integers(1, 12))
moments = st.integers(-60 * 24, 100 * 24).map(lambda hours: START + hours * HOUR)
terms = st.builds(
    Terms,
    version=st.just("any"),
    full_until=st.integers(0, 30).map(lambda days: dt.timedelta(days=days)),
    fee_cents=st.integers(0, 40_000),
)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Any enrolment: parts not paid, or more than the price; something went back already."""
    price = draw(cents)
    paid = draw(st.one_of(st.just(price), cents))
    return Facts(
        paid_cents=paid,
        price_cents=price,
        first_week=draw(st.sampled_from([1, 5, 9])),
        sessions=twelve(draw(numbers)),
        back_cents=draw(st.one_of(st.just(0), st.integers(0, paid))),
        attended=draw(numbers),
    )


@given(facts(), terms, moments, st.sampled_from(Basis), st.integers(-10, 300_000))
def test_never_negative_and_never_more_than_is_left_of_what_was_paid(
    known: Facts, agreed: Terms, now: dt.datetime, basis: Basis, amount: int
) -> None:
    computed = compute(basis=basis, facts=known, terms=agreed, now=now, amount_cents=amount)
    assert 0 <= computed.cents <= known.paid_cents - known.back_cents
    assert sum(line.cents for line in computed.lines) == computed.cents


@given(facts(), terms, moments, moments, st.sampled_from(BASES))
def test_waiting_never_brings_more_back(
    known: Facts, agreed: Terms, one: dt.datetime, other: dt.datetime, basis: Basis
) -> None:
    sooner, later = (
        compute(basis=basis, facts=known, terms=agreed, now=now).cents
        for now in sorted((one, other))
    )
    assert later <= sooner


@given(facts(), terms, moments)
def test_by_attendance_never_less_comes_back_than_by_sessions_held(
    known: Facts, agreed: Terms, now: dt.datetime
) -> None:
    attended, policy, full = (
        compute(basis=basis, facts=known, terms=agreed, now=now).cents
        for basis in (Basis.ATTENDED, Basis.POLICY, Basis.FULL)
    )
    assert policy <= attended <= full


@given(facts(), terms, moments)
def test_cancelled_sessions_come_back_whatever_the_terms(
    known: Facts, agreed: Terms, now: dt.datetime
) -> None:
    """As far as the money reaches beyond the sessions that were held."""
    known = dataclasses.replace(known, back_cents=0)
    reach = max(known.paid_cents - known.value(known.held(now)), 0)
    computed = compute(basis=Basis.POLICY, facts=known, terms=agreed, now=now)
    assert computed.cents >= min(known.value(known.cancelled), reach)


@given(facts(), terms, moments, st.integers(1, 12))
@example(paid_in_full(), STRICT, START, 1)
def test_cancelling_one_more_session_never_takes_anything_away(
    known: Facts, agreed: Terms, now: dt.datetime, number: int
) -> None:
    more = [
        dataclasses.replace(one, cancelled=one.cancelled or one.number == number)
        for one in known.sessions
    ]
    before, after_it = (
        compute(basis=Basis.POLICY, facts=one, terms=agreed, now=now).cents
        for one in (known, dataclasses.replace(known, sessions=more))
    )
    assert after_it >= before


@given(facts(), terms, moments, st.data())
def test_paid_back_in_any_pieces_the_sum_is_the_same(
    known: Facts, agreed: Terms, now: dt.datetime, data: st.DataObject
) -> None:
    whole = compute(basis=Basis.POLICY, facts=known, terms=agreed, now=now).cents
    pieces: list[int] = []
    left = known
    while (rest := compute(basis=Basis.POLICY, facts=left, terms=agreed, now=now).cents) > 0:
        piece = data.draw(st.integers(1, rest)) if len(pieces) < 3 else rest
        pieces.append(piece)
        left = dataclasses.replace(left, back_cents=left.back_cents + piece)
    assert sum(pieces) == whole


@given(cents, st.sampled_from([1, 5, 9]), numbers)
def test_what_was_held_and_what_was_not_make_the_price_to_the_cent(
    price: int, first_week: int, some: frozenset[int]
) -> None:
    own = frozenset(range(first_week, 13))
    known = Facts(paid_cents=price, price_cents=price, first_week=first_week, sessions=twelve())
    assert known.value(own & some) + known.value(own - some) == price


@given(facts(), moments)
def test_nothing_comes_back_of_parts_that_were_not_paid(known: Facts, now: dt.datetime) -> None:
    assume(known.back_cents == 0)
    held = known.value(known.held(now))
    computed = compute(basis=Basis.POLICY, facts=known, terms=NOVEMBER, now=now)
    assert computed.cents == max(known.paid_cents - held, 0)
