"""Telling the workers that there is work, without ever depending on it.

The database holds what is to be done and a sweep finds it within a minute, so a broker that
is away costs a request a moment, not its answer.
"""

import time
from functools import partial
from typing import Any

import structlog
from celery import Task
from django.db import transaction
from kombu.exceptions import KombuError
from kombu.pools import producers
from redis.exceptions import RedisError

log = structlog.stdlib.get_logger("grouport.outbox")

PATIENCE = 1.0  # seconds for the broker to answer
SILENCE = 10.0  # seconds without another try after it did not

_quiet_until = 0.0


def kick_on_commit(task: "Task[Any, Any]", **kwargs: Any) -> None:
    """Start the task once the caller's transaction has committed; see `kick_now`."""
    transaction.on_commit(partial(kick_now, task, **kwargs))


def kick_now(task: "Task[Any, Any]", **kwargs: Any) -> bool:
    """Hand the task to the broker; logs and returns False when the broker is away.

    Blocks for about `PATIENCE` at most, and not at all for `SILENCE` after a failure. (With
    Celery's own connection the settings for workers hold: there a request waited 6 to 10 s.)
    """
    global _quiet_until
    if task.app.conf.task_always_eager:
        task.apply(kwargs=kwargs)
        return True
    if time.monotonic() < _quiet_until:
        return False
    connection = task.app.connection_for_write(connect_timeout=PATIENCE)
    connection.transport_options = {
        **(connection.transport_options or {}),
        "socket_connect_timeout": PATIENCE,
        "socket_timeout": PATIENCE,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
    }
    try:
        # The pool is keyed by address and options: the connection stays open between kicks.
        with producers[connection].acquire(block=True, timeout=PATIENCE) as producer:
            task.apply_async(kwargs=kwargs, producer=producer, retry=False)
    except (KombuError, RedisError, OSError) as error:
        _quiet_until = time.monotonic() + SILENCE
        log.warning("broker.away", task=task.name, error=type(error).__name__)
        return False
    return True
