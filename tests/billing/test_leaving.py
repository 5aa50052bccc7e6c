"""Leaving: what is shown beforehand is what happens, once, by the policy that was agreed to."""

import uuid
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import leaving, refunds
from billing.models import Instalment, Payment, PaymentPlan, Refund, RefundDecision
from billing.policy import Basis, Terms, in_words
from billing.rehearsals import Impossible
from enrollment.models import Enrollment
from outbox.models import Message
from outbox.services import deliver_due
from tests.billing.builders import mails, refreshed, seat_of
from tests.billing.decided import (
    PRICE,
    WEEK,
    a_paid_seat,
    after,
    decide,
    fail,
    go_through,
    look,
)
from tests.billing.moving import a_group_for, start
from tests.billing.papers import signed_in
from tests.billing.people import at_the_desk
from tests.billing.test_refund_pages import hidden
from tests.enrollment.builders import a_confirmed_seat
from tests.enrollment.pages import said

pytestmark = pytest.mark.django_db
NOW = after(3)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def page_of(enrollment: Enrollment) -> str:
    return reverse("billing:leave", args=[enrollment.public_id])


def group_of(enrollment: Enrollment) -> str:
    return said(signed_in(enrollment.member).get(enrollment.get_absolute_url()))


def test_everything_is_said_before_anything_happens() -> None:
    enrollment = a_paid_seat()
    shown = signed_in(enrollment.member).get(page_of(enrollment))
    words = said(shown)
    for part in (
        "You get $224.25 back",
        "3 of 12 sessions were held",
        "-$74.75",
        "It ends at once",
        "9 sessions would still have come",
        "Your refund of $224.25 is on its way",
        "Leave and get $224.25 back",
    ):
        assert part in words
    assert (refreshed(enrollment).status, Refund.objects.count()) == ("active", 0)


def test_pressed_the_seat_is_free_and_the_money_on_its_way() -> None:
    enrollment = a_paid_seat()
    client = signed_in(enrollment.member)
    reply = client.post(page_of(enrollment), hidden(client.get(page_of(enrollment))))
    assert reply.url == enrollment.get_absolute_url()  # type: ignore[attr-defined]
    assert (refreshed(enrollment).status, seat_of(enrollment)) == ("withdrawn", None)
    decision = RefundDecision.objects.get()
    assert (decision.by_member, decision.needs_second, decision.status) == (True, False, "done")
    assert (decision.basis, decision.amount_cents) == ("policy", 22_425)
    refund = Refund.objects.get()
    assert (refund.amount_cents, refund.reason, refund.actor) == (
        22_425,
        "policy",
        enrollment.member,
    )
    assert "You have left the group. $224.25 is on its way back to you." in said(
        client.get(reply.url)  # type: ignore[attr-defined]
    )


def test_above_the_limit_of_one_person_the_policy_still_decides() -> None:
    enrollment = a_paid_seat(90_000)
    assert look(enrollment, leaving.WISH, NOW).needs_second
    client = signed_in(enrollment.member)
    client.post(page_of(enrollment), hidden(client.get(page_of(enrollment))))
    assert RefundDecision.objects.get().status == "done"


def test_what_members_took_by_themselves_does_not_count_for_the_desks_limit() -> None:
    enrollment = a_paid_seat(60_000)
    client = signed_in(enrollment.member)
    client.post(page_of(enrollment), hidden(client.get(page_of(enrollment))))
    assert decide(enrollment, basis=Basis.AMOUNT, amount=5_000).status == "done"


def test_pressed_twice_it_is_done_once() -> None:
    enrollment = a_paid_seat()
    client = signed_in(enrollment.member)
    form = hidden(client.get(page_of(enrollment)))
    replies = [client.post(page_of(enrollment), form) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [302, 302]
    assert (RefundDecision.objects.count(), Refund.objects.count()) == (1, 1)


def test_a_session_that_ended_meanwhile_is_said_with_the_new_amount(
    clock: time_machine.Traveller,
) -> None:
    enrollment = a_paid_seat()
    form = hidden(signed_in(enrollment.member).get(page_of(enrollment)))
    clock.move_to(after(4))
    reply = signed_in(enrollment.member).post(page_of(enrollment), form)
    words = said(reply)
    assert reply.status_code == 409
    assert "4 sessions were held by now, not 3." in words
    assert "Leave and get $199.33 back" in words
    assert refreshed(enrollment).status == "active"


def test_a_refund_at_the_desk_meanwhile_is_said() -> None:
    enrollment = a_paid_seat()
    client = signed_in(enrollment.member)
    form = hidden(client.get(page_of(enrollment)))
    decide(enrollment, basis=Basis.AMOUNT, amount=10_000)
    reply = client.post(page_of(enrollment), form)
    assert reply.status_code == 409
    assert "It comes to $124.25, not $224.25." in said(reply)


def test_with_nothing_to_get_back_one_can_still_leave_and_is_told_so() -> None:
    enrollment = a_paid_seat()
    decide(enrollment, basis=Basis.AMOUNT, amount=22_425)
    client = signed_in(enrollment.member)
    shown = client.get(page_of(enrollment))
    words = said(shown)
    assert "You get nothing back" in words
    assert "ask us for more" in words
    client.post(page_of(enrollment), hidden(shown))
    assert refreshed(enrollment).status == "withdrawn"
    assert mails("seat-freed") == 1


def test_whoever_paid_nothing_leaves_as_well() -> None:
    enrollment = a_confirmed_seat()
    client = signed_in(enrollment.member)
    client.post(page_of(enrollment), hidden(client.get(page_of(enrollment))))
    assert refreshed(enrollment).status == "withdrawn"


def test_open_parts_come_off() -> None:
    enrollment = a_paid_seat(10_000)
    PaymentPlan.objects.create(enrollment=enrollment, made_at=NOW)
    part = Instalment.objects.create(
        enrollment=enrollment,
        number=2,
        amount_cents=9_950,
        currency="usd",
        due_at=NOW + WEEK,
        next_try_at=NOW + WEEK,
    )
    client = signed_in(enrollment.member)
    shown = client.get(page_of(enrollment))
    assert "Part 2: $99.50, due on Tuesday, October 27: it is not asked for any more." in said(
        shown
    )
    client.post(page_of(enrollment), hidden(shown))
    part.refresh_from_db()
    assert part.status == "cancelled"


@pytest.mark.parametrize("status", ["grace", "suspended"])
def test_whoever_is_behind_can_leave(status: str) -> None:
    enrollment = a_paid_seat()
    Enrollment.objects.update(status=status)
    client = signed_in(enrollment.member)
    client.post(page_of(enrollment), hidden(client.get(page_of(enrollment))))
    assert refreshed(enrollment).status == "withdrawn"


def test_while_a_second_person_is_asked_it_waits() -> None:
    enrollment = a_paid_seat(90_000)
    decide(enrollment, basis=Basis.AMOUNT, amount=40_000)
    words = said(signed_in(enrollment.member).get(page_of(enrollment)))
    assert "We are deciding about a refund" in words
    assert "Leave and get" not in words


def test_while_a_move_waits_to_be_paid_nobody_leaves() -> None:
    enrollment = a_paid_seat()
    form = hidden(signed_in(enrollment.member).get(page_of(enrollment)))
    start(enrollment, a_group_for(PRICE))
    reply = signed_in(enrollment.member).post(page_of(enrollment), form)
    assert reply.status_code == 409
    assert "You are moving to another group" in said(reply)
    assert refreshed(enrollment).status == "active"


def test_a_payment_that_is_held_up_leads_to_a_person() -> None:
    enrollment = a_paid_seat()
    Payment.objects.update(stripe_payment_intent_id=None)
    with pytest.raises(Impossible, match="Ask us"):
        leaving.rehearse(enrollment=enrollment, now=NOW)


def test_a_press_that_no_page_made_shows_the_page() -> None:
    enrollment = a_paid_seat()
    client = signed_in(enrollment.member)
    for form in ({}, {"confirm": "x"}, {"confirm": str(uuid.uuid4()), "seen": "made up"}):
        assert client.post(page_of(enrollment), form).status_code in (200, 409)
    assert refreshed(enrollment).status == "active"


def test_whoever_has_left_is_led_to_their_group() -> None:
    enrollment = a_paid_seat()
    decide(enrollment, frees=True)
    reply = signed_in(enrollment.member).get(page_of(enrollment))
    assert reply.url == enrollment.get_absolute_url()  # type: ignore[attr-defined]


def test_staff_see_that_the_member_asked_and_decided() -> None:
    enrollment = a_paid_seat()
    client = signed_in(enrollment.member)
    client.post(page_of(enrollment), hidden(client.get(page_of(enrollment))))
    desk = at_the_desk()
    words = said(desk.get(reverse("billing:decision", args=[RefundDecision.objects.get().uuid])))
    assert "Asked and decided by the member, by the policy" in words
    assert "by the member, by the policy" in said(
        desk.get(reverse("billing:enrollment", args=[enrollment.public_id]))
    )


def test_the_mail_is_the_one_that_was_shown() -> None:
    enrollment = a_paid_seat()
    client = signed_in(enrollment.member)
    client.post(page_of(enrollment), hidden(client.get(page_of(enrollment))))
    go_through(Refund.objects.get())
    message = Message.objects.get(kind=refunds.REFUND_SENT)
    deliver_due(clock=lambda: NOW, limit=10)
    message.refresh_from_db()
    assert message.state == "sent"


def test_the_page_asks_as_often_for_three_payments_as_for_one() -> None:
    counts = []
    for parts in ((29_900,), (10_000, 10_000, 9_900)):
        enrollment = a_paid_seat(*parts)
        client = signed_in(enrollment.member)
        with CaptureQueriesContext(connection) as asked:
            client.get(page_of(enrollment))
        counts.append(len(asked))
    assert counts[0] == counts[1]


# --- What my group says -----------------------------------------------------------------


def test_my_group_has_the_three_ways_and_the_terms_that_were_agreed_to() -> None:
    words = group_of(a_paid_seat())
    for part in (
        "Leave the group",
        "Move to another group",
        "Ask a person",
        "Before your first session you get everything back.",
    ):
        assert part in words


def test_terms_with_days_and_a_fee_are_said_as_they_are() -> None:
    from datetime import timedelta

    terms = Terms("2030-01", full_until=timedelta(days=7), fee_cents=2_500)
    assert [" ".join(line) for line in in_words(terms)] == [
        "Until 7 days before your first session you get everything back.",
        "After that you get back the part for the sessions that have not been held yet, less a "
        "fee of $25.00.",
        "A session that we cancel and don\u2019t replace is always paid back.",
    ]


def test_a_refund_is_said_at_each_of_its_steps() -> None:
    enrollment = a_paid_seat()
    decide(enrollment, basis=Basis.AMOUNT, amount=10_000)
    refund = Refund.objects.get()
    assert "On its way: most banks take 5 to 10 days" in group_of(enrollment)
    go_through(refund)
    assert "Returned on Tuesday, October 20" in group_of(enrollment)
    fail(refund)
    assert "The bank sent it back to us" in group_of(enrollment)


def test_whoever_has_left_reads_what_became_of_the_money_before_the_sessions() -> None:
    enrollment = a_paid_seat()
    client, mine = signed_in(enrollment.member), enrollment.get_absolute_url()
    before = said(client.get(mine))
    assert before.index("All sessions") < before.index("Payment")
    client.post(page_of(enrollment), hidden(client.get(page_of(enrollment))))
    after = said(client.get(mine))
    assert after.index("Payment") < after.index("All sessions")
    assert after.count("Receipt and other papers") == 1
