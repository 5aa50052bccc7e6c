"""Kicks and sweeps: mail goes out at once, or a minute later when the broker is away."""

import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from django.core import mail
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from outbox import broker, claims, delivery, tasks
from outbox.models import Message, State
from sandbox.ports import free_port
from tests.outbox.conftest import member, owe, owe_many

pytestmark = pytest.mark.usefixtures("notes")


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "_quiet_until", 0.0)


@pytest.fixture
def kicked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    kicks: list[dict[str, Any]] = []

    def record(task: object, **kwargs: Any) -> bool:
        kicks.append(kwargs)
        return True

    monkeypatch.setattr(broker, "kick_now", record)
    monkeypatch.setattr(tasks, "kick_now", record)
    return kicks


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Somebody listens there and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def task_at(port: int) -> Any:
    app = Celery("elsewhere", broker=f"redis://127.0.0.1:{port}/0", set_as_current=False)
    app.conf.broker_transport_options = {"socket_connect_timeout": 2, "socket_timeout": 10}

    @app.task(name="work")
    def work() -> None: ...

    return work


@pytest.mark.django_db
def test_the_sweep_sends_what_is_due_and_what_a_stopped_worker_left() -> None:
    due, left = owe(member(), 1), owe(member("Ben"), 2)
    long_ago = timezone.now() - timedelta(minutes=10)
    Message.objects.update(next_try_at=long_ago)
    lease, _ = claims.claim(limit=2, now=long_ago)
    claims.give_back(lease=lease, pks=[due.pk], error="")

    tasks.sweep()

    assert {m.subject for m in mail.outbox} == {"Note 1", "Note 2"}
    left.refresh_from_db()
    assert (left.state, left.attempts) == (State.SENT, 2)


@pytest.mark.django_db
def test_a_long_queue_calls_a_helper_and_a_short_one_does_not(
    kicked: list[dict[str, Any]],
) -> None:
    owe_many(delivery.BATCH + 1)
    Message.objects.update(next_try_at=timezone.now())

    tasks.deliver(helpers=2)
    tasks.deliver(helpers=2)

    assert kicked == [{"helpers": 1}]
    assert Message.objects.filter(state=State.SENT).count() == delivery.BATCH + 1


@pytest.mark.django_db
def test_a_run_that_took_its_time_asks_to_be_called_again(
    kicked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    owe(member(), 1)
    Message.objects.update(next_try_at=timezone.now())
    monkeypatch.setattr(tasks, "RUN_SECONDS", 0.0)

    tasks.deliver()

    assert kicked == [{"helpers": 0}]


@pytest.mark.django_db
def test_a_kick_waits_for_the_commit(
    kicked: list[dict[str, Any]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        tasks.kick()
        assert kicked == []

    assert kicked == [{}]


def test_a_kick_reaches_the_broker(redis_url: str) -> None:
    port = int(redis_url.split(":")[2].split("/")[0])
    task = task_at(port)

    assert broker.kick_now(task)

    with task.app.connection_for_read() as connection:
        message = connection.SimpleQueue("celery").get(timeout=5)
        message.ack()
    assert message.headers["task"] == "work"


def test_a_broker_that_is_away_costs_a_moment() -> None:
    started = time.monotonic()

    assert not broker.kick_now(task_at(free_port()))
    assert time.monotonic() - started < 1


def test_a_broker_that_hangs_costs_about_a_second_and_then_nothing(silent_port: int) -> None:
    started = time.monotonic()
    assert not broker.kick_now(task_at(silent_port))
    first = time.monotonic() - started
    started = time.monotonic()
    assert not broker.kick_now(task_at(silent_port))

    assert 0.9 < first < 2
    assert time.monotonic() - started < 0.1
