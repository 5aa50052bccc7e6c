"""Whoever loses a seat by a decision is told, whatever becomes of the money; and told once."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from billing import failed_refunds, seat_mails
from billing.models import Dispute, Refund, RefundDecision
from billing.policy import Basis
from outbox.models import Message
from outbox.services import deliver_due
from tests.billing.decided import (
    PRICE,
    a_failed_refund,
    a_paid_seat,
    after,
    decide,
    fail,
    go_through,
)
from tests.billing.people import a_billing_admin, at_the_desk
from tests.billing.run_people import a_paid_group, approve, carry_on, people, start
from tests.billing.test_what_is_left import kept_by_bank
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db

LATER = after(3) + dt.timedelta(minutes=5)
LEFT = "Your seat is free again from now on, and your links to the sessions no longer work."
ENDED = "We are sorry: your group can't be held any longer."
OWED = "We are sending $224.25 back to you. It did not work at once, and a person takes care of it."
AT_BANK = (
    "Your bank holds $299.00 of what you paid while it looks at your question about it. When it "
    "has answered, a person here looks at what goes back to you."
)
ABOUT = ("refund-sent", "seat-freed", "refund-settled")


@pytest.fixture(autouse=True)
def _alone(smtp_sink: SmtpSink) -> None:
    """Mails go to a server of our own."""


def told(sink: SmtpSink) -> list[tuple[str, str]]:
    """(subject, words on one line) of the mails about seat and money since the last look."""
    other = Message.objects.exclude(kind__in=ABOUT)
    other.delete()
    before = len(sink.messages)
    deliver_due(clock=lambda: LATER)
    found = []
    for one in sink.messages[before:]:
        text = one.message.get_body(("plain",))
        assert text is not None
        found.append((str(one.message["Subject"]), " ".join(text.get_content().split())))
    return found


def again(refund: Refund) -> Refund:
    actor = a_billing_admin()
    return failed_refunds.try_again(refund_uuid=refund.uuid, actor=actor, now=LATER)


def settle(refund: Refund, *, owed: bool) -> None:
    key, actor = refund.uuid, a_billing_admin()
    if owed:
        failed_refunds.settle_otherwise(refund_uuid=key, actor=actor, how="Check 7", now=LATER)
    else:
        failed_refunds.owe_no_more(refund_uuid=key, actor=actor, why="Given in person", now=LATER)


def a_freed_seat_whose_refund_failed() -> Refund:
    decide(a_paid_seat(), frees=True)
    return go_through(Refund.objects.get(), "failed")


def test_a_failed_refund_does_not_keep_the_seat_from_being_told(smtp_sink: SmtpSink) -> None:
    a_freed_seat_whose_refund_failed()
    [(subject, words)] = told(smtp_sink)
    assert subject == "About your seat"
    assert (LEFT in words, OWED in words) == (True, True)
    assert told(smtp_sink) == []


@pytest.mark.parametrize("by_member", [True, False])
def test_its_words_are_true_whoever_decided_that_the_seat_ends(
    smtp_sink: SmtpSink, by_member: bool
) -> None:
    """Somebody may have lost the seat against their will."""
    decide(a_paid_seat(), basis=Basis.AMOUNT, frees=True)
    RefundDecision.objects.update(by_member=by_member)
    [(subject, words)] = told(smtp_sink)
    assert subject == "About your seat"
    assert f"You are not in the group any more. {LEFT}" in words
    assert "you have left" not in f"{subject} {words}".lower()


def test_nor_does_one_that_fails_before_its_mail_went_out(smtp_sink: SmtpSink) -> None:
    decide(a_paid_seat(), frees=True)
    fail(Refund.objects.get())
    assert [subject for subject, _ in told(smtp_sink)] == ["About your seat"]


def test_everybody_of_an_ended_group_is_told(smtp_sink: SmtpSink) -> None:
    cohort = a_paid_group(2)
    approve(start(cohort))
    carry_on()
    first, second = Refund.objects.order_by("pk")
    go_through(first, "failed")
    go_through(second)
    mails = told(smtp_sink)
    assert sorted(subject for subject, _ in mails) == [
        "Your group can't be held any longer",
        "Your refund of $224.25 is on its way",
    ]
    assert [ENDED in words for _, words in mails] == [True, True]
    assert sum(OWED in words for _, words in mails) == 1
    told_people = {to for one in smtp_sink.messages for to in one.rcpt_tos}
    assert told_people == {one.member.email for one in people(cohort)}


def test_what_is_not_owed_says_nothing_about_money(smtp_sink: SmtpSink) -> None:
    settle(a_freed_seat_whose_refund_failed(), owed=False)
    [(subject, words)] = told(smtp_sink)
    assert subject == "About your seat"
    assert (LEFT in words, "$" in words) == (True, False)


def test_money_that_went_another_way_has_a_mail_of_its_own(smtp_sink: SmtpSink) -> None:
    refund = a_freed_seat_whose_refund_failed()
    told(smtp_sink)
    settle(refund, owed=True)
    [(subject, words)] = told(smtp_sink)
    assert subject == "Your refund of $224.25 went another way"
    assert "so we have paid it back to you another way." in words
    assert "Check 7" not in words
    assert LEFT not in words


def test_what_was_owed_no_more_is_not_told_as_paid() -> None:
    refund = a_freed_seat_whose_refund_failed()
    settle(refund, owed=False)
    message = Message(pk=1, subject_id=refund.pk)
    answer = seat_mails.refund_settled([message], LATER)[1]
    assert getattr(answer, "reason", "") == "It was not paid another way."


def test_sent_again_it_does_not_free_the_seat_a_second_time(smtp_sink: SmtpSink) -> None:
    refund = a_freed_seat_whose_refund_failed()
    told(smtp_sink)
    go_through(again(refund))
    [(subject, words)] = told(smtp_sink)
    assert subject == "Your refund of $224.25 is on its way"
    assert LEFT not in words


def test_of_an_ended_group_neither(smtp_sink: SmtpSink) -> None:
    start(a_paid_group(1))
    carry_on()
    refund = go_through(Refund.objects.get(), "failed")
    told(smtp_sink)
    go_through(again(refund))
    [(_, words)] = told(smtp_sink)
    assert ENDED not in words


def test_sent_again_before_anything_was_told_one_mail_tells_all(smtp_sink: SmtpSink) -> None:
    go_through(again(a_freed_seat_whose_refund_failed()))
    [(subject, words)] = told(smtp_sink)
    assert subject == "Your refund of $224.25 is on its way"
    assert LEFT in words


def test_failing_again_and_again_is_told_once(smtp_sink: SmtpSink) -> None:
    refund = a_freed_seat_whose_refund_failed()
    told(smtp_sink)
    go_through(again(refund), "failed")
    assert told(smtp_sink) == []


def test_of_two_payments_one_mail_tells_of_the_seat(smtp_sink: SmtpSink) -> None:
    decide(a_paid_seat(9_967, 19_933), frees=True)
    first, second = Refund.objects.order_by("pk")
    go_through(first, "failed")
    go_through(second)
    [(subject, words)] = told(smtp_sink)
    assert subject == f"Your refund of ${second.amount_cents / 100:.2f} is on its way"
    assert LEFT in words


def test_the_last_hope_failing_tells_it_after_all(smtp_sink: SmtpSink) -> None:
    """The mail about the seat was passed over for one about money, which then did not go out."""
    decide(a_paid_seat(9_967, 19_933), frees=True)
    first, second = Refund.objects.order_by("pk")
    go_through(first, "failed")
    go_through(second)
    Message.objects.filter(kind="refund-sent").update(next_try_at=LATER + dt.timedelta(hours=1))
    assert told(smtp_sink) == []
    go_through(second, "failed")
    [(subject, words)] = told(smtp_sink)
    assert subject == "About your seat"
    assert OWED in words


def test_whoever_keeps_the_seat_reads_nothing_about_it(smtp_sink: SmtpSink) -> None:
    decide(a_paid_seat(), basis=Basis.FULL)
    go_through(Refund.objects.get(), "failed")
    assert told(smtp_sink) == []


@pytest.mark.parametrize("way", ["again", "paid"])
def test_the_desk_reads_the_very_mail_before_it_settles(smtp_sink: SmtpSink, way: str) -> None:
    refund = a_freed_seat_whose_refund_failed()
    told(smtp_sink)
    desk: Client = at_the_desk(a_billing_admin())
    page = desk.get(reverse("billing:failed_refund", args=[refund.uuid]), {"way": way})
    shown = page.context["mail"]
    if way == "again":
        go_through(again(refund))
    else:
        settle(refund, owed=True)
    assert told(smtp_sink) == [(shown.subject, " ".join(shown.text.split()))]


def test_a_batch_costs_one_query_however_long_it_is(
    django_assert_num_queries: pytest.FixtureRequest,
) -> None:
    for number in (1, 3):
        made = [a_failed_refund() for _ in range(number)]
        for one in made:
            settle(one, owed=True)
        batch = [Message(pk=one.pk, subject_id=one.pk) for one in made]
        with django_assert_num_queries(1):  # type: ignore[operator]
            assert len(seat_mails.refund_settled(batch, LATER)) == number
    assert RefundDecision.objects.count() == 0


@pytest.mark.parametrize(
    ("status", "said"), [(Dispute.Status.OPEN, True), (Dispute.Status.LOST, False)]
)
def test_whose_bank_holds_the_money_reads_what_becomes_of_it(
    smtp_sink: SmtpSink, status: str, said: bool
) -> None:
    cohort = a_paid_group(1)
    [enrollment] = people(cohort)
    kept_by_bank(enrollment.payments.get(), PRICE, status=status)
    start(cohort)
    carry_on()
    [(subject, words)] = told(smtp_sink)
    assert subject == "Your group can't be held any longer"
    assert (AT_BANK in words) == said
