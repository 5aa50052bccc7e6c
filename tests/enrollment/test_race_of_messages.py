"""Two workers, two presses, a change of mind: each at the same moment as a message goes out."""

import threading
import time
import uuid
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection, transaction
from django.db.models import Exists, F, Q

from enrollment import group_messages, message_delivery
from enrollment.group_messages import GROUP_MESSAGE, Draft
from enrollment.models import GroupMessage
from outbox import services as outbox
from outbox.models import Message, State
from tests.enrollment.builders import HOUR, NOW, a_cohort, a_confirmed_seat
from tests.enrollment.crowd import PATIENCE, at_once
from tests.enrollment.test_group_messages import WORDS, a_leader, a_message, deliver, seats
from tests.smtp_sink import SmtpSink

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

ROUNDS = 5
TIME = NOW + HOUR

Promise = Callable[[GroupMessage], int]


def guarded(message: GroupMessage) -> int:
    return group_messages.promise(message=message, now=TIME)


def unguarded(message: GroupMessage) -> int:
    """Promises whatever it found due a moment ago: what the claim is there to replace."""
    GroupMessage.objects.filter(pk=message.pk).update(promised_at=TIME)
    rows = group_messages.recipients(message).annotate(occasion=F("pk") * 0 + message.pk)
    return outbox.promise_each(
        kind=GROUP_MESSAGE, rows=rows.values_list("member_id", "pk", "occasion"), now=TIME
    )


def test_of_many_workers_at_once_one_owes_the_mails() -> None:
    for _ in range(ROUNDS):
        cohort = a_cohort()
        members = seats(cohort, "Sam", "Robin", "Lou")
        message = a_message(cohort, send_at=TIME)
        results = at_once([partial(group_messages.promise_due_messages, now=TIME)] * 4)
        assert sorted(results) == [0, 0, 0, 3]  # type: ignore[type-var]
        assert sorted(
            Message.objects.filter(occasion_id=message.pk).values_list("subject_id", flat=True)
        ) == [seat.pk for seat in members]


def two_workers_and_somebody_who_joins(promise: Promise) -> tuple[int, set[int]]:
    """Both workers have found the message due; between them it goes out and somebody joins."""
    cohort = a_cohort()
    seats(cohort, "Sam")
    a_message(cohort, send_at=TIME)
    found, first_done = threading.Barrier(2), threading.Event()
    late: list[int] = []

    def first() -> int:
        message = GroupMessage.objects.get(promised_at=None)
        found.wait(timeout=PATIENCE)
        promised = promise(message)
        late.append(a_confirmed_seat(cohort=cohort, now=TIME).pk)
        first_done.set()
        return promised

    def second() -> int:
        message = GroupMessage.objects.get(promised_at=None)
        found.wait(timeout=PATIENCE)
        first_done.wait(timeout=PATIENCE)
        return promise(message)

    acts: list[Callable[[], int]] = [first, second]
    assert at_once(acts)[0] == 1
    owed = set(Message.objects.filter(kind=GROUP_MESSAGE).values_list("subject_id", flat=True))
    return late[0], owed


def test_whoever_joins_after_it_went_out_is_not_written_to_by_a_slower_worker() -> None:
    late, owed = two_workers_and_somebody_who_joins(guarded)
    assert (late in owed, len(owed)) == (False, 1)


def test_control_without_the_claim_the_slower_worker_writes_to_them() -> None:
    late, owed = two_workers_and_somebody_who_joins(unguarded)
    assert (late in owed, len(owed)) == (True, 2)


# --- A change of mind -------------------------------------------------------------------


def cancelled_after_a_worker_found_it_due(promise: Promise) -> GroupMessage:
    cohort = a_cohort()
    seats(cohort, "Sam")
    message = a_message(cohort, send_at=TIME)
    found = GroupMessage.objects.get(pk=message.pk)
    assert group_messages.cancel(message=message, now=TIME)
    promise(found)
    message.refresh_from_db()
    return message


def test_a_message_that_was_cancelled_a_moment_ago_is_not_claimed() -> None:
    message = cancelled_after_a_worker_found_it_due(guarded)
    assert message.promised_at is None
    assert not Message.objects.filter(occasion_id=message.pk).exists()


def test_control_without_the_claim_a_cancelled_message_is_promised() -> None:
    message = cancelled_after_a_worker_found_it_due(unguarded)
    assert message.promised_at == TIME
    assert Message.objects.filter(occasion_id=message.pk).exists()


def test_cancelling_while_it_is_promised_stops_every_mail(smtp_sink: SmtpSink) -> None:
    for _ in range(ROUNDS):
        cohort = a_cohort()
        seats(cohort, "Sam", "Robin")
        message = a_message(cohort, send_at=TIME)
        acts: list[Callable[[], object]] = [
            partial(group_messages.promise_due_messages, now=TIME),
            partial(group_messages.cancel, message=message, now=TIME),
        ]
        promised, cancelled = at_once(acts)
        assert promised in (0, 2)
        assert cancelled is True
        assert deliver(TIME).sent == 0
    assert smtp_sink.messages == []


def somebody_waits() -> bool:
    """Whether somebody in this database waits for another's lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        return bool(cursor.fetchone()[0])


Cancel = Callable[[GroupMessage], bool]


def stopped(message: GroupMessage) -> bool:
    return group_messages.cancel(message=message, now=TIME)


def stopped_by_one_statement(message: GroupMessage) -> bool:
    """Asks for the mails in the statement that waits: it sees none that came meanwhile."""
    mails = group_messages.mails_of(cohort_id=message.cohort_id, messages=[message])
    waiting = Exists(mails.filter(state__in=group_messages.WAITING))
    current = GroupMessage.objects.filter(pk=message.pk, cancelled_at=None)
    return bool(current.filter(Q(promised_at=None) | waiting).update(cancelled_at=TIME))


def cancelled_while_a_worker_promises(cancel: Cancel) -> bool:
    """The worker has promised and not committed yet when somebody cancels, who waits for it."""
    cohort = a_cohort()
    seats(cohort, "Sam", "Robin")
    message = a_message(cohort, send_at=TIME)
    promised = threading.Event()

    def work() -> bool:
        with transaction.atomic():
            assert group_messages.promise_due_messages(now=TIME) == 2
            promised.set()
            deadline = time.monotonic() + PATIENCE
            while not somebody_waits() and time.monotonic() < deadline:
                time.sleep(0.01)
        return True

    def change_of_mind() -> bool:
        promised.wait(timeout=PATIENCE)
        return cancel(message)

    worked, cancelled = at_once([work, change_of_mind])
    assert worked is True
    assert isinstance(cancelled, bool)
    message.refresh_from_db()
    assert cancelled is (message.cancelled_at is not None)
    return cancelled


def test_whoever_cancels_while_a_worker_promises_stops_the_mails_that_it_promised() -> None:
    assert cancelled_while_a_worker_promises(stopped) is True


def test_control_asked_in_one_statement_it_would_find_nothing_to_stop() -> None:
    assert cancelled_while_a_worker_promises(stopped_by_one_statement) is False


def test_of_many_who_cancel_at_once_one_does() -> None:
    for sent_later in (True, False):
        for _ in range(ROUNDS):
            cohort = a_cohort()
            seats(cohort, "Sam")
            message = a_message(cohort, send_at=TIME if sent_later else None)
            results = at_once([partial(group_messages.cancel, message=message, now=TIME)] * 4)
            assert sorted(results) == [False, False, False, True]  # type: ignore[type-var]


def test_cancelling_while_it_goes_out_is_told_as_it_was(smtp_sink: SmtpSink) -> None:
    for _ in range(ROUNDS):
        cohort = a_cohort(capacity=10)
        members = seats(cohort, *(f"Member {number}" for number in range(10)))
        message = a_message(cohort)
        acts: list[Callable[[], object]] = [
            partial(deliver, NOW),
            partial(deliver, NOW),
            partial(group_messages.cancel, message=message, now=NOW),
        ]
        _, _, cancelled = at_once(acts)
        deliver(NOW)
        message.refresh_from_db()
        assert cancelled is (message.cancelled_at is not None)
        arrived = {address for mail in smtp_sink.messages for address in mail.rcpt_tos}
        told = {one.name: one.state for one in message_delivery.deliveries(message).people}
        assert told == {
            seat.member.display_name: "sent" if seat.member.email in arrived else "stopped"
            for seat in members
        }
        assert cancelled or set(told.values()) == {"sent"}
    addresses = [mail.rcpt_tos[0] for mail in smtp_sink.messages]
    assert len(addresses) == len(set(addresses))
    assert not Message.objects.filter(state__in=(State.QUEUED, State.SENDING)).exists()


# --- Two presses ------------------------------------------------------------------------


def press(keys: list[uuid.UUID]) -> list[GroupMessage | Exception]:
    cohort = a_cohort()
    seats(cohort, "Sam", "Robin")
    leader = a_leader(cohort)
    draft = Draft(body=WORDS, to=None, send_at=None)
    return at_once(
        [
            partial(
                group_messages.write, key=key, cohort=cohort, author=leader, draft=draft, now=NOW
            )
            for key in keys
        ]
    )


def test_pressing_many_times_at_once_sends_once() -> None:
    for _ in range(ROUNDS):
        key = uuid.uuid4()
        written = press([key] * 4)
        message = GroupMessage.objects.get(public_id=key)
        assert written == [message] * 4
        assert Message.objects.filter(occasion_id=message.pk).count() == 2


def test_control_with_a_key_for_each_press_it_would_go_out_each_time() -> None:
    press([uuid.uuid4() for _ in range(4)])
    assert GroupMessage.objects.count() == 4
    assert Message.objects.filter(kind=GROUP_MESSAGE).count() == 8
