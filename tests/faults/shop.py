"""The whole application on a PostgreSQL that may go away, with people who enrol meanwhile."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import connections

from bench.client import Connection, get
from bench.parts import SITE_URL
from billing.models import StripeEvent
from billing.papers.issuing import ESTIMATE_READY
from enrollment.models import Enrollment
from enrollment.states import Status
from outbox import claims
from outbox.models import Message, State
from sandbox.ports import HOST, free_port
from sandbox.stripe_standin.process import Standin, start
from tests.faults.customers import Customers
from tests.faults.mail_server import MailServer
from tests.faults.own_postgres import DATABASE, Mode, OwnPostgres, orm_uses
from tests.faults.processes import Processes, time_passes

CLIENTS = 6
SUPPLY = 200
_numbers = itertools.count(1)


@dataclass
class Shop:
    """Web and Stripe run; a test starts the workers."""

    server: OwnPostgres
    database: str
    parts: Processes
    standin: Standin
    mail_server: MailServer
    web: int
    customers: Customers

    def is_well(self) -> bool:
        """What /healthz says."""
        status = Connection(self.web).ask(get("/healthz")).status
        assert status in (200, 503)
        return status == 200

    def serve(self, more: int = CLIENTS) -> None:
        """Until so many more people are through."""
        target = len(self.customers.enrolled) + more
        self.wait_until("enrolments", lambda: len(self.customers.enrolled) >= target)

    def lose_database(self, mode: Mode, *, writing: str = "") -> float:
        """Stop the database under load and start it when everybody has noticed.

        With a table's name, transactions are in their middle when it happens: about to write
        there. Returns the moment, of time.monotonic(), from which it is there again.
        """
        with ExitStack() as lock:
            if writing:
                table = {"table": writing, "of": self.database}
                lock.enter_context(self.server.holding_up(**table))
                self.wait_until("writers", lambda: self.server.held_up(**table) >= CLIENTS // 2)
            stopped_at = time.monotonic()
            self.server.stop(mode)
        failures = self.customers.since
        self.wait_until("failures", lambda: len(failures(stopped_at)) >= 2 * CLIENTS)
        assert not self.is_well()
        self.server.start_again()
        connections.close_all()  # this process's own were lost, too
        return time.monotonic()

    def finish(self) -> None:
        """Until the workers, without any help, have done all that was left to do."""
        unconfirmed = Enrollment.objects.exclude(status=Status.ACTIVE)
        self.wait_until("confirmations", lambda: not unconfirmed.exists())
        stored = StripeEvent.objects.filter(status=StripeEvent.Status.STORED)
        assert self.standin.drain()
        self.wait_until("events", lambda: not stored.exists())
        estimates = Message.objects.filter(kind=ESTIMATE_READY)
        self.wait_until("estimates", lambda: estimates.count() == Enrollment.objects.count())
        time_passes(claims.LEASE)  # so long a worker that lost its database held its mails
        unsent = Message.objects.exclude(state=State.SENT)
        self.wait_until("mails", lambda: not unsent.exists())

    def wait_until(self, what: str, ready: Callable[[], bool]) -> None:
        """Raises what a client has raised meanwhile."""

        def looked() -> bool:
            self.customers.check()
            return ready()

        self.parts.wait_until(what, looked)


@contextmanager
def open_shop(
    server: OwnPostgres, folder: Path, *, module: str = "grouport.wsgi", **environment: str
) -> Iterator[Shop]:
    """A shop on a new database of the server, served by gunicorn from `module`."""
    server.start_again()
    database = f"shop_{next(_numbers)}"
    server.create(database, template=DATABASE)
    stripe_port = free_port()
    stripe = f"http://{HOST}:{stripe_port}"
    environment |= {
        "SITE_URL": SITE_URL,
        "STRIPE_API_BASE": stripe,
        "STRIPE_CHECKOUT_ORIGIN": stripe,
    }
    url = server.url(database)
    with Processes(folder=folder, database_url=url, **environment) as parts, ExitStack() as more:
        parts.start_redis()
        mail_server = more.enter_context(MailServer(port=parts.email_port))
        web = parts.start_web(module, workers=2, threads=8, name="web")
        hook = f"http://{HOST}:{web}/webhooks/stripe/"
        standin = more.enter_context(
            start(port=stripe_port, webhook_url=hook, webhook_backoff=(0.2, 0.5))
        )
        more.enter_context(orm_uses(url))
        customers = Customers(clients=CLIENTS, supply=SUPPLY, web=web, standin=standin)
        yield Shop(server, database, parts, standin, mail_server, web, customers)
