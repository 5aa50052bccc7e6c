"""Asking a person: one question at a time, an answer by mail, and what both sides see."""

import uuid

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import queue, requests
from billing.models import MemberRequest
from billing.policy import Basis
from enrollment.models import Enrollment
from outbox.models import Message
from outbox.services import deliver_due
from tests.billing.builders import mails
from tests.billing.decided import a_paid_seat, after, decide
from tests.billing.moving import a_group_for
from tests.billing.papers import signed_in
from tests.billing.people import a_billing_admin, at_the_desk
from tests.enrollment.builders import a_held_seat
from tests.enrollment.pages import said
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db
NOW = after(3)


@pytest.fixture(autouse=True)
def three_sessions_later() -> object:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def asks(enrollment: Enrollment, *, wish: str = "refund", words: str = "") -> MemberRequest:
    return requests.ask(
        enrollment=enrollment,
        wish=MemberRequest.Wish(wish),
        words=words,
        key=uuid.uuid4(),
        now=NOW,
    )


def page_of(enrollment: Enrollment) -> str:
    return reverse("billing:ask", args=[enrollment.public_id])


def typed(**changes: str) -> dict[str, str]:
    return {"wish": "payment", "words": "", "confirm": str(uuid.uuid4()), **changes}


# --- The member -------------------------------------------------------------------------


def test_the_page_asks_little_and_names_the_lines_for_a_crisis() -> None:
    words = said(signed_in(a_paid_seat().member).get(page_of(Enrollment.objects.get())))
    for part in (
        "More back than the refund policy gives",
        "Help with a payment",
        "write nothing about your health",
        "call or text 988",
        "We answer within two working days",
    ):
        assert part in words


def test_what_was_asked_stands_in_my_group_until_it_is_answered() -> None:
    enrollment = a_paid_seat()
    client = signed_in(enrollment.member)
    reply = client.post(page_of(enrollment), typed(words="My hours have changed."))
    assert reply.url == enrollment.get_absolute_url()  # type: ignore[attr-defined]
    words = said(client.get(enrollment.get_absolute_url()))
    assert "You asked on Tuesday, October 20: help with a payment." in words
    assert "We answer within two working days" in words


def test_pressed_twice_it_is_asked_once() -> None:
    enrollment = a_paid_seat()
    client, form = signed_in(enrollment.member), typed()
    for _ in range(2):
        assert client.post(page_of(enrollment), form).status_code == 302
    assert MemberRequest.objects.count() == 1


def test_a_second_question_waits_for_the_first_answer() -> None:
    enrollment = a_paid_seat()
    asks(enrollment)
    client = signed_in(enrollment.member)
    assert "You have asked us already" in said(client.get(page_of(enrollment)))
    client.post(page_of(enrollment), typed())
    assert MemberRequest.objects.count() == 1


def test_the_database_keeps_one_open_question_for_a_seat() -> None:
    enrollment = a_paid_seat()
    asks(enrollment)
    with pytest.raises(IntegrityError), transaction.atomic():
        MemberRequest.objects.create(enrollment=enrollment, asked_at=NOW, wish="other")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"wish": ""}, "Choose what you would like."),
        ({"words": "x" * 501}, "at most 500 characters"),
    ],
)
def test_what_cannot_be_sent_comes_back_with_what_was_typed(
    changes: dict[str, str], error: str
) -> None:
    enrollment = a_paid_seat()
    reply = signed_in(enrollment.member).post(
        page_of(enrollment), typed(words="My hours have changed.") | changes
    )
    assert reply.status_code == 422
    assert error in said(reply)
    assert changes.get("words", "My hours have changed.") in said(reply)


def test_a_wish_that_another_page_proposed_is_chosen_already() -> None:
    enrollment = a_paid_seat()
    page = signed_in(enrollment.member).get(page_of(enrollment) + "?wish=refund").content.decode()
    assert page.count("checked") == 1


def test_whoever_has_no_seat_yet_is_led_to_their_group() -> None:
    held = a_held_seat(cohort=a_group_for(), now=NOW)
    reply = signed_in(held.member).get(page_of(held))
    assert reply.url == held.get_absolute_url()  # type: ignore[attr-defined]


def test_whoever_has_left_can_still_ask() -> None:
    enrollment = a_paid_seat()
    decide(enrollment, frees=True)
    client = signed_in(enrollment.member)
    assert "Ask a person" in said(client.get(enrollment.get_absolute_url()))
    client.post(page_of(enrollment), typed(wish="refund"))
    assert MemberRequest.objects.get().wish == "refund"


# --- The desk ---------------------------------------------------------------------------


@pytest.fixture
def desk() -> Client:
    return at_the_desk()


def test_what_was_asked_waits_in_the_queue(desk: Client) -> None:
    asked = asks(a_paid_seat(member=None))
    (group,) = queue.waiting(now=NOW)
    assert (group.slug, group.total, group.rows[0].url) == (
        "requests",
        1,
        asked.get_absolute_url(),
    )
    assert "Read it, and answer" in said(desk.get(reverse("billing:money")))


def test_an_answer_is_mailed_as_it_was_written_and_stands_in_my_group(
    desk: Client, smtp_sink: SmtpSink
) -> None:
    enrollment = a_paid_seat()
    asked = asks(enrollment, words="My hours have changed.")
    assert "My hours have changed." in said(desk.get(asked.get_absolute_url()))
    reply = desk.post(asked.get_absolute_url(), {"answer": "We can split it in two."})
    assert reply.url == reverse("billing:money")  # type: ignore[attr-defined]
    deliver_due(clock=lambda: NOW, limit=10)
    sent = {str(one.message["Subject"]): one.message for one in smtp_sink.messages}
    body = sent["About your request"].get_body(("plain",))
    assert body is not None
    assert "We can split it in two." in body.get_content()
    words = said(signed_in(enrollment.member).get(enrollment.get_absolute_url()))
    assert "We answered on Tuesday, October 20: We can split it in two." in words
    assert queue.waiting(now=NOW) == []


def test_a_refund_that_was_decided_since_can_go_with_the_answer(desk: Client) -> None:
    enrollment = a_paid_seat()
    asked = asks(enrollment)
    decision = decide(enrollment, basis=Basis.AMOUNT, amount=5_000)
    assert "$50.00, Carried out" in said(desk.get(asked.get_absolute_url()))
    form = {"answer": "We give you $50.00 back.", "refund": str(decision.uuid)}
    desk.post(asked.get_absolute_url(), form)
    asked.refresh_from_db()
    assert asked.decision == decision
    assert "$50.00, carried out" in said(desk.get(asked.get_absolute_url()))


def test_a_refund_of_somebody_else_does_not_go_with_it(desk: Client) -> None:
    asked, other = asks(a_paid_seat()), decide(a_paid_seat(), basis=Basis.AMOUNT, amount=5_000)
    decide(asked.enrollment, basis=Basis.AMOUNT, amount=5_000)
    form = {"answer": "Yes.", "refund": str(other.uuid)}
    assert desk.post(asked.get_absolute_url(), form).status_code == 422


def test_without_words_nothing_is_answered(desk: Client) -> None:
    asked = asks(a_paid_seat())
    reply = desk.post(asked.get_absolute_url(), {"answer": " "})
    assert reply.status_code == 422
    assert "Write what the member should read." in said(reply)


def test_the_second_answer_of_two_is_told_so(desk: Client) -> None:
    asked = asks(a_paid_seat())
    desk.post(asked.get_absolute_url(), {"answer": "Yes."})
    reply = desk.post(asked.get_absolute_url(), {"answer": "No."})
    assert reply.status_code == 409
    assert "Somebody else has answered this meanwhile." in said(reply)
    asked.refresh_from_db()
    assert (asked.answer, mails("request-answered")) == ("Yes.", 1)


def test_the_story_names_the_question_and_no_words_of_it(desk: Client) -> None:
    enrollment = a_paid_seat()
    asks(enrollment, words="My hours have changed.")
    words = said(desk.get(reverse("billing:enrollment", args=[enrollment.public_id])))
    assert "Asked for: More back than the refund policy gives" in words
    assert "hours" not in words


def test_the_queue_asks_once_for_three_questions_as_for_one() -> None:
    counts = []
    for more in (1, 2):
        for _ in range(more):
            asks(a_paid_seat())
        with CaptureQueriesContext(connection) as asked:
            queue.asked_by_members(NOW)
        counts.append(len(asked))
    assert counts == [1, 1]


def test_the_mail_has_no_word_of_what_was_asked() -> None:
    asked = asks(a_paid_seat(), words="My hours have changed.")
    requests.answer(request=asked, words="Yes.", decision=None, actor=a_billing_admin(), now=NOW)
    assert Message.objects.get(kind="request-answered").subject_id == asked.pk
