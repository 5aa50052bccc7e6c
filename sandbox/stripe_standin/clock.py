"""The stand-in's own clock: the sandbox's time plus an offset that a control moves."""

import time
from pathlib import Path

from sandbox.clock import seconds_ahead


class Clock:
    """Everything in the stand-in that depends on time asks here, in seconds since 1970.

    `file` says how far the sandbox's clock is moved, for this one to follow.
    """

    def __init__(self, offset: float = 0.0, file: Path | None = None) -> None:
        self.offset = offset
        self.file = file

    def _sandbox(self) -> float:
        return time.time() + (seconds_ahead(self.file) if self.file else 0.0)

    def now(self) -> float:
        return self._sandbox() + self.offset

    def seconds(self) -> int:
        return int(self.now())

    def signing_seconds(self) -> int:
        """For signatures: whoever verifies them goes by real time, wherever the sandbox is."""
        return int(time.time() + self.offset)

    def advance(self, seconds: float) -> None:
        self.offset += seconds

    def set(self, at: float) -> None:
        self.offset = at - self._sandbox()

    def reset(self) -> None:
        self.offset = 0.0
