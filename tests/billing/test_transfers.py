"""Moving to another group: the credit, the rest, what is left over, and what stands in the way."""

import datetime as dt
import uuid
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import facts, ledger, rehearsals, sweeps, transfers
from billing.decisions import ChangedMeanwhile
from billing.models import (
    Instalment,
    LedgerEntry,
    Payment,
    PaymentPlan,
    Refund,
    RefundDecision,
    Transfer,
)
from billing.policy import Basis
from billing.rehearsals import Impossible, Wish
from enrollment import portal
from enrollment.agreements import CURRENT
from enrollment.models import Consent, Enrollment, Seat
from enrollment.refusals import GroupFull
from outbox.models import Message
from tests.billing.builders import mails, refreshed, seat_of
from tests.billing.decided import PRICE, WEEK, a_paid_seat, after, decide, go_through
from tests.billing.moving import (
    CREDIT,
    NOW,
    a_group_for,
    at_the_page,
    balances,
    look,
    paid_there,
    reserved,
    start,
)
from tests.billing.papers import signed_in
from tests.billing.people import at_the_desk
from tests.billing.pricing import a_price
from tests.billing.test_refund_pages import hidden
from tests.enrollment.builders import a_cohort, a_confirmed_seat
from tests.enrollment.pages import said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_sessions_later() -> Any:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


# --- Looking ----------------------------------------------------------------------------


def test_the_credit_is_what_the_sessions_left_are_worth() -> None:
    found = look(a_paid_seat(), a_group_for(PRICE))
    assert [(line.label, line.cents) for line in found.credit.lines] == [
        ("Paid", PRICE),
        ("3 of 12 sessions were held", -7_475),
    ]
    assert (found.credit.cents, found.due_cents, found.back_cents) == (CREDIT, 7_475, 0)


def test_before_the_first_session_all_of_it_counts() -> None:
    now = after(1) - WEEK
    found = look(a_paid_seat(), a_group_for(20_000), now)
    assert (found.credit.cents, found.due_cents, found.back_cents) == (PRICE, 0, 9_900)


def test_a_price_of_their_own_counts_in_the_other_group_too() -> None:
    source = a_paid_seat()
    a_price(source.member, 10_000)
    found = look(source, a_group_for(PRICE))
    assert (found.price.cents, found.back_cents) == (10_000, CREDIT - 10_000)


def test_less_than_a_card_can_pay_is_waived() -> None:
    source, cohort = a_paid_seat(), a_group_for(CREDIT + 49)
    found = look(source, cohort)
    assert (found.waived, found.due_cents, found.back_cents) == (49, 0, 0)
    target = refreshed(start(source, cohort).target)
    assert (target.price_cents, target.off_cents, target.status) == (CREDIT, 49, "active")
    assert target.price_words == "$0.49 is waived."
    assert balances(source, target) == [7_475, CREDIT]


def test_fifty_cents_are_to_be_paid() -> None:
    assert look(a_paid_seat(), a_group_for(CREDIT + 50)).due_cents == 50


# --- At once ----------------------------------------------------------------------------


def test_a_group_that_costs_less_is_moved_to_at_once_and_the_rest_goes_back() -> None:
    source = a_paid_seat()
    transfer = start(source, a_group_for(20_000))
    target = transfer.target
    assert (refreshed(source).status, refreshed(target).status) == ("withdrawn", "active")
    assert (seat_of(source), seat_of(target) is not None) == (None, True)
    assert portal.how_it_ended([refreshed(source)]) == {source.pk: "You moved to another group"}
    assert balances(source, target) == [PRICE - 20_000, 20_000]
    decision = RefundDecision.objects.get()
    assert (decision.basis, decision.amount_cents, decision.by_member) == ("move", 2_425, True)
    refund = Refund.objects.get()
    assert (refund.enrollment, refund.amount_cents, refund.reason) == (source, 2_425, "move")
    go_through(refund)
    assert balances(source, target) == [7_475, 20_000]


def test_the_credit_moves_by_two_lines_that_name_the_move() -> None:
    transfer = start(a_paid_seat(), a_group_for(CREDIT))
    lines = LedgerEntry.objects.filter(kind="credit").order_by("amount_cents")
    assert [(line.key, line.amount_cents) for line in lines] == [
        (f"transfer:{transfer.uuid}:out", -CREDIT),
        (f"transfer:{transfer.uuid}:in", CREDIT),
    ]
    assert not Refund.objects.exists()


def test_one_mail_tells_of_the_move_and_none_of_a_confirmed_seat() -> None:
    source = a_paid_seat()
    before = mails("seat-confirmed")
    transfer = start(source, a_group_for(20_000))
    assert (mails("moved"), mails("seat-confirmed")) == (1, before)
    assert Message.objects.get(kind="moved").subject_id == transfer.target_id


def test_the_agreements_are_recorded_anew() -> None:
    transfer = start(a_paid_seat(), a_group_for(20_000))
    assert Consent.objects.filter(enrollment=transfer.target).count() == 5


def test_the_same_page_pressed_twice_moves_once() -> None:
    source, cohort, key = a_paid_seat(), a_group_for(20_000), uuid.uuid4()
    shown = look(source, cohort)
    first = start(source, cohort, seen=shown, key=key)
    assert start(source, cohort, seen=shown, key=key) == first
    assert Enrollment.objects.filter(member=source.member).count() == 2


def test_a_page_that_holds_no_more_says_what_is_different() -> None:
    source, cohort = a_paid_seat(), a_group_for(20_000)
    shown = look(source, cohort)
    with pytest.raises(ChangedMeanwhile) as error:
        start(source, cohort, now=after(4), seen=shown)
    assert error.value.words == ["Your sessions left here are worth $199.33, not $224.25."]
    assert not Transfer.objects.exists()


def test_a_full_group_leaves_everything_as_it_was() -> None:
    source, cohort = a_paid_seat(), a_group_for(20_000, capacity=1)
    shown = look(source, cohort)
    a_confirmed_seat(cohort=cohort, now=NOW)
    with pytest.raises(GroupFull):
        start(source, cohort, seen=shown)
    assert (refreshed(source).status, balances(source)) == ("active", [PRICE])


# --- With something to pay --------------------------------------------------------------


def test_the_new_seat_is_kept_and_the_credit_reserved_until_the_rest_is_paid() -> None:
    source = a_paid_seat()
    transfer = start(source, a_group_for(PRICE))
    assert (transfer.state, transfer.target.status) == ("open", "held")
    assert (refreshed(source).status, facts.money_of(source).left) == ("active", PRICE - CREDIT)
    assert at_the_page(transfer).amount_cents == 7_475


def test_when_the_rest_is_paid_they_have_moved() -> None:
    source = a_paid_seat()
    transfer = start(source, a_group_for(PRICE))
    assert not paid_there(at_the_page(transfer))
    target = refreshed(transfer.target)
    assert (refreshed(source).status, target.status) == ("withdrawn", "active")
    assert balances(source, target) == [7_475, PRICE]
    assert Transfer.objects.get().state == "done"
    assert mails("moved") == 1


def test_unpaid_the_move_ends_and_nothing_has_changed() -> None:
    source = a_paid_seat()
    transfer = start(source, a_group_for(PRICE))
    sweeps.release_overdue_holds(now=NOW + dt.timedelta(minutes=16))
    assert Transfer.objects.get().state == "ended"
    assert (refreshed(transfer.target).status, refreshed(source).status) == ("expired", "active")
    assert facts.money_of(source).left == PRICE
    assert start(source, a_group_for(20_000)).state == "done"


def test_paid_after_it_ended_the_money_goes_back_and_nothing_moves() -> None:
    source = a_paid_seat()
    transfer = start(source, a_group_for(PRICE))
    attempt = at_the_page(transfer)
    Transfer.objects.update(state="ended")
    assert paid_there(attempt)
    assert (refreshed(source).status, refreshed(transfer.target).status) == ("active", "cancelled")
    refund = Refund.objects.get()
    assert (refund.amount_cents, refund.reason) == (7_475, "no_move")
    assert not LedgerEntry.objects.filter(kind="credit").exists()


def test_when_the_desk_took_the_old_seat_meanwhile_the_payment_goes_back() -> None:
    source = a_paid_seat()
    transfer = start(source, a_group_for(PRICE))
    attempt = at_the_page(transfer)
    decide(source, basis=Basis.AMOUNT, amount=0, frees=True)
    assert paid_there(attempt)
    assert Refund.objects.get().reason == "no_move"
    assert (Transfer.objects.get().state, seat_of(transfer.target)) == ("ended", None)


def test_when_the_credit_is_gone_the_payment_goes_back() -> None:
    source = a_paid_seat()
    transfer = start(source, a_group_for(PRICE))
    attempt = at_the_page(transfer)
    ledger.post(
        enrollment_id=source.pk,
        kind=LedgerEntry.Kind.DISPUTE,
        amount_cents=-PRICE,
        currency="usd",
        key="dispute:test",
        at=NOW,
    )
    assert paid_there(attempt)
    assert refreshed(source).status == "active"


def test_the_desk_can_give_back_only_what_is_not_reserved() -> None:
    source = a_paid_seat()
    start(source, a_group_for(PRICE))
    with pytest.raises(Impossible, match=r"which is \$74.75"):
        rehearsals.rehearse(enrollment=source, wish=Wish(Basis.AMOUNT, 7_476), now=NOW)
    by_policy = rehearsals.computed_by(enrollment=source, now=NOW)[Basis.POLICY]
    assert by_policy.cents == 0
    assert by_policy.lines[-1].label == "Kept for the move to another group"


def test_a_second_move_waits_for_the_first() -> None:
    source = a_paid_seat()
    start(source, a_group_for(PRICE))
    with pytest.raises(Impossible, match="already"):
        look(source, a_group_for(20_000))


def test_they_can_stay_after_all_while_no_payment_page_is_open() -> None:
    source = a_paid_seat()
    transfer = start(source, a_group_for(PRICE))
    assert transfers.stop(transfer=transfer, actor=source.member, now=NOW)
    assert (Transfer.objects.get().state, seat_of(transfer.target)) == ("ended", None)
    other = start(source, a_group_for(PRICE))
    at_the_page(other)
    assert not transfers.stop(transfer=other, actor=source.member, now=NOW)
    assert refreshed(other).state == "open"  # type: ignore[type-var]


# --- Who cannot -------------------------------------------------------------------------


def test_with_open_parts_moving_is_not_offered() -> None:
    source = a_paid_seat(10_000)
    PaymentPlan.objects.create(enrollment=source, made_at=NOW)
    Instalment.objects.create(
        enrollment=source, number=2, amount_cents=9_950, currency="usd", due_at=NOW + WEEK
    )
    assert transfers.obstacle(source, NOW) == transfers.PARTS_OPEN


def test_whoever_has_left_or_has_no_session_ahead_cannot_move() -> None:
    source = a_paid_seat()
    assert transfers.obstacle(source, after(12)) == transfers.ALL_HELD
    decide(source, frees=True)
    assert transfers.obstacle(refreshed(source), NOW) == transfers.NOT_CONFIRMED


def test_only_groups_that_fit_are_listed() -> None:
    source = a_paid_seat()
    fits = a_group_for()
    a_group_for(admitted_states=["TX"])
    a_group_for(currency="eur")
    a_confirmed_seat(cohort=a_group_for(capacity=1), now=NOW)
    a_confirmed_seat(cohort=a_group_for(), member=source.member, now=NOW)
    assert [card.cohort for card in transfers.groups(source, NOW)] == [fits]


# --- Money afterwards -------------------------------------------------------------------


def test_a_refund_of_the_new_seat_draws_on_its_own_payment_then_on_the_old_one() -> None:
    source = a_paid_seat()
    transfer = start(source, a_group_for(PRICE))
    paid_there(at_the_page(transfer))
    target = refreshed(transfer.target)
    decide(target, basis=Basis.AMOUNT, amount=10_000, frees=False, now=NOW)
    assert (reserved(target), reserved(source)) == ([7_475], [2_525])
    decide(target, basis=Basis.AMOUNT, amount=PRICE - 10_000, now=NOW)
    assert (reserved(target), reserved(source)) == ([7_475], [CREDIT])
    assert (facts.money_of(target).left, facts.money_of(source).left) == (0, 7_475)
    with pytest.raises(Impossible):
        decide(target, basis=Basis.AMOUNT, amount=1, now=NOW)


def test_money_follows_through_two_moves() -> None:
    source = a_paid_seat()
    second = start(source, a_group_for(CREDIT)).target
    third = start(second, a_group_for(20_000)).target
    assert balances(source, second, third) == [7_475, CREDIT - 20_000, 20_000]
    for refund in Refund.objects.all():
        go_through(refund)
    assert balances(source, second, third) == [7_475, 0, 20_000]
    decide(third, basis=Basis.FULL, frees=True, now=NOW)
    assert reserved(source) == [PRICE - 7_475]


def test_what_they_get_back_when_they_leave_the_new_group_goes_by_its_price() -> None:
    source = a_paid_seat()
    transfer = start(source, a_group_for(PRICE))
    paid_there(at_the_page(transfer))
    target = refreshed(transfer.target)
    found = rehearsals.computed_by(enrollment=target, now=NOW)[Basis.POLICY]
    assert found.cents == PRICE


def test_all_balances_are_what_was_paid_less_what_went_back() -> None:
    source = a_paid_seat()
    start(source, a_group_for(15_000))
    for refund in Refund.objects.all():
        go_through(refund)
    total = LedgerEntry.objects.aggregate(cents=Sum("amount_cents"))["cents"]
    back = Refund.objects.aggregate(cents=Sum("amount_cents"))["cents"]
    assert total == Payment.objects.get().amount_cents - back


# --- Pages ------------------------------------------------------------------------------


def page_of(source: Enrollment, cohort: Any = None) -> str:
    if cohort is None:
        return reverse("billing:move", args=[source.public_id])
    return reverse("billing:move_to", args=[source.public_id, cohort.slug])


def test_the_page_says_every_amount_and_a_press_moves() -> None:
    source, cohort = a_paid_seat(), a_group_for(20_000)
    client = signed_in(source.member)
    assert "Thursday mornings" in said(client.get(page_of(source)))
    shown = client.get(page_of(source, cohort))
    words = said(shown)
    for part in ("$224.25", "$200.00", "$24.25", "Your group has changed", "Move now"):
        assert part in words
    form = hidden(shown)
    first, again = (client.post(page_of(source, cohort), form) for _ in range(2))
    target = Transfer.objects.get().target
    assert first.url == again.url == target.get_absolute_url()  # type: ignore[attr-defined]
    assert "Credit from your earlier group" in said(client.get(first.url))  # type: ignore[attr-defined]


def test_with_something_to_pay_a_press_leads_to_the_pay_page() -> None:
    source, cohort = a_paid_seat(), a_group_for(PRICE)
    client = signed_in(source.member)
    reply = client.post(page_of(source, cohort), hidden(client.get(page_of(source, cohort))))
    target = Transfer.objects.get().target
    assert reply.url == reverse("billing:pay", args=[target.public_id])  # type: ignore[attr-defined]
    words = said(client.get(reply.url))  # type: ignore[attr-defined]
    assert "Credit from your group" in words
    assert "-$224.25" in words
    assert "Pay $74.75" in words
    assert "code" not in words.lower().split("pay $74.75")[0].split("credit from")[1]


def test_a_stale_page_says_what_changed(three_sessions_later: time_machine.Traveller) -> None:
    source, cohort = a_paid_seat(), a_group_for(20_000)
    client = signed_in(source.member)
    form = hidden(client.get(page_of(source, cohort)))
    three_sessions_later.move_to(after(4))
    client = signed_in(source.member)
    reply = client.post(page_of(source, cohort), form)
    assert reply.status_code == 409
    assert "$199.33, not $224.25" in said(reply)


def test_changed_agreements_are_asked_again() -> None:
    source, cohort = a_paid_seat(), a_group_for(20_000)
    Consent.objects.filter(enrollment=source, kind="email").update(version="2020-01")
    client = signed_in(source.member)
    form = hidden(client.get(page_of(source, cohort)))
    assert client.post(page_of(source, cohort), form).status_code == 422
    ticked = form | dict.fromkeys([one.kind for one in CURRENT], "on")
    assert client.post(page_of(source, cohort), ticked).status_code == 302


def test_a_full_group_is_said_with_others(client: Client) -> None:
    source, cohort = a_paid_seat(), a_group_for(20_000, capacity=1)
    client = signed_in(source.member)
    form = hidden(client.get(page_of(source, cohort)))
    a_confirmed_seat(cohort=cohort, now=NOW)
    reply = client.post(page_of(source, cohort), form)
    assert reply.status_code == 409
    assert "stays yours" in said(reply)


def test_the_list_asks_as_often_for_three_groups_as_for_one() -> None:
    source = a_paid_seat()
    client = signed_in(source.member)
    counts = []
    for more in (1, 2):
        for _ in range(more):
            a_group_for()
        with CaptureQueriesContext(connection) as asked:
            client.get(page_of(source))
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_nobody_moves_to_their_own_group_or_a_draft() -> None:
    source = a_paid_seat()
    client = signed_in(source.member)
    assert client.get(page_of(source, source.cohort)).status_code == 404
    assert client.get(page_of(source, a_cohort(draft=True))).status_code == 404


def test_a_seat_is_there_for_everyone_who_has_one() -> None:
    transfer = start(a_paid_seat(), a_group_for(20_000))
    assert Seat.objects.filter(enrollment__isnull=False).get().enrollment == transfer.target


def test_the_desk_reads_what_is_kept_for_a_move_until_it_is_over() -> None:
    source = a_paid_seat()
    transfer = start(source, a_group_for())
    desk = at_the_desk()
    pages = [
        reverse(f"billing:{page}", args=[source.public_id]) for page in ("refund", "enrollment")
    ]
    words = (
        "They are moving to Thursday mornings: $224.25 of what they paid is kept for it until the "
        "rest, $74.75, is paid or the time for it is over"
    )
    for page in pages:
        assert words in said(desk.get(page)), page
    begun = "Began to move to Thursday mornings: $224.25 kept for it"
    assert begun in said(desk.get(pages[1]))
    assert transfers.stop(transfer=transfer, actor=source.member, now=NOW)
    for page in pages:
        assert "They are moving" not in said(desk.get(page)), page
    assert "It did not come about" in said(desk.get(pages[1]))
