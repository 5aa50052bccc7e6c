"""Watching the order in which transactions lock rows (invariant 9)."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

ORDER = ("group_sessions_cohort", "enrollment_enrollment", "billing_payment", "billing_refund")
UPDATED = re.compile(r'^UPDATE "(\w+)"')
LOCKED = re.compile(r'^SELECT .*? FROM "(\w+)".* FOR (?:NO KEY )?UPDATE', re.DOTALL)


class OutOfOrder(AssertionError):
    """A transaction locked a row of a table that comes before one it had locked already."""


class LockWatch:
    """Which of the four tables the running transaction has locked rows of."""

    def __init__(self) -> None:
        self.held: list[int] = []
        self.ends: Callable[[], None] = self._new_mark()

    @staticmethod
    def _new_mark() -> Callable[[], None]:
        return lambda: None

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        match = UPDATED.match(sql) or LOCKED.match(sql)
        if match and match[1] in ORDER and connection.in_atomic_block:
            self.lock(ORDER.index(match[1]), sql)
        return execute(sql, params, many, context)

    def lock(self, rank: int, sql: str) -> None:
        # Django drops what waits for a commit with its transaction: so a new one is known.
        if not any(entry[1] is self.ends for entry in connection.run_on_commit):
            self.held, self.ends = [], self._new_mark()
            connection.on_commit(self.ends)
        if rank not in self.held and any(rank < other for other in self.held):
            raise OutOfOrder(f"{[ORDER[one] for one in self.held]}, then {sql[:120]}")
        self.held.append(rank)


@contextmanager
def locks_in_order() -> Iterator[None]:
    """Inside the block every transaction of this thread locks Cohort → … → Refund."""
    with connection.execute_wrapper(LockWatch()):
        yield
