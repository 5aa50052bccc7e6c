"""Keeping promises: what is sent, what is not owed any more, what waits and what fails."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from outbox import claims, delivery, kinds, services
from outbox.mail import Mail, NotOwed
from outbox.models import Message, State
from outbox.services import Tally
from outbox.transport import Conversation
from tests.outbox.conftest import NOW, Clock, Notes, member, owe, owe_many

pytestmark = pytest.mark.django_db


def test_a_promise_is_kept(notes: Notes, clock: Clock) -> None:
    message = owe(member(), 7)

    tally = services.deliver_due(clock=clock)

    assert tally == Tally(sent=1)
    assert [(m.subject, m.to) for m in mail.outbox] == [("Note 7", ["ada@example.com"])]
    message.refresh_from_db()
    assert (message.state, message.sent_at, message.attempts) == (State.SENT, NOW, 1)
    assert services.deliver_due(clock=clock) == Tally()


@pytest.mark.usefixtures("notes")
def test_a_mail_is_not_sent_before_it_is_due(clock: Clock) -> None:
    owe(member(), 7)
    clock.advance(seconds=-1)

    assert services.deliver_due(clock=clock) == Tally()


def test_what_is_not_owed_any_more_ends_with_the_reason(notes: Notes, clock: Clock) -> None:
    ada = member()
    gone, other = owe(ada, 1), owe(ada, 2)
    notes.withdrawn.add(1)

    assert services.deliver_due(clock=clock) == Tally(sent=1, not_owed=1)
    gone.refresh_from_db()
    other.refresh_from_db()
    assert (gone.state, gone.reason, gone.attempts) == (State.NOT_OWED, "They have left.", 0)
    assert other.state == State.SENT


def test_it_asks_again_when_sending_takes_long(
    notes: Notes, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second member leaves while the first one's mail is still on its way."""
    owe_many(2)

    def slow_send(self: Conversation, email: object) -> None:
        clock.advance(seconds=6)
        notes.withdrawn.add(1)

    monkeypatch.setattr(Conversation, "send", slow_send)

    assert services.deliver_due(clock=clock) == Tally(sent=1, not_owed=1)
    assert [subjects for subjects, _ in notes.asked] == [[0, 1], [1]]


def test_a_renderer_that_is_slow_for_many_is_asked_for_few(notes: Notes, clock: Clock) -> None:
    owe_many(5)

    def sleep() -> None:
        clock.advance(seconds=6)

    notes.before = sleep

    assert services.deliver_due(clock=clock) == Tally(sent=5)
    assert [len(subjects) for subjects, _ in notes.asked] == [5, 1, 1, 1, 1, 1]


def test_a_lost_lease_is_not_overwritten(
    notes: Notes, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process sleeps in the middle of a batch; another takes over and finishes it."""
    owe_many(2)
    real_send = Conversation.send

    def send_then_sleep(self: Conversation, email: object) -> None:
        real_send(self, email)  # type: ignore[arg-type]
        monkeypatch.setattr(Conversation, "send", real_send)
        clock.advance(minutes=4)
        assert services.release_expired_leases(now=clock()) == 2
        assert services.deliver_due(clock=clock) == Tally(sent=2)

    monkeypatch.setattr(Conversation, "send", send_then_sleep)

    assert services.deliver_due(clock=clock) == Tally(sent=1)
    assert [m.subject for m in mail.outbox] == ["Note 0", "Note 0", "Note 1"]
    ids = [m.extra_headers["Message-ID"] for m in mail.outbox]
    assert ids[0] == ids[1] != ids[2]
    assert set(Message.objects.values_list("attempts", flat=True)) == {2}


def test_a_lease_that_ran_out_is_queued_again(clock: Clock) -> None:
    message = owe(member(), 7)
    claims.claim(limit=10, now=NOW)

    assert services.release_expired_leases(now=NOW + timedelta(minutes=2)) == 0
    assert services.release_expired_leases(now=NOW + timedelta(minutes=4)) == 1
    message.refresh_from_db()
    assert (message.state, message.attempts, message.lease) == (State.QUEUED, 1, None)


def test_a_mail_that_stops_every_worker_fails_in_the_end() -> None:
    message = owe(member(), 7)

    for _ in range(claims.MAX_ATTEMPTS):
        claims.claim(limit=10, now=NOW)
        services.release_expired_leases(now=NOW + timedelta(minutes=4))

    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.FAILED, claims.MAX_ATTEMPTS)
    assert message.last_error == "The worker stopped while it held this mail."


def test_one_mail_that_cannot_be_written_delays_no_other(notes: Notes, clock: Clock) -> None:
    owe_many(9)
    notes.broken.add(4)

    assert services.deliver_due(clock=clock) == Tally(sent=8, put_off=1)
    message = Message.objects.get(subject_id=4)
    assert (message.state, message.attempts) == (State.QUEUED, 1)
    assert message.last_error == "ZeroDivisionError: nothing to divide"
    assert message.next_try_at > clock()


@pytest.mark.usefixtures("notes")
def test_a_kind_that_nobody_registered_fails_and_says_so(clock: Clock) -> None:
    ada = member()
    unknown = owe(ada, 1, kind="postcard")
    owe(ada, 2)

    assert services.deliver_due(clock=clock) == Tally(sent=1, failed=1)
    unknown.refresh_from_db()
    assert unknown.state == State.FAILED
    assert unknown.last_error == "No renderer is registered for mails of the kind “postcard”."


@pytest.mark.usefixtures("notes")
def test_a_renderer_that_forgets_a_mail_has_it_put_off(clock: Clock) -> None:
    def forgetful(messages: Sequence[Message], now: datetime) -> Mapping[int, Mail | NotOwed]:
        return {}

    kinds.register("forgotten", forgetful)
    message = owe(member(), 1, kind="forgotten")

    assert services.deliver_due(clock=clock) == Tally(put_off=1)
    message.refresh_from_db()
    assert message.last_error == "RuntimeError: The renderer gave no answer for this mail."


def test_a_kind_has_one_renderer(notes: Notes) -> None:
    with pytest.raises(ValueError, match="already has a renderer"):
        kinds.register("note", notes)


@pytest.mark.usefixtures("notes")
def test_a_run_stops_at_its_limit_and_says_that_there_is_more(clock: Clock) -> None:
    owe_many(5)

    assert services.deliver_due(clock=clock, limit=3) == Tally(sent=3, more_due=True)
    assert services.deliver_due(clock=clock, limit=2) == Tally(sent=2, more_due=False)


@pytest.mark.usefixtures("notes")
def test_the_longest_waiting_goes_first(clock: Clock) -> None:
    owe_many(3)
    Message.objects.filter(subject_id=2).update(next_try_at=NOW - timedelta(hours=1))

    services.deliver_due(clock=clock, limit=1)

    assert [m.subject for m in mail.outbox] == ["Note 2"]


@pytest.mark.usefixtures("notes")
def test_nothing_is_sent_inside_a_transaction(clock: Clock) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a database transaction"):
        services.deliver_due(clock=clock)
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a database transaction"):
        Conversation().send(mail.EmailMessage("a", "b", to=["ada@example.com"]))
    assert mail.outbox == []


@pytest.mark.usefixtures("notes")
def test_more_mails_take_no_more_queries(clock: Clock) -> None:
    counts = []
    for size in (1, 3):
        Message.objects.all().delete()
        people = [member(f"p{size}{n}") for n in range(size)]
        for person in people:
            owe(person, person.pk)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert services.deliver_due(clock=clock) == Tally(sent=size)
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 10


@pytest.mark.usefixtures("notes")
def test_a_long_queue_takes_a_tenth_of_a_query_for_each_mail(clock: Clock) -> None:
    """What the kind's renderer asks, twice a batch for session links, comes on top."""
    mails = 2 * delivery.BATCH
    owe_many(mails)

    with CaptureQueriesContext(connection) as queries:
        assert services.deliver_due(clock=clock) == Tally(sent=mails)

    asked = [one["sql"] for one in queries if "SAVEPOINT" not in one["sql"]]
    assert len(asked) / mails <= 0.1


@pytest.mark.usefixtures("notes")
def test_an_interrupted_run_returns_what_it_did_not_send(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    owe_many(3)
    real_send = Conversation.send

    def stop_at_the_second(self: Conversation, email: mail.EmailMessage) -> None:
        if email.subject == "Note 1":
            raise SystemExit
        real_send(self, email)

    monkeypatch.setattr(Conversation, "send", stop_at_the_second)

    with pytest.raises(SystemExit):
        services.deliver_due(clock=clock)

    states = Message.objects.order_by("subject_id").values_list("state", "attempts")
    assert list(states) == [(State.SENT, 1), (State.QUEUED, 0), (State.QUEUED, 0)]


@pytest.mark.usefixtures("notes")
def test_a_killed_process_leaves_no_more_than_a_group_to_send_again(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written any more from a random mail on, as after kill -9."""
    owe_many(40)
    sent_before, killed_at = 0, 37
    real_mark = claims.mark_sent

    class Killed(BaseException):
        pass

    def send_until_killed(self: Conversation, email: mail.EmailMessage) -> None:
        nonlocal sent_before
        if sent_before == killed_at:
            monkeypatch.setattr(claims, "mark_sent", lambda **fields: 0)
            monkeypatch.setattr(claims, "give_back", lambda **fields: 0)
            raise Killed
        sent_before += 1

    monkeypatch.setattr(Conversation, "send", send_until_killed)
    with pytest.raises(Killed):
        services.deliver_due(clock=clock)
    unmarked = sent_before - Message.objects.filter(state=State.SENT).count()
    monkeypatch.undo()

    assert unmarked == killed_at % delivery.MARK_EVERY
    assert claims.mark_sent is real_mark


def test_failed_mails_are_tried_again_with_all_their_attempts(notes: Notes, clock: Clock) -> None:
    failed, sent = owe(member(), 1), owe(member("Ben"), 2)
    lease, _ = claims.claim(limit=10, now=NOW)
    claims.mark_failed(lease=lease, pks=[failed.pk], error="550 unknown")
    claims.mark_sent(lease=lease, pks=[sent.pk], now=NOW)
    clock.advance(days=1)

    retried = services.retry_failed(message_ids=[failed.pk, sent.pk], now=clock())

    assert retried == 1
    assert services.deliver_due(clock=clock) == Tally(sent=1)
    failed.refresh_from_db()
    assert (failed.state, failed.attempts, failed.last_error) == (State.SENT, 1, "")


def test_the_wait_doubles_up_to_an_hour_and_never_less_than_half() -> None:
    for attempts, longest in ((1, 30), (2, 60), (5, 480), (8, 3600), (11, 3600)):
        waits = [claims.retry_delay(attempts).total_seconds() for _ in range(50)]
        assert longest / 2 <= min(waits) < max(waits) <= longest


def test_a_tally_counts_every_message_once() -> None:
    numbers = {field.name for field in dataclasses.fields(Tally)} - {"server_away", "more_due"}

    assert numbers == {"sent", "not_owed", "put_off", "failed", "given_back"}
