"""Webhooks: signed, sent from background threads, tried again until the app says 2xx.

Due times are on the stand-in's clock, so moving the clock an hour ahead delivers what was
delayed by an hour. Every attempt is signed anew with the time it is made.
"""

import heapq
import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from sandbox.stripe_standin.clock import Clock
from sandbox.stripe_standin.errors import Refusal
from sandbox.stripe_standin.signature import sign

MODES = ("normal", "drop", "double", "reorder", "delay")
DEFAULT_EVENTS = (
    "checkout.session.*",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "refund.*",
    "charge.refunded",
    "charge.dispute.*",
)
BACKOFF_SECONDS = (1, 2, 4, 8, 15, 30, 60)
ATTEMPT_TIMEOUT = 20.0


@dataclass
class Delivery:
    """One event on its way to the endpoint. state: pending, held, dropped, delivered."""

    number: int
    event: str
    type: str
    payload: str
    due: float
    state: str = "pending"
    attempts: int = 0
    last_status: int = 0
    last_error: str = ""


class Webhooks:
    def __init__(
        self,
        *,
        url: str,
        secret: str,
        clock: Clock,
        events: tuple[str, ...] = DEFAULT_EVENTS,
        backoff: tuple[float, ...] = BACKOFF_SECONDS,
        workers: int = 4,
    ) -> None:
        self.url, self.secret, self.clock = url, secret, clock
        self.events, self.backoff, self.workers = events, backoff, workers
        self.mode, self.mode_seconds, self.mode_types = "normal", 1.0, "*"
        self.deliveries: list[Delivery] = []
        self._open: Counter[str] = Counter()  # deliveries still owed, by event
        self._queue: list[tuple[float, int, list[Delivery]]] = []
        self._held: list[Delivery] = []
        self._release_at = 0.0
        self._number = 0
        self._busy = 0
        self._stopped = False
        self._change = threading.Condition()
        self._threads: list[threading.Thread] = []

    # --- what the rest of the stand-in calls ---

    def start(self) -> None:
        for n in range(self.workers):
            thread = threading.Thread(target=self._work, name=f"webhooks-{n}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        with self._change:
            self._stopped = True
            self._change.notify_all()
        for thread in self._threads:
            thread.join(timeout=2)

    def announce(self, event: dict[str, Any]) -> None:
        """Send an event as the current mode says, if the endpoint subscribes to its type."""
        if not self.url or not any(fnmatchcase(event["type"], one) for one in self.events):
            return
        bent = fnmatchcase(event["type"], self.mode_types)
        self._send(event, self.mode if bent else "normal")

    def resend(self, event: dict[str, Any]) -> None:
        self._send(event, "normal")

    def set_mode(self, mode: str, *, seconds: float = 1.0, types: str = "*") -> None:
        """How events to come are sent; those that are held for reordering go out now."""
        if mode not in MODES:
            raise Refusal(400, f"mode must be one of {', '.join(MODES)}", saved=False)
        with self._change:
            self.mode, self.mode_seconds, self.mode_types = mode, seconds, types
            self._release()
            self._change.notify_all()

    def wake(self) -> None:
        """The clock was moved: look again at what is due."""
        with self._change:
            self._change.notify_all()

    def listed(self, state: str = "") -> list[dict[str, Any]]:
        with self._change:
            rows = [one for one in self.deliveries if state in ("", one.state)]
            return [{k: v for k, v in asdict(one).items() if k != "payload"} for one in rows]

    def owed(self, event_id: str) -> int:
        """How many deliveries of this event have not reached the app."""
        with self._change:
            return self._open[event_id]

    def drain(self, seconds: float = 10.0) -> bool:
        """Wait until nothing that is due is left; False when time ran out first."""
        for _ in range(int(seconds / 0.02)):
            with self._change:
                now = self.clock.now()
                waiting = any(due <= now for due, _, _ in self._queue)
                held = self._held and self._release_at <= now
                if not (waiting or held or self._busy):
                    return True
                self._change.notify_all()
            time.sleep(0.02)
        return False

    # --- the queue ---

    def _send(self, event: dict[str, Any], mode: str) -> None:
        payload = json.dumps(event)
        with self._change:
            now = self.clock.now()
            due = now + self.mode_seconds if mode == "delay" else now
            for _ in range(2 if mode == "double" else 1):
                self._number += 1
                delivery = Delivery(self._number, event["id"], event["type"], payload, due)
                self.deliveries.append(delivery)
                self._open[event["id"]] += 1
                if mode == "drop":
                    delivery.state = "dropped"
                elif mode == "reorder":
                    delivery.state = "held"
                    if not self._held:
                        self._release_at = now + self.mode_seconds
                    self._held.append(delivery)
                else:
                    self._push([delivery], due)
            self._change.notify()

    def _push(self, job: list[Delivery], due: float) -> None:
        self._number += 1
        for delivery in job:
            delivery.state, delivery.due = "pending", due
        heapq.heappush(self._queue, (due, self._number, job))

    def _release(self) -> None:
        """Held events go out in one job, last first, so that no two threads mix them again."""
        if self._held:
            self._push(self._held[::-1], self.clock.now())
            self._held = []

    def _next_job(self) -> list[Delivery] | None:
        with self._change:
            while not self._stopped:
                now = self.clock.now()
                if self._held and self._release_at <= now:
                    self._release()
                if self._queue and self._queue[0][0] <= now:
                    self._busy += 1
                    return heapq.heappop(self._queue)[2]
                # Short, because a test may move time itself without telling anybody.
                self._change.wait(0.2)
        return None

    def _work(self) -> None:
        while (job := self._next_job()) is not None:
            for delivery in job:
                self._attempt(delivery)
            with self._change:
                self._busy -= 1
                self._change.notify_all()

    def _attempt(self, delivery: Delivery) -> None:
        status, error = 0, ""
        try:
            status = self._post(delivery.payload)
        except (OSError, http.client.HTTPException) as trouble:
            error = f"{type(trouble).__name__}: {trouble}"
        with self._change:
            delivery.attempts += 1
            delivery.last_status, delivery.last_error = status, error
            if 200 <= status < 300:
                delivery.state, delivery.payload = "delivered", ""
                self._open[delivery.event] -= 1
            else:
                wait = self.backoff[min(delivery.attempts, len(self.backoff)) - 1]
                self._push([delivery], self.clock.now() + wait)

    def _post(self, payload: str) -> int:
        parts = urlsplit(self.url)
        connect = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = connect(parts.netloc, timeout=ATTEMPT_TIMEOUT)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": sign(payload, self.secret, self.clock.signing_seconds()),
        }
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", path or "/", body=payload.encode(), headers=headers)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    # --- the file ---

    def give(self) -> list[dict[str, Any]]:
        with self._change:
            return [asdict(one) for one in self.deliveries if one.state != "delivered"]

    def take(self, state: list[dict[str, Any]]) -> None:
        with self._change:
            for row in state:
                delivery = Delivery(**row)
                self.deliveries.append(delivery)
                self._open[delivery.event] += 1
                self._number = max(self._number, delivery.number)
                if delivery.state != "dropped":
                    self._push([delivery], delivery.due)
