"""Grouport's parts as separate processes, each of which a test can kill, stop or starve.

They run on the test's own database, so builders and the ORM work beside them, and on a Redis
of their own. Their clock is the real one: what should have happened by now is arranged by
`time_passes`, which moves the outbox's waiting times into the past.
"""

import contextlib
import datetime as dt
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis
from celery import Celery
from django.db import connection
from django.db.models import F

from bench.parts import Parts
from outbox.models import Message
from sandbox.ports import HOST, answers, free_port
from sandbox.stack import OWN_VARIABLES
from sandbox.stripe_standin.errors import check_contract
from tests.postgres import server_url

SITE_URL = "http://testserver"  # that of tests.settings: Message-IDs carry it
QUEUE = "celery"  # Celery's key in Redis
# What a worker writes about a task: that it has it, and later how it ended.
TASK = re.compile(rb"Task [\w.]+\[[0-9a-f-]{36}\] (received|succeeded|raised)")
SECONDS = 60.0  # within which anything waited for must have come


def own_database_url() -> str:
    """The database that the ORM of this test uses."""
    name = connection.settings_dict["NAME"]
    return urlunsplit(urlsplit(server_url())._replace(path=f"/{name}"))


def time_passes(duration: dt.timedelta) -> None:
    """The outbox's leases and retries come so much nearer (or lie behind), by SQL."""
    Message.objects.update(
        lease_until=F("lease_until") - duration, next_try_at=F("next_try_at") - duration
    )


class Processes(Parts):
    """`with Processes(folder=tmp_path, database_url=...) as parts:` starts nothing by itself.

    `environment` reaches every part, that of a `start_…` call one part alone. Each part writes
    to `<name>.log` in the folder. Leaving the block kills whatever runs.
    """

    def __init__(self, *, folder: Path, database_url: str, **environment: str) -> None:
        super().__init__()
        self.folder = folder
        self.redis_port, self.email_port = free_port(), free_port()
        kept = {key: value for key, value in os.environ.items() if key not in OWN_VARIABLES}
        self.environment = {
            **kept,
            "GROUPORT_MODE": "development",  # with the keys of the test's own process
            "DEBUG": "0",
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "DATABASE_URL": database_url,
            "REDIS_URL": self.redis_url,
            "EMAIL_URL": f"smtp://{HOST}:{self.email_port}",
            "SITE_URL": SITE_URL,
            "STRIPE_API_BASE": f"http://{HOST}:1",  # nobody, unless a test starts the stand-in
            "LOG_LEVEL": "INFO",
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        }

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            error.add_note(self.last_words())
        self.kill()
        if error is None:
            check_contract(self.log("standin"))

    # --- what a test does to them -------------------------------------------------------

    def kill(self, *names: str) -> None:
        """kill -9 the named parts, or all, each with everything that it has started."""
        for one in [one for one in self._running if not names or one[0] in names]:
            with contextlib.suppress(ProcessLookupError):  # it went by itself
                os.killpg(one[1].pid, signal.SIGKILL)
            one[1].wait()
            self._running.remove(one)

    # --- Redis --------------------------------------------------------------------------

    @property
    def redis_url(self) -> str:
        return f"redis://{HOST}:{self.redis_port}/0"

    @property
    def redis(self) -> "redis.Redis":
        """A new client, since an old one may hold a connection to an earlier server."""
        return redis.Redis.from_url(self.redis_url)

    def start_redis(self) -> None:
        """Start it empty, on the same port each time. Skips the test where it is not installed."""
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("redis-server is not installed")
        command = [program, "--port", str(self.redis_port), "--bind", HOST, "--save", ""]
        self.start("redis", [*command, "--dir", str(self.folder)])
        self.wait_until("redis", lambda: answers(self.redis_port))

    def wipe_redis(self) -> None:
        """FLUSHALL, and a restart."""
        self.redis.flushall()
        self.kill("redis")
        self.start_redis()

    def enqueue(self, task: str, **arguments: Any) -> None:
        """Hand a task to the workers as the application and its clock do."""
        with Celery(broker=self.redis_url, set_as_current=False) as app:
            app.send_task(task, kwargs=arguments)

    def enqueued(self) -> int:
        """Tasks that wait in Redis."""
        return int(self.redis.llen(QUEUE))

    def wait_until_idle(self) -> None:
        """Until no task waits or is being worked on. Not for after a worker was killed at work."""
        looks = [False]  # a worker takes a task from Redis a moment before it writes so

        def idle() -> bool:
            looks.append(not self.enqueued() and not self._in_work())
            return looks[-2] and looks[-1]

        self.wait_until("the end of all tasks", idle, SECONDS)

    def _in_work(self) -> int:
        logs = b"".join(log.read_bytes() for log in self.folder.glob("*.log"))
        words = Counter(TASK.findall(logs))
        return words.pop(b"received", 0) - words.total()

    # --- the application ----------------------------------------------------------------

    def start_worker(
        self, name: str = "worker", *, include: str = "", **environment: str
    ) -> "subprocess.Popen[bytes]":
        """Celery's worker as docker-compose.yml has it; returns when it takes tasks.

        `include` names a module that it imports first: a deliberate break, say.
        """
        before = self._times_ready(name)
        command = [sys.executable, "-m", "celery", "--app", "grouport", "worker"]
        command += ["--pool", "threads", "--concurrency", "8"]
        command += ["--hostname", f"{name}@faults", "--loglevel", "info"]
        command += ["--include", include] if include else []
        process = self.start(name, command, **environment)
        self.wait_until(name, lambda: self._times_ready(name) > before)
        return process

    def _times_ready(self, name: str) -> int:
        log = self.folder / f"{name}.log"
        return log.read_bytes().count(b" ready.") if log.exists() else 0

    def start_beat(self, name: str = "beat", **environment: str) -> "subprocess.Popen[bytes]":
        """Celery's clock as docker-compose.yml has it. BEAT_SECONDS shortens its minute."""
        command = [sys.executable, "-m", "celery", "--app", "grouport", "beat"]
        return self.start(name, [*command, "--pidfile=", "--loglevel", "info"], **environment)
