"""The stand-in's own clock: real time plus an offset that a control moves."""

import time


class Clock:
    """Everything in the stand-in that depends on time asks here, in seconds since 1970."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def now(self) -> float:
        return time.time() + self.offset

    def seconds(self) -> int:
        return int(self.now())

    def advance(self, seconds: float) -> None:
        self.offset += seconds

    def set(self, at: float) -> None:
        self.offset = at - time.time()

    def reset(self) -> None:
        self.offset = 0.0
