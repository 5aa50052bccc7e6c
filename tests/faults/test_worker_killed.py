"""kill -9 for a Celery worker in the middle of the week's link mails.

**The bound.** A mail goes out twice only if its worker was killed between the mail server's
"250" and the mark. One run of `outbox.tasks.deliver` has at most `MARK_EVERY` such mails, and a
worker process has at most eight runs in flight (its threads), four for one kick: the run and
its helpers. So a kill repeats at most `MARK_EVERY` mails for each lease that it leaves behind.
"""

import random
from collections import Counter
from uuid import UUID

import pytest
from django.utils import timezone

from enrollment import links
from outbox import claims, delivery
from outbox.models import Message, State
from tests.faults.mail_server import MailServer
from tests.faults.people import members_due
from tests.faults.processes import Processes, time_passes

pytestmark = [pytest.mark.race, pytest.mark.stack]

MEMBERS = 200
KILLS = 3
PROMISE, DELIVER, SWEEP = (
    "enrollment.tasks.promise_due_links", "outbox.tasks.deliver", "outbox.tasks.sweep",
)  # fmt: skip


def kill_after(parts: Processes, mail_server: MailServer, mails: int) -> dict[UUID, set[str]]:
    """Kill the worker once so many more mails were taken; the Message-IDs that each run held."""
    target = len(mail_server.messages) + mails
    parts.wait_until("mails", lambda: len(mail_server.messages) >= target)
    parts.kill("worker")
    held: dict[UUID, set[str]] = {}
    for message in Message.objects.filter(state=State.SENDING):
        assert message.lease is not None
        held.setdefault(message.lease, set()).add(message.message_id)
    return held


def wait_until_all_are_sent(parts: Processes) -> None:
    unsent = Message.objects.exclude(state=State.SENT)
    parts.wait_until("the rest", lambda: not unsent.exists())


def test_three_kills_lose_no_link_and_repeat_only_what_was_not_marked_yet(
    parts: Processes, mail_server: MailServer
) -> None:
    members = members_due(MEMBERS)
    mail_server.mail_seconds = 0.02
    parts.start_worker()
    parts.enqueue(PROMISE)
    repeats = 0
    for _ in range(KILLS):
        before = mail_server.copies()
        held = kill_after(parts, mail_server, random.randint(15, 50))
        parts.start_worker()
        # The mail server has taken by now what the killed one had still written.
        taken = mail_server.copies() - before
        unmarked = {lease: len(ids & taken.keys()) for lease, ids in held.items()}
        assert max(unmarked.values(), default=0) <= delivery.MARK_EVERY
        repeats += sum(unmarked.values())
        time_passes(claims.LEASE)
        parts.enqueue(SWEEP)
    wait_until_all_are_sent(parts)

    copies = mail_server.copies()
    assert set(mail_server.recipients()) == {each.member.email for each in members}
    assert len(copies) == MEMBERS  # a repeated mail carries the Message-ID of the first
    assert copies.total() - MEMBERS == repeats


def test_a_worker_that_marks_late_repeats_more_than_the_bound(
    parts: Processes, mail_server: MailServer
) -> None:
    """The control: the same kill, and a worker with a deliberate break."""
    members = members_due(delivery.BATCH)
    mail_server.mail_seconds = 0.02
    links.promise_links(now=timezone.now())
    parts.start_worker(include="tests.faults.marks_late")
    parts.enqueue(DELIVER, helpers=0)
    held = kill_after(parts, mail_server, delivery.MARK_EVERY + 10)
    assert [len(ids) for ids in held.values()] == [len(members)]
    parts.start_worker()
    time_passes(claims.LEASE)
    parts.enqueue(SWEEP)
    wait_until_all_are_sent(parts)

    copies: Counter[str] = mail_server.copies()
    assert len(copies) == len(members)
    assert copies.total() - len(members) > delivery.MARK_EVERY
