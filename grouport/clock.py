"""Celery's clock, without its memory."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from celery.beat import Scheduler
from django.conf import settings


class Clock(Scheduler):
    """Keeps no file, and runs everything once when it starts.

    Celery's own clock remembers its last runs in a file that a crash can leave unreadable,
    after which it does not start again. Every entry of ours is a sweep that may run at any
    time, so a new clock sweeps at once: what a stopped one has missed is done now.

    While it ticks it touches `CLOCK_HEARTBEAT`, for whoever has to know that it lives.
    """

    max_interval = 30  # seconds; so that the heartbeat is never older for long

    def setup_schedule(self) -> None:
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at = entry.default_now() - timedelta(days=1)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run one due entry, if any. Returns the seconds until the next."""
        if settings.CLOCK_HEARTBEAT:
            Path(settings.CLOCK_HEARTBEAT).touch()
        return super().tick(*args, **kwargs)
