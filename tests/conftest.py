"""Fixtures for every room: the parts outside the application, each of them a real one."""

import os
import shutil
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings

from sandbox.ports import answers, free_port
from sandbox.stack import Stack, wait_until
from sandbox.stripe_standin.process import Standin, start
from tests.postgres import forget_migrated, fresh_database
from tests.smtp_sink import SmtpSink

REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"

hypothesis.settings.register_profile("quick", deadline=None, max_examples=50)
hypothesis.settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=400,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    print_blob=True,
)
hypothesis.settings.load_profile("thorough" if REQUIRE_ALL else "quick")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With REQUIRE_ALL=1 a skipped test has failed: nothing may hide behind a missing part."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped, which REQUIRE_ALL=1 does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if REQUIRE_ALL and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"Skipped, which REQUIRE_ALL=1 does not allow: {report.longrepr}"
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        forget_migrated()


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Rate limits count in the cache: one test's sign-ups must not stop the next one's."""
    cache.clear()


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = subprocess.Popen([*command, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port), "redis-server", seconds=10)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(timeout=10)


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A redis-server of this test's own, so that nobody else's worker takes its tasks."""
    with redis_server(tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def session_redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One for a stack that lives as long as the session."""
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def smtp_sink(settings: Settings) -> Iterator[SmtpSink]:
    """A mail server; Django's settings point at it for the length of the test."""
    with SmtpSink() as sink:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = sink.port
        yield sink


@pytest.fixture
def standin(settings: Settings) -> Iterator[Standin]:
    """Stripe's stand-in, which the settings point at. It delivers no webhooks by itself."""
    with start() as running:
        settings.STRIPE_API_BASE = settings.STRIPE_CHECKOUT_ORIGIN = running.url
        settings.STRIPE_SECRET_KEY = running.secret_key
        settings.STRIPE_WEBHOOK_SECRET = running.webhook_secret
        yield running


@pytest.fixture
def stack(redis_url: str, tmp_path: Path) -> Iterator[Stack]:
    """The whole application as its own processes, on PostgreSQL and Redis."""
    with (
        fresh_database(migrated=True) as database_url,
        Stack(
            var=tmp_path / "var", env={"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        ) as running,
    ):
        yield running


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's own browser, told not to ring home."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("chromium is not installed")
    return {
        **browser_type_launch_args,
        "executable_path": program,
        "args": [
            "--no-sandbox",  # root cannot have one
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    }
