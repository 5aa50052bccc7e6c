"""What the stand-in knows, in memory under one lock, optionally saved to a JSON file.

Objects are kept as the JSON that the API answers with. What Stripe keeps to itself about
an object (a card's behaviour, a session's line items) lies beside it, in `private`.
"""

import heapq
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sandbox.stripe_standin.clock import Clock
from sandbox.stripe_standin.errors import missing

API_VERSION = "2026-10-28.endive"
JSON = dict[str, Any]

PREFIXES = {
    "checkout.session": "cs_test_",
    "payment_intent": "pi_",
    "charge": "ch_",
    "refund": "re_",
    "customer": "cus_",
    "payment_method": "pm_",
    "event": "evt_",
    "dispute": "dp_",
    "balance_transaction": "txn_",
}
# What Stripe calls an object in "No such …".
SPOKEN = {"payment_method": "PaymentMethod"}


def new_id(prefix: str) -> str:
    return prefix + secrets.token_hex(29 if prefix == "cs_test_" else 12)


def snapshot(value: JSON) -> JSON:
    """A deep copy: an event shows its object as it was."""
    copy: JSON = json.loads(json.dumps(value))
    return copy


class Store:
    def __init__(self, clock: Clock, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.path = path
        self.tables: dict[str, dict[str, JSON]] = {kind: {} for kind in PREFIXES}
        self.private: dict[str, JSON] = {}
        # What is to happen by the clock: (at, number, what, object's id), a heap.
        self.agenda: list[tuple[float, int, str, str]] = []
        self.counter = 0
        self.changed = False  # since the last save
        self.on_event: Callable[[JSON], None] = lambda event: None
        # The request that is being answered, as events name it.
        self.request_id: str | None = None
        self.request_key: str | None = None
        # Other parts that are saved along: name → (give, take).
        self.parts: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {}

    # --- objects ---

    def add(self, value: JSON) -> JSON:
        self.tables[value["object"]][value["id"]] = value
        self.changed = True
        return value

    def get(self, kind: str, id: str, *, param: str = "") -> JSON:
        """The object, or Stripe's resource_missing: 404 for a path, 400 for a parameter."""
        found = self.tables[kind].get(id)
        if found is None:
            spoken = SPOKEN.get(kind, kind)
            raise missing(spoken, id, param or "id", 400 if param else 404)
        return found

    def find(self, id: str) -> JSON | None:
        """The object with this id, of whatever kind."""
        for kind, prefix in PREFIXES.items():
            if id.startswith(prefix):
                return self.tables[kind].get(id)
        return None

    def newest_first(self, kind: str) -> Iterator[JSON]:
        return reversed(self.tables[kind].values())

    def own(self, id: str) -> JSON:
        """What the stand-in keeps to itself about an object."""
        return self.private.setdefault(id, {})

    # --- events ---

    def publish(self, type: str, about: JSON, previous: JSON | None = None) -> JSON:
        data: JSON = {"object": snapshot(about)}
        if previous is not None:
            data["previous_attributes"] = previous
        event: JSON = {
            "id": new_id("evt_"),
            "object": "event",
            "account": None,
            "api_version": API_VERSION,
            "context": None,
            "created": self.clock.seconds(),
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.request_id, "idempotency_key": self.request_key},
            "type": type,
        }
        self.add(event)
        self.on_event(event)
        return event

    # --- the agenda ---

    def plan(self, at: float, what: str, id: str) -> None:
        self.counter += 1
        heapq.heappush(self.agenda, (at, self.counter, what, id))

    def due(self, now: float) -> Iterator[tuple[str, str]]:
        while self.agenda and self.agenda[0][0] <= now:
            _, _, what, id = heapq.heappop(self.agenda)
            yield what, id

    # --- the file ---

    def save(self) -> None:
        if self.path is None:
            return
        with self.lock:
            self.changed = False
            state: JSON = {
                "tables": self.tables,
                "private": self.private,
                "agenda": self.agenda,
                "counter": self.counter,
                "clock": self.clock.offset,
            }
            state |= {name: give() for name, (give, _) in self.parts.items()}
            text = json.dumps(state)
        draft = self.path.with_suffix(".part")
        draft.write_text(text, encoding="utf-8")
        draft.replace(self.path)

    def load(self) -> None:
        if self.path is None or not self.path.exists():
            return
        state = json.loads(self.path.read_text(encoding="utf-8"))
        self.tables |= state["tables"]
        self.private = state["private"]
        self.agenda = [(at, number, what, id) for at, number, what, id in state["agenda"]]
        self.counter = state["counter"]
        self.clock.offset = state["clock"]
        for name, (_, take) in self.parts.items():
            take(state.get(name) or {})
