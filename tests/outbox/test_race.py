"""Many processes deliver at once: each mail goes out once."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import connection

from outbox import claims, services
from outbox.models import Message, State
from tests.outbox.conftest import NOW, Clock, member, owe_many
from tests.smtp_sink import SmtpSink

pytestmark = [
    pytest.mark.race,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("notes"),
]
THREADS = 8
MAILS = 200


def at_once(work: Callable[[], object]) -> None:
    """Run the work in eight threads that start together; raises what any of them raised."""
    start = threading.Barrier(THREADS)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            start.wait()
            work()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def copies(sink: SmtpSink) -> Counter[str]:
    return Counter(received.message["Message-ID"] for received in sink.messages)


def test_eight_threads_send_each_mail_once(smtp_sink: SmtpSink, clock: Clock) -> None:
    owe_many(MAILS)

    at_once(lambda: services.deliver_due(clock=clock))

    assert len(copies(smtp_sink)) == MAILS
    assert set(copies(smtp_sink).values()) == {1}
    assert set(Message.objects.values_list("state", "attempts")) == {(State.SENT, 1)}


def test_an_unguarded_claim_sends_copies(
    smtp_sink: SmtpSink, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same threads, but what was read as queued is taken without a guard."""
    owe_many(MAILS)
    first_claim = threading.Barrier(THREADS)
    began: set[int] = set()

    def unguarded(*, limit: int, now: datetime) -> tuple[uuid.UUID, list[Message]]:
        lease = uuid.uuid4()
        queued = Message.objects.filter(state=State.QUEUED, next_try_at__lte=now)
        found = list(queued.select_related("recipient").order_by("next_try_at", "id")[:limit])
        if threading.get_ident() not in began:
            began.add(threading.get_ident())
            first_claim.wait()
        Message.objects.filter(pk__in=[message.pk for message in found]).update(
            state=State.SENDING, lease=lease, lease_until=now + claims.LEASE, sent_at=None
        )
        return lease, found

    monkeypatch.setattr(claims, "claim", unguarded)

    at_once(lambda: services.deliver_due(clock=clock))

    assert max(copies(smtp_sink).values()) > 1


def test_a_promise_made_by_eight_threads_is_one() -> None:
    ada = member()
    new: list[bool] = []

    at_once(
        lambda: new.append(
            services.promise(kind="note", recipient_id=ada.pk, subject_id=1, now=NOW)
        )
    )

    assert sorted(new) == [False] * (THREADS - 1) + [True]
    assert Message.objects.count() == 1
