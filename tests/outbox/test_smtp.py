"""A real mail server that refuses, hesitates, drops the line or is not there."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core.mail import EmailMessage
from pytest_django import Settings

from accounts.models import User
from outbox import delivery, services, transport
from outbox.models import Message, State
from outbox.services import Tally
from sandbox.ports import free_port
from tests.outbox.conftest import Clock, member, owe, owe_many, use_server
from tests.smtp_sink import SmtpSink

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("notes")]


@dataclass
class MoodySink(SmtpSink):
    """`moods` are used up by the mails that arrive: "drop" takes the mail and hangs up
    without a word, "hang" takes it and answers too late, "leave" takes it, says so and goes."""

    moods: list[str] = field(default_factory=list)
    sender_reply: str = ""
    per_connection: int = 0  # the server says 421 to the mail after so many

    async def handle_MAIL(  # noqa: N802  aiosmtpd looks for this name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        served = getattr(session, "served", 0)
        if self.per_connection and served >= self.per_connection:
            return "421 4.7.0 Too many mails on this connection"
        session.served = served + 1  # type: ignore[attr-defined]
        if self.sender_reply:
            return self.sender_reply
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        reply = await super().handle_DATA(server, session, envelope)
        mood = self.moods.pop(0) if self.moods else ""
        if mood == "drop":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if mood == "leave":
            assert server.transport is not None
            asyncio.get_running_loop().call_later(0.05, server.transport.close)
        if mood == "hang":
            await asyncio.sleep(1.5)
        return reply

    def subjects(self) -> list[str]:
        return [received.message["Subject"] for received in self.messages]


@pytest.fixture
def sink(settings: Settings) -> Iterator[MoodySink]:
    with MoodySink() as sink:
        use_server(settings, sink.port)
        yield sink


def test_a_batch_goes_over_one_connection(sink: MoodySink, clock: Clock) -> None:
    owe_many(120)

    assert services.deliver_due(clock=clock) == Tally(sent=120)
    assert sorted(sink.subjects()) == sorted(f"Note {n}" for n in range(120))
    assert all(len(received.rcpt_tos) == 1 for received in sink.messages)
    assert sink.connections == 1


def test_a_mail_that_is_not_taken_now_is_taken_later(sink: MoodySink, clock: Clock) -> None:
    message = owe(member(), 7)
    sink.answers.append("451 4.3.0 Try again later")

    assert services.deliver_due(clock=clock) == Tally(put_off=1)
    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.QUEUED, 1)
    assert message.last_error == "451 4.3.0 Try again later"
    assert services.deliver_due(clock=clock) == Tally()

    clock.advance(seconds=30)
    assert services.deliver_due(clock=clock) == Tally(sent=1)
    message.refresh_from_db()
    assert (message.state, message.attempts, message.last_error) == (State.SENT, 2, "")
    assert sink.subjects() == ["Note 7"]


def test_bad_addresses_delay_no_other(sink: MoodySink, clock: Clock) -> None:
    owe_many(6)
    sink.refused = {
        "n1@example.com": "550 5.1.1 No such person",
        "n3@example.com": "450 4.2.0 Greylisted",
        "n4@example.com": "553 5.1.3 Bad address",
    }

    assert services.deliver_due(clock=clock) == Tally(sent=3, failed=2, put_off=1)
    assert sink.subjects() == ["Note 0", "Note 2", "Note 5"]
    assert sink.connections == 1
    failed = Message.objects.filter(state=State.FAILED).order_by("subject_id")
    assert [(m.subject_id, m.last_error) for m in failed] == [
        (1, "550 5.1.1 No such person"),
        (4, "553 5.1.3 Bad address"),
    ]


def test_a_mail_that_is_never_taken_fails_after_the_last_attempt(
    sink: MoodySink, clock: Clock
) -> None:
    message = owe(member(), 7)
    sink.refused["ada@example.com"] = "450 4.2.0 Greylisted"

    runs = 0
    while Message.objects.filter(state=State.QUEUED).exists():
        services.deliver_due(clock=clock)
        clock.advance(hours=1)
        runs += 1

    message.refresh_from_db()
    assert (runs, message.state, message.attempts) == (12, State.FAILED, 12)


def test_a_connection_dropped_after_the_mail_sends_it_again_under_the_same_id(
    sink: MoodySink, clock: Clock
) -> None:
    owe_many(3)
    sink.moods = ["", "drop"]

    assert services.deliver_due(clock=clock) == Tally(sent=2, put_off=1)
    clock.advance(minutes=1)
    assert services.deliver_due(clock=clock) == Tally(sent=1)

    assert sink.subjects() == ["Note 0", "Note 1", "Note 2", "Note 1"]
    ids = [received.message["Message-ID"] for received in sink.messages]
    assert ids[1] == ids[3]
    assert len(set(ids)) == 3


def test_a_server_that_answers_too_late_is_asked_again(sink: MoodySink, clock: Clock) -> None:
    owe_many(2)
    sink.moods = ["hang"]

    assert services.deliver_due(clock=clock) == Tally(sent=1, put_off=1)
    message = Message.objects.get(state=State.QUEUED)
    assert "timed out" in message.last_error


def test_a_server_that_limits_mails_per_connection_costs_nothing(
    sink: MoodySink, clock: Clock
) -> None:
    owe_many(5)
    sink.per_connection = 2

    assert services.deliver_due(clock=clock) == Tally(sent=5)
    assert set(Message.objects.values_list("attempts", flat=True)) == {1}
    assert sink.connections == 3


def test_a_server_that_drops_everything_is_left_alone(sink: MoodySink, clock: Clock) -> None:
    owe_many(10)
    sink.moods = ["drop"] * 10

    tally = services.deliver_due(clock=clock)

    drops = transport.DROPS_IN_A_ROW
    assert tally == Tally(put_off=drops, given_back=10 - drops, server_away=True)
    untouched = Message.objects.filter(attempts=0)
    assert {(m.state, m.lease, m.next_try_at <= clock()) for m in untouched} == {
        (State.QUEUED, None, True)
    }


def test_a_server_that_is_away_costs_no_attempt(settings: Settings, clock: Clock) -> None:
    owe_many(120)
    use_server(settings, free_port())

    assert services.deliver_due(clock=clock) == Tally(given_back=delivery.BATCH, server_away=True)
    assert set(Message.objects.values_list("state", "attempts", "lease")) == {
        (State.QUEUED, 0, None)
    }
    assert "ConnectionRefusedError" in Message.objects.order_by("pk")[0].last_error

    with SmtpSink() as sink:
        settings.EMAIL_PORT = sink.port
        assert services.deliver_due(clock=clock) == Tally(sent=120)
        assert len(sink.messages) == 120


def test_a_server_that_does_not_know_us_costs_no_attempt(
    sink: MoodySink, settings: Settings, clock: Clock
) -> None:
    owe(member(), 7)
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = "unknown"

    assert services.deliver_due(clock=clock) == Tally(given_back=1, server_away=True)


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again(sink: MoodySink) -> None:
    """It was idle for too long, say: the next mail must not pay for that."""
    sink.moods = ["leave"]

    with transport.Conversation() as conversation:
        for subject in ("first", "second"):
            conversation.send(EmailMessage(subject, "Hello", to=["ada@example.com"]))
            time.sleep(0.2)

    assert sink.subjects() == ["first", "second"]
    assert sink.connections == 2


def test_an_address_that_cannot_be_written_fails_alone(sink: MoodySink, clock: Clock) -> None:
    owe_many(3)
    User.objects.filter(email="n1@example.com").update(email="n1@example.com\nbcc: eve@example.com")

    assert services.deliver_due(clock=clock) == Tally(sent=2, failed=1)
    assert sink.subjects() == ["Note 0", "Note 2"]


@pytest.mark.parametrize("people", [[], ["ada@example.com", "ben@example.com"]])
def test_a_mail_goes_to_one_person_or_not_at_all(sink: MoodySink, people: list[str]) -> None:
    with transport.Conversation() as conversation, pytest.raises(transport.Refused, match="one"):
        conversation.send(EmailMessage("Hello", "Hello", to=people))

    assert sink.messages == []


def test_a_sender_that_is_refused_fails_nobody(sink: MoodySink, clock: Clock) -> None:
    """The server dislikes us, not the mail: it waits until that is mended."""
    owe(member(), 7)
    sink.sender_reply = "550 5.7.1 Sender not allowed"

    assert services.deliver_due(clock=clock) == Tally(put_off=1)


def test_a_sender_that_cannot_be_written_fails_nobody(
    sink: MoodySink, clock: Clock, settings: Settings
) -> None:
    """It is our own setting, so the mails wait until that is mended."""
    message = owe(member(), 7)
    settings.DEFAULT_FROM_EMAIL = "Acme, Inc. <hello@example.com>"

    assert services.deliver_due(clock=clock) == Tally(put_off=1)
    message.refresh_from_db()
    assert "DEFAULT_FROM_EMAIL" in message.last_error
    assert sink.messages == []


def test_lines_that_begin_with_a_dot_arrive_whole(sink: MoodySink) -> None:
    body = ".\n..\n.hidden\nseen\n."

    with transport.Conversation() as conversation:
        conversation.send(EmailMessage("dots", body, to=["ada@example.com"]))
        conversation.send(EmailMessage("next", body, to=["ben@example.com"]))

    read = [received.message.get_content().splitlines() for received in sink.messages]
    assert read == [body.splitlines()] * 2
