"""Many people at once: each acts in a thread with a database connection of its own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

Outcome = TypeVar("Outcome")
PATIENCE = 60  # seconds; a deadlock fails the test instead of stopping it


def at_once(actions: Sequence[Callable[[], Outcome]]) -> list[Outcome | Exception]:
    """Start all actions in the same moment; what each returned or raised, in their order.

    Connections are opened before the start, so that only the actions themselves race.
    """
    start = threading.Barrier(len(actions))

    def act(action: Callable[[], Outcome]) -> Outcome | Exception:
        try:
            connection.ensure_connection()
            start.wait(timeout=PATIENCE)
            return action()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as crowd:
        return list(crowd.map(act, actions, timeout=PATIENCE))
