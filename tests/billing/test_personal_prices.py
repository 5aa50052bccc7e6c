"""A price for one person: what it means, how it is given, how it ends."""

import re
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Action, AuditEntry
from billing import checkout, personal_prices, prices
from billing.models import CheckoutAttempt, PersonalPrice
from enrollment import services
from enrollment.agreements import CURRENT
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from sessions.models import Cohort
from sessions.pricing import format_money, price_from_week
from tests.billing import moving
from tests.billing.builders import (
    MINUTE,
    a_group,
    a_payment,
    a_seat,
    at_the_page,
    now,
    refreshed,
)
from tests.billing.decided import a_paid_seat
from tests.billing.people import at_the_desk
from tests.billing.pricing import a_price
from tests.billing.test_codes import said
from tests.billing.test_pay_page import signed_in, url
from tests.billing.test_replaced_pages import a_replaced_page
from tests.enrollment.builders import NOW, a_member
from tests.enrollment.test_waitlist import an_offer

pytestmark = pytest.mark.django_db


def offered(enrollment: Enrollment) -> int:
    return prices.offer(enrollment, now()).cents


@pytest.mark.parametrize("first_week", [1, 5, 9])
def test_who_joins_later_pays_the_part_from_their_first_week(first_week: int) -> None:
    enrollment = a_seat()
    a_price(enrollment.member, 10_000)
    Enrollment.objects.filter(pk=enrollment.pk).update(
        first_week=first_week, price_cents=price_from_week(29_900, first_week)
    )
    assert offered(enrollment) == {1: 10_000, 5: 6_667, 9: 3_333}[first_week]


def test_it_is_what_is_paid_and_stands_in_the_enrolment(standin: Standin) -> None:
    enrollment = a_seat()
    a_price(enrollment.member, 12_345)
    assert a_payment(standin, enrollment).amount_cents == 12_345
    after = refreshed(enrollment)
    assert (after.price_cents, after.list_price_cents) == (12_345, 29_900)
    assert after.price_words == "A price of your own."


def test_it_holds_for_its_group_and_for_its_person_only() -> None:
    group, person = a_group(), a_member()
    a_price(person, 10_000, group)
    assert offered(a_seat(group, person)) == 10_000
    assert offered(a_seat(member=person)) == 29_900
    assert offered(a_seat(group)) == 29_900


def test_of_two_prices_the_lower_one_wins() -> None:
    group, person = a_group(), a_member()
    a_price(person, 10_000, group)
    a_price(person, 8_000)
    assert offered(a_seat(group, person)) == 8_000


def test_it_never_makes_a_group_dearer() -> None:
    enrollment = a_seat(a_group(price_cents=5_000))
    a_price(enrollment.member, 10_000)
    price = prices.offer(enrollment, now())
    assert (price.cents, price.words, price.source) == (5_000, "", "list")


def test_a_price_that_is_ended_holds_no_more(standin: Standin) -> None:
    enrollment = a_seat()
    given = a_price(enrollment.member, 10_000)
    assert personal_prices.end(price=given, actor=a_member(), now=now())
    assert not personal_prices.end(price=given, actor=a_member(), now=now())
    assert offered(enrollment) == 29_900
    a_price(enrollment.member, 9_000)
    assert offered(enrollment) == 9_000


def test_what_was_paid_stays_as_it_is(standin: Standin) -> None:
    enrollment = a_seat()
    a_payment(standin, enrollment)
    a_price(enrollment.member, 0)
    assert refreshed(enrollment).price_cents == 29_900
    assert prices.standing_price(refreshed(enrollment), now()).cents == 29_900


@pytest.mark.parametrize("which", ["group", "any"])
def test_one_price_at_a_time_for_the_same(which: str) -> None:
    group, person = a_group(), a_member()
    cohort = group if which == "group" else None
    a_price(person, 10_000, cohort)
    with pytest.raises(personal_prices.HasOne):
        a_price(person, 5_000, cohort)
    assert PersonalPrice.objects.get().price_cents == 10_000
    assert AuditEntry.objects.filter(action=Action.PRICE_GIVEN).count() == 1


def test_an_offer_asks_one_question() -> None:
    enrollment = a_seat()
    a_price(enrollment.member, 10_000)
    a_price(enrollment.member, 10_000, enrollment.cohort)
    with CaptureQueriesContext(connection) as asked:
        prices.offer(enrollment, now())
    assert len(asked) == 1


def test_a_price_is_agreed_on_for_a_kept_seat_only(standin: Standin) -> None:
    enrollment = a_seat()
    a_payment(standin, enrollment)
    assert not services.set_price(
        enrollment_id=enrollment.pk, price_cents=1, off_cents=1, words="No."
    )
    assert refreshed(enrollment).price_cents == 29_900


# --- The desk -----------------------------------------------------------------------------


def typed(**changes: Any) -> dict[str, Any]:
    return {"price": "100", "cohort": "", "reason": "A hard year.", **changes}


def here(person: Any) -> str:
    return f"/money/prices/for/{person.pk}/"


def test_somebody_is_found_by_name_or_address() -> None:
    person = a_member("river.okafor@example.org", display_name="Samira")
    desk = at_the_desk()
    for words in ("samira", "OKAFOR@example", "  river  "):
        assert here(person) in desk.get("/money/prices/", {"q": words}).content.decode()
    nobody = desk.get("/money/prices/", {"q": "no-such-person"})
    assert "Nobody has this in their name or address." in said(nobody)


def test_a_price_is_looked_at_and_then_given() -> None:
    group, person = a_group(admission=Cohort.Admission.MODULE_STARTS), a_member()
    desk = at_the_desk()
    look = said(desk.post(here(person), typed(cohort=group.pk)))
    assert "$100.00 for 12 sessions about $8.33 for each" in look
    assert "From week 5 on: $66.67 instead of $199.33" in look
    assert PersonalPrice.objects.count() == 0
    reply = desk.post(here(person), typed(cohort=group.pk, confirm="1"))
    assert reply["Location"] == "/money/prices/"
    given = PersonalPrice.objects.get()
    assert (given.member, given.cohort, given.price_cents) == (person, group, 10_000)
    entry = AuditEntry.objects.get(action=Action.PRICE_GIVEN)
    assert (entry.subject_id, entry.actor) == (str(given.pk), given.given_by)
    assert "$100.00 " in said(desk.get("/money/prices/"))


def test_a_second_press_gives_nothing_twice() -> None:
    person, desk = a_member(), at_the_desk()
    replies = [desk.post(here(person), typed(confirm="1")) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [302, 422]
    assert "They have a price for this already. End that one first." in said(replies[1])
    assert "A hard year." in replies[1].content.decode()


def test_the_preview_names_a_seat_that_is_kept_now(standin: Standin) -> None:
    desk, waiting, attempt = at_the_desk(), a_seat(), at_the_page()
    assert "They see the new price before they pay." in said(
        desk.post(here(waiting.member), typed())
    )
    assert "Its price of $299.00 is agreed on already, and stays." in said(
        desk.post(here(attempt.enrollment.member), typed())
    )


@pytest.mark.parametrize("how", ["replaced", "moving"])
def test_what_is_agreed_on_already_is_told_as_such(standin: Standin, how: str) -> None:
    """A page that gave way can be paid for a while; of a move the price was agreed to at first."""
    if how == "replaced":
        kept = a_replaced_page(standin, "500")
        CheckoutAttempt.objects.filter(status="open").update(status="failed")
        when = now()
    else:
        kept = moving.start(a_paid_seat(), moving.a_group_for(39_900)).target
        when = moving.NOW
    words = f"Its price of {format_money(kept.price_cents, 'usd')} is agreed on already, and stays."
    with time_machine.travel(when, tick=False):
        assert words in said(at_the_desk().post(here(kept.member), typed()))
        price = a_price(kept.member, 10_000)
        end = reverse("billing:price_end", args=[price.pk])
        assert words in said(at_the_desk().get(end))
    if how == "replaced":
        with time_machine.travel(when + checkout.PAGE_LIFE + MINUTE, tick=False):
            assert words not in said(at_the_desk().post(here(kept.member), typed()))


def test_the_preview_asks_the_same_however_many_seats_are_kept() -> None:
    member, counts = a_member(), []
    for _ in range(2):
        a_seat(a_group(), member)
        with CaptureQueriesContext(connection) as asked:
            shown = personal_prices.means(member=member, cohort=None, price_cents=1, now=now())
        counts.append((len(asked), len(shown.held)))
    assert counts == [(2, 1), (2, 2)]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("price", "", "This field is required."),
        ("price", "-1", "Enter 0 or more."),
        ("price", "12.345", "dollars and cents"),
        ("price", "twelve", "in dollars"),
        ("price", "NaN", "in dollars"),
        ("reason", "", "This field is required."),
        ("cohort", "9" * 30, "Choose one of those that are listed."),
    ],
)
def test_a_mistake_is_named_at_its_field(field: str, value: str, words: str) -> None:
    reply = at_the_desk().post(here(a_member()), typed(**{field: value}))
    assert reply.status_code == 422
    assert words in " ".join(reply.context["form"].errors[field])
    assert re.search(r'value="100"|A hard year', reply.content.decode())


def test_a_price_that_is_no_lower_is_refused() -> None:
    reply = at_the_desk().post(here(a_member()), typed(price="299", cohort=a_group().pk))
    assert "not less than the list price" in said(reply)


def test_ending_a_price_says_what_it_does_first() -> None:
    enrollment = a_seat()
    given = a_price(enrollment.member, 0)
    desk, end = at_the_desk(), f"/money/prices/{given.pk}/end/"
    assert "A free place in any group." in said(desk.get(end))
    assert PersonalPrice.objects.get().ended_at is None
    for _ in range(2):
        assert desk.post(end)["Location"] == "/money/prices/"
    assert PersonalPrice.objects.get().ended_at is not None
    assert AuditEntry.objects.filter(action=Action.PRICE_ENDED).count() == 1
    assert "Ended" in said(desk.get("/money/prices/"))


def test_the_list_asks_the_same_however_many_prices_there_are(
    django_assert_max_num_queries: Any,
) -> None:
    desk, counts = at_the_desk(), []
    desk.get("/money/prices/")
    for _ in range(2):
        for _ in range(2):
            a_price(a_member(), 100, a_group())
        with django_assert_max_num_queries(10) as asked:
            desk.get("/money/prices/", {"q": "example"})
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_reason_is_never_shown_to_the_member(standin: Standin) -> None:
    enrollment = a_seat()
    a_price(enrollment.member, 10_000)
    client = signed_in(enrollment.member)
    assert "hard year" not in said(client.get(url(enrollment)))
    checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    assert "hard year" not in str(standin.requests)


def test_a_price_in_any_group_is_shown_as_the_most_that_counts() -> None:
    look = said(at_the_desk().post(here(a_member()), typed(price="400")))
    assert "From week 1 on: $400.00 or what the group costs, if that is less" in look


def test_an_offered_seat_names_the_price_that_will_be_asked() -> None:
    with time_machine.travel(NOW, tick=False):
        one = an_offer(None, now=NOW)
        a_price(one.member, 9_900)
        client = signed_in(one.member)
        assert "It costs $99.00 for 12 sessions (A price of your own.)." in said(
            client.get(reverse("enrollment:offer", args=[one.public_id]))
        )
        client.post(
            reverse("enrollment:offer", args=[one.public_id]), {each.kind: "on" for each in CURRENT}
        )
        assert "$99.00" in said(client.get(reverse("billing:pay", args=[one.public_id])))


def test_who_is_offered_a_free_place_reads_of_no_payment() -> None:
    with time_machine.travel(NOW, tick=False):
        one = an_offer(None, now=NOW)
        a_price(one.member, 0)
        page = said(signed_in(one.member).get(reverse("enrollment:offer", args=[one.public_id])))
        assert "It is free for you." in page
        assert "$299.00" not in page
        assert "pay" not in page.split("What happens next")[1].split("Meeting online")[0]
