"""The whole stand-in without its server: store, clock, webhooks, faults, keys, log."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.stripe_standin import checkout, refunds
from sandbox.stripe_standin.breaches import Breaches
from sandbox.stripe_standin.clock import Clock
from sandbox.stripe_standin.desk import Desk
from sandbox.stripe_standin.faults import Faults
from sandbox.stripe_standin.idempotency import Keys
from sandbox.stripe_standin.store import JSON, Store
from sandbox.stripe_standin.webhooks import BACKOFF_SECONDS, DEFAULT_EVENTS, Webhooks

TICK_SECONDS = 0.25
SAVE_EVERY_TICKS = 4


@dataclass(frozen=True)
class Config:
    secret_key: str = "sk_test_standin"
    webhook_secret: str = "whsec_standin"
    webhook_url: str = ""
    webhook_events: tuple[str, ...] = DEFAULT_EVENTS
    webhook_backoff: tuple[float, ...] = BACKOFF_SECONDS
    webhook_workers: int = 4
    business_name: str = "Example practice"
    state: Path | None = None
    slow_payment_seconds: float | None = None
    logged_requests: int = 20_000
    clock_file: Path | None = None

    def __post_init__(self) -> None:
        if not self.secret_key.startswith("sk_test_"):
            raise ValueError("The stand-in takes only keys that start with sk_test_.")


@dataclass
class World:
    config: Config
    base_url: str = ""
    log: deque[JSON] = field(init=False)

    def __post_init__(self) -> None:
        config = self.config
        self.clock = Clock(file=config.clock_file)
        self.store = Store(self.clock, config.state)
        self.keys = Keys(self.clock)
        self.faults = Faults()
        self.breaches = Breaches()
        self.log = deque(maxlen=config.logged_requests)
        self.webhooks = Webhooks(
            url=config.webhook_url,
            secret=config.webhook_secret,
            clock=self.clock,
            events=config.webhook_events,
            backoff=config.webhook_backoff,
            workers=config.webhook_workers,
        )
        self.desk = Desk(
            self.store,
            self.webhooks,
            self.base_url,
            slow_payment_seconds=config.slow_payment_seconds,
        )
        self.store.on_event = self._on_event
        self.store.parts["keys"] = (self.keys.give, self.keys.take)
        self.store.parts["webhooks"] = (self.webhooks.give, self.webhooks.take)
        self._stopped = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="stand-in-clock", daemon=True)

    def start(self, base_url: str) -> None:
        """Load the saved state, begin to deliver webhooks and to expire sessions."""
        self.base_url = self.desk.base_url = base_url
        self.store.load()
        self.webhooks.start()
        self._ticker.start()

    def _on_event(self, event: JSON) -> None:
        self.breaches.event(event)
        self.webhooks.announce(event)

    def stop(self) -> None:
        self._stopped.set()
        self._ticker.join(timeout=2)
        self.webhooks.stop()
        self.store.save()

    @contextmanager
    def working(self, request_id: str | None = None, key: str | None = None) -> Iterator[None]:
        """Hold the lock, after everything that the clock made due has happened."""
        with self.store.lock:
            self.run_due()
            self.store.request_id, self.store.request_key = request_id, key
            try:
                yield
            finally:
                self.store.request_id = self.store.request_key = None

    def run_due(self) -> None:
        """Expire sessions, end slow payments and fail refunds whose time has come."""
        for what, id in self.store.due(self.clock.now()):
            found = self.store.find(id)
            if found is not None:
                self._happen(what, found)

    def _happen(self, what: str, about: dict[str, Any]) -> None:
        if what == "expire" and about["status"] == "open":
            checkout.expire(self.store, about)
        elif what == "fail_refund" and about["status"] in refunds.OPEN_REFUND:
            refunds.fail_refund(self.store, about)
        elif what == "end_slow_payment" and about["payment_status"] == "unpaid":
            intent = self.store.get("payment_intent", about["payment_intent"])
            if intent["status"] == "processing":
                checkout.end_slow_payment(self.store, about, paid=True)

    def _tick(self) -> None:
        ticks = 0
        while not self._stopped.wait(TICK_SECONDS):
            with self.working():
                pass
            ticks += 1
            if ticks % SAVE_EVERY_TICKS == 0 and self.store.changed:
                self.store.save()

    def pay(self, session: JSON, outcome: str, *, email: str = "", force: bool = False) -> JSON:
        """What the hosted page and the control do; the lock is held."""
        paid = checkout.pay(self.store, session, outcome, email=email, force=force)
        wait = self.desk.slow_payment_seconds
        if outcome == "async" and wait is not None:
            self.store.plan(self.clock.now() + wait, "end_slow_payment", session["id"])
        return paid
