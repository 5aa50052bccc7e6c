"""The sandbox's clock: the real time, and how far somebody moved it ahead on the Clock page.

How far stands in a file, which web, worker, beat and the stand-in for Stripe read each time they
are asked, so that they move together. Only `django.utils.timezone.now` moves: what is bound to the
real time (a webhook's signature, a code's fifteen minutes, limits, Celery) stays with it.
"""

import datetime as dt
import time
from pathlib import Path


def seconds_ahead(file: Path) -> float:
    """How far the clock is moved, in seconds; 0 when nobody did."""
    try:
        return float(file.read_text())
    except FileNotFoundError:
        return 0.0


def move_to(file: Path, at: dt.datetime) -> None:
    """From now on it is `at`, and time goes on from there."""
    unfinished = file.with_suffix(".new")
    unfinished.write_text(repr(at.timestamp() - time.time()))
    unfinished.rename(file)  # a reader never sees half a number


def back_to_real_time(file: Path) -> None:
    file.unlink(missing_ok=True)
