"""Idempotency keys: the first answer is kept a day and given again, whatever it was."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sandbox.stripe_standin.clock import Clock
from sandbox.stripe_standin.errors import Refusal

KEPT_SECONDS = 24 * 60 * 60
LONGEST_KEY = 255


@dataclass
class Kept:
    """What a key was used for. `status` is None while the first request is on its way."""

    path: str
    fingerprint: str
    since: float
    request_id: str
    status: int | None = None
    body: str = ""


class Keys:
    """The caller holds the store's lock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.kept: dict[str, Kept] = {}

    def begin(self, key: str, path: str, raw: dict[str, Any], request_id: str) -> Kept | None:
        """The answer to give again, or None: the request is new and now in flight.

        Raises Refusal: other parameters, another endpoint, or the first is still in flight.
        """
        if len(key) > LONGEST_KEY:
            raise Refusal(400, "Idempotency keys may be at most 255 characters.", saved=False)
        fingerprint = hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
        now = self.clock.now()
        first = self.kept.get(key)
        if first is None or first.since < now - KEPT_SECONDS:
            self.kept[key] = Kept(path, fingerprint, now, request_id)
            return None
        if first.path != path:
            raise self._mismatch(
                "Keys for idempotent requests can only be used for the same endpoint they were "
                f"first used for ('{path}' vs '{first.path}'). Try using a key other than "
                f"'{key}' if you meant to execute a different request."
            )
        if first.fingerprint != fingerprint:
            raise self._mismatch(
                "Keys for idempotent requests can only be used with the same parameters they "
                f"were first used with. Try using a key other than '{key}' if you meant to "
                "execute a different request."
            )
        if first.status is None:
            raise Refusal(
                409,
                "There is currently another in-progress request using this Idempotent Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {key}.",
                type="idempotency_error",
                code="idempotency_key_in_use",
                saved=False,
            )
        return first

    def end(self, key: str, status: int, body: str) -> None:
        kept = self.kept[key]
        kept.status, kept.body = status, body

    def forget(self, key: str) -> None:
        self.kept.pop(key, None)

    @staticmethod
    def _mismatch(message: str) -> Refusal:
        return Refusal(400, message, type="idempotency_error", saved=False)

    def give(self) -> dict[str, Any]:
        return {key: vars(kept) for key, kept in self.kept.items() if kept.status is not None}

    def take(self, state: dict[str, Any]) -> None:
        self.kept = {key: Kept(**kept) for key, kept in state.items()}
