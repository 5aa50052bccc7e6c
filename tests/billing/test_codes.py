"""A promotion code, from the desk to the price that is paid."""

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Action, AuditEntry
from billing import codes, prices, sweeps
from billing.models import CheckoutAttempt, Payment, PromotionCode, Redemption
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from sessions.models import Programme
from sessions.pricing import LEAST_CENTS
from tests.billing.builders import (
    AFTER_THE_HOLD,
    MINUTE,
    PRICE,
    a_group,
    a_payment,
    a_seat,
    at_the_page,
    now,
    refreshed,
)
from tests.billing.people import at_the_desk
from tests.billing.pricing import a_code, a_price
from tests.billing.test_pay_page import signed_in, url
from tests.enrollment.builders import a_member

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def use(client: Client, enrollment: Enrollment, code: object, **more: str) -> Any:
    return client.post(url(enrollment, "code/"), {"code": str(code), **more})


def redeem(enrollment: Enrollment, code: object) -> Redemption:
    return codes.redeem(whose=Q(pk=enrollment.pk), typed=str(code), now=now())


def refusal(enrollment: Enrollment, code: object) -> str:
    with pytest.raises(codes.CodeRefused) as refused:
        redeem(enrollment, code)
    assert Redemption.objects.filter(enrollment=enrollment).count() == 0
    return str(refused.value)


def said(reply: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


# --- What it takes off --------------------------------------------------------------------


@given(
    list_cents=st.integers(0, 1_000_000),
    percent=st.none() | st.integers(1, 100),
    amount=st.integers(1, 2_000_000),
    personal=st.none() | st.integers(0, 1_000_000),
)
def test_no_price_is_negative_above_the_list_or_too_small_for_a_card(
    list_cents: int, percent: int | None, amount: int, personal: int | None
) -> None:
    code = PromotionCode(
        code="ANY-1", percent_off=percent, amount_off_cents=None if percent else amount
    )
    price = prices.reckon(list_cents=list_cents, currency="usd", code=code, personal_cents=personal)
    alone = [
        prices.reckon(list_cents=list_cents, currency="usd", code=one, personal_cents=other).cents
        for one, other in ((code, None), (None, personal), (None, None))
    ]
    assert 0 <= price.cents <= list_cents
    assert price.cents == 0 or price.cents >= LEAST_CENTS
    assert price.cents == min(alone)
    assert price.cents + price.off_cents == list_cents
    assert bool(price.words) == (price.cents < list_cents)


@pytest.mark.parametrize(
    ("cents", "percent", "off"),
    [
        (29_900, 25, 7_475),
        (50, 1, 1),
        (49, 1, 0),
        (150, 1, 2),
        (29_900, 100, 29_900),
        (333, 50, 167),
    ],
)
def test_a_percentage_is_rounded_half_up_to_the_cent(cents: int, percent: int, off: int) -> None:
    assert prices.percent_of(cents, percent) == off


def test_what_a_card_cannot_pay_is_free_and_says_so() -> None:
    code = PromotionCode(code="NEARLY", amount_off_cents=29_851)
    price = prices.reckon(list_cents=PRICE, currency="usd", code=code, personal_cents=None)
    assert (price.cents, price.off_cents) == (0, PRICE)
    assert "$0.49 would be left, less than a card can pay: so it is free." in price.words


def test_fifty_cents_are_paid() -> None:
    code = PromotionCode(code="NEARLY", amount_off_cents=29_850)
    price = prices.reckon(list_cents=PRICE, currency="usd", code=code, personal_cents=None)
    assert price.cents == 50


@pytest.mark.parametrize(
    "fields",
    [
        {"percent_off": 0},
        {"percent_off": 101},
        {"percent_off": 10, "amount_off_cents": 100},
        {"percent_off": None},
        {"percent_off": None, "amount_off_cents": 0},
        {"code": "abcd"},
        {"code": "ABC"},
        {"code": "A" * 25},
        {"code": "AB CD"},
        {"limit": 0},
        {"expires_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)},
    ],
    ids=str,
)
def test_the_database_refuses_a_code_that_makes_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"a_code|too long"), transaction.atomic():
        a_code(**fields)
    assert PromotionCode.objects.count() == 0


def test_a_code_is_for_a_group_or_a_program_never_both() -> None:
    group = a_group()
    with pytest.raises(IntegrityError), transaction.atomic():
        a_code(cohort=group, programme=group.programme)


# --- On the pay page ----------------------------------------------------------------------


def test_a_code_lowers_what_is_paid_and_both_prices_are_shown(standin: Standin) -> None:
    code, enrollment = a_code("SPRING25"), a_seat()
    client = signed_in(enrollment.member)
    assert "Have a code?" in said(client.get(url(enrollment)))
    reply = use(client, enrollment, " spring25 ")
    assert (reply.status_code, reply["Location"]) == (302, url(enrollment))
    words = said(client.get(url(enrollment)))
    assert "Instead of $299.00 , you pay $224.25" in words
    assert "Code SPRING25: 25% off." in words
    assert "In full: $224.25 today" in words
    paid = a_payment(standin, enrollment)
    assert (paid.amount_cents, codes.used(code)) == (22_425, 1)
    after = refreshed(enrollment)
    assert (after.price_cents, after.off_cents, after.list_price_cents) == (22_425, 7_475, PRICE)
    assert after.price_words == "Code SPRING25: 25% off."


def test_a_code_is_taken_off_again(standin: Standin) -> None:
    code, enrollment = a_code(), a_seat()
    client = signed_in(enrollment.member)
    use(client, enrollment, code)
    assert use(client, enrollment, "", remove="1")["Location"] == url(enrollment)
    assert "In full: $299.00 today" in said(client.get(url(enrollment)))
    assert codes.used(code) == 0
    assert a_payment(standin, enrollment).amount_cents == PRICE


def test_pressing_twice_uses_it_once() -> None:
    code, enrollment = a_code(limit=1), a_seat()
    assert redeem(enrollment, code) == redeem(enrollment, code)
    assert codes.used(code) == 1


def test_an_unknown_code_and_one_that_has_not_begun_are_answered_alike() -> None:
    a_code("TOMORROW", starts_at=now() + DAY)
    enrollment = a_seat()
    client = signed_in(enrollment.member)
    answers = [use(client, enrollment, typed) for typed in ("TOMORROW", "NOBODYS1")]
    assert [reply.status_code for reply in answers] == [422, 422]
    first, second = (said(reply).replace("NOBODYS1", "") for reply in answers)
    assert "We don\u2019t know this code." in first
    assert first == second
    assert 'value="TOMORROW"' in answers[0].content.decode()


def test_every_refusal_says_why() -> None:
    enrollment = a_seat()
    used_up = a_code(limit=1)
    redeem(a_seat(), used_up)
    ended = a_code()
    codes.end_code(code=ended, actor=a_member(), now=now())
    other = Programme.objects.create(name="Other", slug="other")
    reasons = [
        refusal(enrollment, code)
        for code in (
            used_up,
            ended,
            a_code(expires_at=now()),
            a_code(cohort=a_group()),
            a_code(programme=other),
        )
    ]
    assert reasons == [codes.USED_UP, codes.OVER, codes.OVER, codes.ELSEWHERE, codes.ELSEWHERE]


def test_a_code_for_the_group_or_its_program_fits() -> None:
    group = a_group()
    for code in (a_code(cohort=group), a_code(programme=group.programme)):
        assert redeem(a_seat(group), code).off_cents == 7_475


def test_one_code_for_a_seat() -> None:
    first, second, enrollment = a_code(), a_code(), a_seat()
    redeem(enrollment, first)
    with pytest.raises(codes.CodeRefused, match=f"Take the code {first} off first"):
        redeem(enrollment, second)
    assert Redemption.objects.get().code == first


def test_a_code_that_lapsed_gives_way_to_another() -> None:
    first, second, enrollment = a_code(), a_code(), a_seat()
    redeem(enrollment, first)
    codes.end_code(code=first, actor=a_member(), now=now())
    redeem(enrollment, second)
    assert Redemption.objects.get().code == second


def test_a_code_that_helps_nobody_is_not_used_up() -> None:
    code, enrollment = a_code(), a_seat()
    a_price(enrollment.member, 10_000)
    assert refusal(enrollment, code) == codes.NO_USE


def test_a_code_below_a_personal_price_wins_and_says_so() -> None:
    enrollment = a_seat()
    a_price(enrollment.member, 25_000)
    redeem(enrollment, a_code("HALFHALF", percent_off=50))
    price = prices.offer(enrollment, now())
    assert (price.cents, price.source) == (14_950, "code")
    assert price.words == (
        "Code HALFHALF: 50% off. It is lower than your own price, and the two do not add up."
    )


def test_nothing_typed_is_a_kind_word_and_no_try() -> None:
    enrollment = a_seat()
    client = signed_in(enrollment.member)
    for _ in range(20):
        reply = use(client, enrollment, "  ")
        assert (reply.status_code, "Type the code first." in said(reply)) == (422, True)


def test_guessing_is_slowed_down() -> None:
    code, enrollment = a_code(), a_seat()
    client = signed_in(enrollment.member)
    for number in range(10):
        assert "know this code" in said(use(client, enrollment, f"GUESS-{number}"))
    reply = use(client, enrollment, code)
    assert (reply.status_code, "Wait a quarter of an hour" in said(reply)) == (422, True)
    assert codes.used(code) == 0
    other = a_seat()
    assert use(signed_in(other.member), other, code).status_code == 302


def test_somebody_elses_seat_takes_no_code() -> None:
    code, enrollment = a_code(), a_seat()
    stranger = signed_in(a_member())
    assert use(stranger, enrollment, code).status_code == 404
    assert use(stranger, enrollment, "", remove="1").status_code == 404
    assert codes.used(code) == 0


# --- Between the page and the press -------------------------------------------------------


def press(client: Client, enrollment: Enrollment, shown_cents: object) -> Any:
    return client.post(url(enrollment), {"shown_cents": str(shown_cents)})


def test_a_code_that_expires_before_the_press_charges_nothing_and_says_so(
    standin: Standin,
) -> None:
    code, enrollment = a_code("BRIEF", expires_at=now() + 2 * MINUTE), a_seat()
    client = signed_in(enrollment.member)
    use(client, enrollment, code)
    with time_machine.travel(now() + 3 * MINUTE):
        reply = press(client, enrollment, 22_425)
        assert reply.status_code == 409
        words = said(reply)
        assert "Your code BRIEF has expired." in words
        assert "This page showed $224.25 when you opened it; now it is $299.00." in words
        assert "Nothing was charged." in words
        assert CheckoutAttempt.objects.count() == 0
        assert standin.requests == []
        again = press(client, enrollment, PRICE)
    assert (again.status_code, enrollment.attempts.get().amount_cents) == (302, PRICE)
    assert Redemption.objects.count() == 0


def test_a_code_that_is_ended_before_the_press_does_not_count(standin: Standin) -> None:
    code, enrollment = a_code(), a_seat()
    redeem(enrollment, code)
    codes.end_code(code=code, actor=a_member(), now=now())
    assert press(signed_in(enrollment.member), enrollment, 22_425).status_code == 409
    assert standin.requests == []


def test_a_price_given_meanwhile_is_shown_before_it_is_charged(standin: Standin) -> None:
    enrollment = a_seat()
    a_price(enrollment.member, 20_000)
    client = signed_in(enrollment.member)
    reply = press(client, enrollment, PRICE)
    assert (reply.status_code, "now it is $200.00" in said(reply)) == (409, True)
    assert press(client, enrollment, 20_000).status_code == 302
    assert enrollment.attempts.get().amount_cents == 20_000


@pytest.mark.parametrize("made_up", ["", "-1", "1e3", "29900.0", "9" * 40, "\u0663"])
def test_a_made_up_price_is_never_charged(made_up: str, standin: Standin) -> None:
    enrollment = a_seat()
    assert press(signed_in(enrollment.member), enrollment, made_up).status_code == 409
    assert standin.requests == []


def test_an_open_payment_page_keeps_its_price(standin: Standin) -> None:
    code, enrollment = a_code(), a_seat()
    attempt = at_the_page(enrollment)
    client = signed_in(enrollment.member)
    reply = use(client, enrollment, code)
    assert (reply.status_code, "Your payment page is open already" in said(reply)) == (409, True)
    assert "Have a code?" not in said(reply)
    assert codes.used(code) == 0
    a_price(enrollment.member, 0)
    assert press(client, enrollment, PRICE)["Location"] == attempt.checkout_url
    assert press(client, enrollment, 0).status_code == 409
    assert refreshed(enrollment).status == "held"


def test_a_code_stays_on_an_open_payment_page(standin: Standin) -> None:
    code, enrollment = a_code(), a_seat()
    redeem(enrollment, code)
    at_the_page(enrollment)
    client = signed_in(enrollment.member)
    assert use(client, enrollment, "", remove="1").status_code == 409
    codes.end_code(code=code, actor=a_member(), now=now())
    assert "In full: $224.25 today" in said(client.get(url(enrollment)))
    assert press(client, enrollment, 22_425).status_code == 302


def test_a_page_that_was_never_made_fixes_nothing(standin: Standin) -> None:
    enrollment = a_seat()
    client = signed_in(enrollment.member)
    standin.control("fault", route="POST /v1/checkout/sessions", kind="500", when="after")
    assert press(client, enrollment, PRICE).status_code == 503
    redeem(enrollment, a_code())
    assert press(client, enrollment, 22_425).status_code == 302
    assert refreshed(enrollment).list_price_cents == PRICE


def test_a_declined_card_leaves_the_code_in_use(standin: Standin) -> None:
    code, enrollment = a_code(limit=1), a_seat()
    redeem(enrollment, code)
    attempt = at_the_page(enrollment)
    standin.control("pay", session=attempt.stripe_session_id, outcome="declined")
    assert (codes.used(code), Payment.objects.count()) == (1, 0)
    assert press(signed_in(enrollment.member), enrollment, 22_425).status_code == 302


def test_a_hold_that_is_over_leads_away() -> None:
    code, enrollment = a_code(), a_seat()
    client = signed_in(enrollment.member)
    with time_machine.travel(now() + 16 * MINUTE):
        assert use(client, enrollment, code)["Location"] == url(enrollment, "return/")
    assert codes.used(code) == 0


def test_an_expired_hold_gives_its_use_back_by_itself(standin: Standin) -> None:
    code, enrollment = a_code(limit=1), a_seat()
    redeem(enrollment, code)
    at_the_page(enrollment)
    standin.control("clock", advance=AFTER_THE_HOLD.total_seconds())
    sweeps.release_overdue_holds(now=now() + AFTER_THE_HOLD)
    assert refreshed(enrollment).status == "expired"
    assert codes.used(code) == 0
    assert redeem(a_seat(), code).off_cents == 7_475


def test_a_use_that_was_paid_counts_for_good(standin: Standin) -> None:
    code, enrollment = a_code(limit=1), a_seat()
    redeem(enrollment, code)
    a_payment(standin, enrollment)
    Enrollment.objects.filter(pk=enrollment.pk).update(status="withdrawn")
    assert codes.used(code) == 1
    assert refusal(a_seat(), code) == codes.USED_UP


# --- The desk -----------------------------------------------------------------------------

NEW = "/money/codes/new/"


def typed(**changes: Any) -> dict[str, Any]:
    return {"code": "autumn-10", "kind": "percent", "percent": "10", **changes}


def test_a_code_is_looked_at_and_then_made() -> None:
    desk = at_the_desk()
    look = desk.post(NEW, typed(limit="20"))
    assert "In a group of $299.00: From week 1 on: $269.10" in said(look)
    assert PromotionCode.objects.count() == 0
    assert desk.post(NEW, typed(limit="20", confirm="1"))["Location"] == "/money/codes/"
    code = PromotionCode.objects.get()
    assert (code.code, code.percent_off, code.limit) == ("AUTUMN-10", 10, 20)
    assert AuditEntry.objects.filter(action=Action.CODE_MADE, subject_id=str(code.pk)).exists()
    assert "AUTUMN-10 10% off Everything 0 of 20" in said(desk.get("/money/codes/"))


def test_a_second_press_makes_no_second_code() -> None:
    desk = at_the_desk()
    replies = [desk.post(NEW, typed(confirm="1")) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [302, 422]
    assert "There is a code of this name already" in said(replies[1])
    assert AuditEntry.objects.filter(action=Action.CODE_MADE).count() == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("code", "a b", "4 to 24 letters"),
        ("code", "AUTUMN_10", "4 to 24 letters"),
        ("kind", "", "Choose a part or an amount."),
        ("percent", "101", "Enter a whole number from 1 to 100."),
        ("percent", "", "Enter how many percent it takes off."),
        ("limit", "0", "Enter 1 or more."),
        ("expires_on", "2020-01-01", "not over"),
        ("expires_on", "9999-12-31", "this century"),
        ("cohort", "9" * 30, "Choose one of those that are listed."),
    ],
)
def test_a_mistake_is_named_at_its_field(field: str, value: str, words: str) -> None:
    reply = at_the_desk().post(NEW, typed(**{field: value}))
    assert reply.status_code == 422
    assert words in " ".join(reply.context["form"].errors[field])


@pytest.mark.parametrize(
    ("dollars", "cents"), [("49.5", 4_950), ("$1,000.01", 100_001), ("0.01", 1), ("19.99", 1_999)]
)
def test_dollars_are_read_to_the_cent(dollars: str, cents: int) -> None:
    at_the_desk().post(NEW, typed(kind="amount", amount=dollars, confirm="1"))
    assert PromotionCode.objects.get().amount_off_cents == cents


@pytest.mark.parametrize(
    "dollars", ["49.999", "NaN", "1e2", "1e9", "ten", "-5", "0", "49,50", "1,00", "$"]
)
def test_what_are_no_dollars_is_refused(dollars: str) -> None:
    reply = at_the_desk().post(NEW, typed(kind="amount", amount=dollars, confirm="1"))
    assert (reply.status_code, list(reply.context["form"].errors)) == (422, ["amount"])


def test_the_last_day_ends_at_the_readers_midnight() -> None:
    desk = at_the_desk()
    day = (now() + 30 * DAY).date()
    desk.post(NEW, typed(expires_on=day.isoformat(), confirm="1"))
    expires = PromotionCode.objects.get().expires_at
    assert expires is not None
    assert expires > now() + 29 * DAY
    midnight = dt.datetime.combine(day + DAY, dt.time(), tzinfo=dt.UTC)
    assert abs(expires - midnight) <= 14 * dt.timedelta(hours=1)


def test_ending_a_code_says_what_it_does_first() -> None:
    code, enrollment = a_code("GOING", limit=5), a_seat()
    redeem(enrollment, code)
    desk, here = at_the_desk(), f"/money/codes/{code.pk}/end/"
    words = said(desk.get(here))
    assert "was used 1 of 5 times" in words
    assert "1 person has typed it and not paid yet." in words
    codes.give_back(whose=Q(pk=enrollment.pk), now=now())
    stale = desk.post(here, {"seen": "1-1"})
    assert (stale.status_code, refreshed_code(code).ended_at) == (409, None)
    for _ in range(2):
        assert desk.post(here, {"seen": "0-0"})["Location"] == "/money/codes/"
    assert refreshed_code(code).ended_at is not None
    assert AuditEntry.objects.filter(action=Action.CODE_ENDED).count() == 1


def test_a_code_is_ended_once() -> None:
    code, actor = a_code(), a_member()
    assert [codes.end_code(code=code, actor=actor, now=now()) for _ in range(2)] == [True, False]
    assert AuditEntry.objects.filter(action=Action.CODE_ENDED).count() == 1


def refreshed_code(code: PromotionCode) -> PromotionCode:
    code.refresh_from_db()
    return code


def test_the_list_asks_the_same_however_many_codes_there_are(
    django_assert_max_num_queries: Any,
) -> None:
    desk = at_the_desk()
    desk.get("/money/codes/")
    counts = []
    for _ in range(2):
        for _ in range(2):
            redeem(a_seat(), a_code(cohort=None))
        with django_assert_max_num_queries(10) as asked:
            desk.get("/money/codes/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("typed", ["AB\0CD", "\ud83d\ude00AB", "ÄBCDE", "ABC", "A" * 25, "ß" * 10])
def test_what_no_code_can_look_like_is_unknown_and_the_database_is_not_asked(typed: str) -> None:
    seat = a_seat()
    with pytest.raises(codes.CodeRefused, match=codes.UNKNOWN):
        codes.redeem(whose=Q(pk=seat.pk), typed=typed, now=now())
