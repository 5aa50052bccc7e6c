"""A process is killed with -9 in the middle of a batch: nothing is lost, little comes twice."""

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection

from outbox import delivery, services
from outbox.models import Message, State
from tests.outbox.conftest import NOW, Clock, owe_many
from tests.smtp_sink import SmtpSink

pytestmark = [
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("notes"),
]
MAILS = 200


def kill_after(sink: SmtpSink, mails: int, clock: Clock) -> None:
    """Deliver in another process and kill it as soon as the server has so many more mails."""
    target = len(sink.messages) + mails
    connection.close()  # the child must not share it
    process = multiprocessing.get_context("fork").Process(
        target=services.deliver_due, kwargs={"clock": clock}
    )
    process.start()
    assert process.pid is not None
    while len(sink.messages) < target and process.is_alive():
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    services.release_expired_leases(now=NOW + timedelta(minutes=4))


def deliver_with_three_kills(sink: SmtpSink, clock: Clock) -> Counter[str]:
    """How often each mail arrived, by its Message-ID."""
    owe_many(MAILS)
    for _ in range(3):
        kill_after(sink, random.randint(25, 48), clock)
    services.deliver_due(clock=clock)
    assert set(Message.objects.values_list("state", flat=True)) == {State.SENT}
    return Counter(received.message["Message-ID"] for received in sink.messages)


def test_three_kills_lose_nothing_and_send_no_more_than_a_group_each_again(
    smtp_sink: SmtpSink, clock: Clock
) -> None:
    copies = deliver_with_three_kills(smtp_sink, clock)

    assert len(copies) == MAILS
    assert copies.total() - MAILS <= 3 * delivery.MARK_EVERY


def test_the_bound_comes_from_marking_in_small_groups(
    smtp_sink: SmtpSink, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: marked only at the end of a batch, more mails arrive twice."""
    monkeypatch.setattr(delivery, "MARK_EVERY", 10_000)
    monkeypatch.setattr(delivery, "MARK_WITHIN", 10_000.0)

    copies = deliver_with_three_kills(smtp_sink, clock)

    assert len(copies) == MAILS
    assert copies.total() - MAILS > 3 * 20
