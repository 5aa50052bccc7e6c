"""The table of steps that a story chooses from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """`weight` is how often it is chosen; `needs` names what must be in sight."""

    weight: int
    needs: str
    arguments: dict[str, Sequence[Any]]


STEPS: dict[str, Step] = {}
Act = TypeVar("Act", bound=Callable[..., None])


def step(weight: int, *, needs: str = "", **arguments: Sequence[Any]) -> Callable[[Act], Act]:
    """Enter a method into the table that stories choose from, with what its arguments may be."""

    def enter(act: Act) -> Act:
        STEPS[act.__name__] = Step(weight, needs, arguments)
        return act

    return enter


def nth(rows: list[T], n: int) -> T:
    return rows[-1 - n % len(rows)]
