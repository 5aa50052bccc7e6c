"""What part of the money belongs to which session, in integer cents that add up.

The value of the first k sessions is rounded once, and each share is a difference of two such
sums, as in `sessions.pricing`.
"""

from itertools import pairwise


def spread(cents: int, count: int) -> list[int]:
    """`cents` over so many sessions, as evenly as cents allow. They sum to `cents`."""
    through = [_part(cents, done, count) for done in range(count + 1)]
    return [after - before for before, after in pairwise(through)]


def fees(*, kept_cents: int, price_cents: int, sold: int, covered: int) -> list[int]:
    """What was really paid for each of the `covered` sessions, of the `sold` that have a price.

    Never more than the sessions' part of the price: money that is still to go back, or that was
    kept though somebody left, was not paid for a session that they had.
    """
    if not covered:
        return []
    return spread(max(0, min(kept_cents, _part(price_cents, covered, sold))), covered)


def _part(cents: int, done: int, count: int) -> int:
    """Rounded half up."""
    return (2 * cents * done + count) // (2 * count) if count else 0
