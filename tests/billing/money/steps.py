"""The table of steps that a story chooses from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """`weight` is how often it is chosen; `needs` names what must be in sight.

    `theme` is the module that it stands in: each story is about a few of them.
    """

    theme: str
    weight: int
    needs: str
    arguments: dict[str, Sequence[Any]]


STEPS: dict[str, Step] = {}
Act = TypeVar("Act", bound=Callable[..., None])


def step(weight: int, *, needs: str = "", **arguments: Sequence[Any]) -> Callable[[Act], Act]:
    """Enter a method into the table that stories choose from, with what its arguments may be."""

    def enter(act: Act) -> Act:
        STEPS[act.__name__] = Step(act.__module__.rpartition(".")[2], weight, needs, arguments)
        return act

    return enter


def nth(rows: list[T], n: int) -> T:
    return rows[-1 - n % len(rows)]


# Counted from the newest: that is where most is still undecided.
recent = range(4)
either = (True, False)
cents = (1, 9_900, 15_000, 29_899, 29_900, 29_901)
