"""A worker keeps its database connections between tasks, and replaces those that broke."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.faults.own_postgres import DATABASE, Mode, OwnPostgres, own_postgres
from tests.faults.processes import Processes

pytestmark = [pytest.mark.race, pytest.mark.stack]

THREADS = 8
TASKS = 60


@pytest.fixture(scope="module")
def server(django_db_blocker: DjangoDbBlocker) -> Iterator[OwnPostgres]:
    with django_db_blocker.unblock(), own_postgres() as running:
        yield running


@pytest.fixture
def parts(server: OwnPostgres, tmp_path: Path) -> Iterator[Processes]:
    server.start_again()
    with Processes(folder=tmp_path, database_url=server.url(DATABASE)) as running:
        running.start_redis()
        yield running


def work(parts: Processes) -> None:
    """Tasks enough for each of the worker's threads, each with queries."""
    for _ in range(TASKS):
        parts.enqueue("outbox.tasks.sweep")
    parts.wait_until_idle()


def failed(parts: Processes) -> int:
    return parts.log("worker").count("raised unexpected")


def test_a_worker_makes_no_more_connections_than_it_has_threads(
    server: OwnPostgres, parts: Processes
) -> None:
    before = server.connections_of("worker")
    parts.start_worker()
    work(parts)
    work(parts)
    assert 0 < server.connections_of("worker") - before <= THREADS
    assert failed(parts) == 0


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restarted_database_costs_the_worker_no_task(
    server: OwnPostgres, parts: Processes, mode: Mode
) -> None:
    parts.start_worker()
    work(parts)
    server.stop(mode)
    server.start_again()
    work(parts)
    assert failed(parts) == 0


def test_control_connections_that_nobody_checks_cost_tasks(
    server: OwnPostgres, parts: Processes
) -> None:
    parts.start_worker(DJANGO_SETTINGS_MODULE="tests.faults.settings_unchecked")
    work(parts)
    server.stop("fast")
    server.start_again()
    work(parts)
    assert 0 < failed(parts) <= THREADS  # and each thread recovers after its first
