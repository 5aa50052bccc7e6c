"""The broker in Python: what Celery asks of Redis and a stand-in for it easily lacks."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import redis

from sandbox.ports import HOST, answers, free_port
from sandbox.stack import wait_until


@pytest.fixture
def broker() -> Iterator["redis.Redis"]:
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "sandbox.broker", "--port", str(port)])
    try:
        wait_until(lambda: answers(port), "the broker", seconds=30)
        with redis.Redis(host=HOST, port=port) as client:
            yield client
    finally:
        server.terminate()
        server.wait(timeout=10)


def test_a_lock_is_given_back(broker: "redis.Redis") -> None:
    """A worker takes one from time to time, and giving it back runs a script: without an
    interpreter for those, the worker ends."""
    lock = broker.lock("unacked_mutex", timeout=30)
    assert lock.acquire()
    lock.release()
    assert broker.get("unacked_mutex") is None


def test_a_task_is_waited_for_and_taken_once(broker: "redis.Redis") -> None:
    broker.lpush("celery", "first", "second")
    assert broker.brpop(["celery"], timeout=1) == (b"celery", b"first")
    assert broker.brpop(["celery"], timeout=1) == (b"celery", b"second")
    assert broker.brpop(["celery"], timeout=1) is None
