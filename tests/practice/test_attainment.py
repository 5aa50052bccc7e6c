"""The T-score: published examples, and what holds for every set of goals."""

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from practice.attainment import EXPECTED, LEVELS, t_score

level = st.sampled_from(LEVELS)
weight = st.floats(min_value=0.01, max_value=100)
goals = st.lists(st.tuples(level, weight), min_size=1, max_size=6)

# The worked example in the reference of `scoreGAS` of the R package PhysioClinical (after
# Kiresuk & Sherman 1968 and Turner-Stokes 2009): two goals, importance 3 and 2, difficulty 2 and
# 3, so a weight of 6 each; the first is a level above what was expected. It prints T = 56.20.
# https://x-biosignal.github.io/PhysioClinical/reference/scoreGAS.md
PRINTED = ([1, 0], [6, 6], 0.3, 56.20)
# The hand calculations in the same package's tests: one goal is a standard deviation away, and two
# goals at +1 are 20 / sqrt(2.6) above, or 20 / sqrt(2) if they had nothing to do with each other.
#
# The example in the reference of `calc_tscore` of the R package gasr, the only one with weights of
# several sizes: sums of 7 and 21 and squares of 91, so 70 / sqrt(0.7 * 91 + 0.3 * 441) = 70 / 14.
# https://rdrr.io/github/taylordunn/gasr/man/calc_tscore.html (it gives the goals and the formula).
BY_HAND = (
    ([-2, 0, -1, 2, 0, 1], [3, 5, 1, 4, 2, 6], 0.3, 55.0),
    ([1], None, 0.3, 60.0),
    ([-1], None, 0.3, 40.0),
    ([1, 0], [6, 6], 0.3, 50 + 60 / math.sqrt(93.6)),
    ([1, 1], None, 0.3, 50 + 20 / math.sqrt(2.6)),
    ([1, 1], None, 0.0, 50 + 20 / math.sqrt(2)),
)


@pytest.mark.parametrize(("levels", "weights", "rho", "printed"), [PRINTED, *BY_HAND])
def test_published_examples_come_out_the_same(
    levels: list[int], weights: list[float] | None, rho: float, printed: float
) -> None:
    digits = 2 if printed == PRINTED[3] else 9
    assert round(t_score(levels, weights, rho=rho), digits) == round(printed, digits)


@pytest.mark.parametrize(("count", "published"), [(5, 34.9), (4, 35.5)])
def test_a_start_one_level_below_is_where_a_published_cohort_started(
    count: int, published: float
) -> None:
    """Turner-Stokes & Williams (2010), "Goal attainment scaling: a direct comparison of alternative
    rating methods", Clinical Rehabilitation 24(1), 66-73: 243 people with 1 to 6 goals (977 in
    all) began at a median of 34.9 with an upper quartile of 35.5. That these two are what five and
    four goals at -1 come to is our reading; the abstract gives the numbers only."""
    assert round(t_score([-1] * count), 1) == published


@pytest.mark.parametrize("count", [1, 2, 3])
def test_whatever_the_number_of_goals_50_is_what_was_expected(count: int) -> None:
    assert t_score([0] * count) == EXPECTED


@given(goals)
def test_all_as_expected_is_50_whatever_the_weights(chosen: list[tuple[int, float]]) -> None:
    assert t_score([0] * len(chosen), [weight for _, weight in chosen]) == EXPECTED


@given(goals, st.data())
def test_a_goal_that_goes_better_raises_it(
    chosen: list[tuple[int, float]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(chosen) - 1))
    levels, weights = [one for one, _ in chosen], [weight for _, weight in chosen]
    assume(levels[at] < 2)
    better = [*levels[:at], levels[at] + 1, *levels[at + 1 :]]
    assert t_score(better, weights) > t_score(levels, weights)


@given(goals)
def test_what_is_as_far_below_as_above_is_as_far_from_50(chosen: list[tuple[int, float]]) -> None:
    levels, weights = [one for one, _ in chosen], [weight for _, weight in chosen]
    mirrored = [-one for one in levels]
    assert math.isclose(t_score(levels, weights) - 50, 50 - t_score(mirrored, weights))


@given(goals, st.randoms(use_true_random=False))
def test_the_order_of_the_goals_does_not_matter(
    chosen: list[tuple[int, float]], chance: random.Random
) -> None:
    shuffled = list(chosen)
    chance.shuffle(shuffled)
    one, other = (
        t_score([level for level, _ in some], [weight for _, weight in some])
        for some in (chosen, shuffled)
    )
    assert math.isclose(one, other)


@given(goals, st.floats(min_value=1e-6, max_value=1e6))
def test_only_the_proportion_of_the_weights_matters(
    chosen: list[tuple[int, float]], times: float
) -> None:
    levels, weights = [one for one, _ in chosen], [weight for _, weight in chosen]
    scaled = [weight * times for weight in weights]
    assert math.isclose(t_score(levels, weights), t_score(levels, scaled))


@given(st.lists(level, min_size=1, max_size=6))
def test_without_weights_all_count_the_same(levels: list[int]) -> None:
    assert t_score(levels) == t_score(levels, [3.0] * len(levels))


def test_the_largest_weights_are_no_overflow() -> None:
    assert math.isclose(t_score([1, 0], [1e300, 1e300]), t_score([1, 0]))


@pytest.mark.parametrize(
    ("levels", "weights", "rho"),
    [
        ([], None, 0.3),
        ([0], [], 0.3),
        ([0, 1], [1], 0.3),
        ([3], None, 0.3),
        ([-3], None, 0.3),
        ([0], [0], 0.3),
        ([0], [-1], 0.3),
        ([0], [math.inf], 0.3),
        ([0], [math.nan], 0.3),
        ([0], None, 1.1),
        ([0], None, -0.1),
    ],
)
def test_what_is_no_set_of_goals_is_refused(
    levels: list[int], weights: list[float] | None, rho: float
) -> None:
    with pytest.raises(ValueError, match=r"goal|level|[Ww]eights"):
        t_score(levels, weights, rho=rho)
