"""Run the stand-in inside this process, on a free port: for tests.

with start(webhook_url=f"{live_server.url}/webhooks/stripe/") as standin:
    client = stripe.StripeClient(standin.secret_key, base_addresses={"api": standin.url})
    standin.control("pay", session=session.id)
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.stripe_standin import control
from sandbox.stripe_standin.errors import ContractBroken
from sandbox.stripe_standin.server import Server
from sandbox.stripe_standin.store import JSON
from sandbox.stripe_standin.world import Config, World


class Standin:
    """A running stand-in as a test sees it."""

    def __init__(self, world: World, server: Server) -> None:
        self.world = world
        self.server = server
        self.url = server.url
        self.secret_key = world.config.secret_key
        self.webhook_secret = world.config.webhook_secret

    def control(self, name: str, **arguments: Any) -> JSON:
        """Use a control directly, without HTTP. Raises errors.Refusal."""
        return control.run(self.world, name, arguments)

    def report(self, name: str) -> Any:
        """One of the reports: requests, books, pending, deliveries, faults, clock, contract."""
        return control.report(self.world, name)

    @property
    def requests(self) -> list[JSON]:
        rows: list[JSON] = self.report("requests")
        return rows

    @property
    def books(self) -> JSON:
        balance: JSON = self.report("books")
        return balance

    def events(self, type: str = "") -> list[JSON]:
        """The events so far, oldest first, of one type or of all."""
        with self.world.working():
            rows = list(self.world.store.tables["event"].values())
        return [row for row in rows if type in ("", row["type"])]

    def drain(self, seconds: float = 10.0) -> bool:
        """Wait until every webhook that is due has been delivered."""
        return self.world.webhooks.drain(seconds)

    @property
    def broken(self) -> list[str]:
        """Every request, reply and event that did not fit the SDK's types."""
        return self.world.breaches.listed()

    def forgive(self) -> list[str]:
        """The same, forgotten: it was broken on purpose."""
        return self.world.breaches.forgive()

    def forget_requests(self) -> None:
        self.world.log.clear()


@contextmanager
def start(*, port: int = 0, **config: Any) -> Iterator[Standin]:
    """A stand-in that lives as long as the block; keywords as in `world.Config`.

    Raises ContractBroken at the end of the block if anything broke the contract and was not
    forgiven, so that no test can forget to look.
    """
    world = World(Config(**config))
    server = Server(world, port)
    world.start(server.url)
    thread = threading.Thread(
        target=server.serve_forever, args=(0.05,), name="stripe-standin", daemon=True
    )
    thread.start()
    running = Standin(world, server)
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
        world.stop()
    if running.broken:
        raise ContractBroken("\n".join(running.broken))
