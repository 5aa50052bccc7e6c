"""The refund desk in a browser without JavaScript: choose, look, press; a second person."""

import html
import re
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from billing import refunds
from billing.models import Payment, Refund, RefundDecision
from billing.policy import Basis
from billing.refund_forms import CentsField
from enrollment.models import Enrollment
from outbox.models import Message
from outbox.services import deliver_due
from tests.billing.builders import refreshed
from tests.billing.decided import (
    a_failed_refund,
    a_paid_seat,
    after,
    decide,
    fail,
    go_through,
    paid,
)
from tests.billing.people import a_billing_admin, at_the_desk
from tests.enrollment.builders import a_cohort, a_confirmed_seat
from tests.enrollment.pages import said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_sessions_later() -> Any:
    with time_machine.travel(after(3), tick=False):
        yield


@pytest.fixture
def kim() -> User:
    return a_billing_admin("Kim Ledger")


@pytest.fixture
def desk(kim: User) -> Client:
    return at_the_desk(kim)


def page_of(enrollment: Enrollment) -> str:
    return reverse("billing:refund", args=[enrollment.public_id])


def story_of(enrollment: Enrollment) -> str:
    return reverse("billing:enrollment", args=[enrollment.public_id])


def typed(**changes: str) -> dict[str, str]:
    return {"basis": "policy", "amount": "", "seat": "keep", "reason": "Moved away", **changes}


def hidden(response: Any) -> dict[str, str]:
    """What a rehearsal would send when it is confirmed."""
    page = response.content.decode()
    inputs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    found = {name: html.unescape(value) for name, value in inputs}
    key = re.search(r'name="confirm" value="([^"]*)"', page)
    assert key
    return {**found, "confirm": key[1]}


def press(desk: Client, enrollment: Enrollment, **changes: str) -> Any:
    """Look, then press."""
    shown = desk.post(page_of(enrollment), typed(**changes))
    assert shown.status_code == 200
    return desk.post(page_of(enrollment), hidden(shown), follow=True)


def errors(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 422
    return dict(response.context["form"].errors)


# --- Asking ---------------------------------------------------------------------------------


def test_each_way_stands_with_its_cents(desk: Client) -> None:
    words = said(desk.get(page_of(a_paid_seat())))
    for way in (
        "By the policy, for sessions not held: $224.25",
        "For sessions that they did not come to: $299.00",
        "For sessions that we cancelled: $0.00",
        "Everything that is left: $299.00",
        "Another amount",
    ):
        assert way in words


def test_without_a_seat_only_money_is_asked_about(desk: Client) -> None:
    enrollment = a_paid_seat()
    decide(enrollment, basis=Basis.AMOUNT, frees=True)
    assert "What becomes of the seat?" not in said(desk.get(page_of(enrollment)))


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("24.92", 2_492),
        ("$24.92", 2_492),
        (" 25 ", 2_500),
        ("1,299.00", 129_900),
        ("0.01", 1),
        ("0.07", 7),
        ("", None),
    ],
)
def test_dollars_become_cents_exactly(text: str, cents: int | None) -> None:
    assert CentsField(required=False).clean(text) == cents


@pytest.mark.parametrize(
    "text", ["24.9", "24.925", "-5", "1e3", "24,92", "12,99.00", "٢٤.٩٢", "five", "1.00 EUR"]
)
def test_what_is_no_exact_amount_is_refused_and_kept(desk: Client, text: str) -> None:
    response = desk.post(page_of(a_paid_seat()), typed(basis="amount", amount=text))
    assert errors(response) == {"amount": ["Type dollars and cents, for example 24.92."]}
    assert f'value="{html.escape(text)}"' in response.content.decode()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"basis": ""}, "basis", "Choose how much goes back."),
        ({"basis": "amount"}, "amount", "Type the amount that goes back, for example 24.92."),
        (
            {"basis": "nothing"},
            "basis",
            "Nothing goes back and the seat is kept: so nothing is done.",
        ),
        (
            {"basis": "cancelled"},
            "basis",
            "By this nothing goes back. Choose another way, or free the seat only.",
        ),
        (
            {"basis": "amount", "amount": "299.01"},
            "amount",
            "That is more than what can go back now, which is $299.00.",
        ),
    ],
)
def test_what_cannot_be_is_said_where_it_was_typed(
    desk: Client, changes: dict[str, str], field: str, words: str
) -> None:
    response = desk.post(page_of(a_paid_seat()), typed(**changes))
    assert errors(response) == {field: [words]}
    assert "Moved away" in response.content.decode()
    assert RefundDecision.objects.count() == 0


# --- Looking --------------------------------------------------------------------------------


def test_the_rehearsal_shows_all_that_would_happen_and_does_nothing(desk: Client) -> None:
    enrollment = a_paid_seat(9_967, 19_933)
    shown = desk.post(page_of(enrollment), typed(seat="free"))
    words = said(shown)
    for part in (
        "Nothing has happened yet.",
        "What goes back: $224.25",
        "Paid $299.00 3 of 12 sessions were held -$74.75 Goes back $224.25",
        "Refund terms 2026-11, agreed to Tuesday, September 29",
        "$199.33 to the card that paid $199.33",
        "$24.92 to the card that paid $99.67",
        "the door is shut to them",
        "9 sessions still to come: no more links",
        "The seat stays empty: nobody can join this group any more.",
        "Subject: Your refund of $199.33 is on its way",
        "Subject: Your refund of $24.92 is on its way",
        "Your seat is free again from now on",
        "Give back $224.25 and free the seat",
    ):
        assert part in words, part
    assert (Refund.objects.count(), RefundDecision.objects.count()) == (0, 0)
    assert refreshed(enrollment).status == "active"


def test_the_mail_that_is_shown_is_the_mail_that_goes_out(
    desk: Client, mailoutbox: list[Any]
) -> None:
    enrollment = a_paid_seat()
    shown = desk.post(page_of(enrollment), typed(seat="free", basis="nothing"))
    [mail] = shown.context["mails"]
    desk.post(page_of(enrollment), hidden(shown))
    deliver_due(clock=lambda: after(3))
    [sent] = [one for one in mailoutbox if one.subject == "About your seat"]
    assert (sent.subject, sent.body) == (mail.subject, mail.text)


def test_a_seat_for_which_nothing_was_paid_is_freed_from_its_story(
    desk: Client, mailoutbox: list[Any]
) -> None:
    enrollment = a_confirmed_seat(cohort=a_cohort())
    Enrollment.objects.update(price_cents=0)
    story = desk.get(reverse("billing:enrollment", args=[enrollment.public_id]))
    link = f'href="{page_of(enrollment)}">Free the seat…</a>'
    assert link in story.content.decode()
    shown = desk.post(page_of(enrollment), typed(seat="free", basis="nothing"))
    desk.post(page_of(enrollment), hidden(shown))
    assert refreshed(enrollment).status == "withdrawn"
    deliver_due(clock=lambda: after(3))
    assert shown.context["mails"][0].text in [one.body for one in mailoutbox]
    after_it = desk.get(reverse("billing:enrollment", args=[enrollment.public_id]))
    assert link not in after_it.content.decode()


def test_the_mail_about_a_refund_is_the_one_that_was_shown(
    desk: Client, mailoutbox: list[Any]
) -> None:
    enrollment = a_paid_seat(9_967, 19_933)
    shown = desk.post(page_of(enrollment), typed())
    desk.post(page_of(enrollment), hidden(shown))
    for refund in Refund.objects.all():
        go_through(refund)
    deliver_due(clock=lambda: after(3))
    sent = {one.subject: one.body for one in mailoutbox if "refund" in one.subject}
    assert sent == {mail.subject: mail.text for mail in shown.context["mails"]}
    assert len(sent) == 2


def test_back_keeps_what_was_typed(desk: Client) -> None:
    enrollment = a_paid_seat()
    shown = desk.post(page_of(enrollment), typed(basis="amount", amount="24.92", seat="free"))
    again = desk.post(page_of(enrollment), {**hidden(shown), "confirm": "", "back": "1"})
    page = again.content.decode()
    assert again.status_code == 200
    assert 'value="24.92"' in page
    assert re.search(r'value="free"[^>]*checked', page)


def test_a_look_costs_the_same_for_one_payment_and_for_three(desk: Client) -> None:
    counts = []
    for payments in ((29_900,), (9_967, 9_967, 9_966)):
        enrollment = a_paid_seat(*payments)
        desk.post(page_of(enrollment), typed())
        with CaptureQueriesContext(connection) as queries:
            desk.post(page_of(enrollment), typed())
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- Pressing -------------------------------------------------------------------------------


def test_pressed_it_is_done_and_said(desk: Client, kim: User) -> None:
    enrollment = a_paid_seat()
    response = press(desk, enrollment, seat="free")
    assert response.redirect_chain == [(story_of(enrollment), 302)]
    assert "$224.25 is on its way back. They are out of the group." in response.content.decode()
    decision = RefundDecision.objects.get()
    assert (decision.amount_cents, decision.made_by, decision.reason) == (22_425, kim, "Moved away")
    assert refreshed(enrollment).status == "withdrawn"


def test_pressed_twice_it_is_done_once(desk: Client) -> None:
    enrollment = a_paid_seat()
    shown = hidden(desk.post(page_of(enrollment), typed(basis="amount", amount="50.00")))
    for _ in range(2):
        response = desk.post(page_of(enrollment), shown)
        assert response["Location"] == story_of(enrollment)
    assert Payment.objects.get().refund_reserved_cents == 5_000


def test_a_stale_page_tells_what_changed_and_shows_the_new_cents(desk: Client, kim: User) -> None:
    enrollment = a_paid_seat()
    shown = hidden(desk.post(page_of(enrollment), typed()))
    with time_machine.travel(after(4), tick=False):
        desk = at_the_desk(kim)  # signed in anew, with the page still open
        again = desk.post(page_of(enrollment), shown)
        words = said(again)
        assert again.status_code == 409
        assert "Something has changed since you looked, so nothing was done" in words
        assert "4 sessions were held by now, not 3." in words
        assert "It comes to $199.33, not $224.25." in words
        assert "Give back $199.33" in words
        assert Refund.objects.count() == 0
        assert desk.post(page_of(enrollment), hidden(again)).status_code == 302
    assert Refund.objects.get().amount_cents == 19_933


@pytest.mark.parametrize("broken", [{"seen": ""}, {"seen": "made-up"}, {"confirm": "x"}])
def test_a_press_that_no_page_makes_shows_the_rehearsal(
    desk: Client, broken: dict[str, str]
) -> None:
    enrollment = a_paid_seat()
    shown = hidden(desk.post(page_of(enrollment), typed()))
    response = desk.post(page_of(enrollment), {**shown, **broken})
    assert response.status_code in (200, 409)
    assert "What goes back: $224.25" in said(response)
    assert Refund.objects.count() == 0


def test_a_choice_that_was_changed_behind_the_page_is_not_carried_out(desk: Client) -> None:
    enrollment = a_paid_seat()
    shown = hidden(desk.post(page_of(enrollment), typed()))
    assert desk.post(page_of(enrollment), {**shown, "seat": "free"}).status_code == 409
    assert refreshed(enrollment).status == "active"


def test_money_gone_between_the_look_and_the_press_is_said_in_the_form(desk: Client) -> None:
    enrollment = a_paid_seat()
    shown = hidden(desk.post(page_of(enrollment), typed(basis="full")))
    decide(enrollment, basis=Basis.FULL)
    response = desk.post(page_of(enrollment), shown)
    assert errors(response) == {
        "basis": ["Everything that was paid has gone back already, or is on its way."]
    }


# --- A second person ------------------------------------------------------------------------


@pytest.fixture
def waiting(desk: Client) -> RefundDecision:
    enrollment = a_paid_seat(40_000)
    response = press(desk, enrollment, basis="full", seat="free")
    decision = RefundDecision.objects.get()
    assert response.redirect_chain == [(decision.get_absolute_url(), 302)]
    return decision


def answer(client: Client, decision: RefundDecision, what: str) -> Any:
    page = client.get(decision.get_absolute_url()).content.decode()
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    assert seen
    return client.post(decision.get_absolute_url(), {"seen": seen[1], what: "1"}, follow=True)


def test_above_the_limit_it_waits_and_the_maker_may_only_take_it_back(
    desk: Client, waiting: RefundDecision
) -> None:
    words = said(desk.get(waiting.get_absolute_url()))
    assert "Waits for a second person" in words
    assert "You asked for this, so somebody else has to agree." in words
    assert "Give back $400.00 and free the seat" not in words
    answer(desk, waiting, "approve")
    assert refreshed_decision(waiting).status == "waiting"
    answer(desk, waiting, "decline")
    assert refreshed_decision(waiting).status == "declined"
    assert Refund.objects.count() == 0


def refreshed_decision(decision: RefundDecision) -> RefundDecision:
    decision.refresh_from_db()
    return decision


def test_a_second_person_sees_the_same_and_agrees(waiting: RefundDecision) -> None:
    lee = at_the_desk(a_billing_admin("Lee Cash"))
    words = said(lee.get(waiting.get_absolute_url()))
    for part in (
        "Asked for by Kim Ledger",
        "Moved away",
        "What goes back: $400.00",
        "Subject: Your refund of $400.00 is on its way",
        "Give back $400.00 and free the seat",
    ):
        assert part in words, part
    response = answer(lee, waiting, "approve")
    assert "$400.00 is on its way back. They are out of the group." in response.content.decode()
    assert refreshed_decision(waiting).status == "done"
    late = lee.post(waiting.get_absolute_url(), {"approve": "1"})
    assert (late.status_code, Refund.objects.count()) == (200, 1)


def test_a_second_person_sees_the_very_mail(waiting: RefundDecision, mailoutbox: list[Any]) -> None:
    lee = at_the_desk(a_billing_admin("Lee Cash"))
    [mail] = lee.get(waiting.get_absolute_url()).context["mails"]
    answer(lee, waiting, "approve")
    go_through(Refund.objects.get())
    deliver_due(clock=lambda: after(3))
    sent = [one.body for one in mailoutbox if "refund" in one.subject]
    assert sent == [mail.text]
    assert "It is everything that you paid." in mail.text


def test_what_a_second_person_looked_at_and_changed_is_told(waiting: RefundDecision) -> None:
    lee = at_the_desk(a_billing_admin("Lee Cash"))
    page = lee.get(waiting.get_absolute_url()).content.decode()
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    assert seen
    paid(waiting.enrollment, 100)
    response = lee.post(waiting.get_absolute_url(), {"seen": seen[1], "approve": "1"})
    assert response.status_code == 409
    assert "$401.00 is paid, not $400.00." in said(response)
    assert (refreshed_decision(waiting).status, Refund.objects.count()) == ("waiting", 0)


def test_when_the_money_is_gone_the_page_says_so_and_it_waits(waiting: RefundDecision) -> None:
    lee = at_the_desk(a_billing_admin("Lee Cash"))
    Payment.objects.update(refund_reserved_cents=100)
    for response in (
        lee.get(waiting.get_absolute_url()),
        lee.post(waiting.get_absolute_url(), {"seen": "", "approve": "1"}),
    ):
        words = said(response)
        assert "It cannot be carried out as things are now" in words
        assert "Give back $400.00" not in words
    assert refreshed_decision(waiting).status == "waiting"


def test_the_form_leads_to_what_waits(desk: Client, waiting: RefundDecision) -> None:
    page = page_of(waiting.enrollment)
    assert f'href="{waiting.get_absolute_url()}"' in desk.get(page).content.decode()
    response = desk.post(page, typed())
    assert errors(response) == {
        "__all__": ["A decision about this seat waits for a second person already."]
    }


# --- A refund that failed ---------------------------------------------------------------------


def test_a_failed_refund_says_why_and_what_can_be_done(desk: Client) -> None:
    refund = a_failed_refund()
    page = reverse("billing:failed_refund", args=[refund.uuid])
    words = said(desk.get(page))
    assert "the card has expired, or its account is closed" in words
    assert page in desk.get(page_of(refund.enrollment)).content.decode()


def look(desk: Client, refund: Refund, way: str) -> tuple[str, dict[str, str]]:
    """The words of a preview, and what its button sends."""
    shown = desk.get(reverse("billing:failed_refund", args=[refund.uuid]), {"way": way})
    inputs = re.findall(
        r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown.content.decode()
    )
    return said(shown), {name: html.unescape(value) for name, value in inputs}


def test_a_failed_refund_is_sent_again_only_after_a_look_at_it(desk: Client) -> None:
    refund = a_failed_refund()
    page = reverse("billing:failed_refund", args=[refund.uuid])
    words, button = look(desk, refund, "again")
    for part in (
        "Send $224.25 again?",
        "Nothing has happened yet.",
        f"To whom {refund.enrollment.member.display_name}",
        "$224.25 to the card that paid $400.00",
        "$400.00 now, $175.75 when Stripe has taken the order",
        "Subject: Your refund of $224.25 is on its way",
    ):
        assert part in words, part
    for unseen in ({"again": "1"}, {"way": "again"}, {**button, "seen": "made up"}):
        desk.post(page, unseen)
    assert Refund.objects.filter(retry_of=refund).count() == 0
    done = desk.post(page, button, follow=True)
    assert done.redirect_chain == [(story_of(refund.enrollment), 302)]
    assert Refund.objects.filter(retry_of=refund).count() == 1
    for late in (button, {**button, "way": "paid", "how": "Check 1042"}):
        twice = desk.post(page, late)
        assert twice.status_code == 409
        assert "Nothing was done. Kim Ledger has sent it again already." in said(twice)
    assert Refund.objects.count() == 2


def test_what_went_back_since_a_refund_failed_is_told_before_it_is_sent_again(
    desk: Client,
) -> None:
    refund = a_failed_refund(cents=10_000)
    other = paid(refund.enrollment, 40_000)
    ask = partial(refunds.request_refund, amount_cents=10_000, now=after(3))
    ask(payment_id=other.pk, reason=Refund.Reason.DESK)  # other money
    fail(ask(payment_id=refund.payment_id, reason=Refund.Reason.DESK))  # it stayed with us
    assert "the same money" not in look(desk, refund, "again")[0]
    go_through(ask(payment_id=refund.payment_id, reason=Refund.Reason.OUTSIDE))
    ask(payment_id=refund.payment_id, reason=Refund.Reason.DESK)
    words = look(desk, refund, "again")[0]
    for said_so in (
        "Since then $100.00 went back in Stripe\u2019s dashboard,",
        "Since then $100.00 is on its way back from here (decided by staff),",
        "Sent again, $100.00 goes back on top of that.",
        "note that it is not owed any more",
    ):
        assert said_so in words, said_so
    assert words.count("Since then") == 2


def test_a_look_from_before_the_same_money_went_back_sends_nothing(desk: Client) -> None:
    """Though every sum is the same: one refund took the place of another."""
    refund = a_failed_refund(cents=10_000)
    page = reverse("billing:failed_refund", args=[refund.uuid])
    ask = partial(
        refunds.request_refund, payment_id=refund.payment_id, amount_cents=10_000, now=after(3)
    )
    first = ask(reason=Refund.Reason.DESK)
    button = look(desk, refund, "again")[1]
    fail(first)
    go_through(ask(reason=Refund.Reason.OUTSIDE))
    stale = desk.post(page, button)
    assert stale.status_code == 409
    assert "in Stripe\u2019s dashboard" in said(stale)
    assert not Refund.objects.filter(retry_of=refund).exists()


def test_the_mail_of_a_refund_sent_again_is_the_one_that_was_shown(
    desk: Client, mailoutbox: list[Any]
) -> None:
    refund = a_failed_refund()
    page = reverse("billing:failed_refund", args=[refund.uuid])
    shown = desk.get(page, {"way": "again"})
    desk.post(page, look(desk, refund, "again")[1])
    go_through(Refund.objects.get(retry_of=refund))
    deliver_due(clock=lambda: after(3))
    [sent] = [one for one in mailoutbox if "refund" in one.subject]
    assert (sent.subject, sent.body) == (shown.context["mail"].subject, shown.context["mail"].text)


def test_a_look_that_is_stale_does_nothing_and_keeps_what_was_typed(desk: Client) -> None:
    refund = a_failed_refund()
    page = reverse("billing:failed_refund", args=[refund.uuid])
    button = look(desk, refund, "paid")[1]
    paid(refund.enrollment, 100)
    stale = desk.post(page, {**button, "how": "Check 1042"})
    words = said(stale)
    assert stale.status_code == 409
    assert "Nothing was done. Something changed since you looked." in words
    assert "$401.00 now, $176.75 afterwards" in words
    assert 'value="Check 1042"' in stale.content.decode()
    refund.refresh_from_db()
    assert refund.resolved_at is None


def test_what_cannot_be_sent_again_or_noted_says_so_and_has_no_button(desk: Client) -> None:
    refund = a_failed_refund()
    Payment.objects.update(refund_reserved_cents=30_000)
    words, button = look(desk, refund, "again")
    assert "This cannot be done now. Only $100.00 of this payment can go back" in words
    assert "seen" not in button


def test_how_it_was_paid_has_to_be_said(desk: Client) -> None:
    refund = a_failed_refund()
    page = reverse("billing:failed_refund", args=[refund.uuid])
    words, button = look(desk, refund, "paid")
    assert "$400.00 now, $175.75 afterwards" in words
    response = desk.post(page, {**button, "how": ""})
    assert (response.status_code, "Say how it was paid." in said(response)) == (422, True)
    desk.post(page, {**button, "how": "Check 1042"})
    assert "how it was settled: Check 1042" in said(desk.get(page))
    twice = desk.post(page, {**button, "how": "Check 1042"})
    assert twice.status_code == 409
    assert "Nothing was done. Kim Ledger settled it: Check 1042" in said(twice)


def test_why_it_is_not_owed_any_more_has_to_be_said(desk: Client) -> None:
    refund = a_failed_refund()
    page = reverse("billing:failed_refund", args=[refund.uuid])
    words, button = look(desk, refund, "not-owed")
    assert "$400.00, and that stays" in words
    response = desk.post(page, {**button, "how": ""})
    assert response.status_code == 422
    assert "Say why it is not owed any more." in said(response)
    desk.post(page, {**button, "how": "Repaid in the dashboard"})
    assert "how it was settled: Not owed any more: Repaid in the dashboard" in said(desk.get(page))


def test_a_refund_that_did_not_fail_has_no_such_page(desk: Client) -> None:
    decide(a_paid_seat())
    page = reverse("billing:failed_refund", args=[Refund.objects.get().uuid])
    assert desk.get(page).status_code == 404
    assert Message.objects.filter(kind="seat-freed").count() == 0
