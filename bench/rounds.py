"""Rounds that take turns, and what is said about them."""

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


class WrongResult(Exception):
    """What was measured did not do its work, so its speed means nothing."""


def say(line: str) -> None:
    """Progress, which is not the result."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement: units in a second, and what else it found."""

    rate: float
    seconds_each: Sequence[float] = ()


def take_turns(
    rounds: int, ours: Callable[[int], Round], raw: Callable[[int], Round]
) -> tuple[list[Round], list[Round]]:
    """Measure ours and raw alternately, in turns swapped each time; the first round is practice.

    Whatever else the machine does meanwhile then happens to both.
    """
    measured: tuple[list[Round], list[Round]] = ([], [])
    for number in range(rounds + 1):
        order = ((0, ours), (1, raw)) if number % 2 else ((1, raw), (0, ours))
        found: dict[int, Round] = {side: measure(number) for side, measure in order}
        if number:
            for side in (0, 1):
                measured[side].append(found[side])
        label = f"round {number} of {rounds}" if number else "practice"
        say(f"{label}: ours {found[0].rate:.1f}/s, raw {found[1].rate:.1f}/s")
    return measured


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(rounds: Sequence[Round]) -> dict[str, float]:
    """How long one unit took, over all rounds."""
    each = [seconds for one in rounds for seconds in one.seconds_each]
    if not each:
        return {}
    return {
        name: round(percentile(each, share) * 1000, 2)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }


def compare(
    name: str, unit: str, ours: Sequence[Round], raw: Sequence[Round], **more: Any
) -> dict[str, Any]:
    """The result: medians, and the median of each round's own ratio."""
    rates = [one.rate for one in ours], [one.rate for one in raw]
    return {
        "name": name,
        "unit": unit,
        "ours": round(statistics.median(rates[0]), 2),
        "raw": round(statistics.median(rates[1]), 2),
        "ratio": round(statistics.median(a / b for a, b in zip(*rates, strict=True)), 4),
        "ours_rounds": [round(rate, 2) for rate in rates[0]],
        "raw_rounds": [round(rate, 2) for rate in rates[1]],
        "ours_ms": milliseconds(ours),
        "raw_ms": milliseconds(raw),
        **more,
    }
