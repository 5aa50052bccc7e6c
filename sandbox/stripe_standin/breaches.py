"""What broke the contract, judged as it passes: a bounded log forgets, this list does not."""

import json
import sys
import threading
from collections.abc import Iterable

from sandbox.stripe_standin.contract import judge_reply
from sandbox.stripe_standin.errors import BREACH
from sandbox.stripe_standin.specs import Problem
from sandbox.stripe_standin.store import JSON

# A program in a loop says the same thing again and again.
KEPT = 1_000


class Breaches:
    """Requests, replies and events that do not fit the SDK's types, in the order they came.

    Each is also written to stderr at once, where whoever started the stand-in finds it.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def request(self, name: str, problems: Iterable[Problem]) -> None:
        self._keep(f"request {name}", problems)

    def reply(self, name: str, body: str) -> None:
        """Judge the body of an answer; an answer that was never sent has none."""
        if body:
            self._keep(f"reply {name}", judge_reply(json.loads(body)))

    def event(self, event: JSON) -> None:
        self._keep(f"event {event['type']}", judge_reply(event))

    def listed(self) -> list[str]:
        with self._lock:
            return list(self._lines)

    def forgive(self) -> list[str]:
        """What was broken until now, which is forgotten: for who broke it on purpose."""
        with self._lock:
            lines, self._lines = self._lines, []
            return lines

    def _keep(self, name: str, problems: Iterable[Problem]) -> None:
        for problem in problems:
            line = f"{name}: {problem.message}"
            with self._lock:
                if len(self._lines) < KEPT:
                    self._lines.append(line)
            sys.stderr.write(f"{BREACH}{line}\n")
            sys.stderr.flush()
