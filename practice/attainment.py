"""Several goals as one number: the T-score of goal attainment scaling.

Kiresuk T. J., Sherman R. E. (1968), "Goal attainment scaling: a general method for evaluating
comprehensive community mental health programs", Community Mental Health Journal 4(6), 443-453:

    T = 50 + 10 * sum(w * x) / sqrt((1 - rho) * sum(w ** 2) + rho * sum(w) ** 2)

with each goal's level x from -2 to +2 and its weight w. `rho` is how far the goals of one person
go together; 0.30 is their estimate, and has been the convention since. 50 means that what was
expected was reached. The formula as printed in Turner-Stokes (2009), "Goal attainment scaling
(GAS) in rehabilitation: a practical guide", Clinical Rehabilitation 23(4), 362-370, has misprints;
its erratum agrees with the one above.
"""

import math
from collections.abc import Sequence

LEVELS = (-2, -1, 0, 1, 2)
EXPECTED = 50.0
RHO = 0.30


def t_score(
    levels: Sequence[int], weights: Sequence[float] | None = None, *, rho: float = RHO
) -> float:
    """Of at least one goal; without weights all count the same.

    Raises ValueError for no goals, a level outside the five, a weight that is not above zero, or a
    `rho` outside of 0 to 1.
    """
    counted = [1.0] * len(levels) if weights is None else list(weights)
    if not levels or len(counted) != len(levels):
        raise ValueError("Give at least one goal, and a weight for each or none at all.")
    if any(level not in LEVELS for level in levels):
        raise ValueError("A level is a whole number from -2 to +2.")
    if not all(0 < weight < math.inf for weight in counted) or not 0 <= rho <= 1:
        raise ValueError("Weights are above zero, and rho is from 0 to 1.")
    # Only their proportion counts; so huge or tiny weights are not squared out of range.
    largest = max(counted)
    parts = [weight / largest for weight in counted]
    reached = sum(part * level for part, level in zip(parts, levels, strict=True))
    spread = (1 - rho) * sum(part**2 for part in parts) + rho * sum(parts) ** 2
    return EXPECTED + 10 * reached / math.sqrt(spread)
