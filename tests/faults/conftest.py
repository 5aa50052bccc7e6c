"""Processes on the test's own database, and what the mail server was sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.mail_server import MailServer
from tests.faults.processes import Processes, own_database_url


@pytest.fixture
def parts(transactional_db: None, tmp_path: Path) -> Iterator[Processes]:
    """Redis runs; every other part is started by the test."""
    with Processes(folder=tmp_path, database_url=own_database_url()) as running:
        running.start_redis()
        yield running


@pytest.fixture
def mail_server(parts: Processes) -> Iterator[MailServer]:
    """The mail server that the parts' settings name."""
    with MailServer(port=parts.email_port) as server:
        yield server
