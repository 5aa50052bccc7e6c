"""A stored value of another shape than this version writes is read as far as it goes."""

from typing import Any

import pytest

from practice.goals import Aim, Reached
from practice.looks import Look, load_all
from practice.planning import Plan
from practice.proposals import Words
from practice.sharing import Names

ODD: list[Any] = [None, 5, -1, 10**20, "x", "", [], ["a"], [None], {}, {"a": 1}, True, 1.5]
READS: dict[str, Any] = {
    "plan": Plan,
    "look": Look,
    "names": Names,
    "words": Words,
    "aim": Aim,
    "reached": Reached,
}


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("kind", READS)
def test_another_value_altogether_says_nothing(kind: str, odd: Any) -> None:
    assert READS[kind].load(odd) == READS[kind].load({})


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("kind", READS)
def test_one_odd_field_leaves_the_others(kind: str, odd: Any) -> None:
    load = READS[kind].load
    for name in load({}).dump():
        read = load({name: odd})
        # Of the same kind as what this version writes, and so fit for every page.
        assert load(read.dump()) == read
        hash(read)
        others = {key: value for key, value in read.dump().items() if key != name}
        assert others == {k: v for k, v in load({}).dump().items() if k != name}


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_numbers_and_choices_of_a_plan_are_those_that_there_are(odd: Any) -> None:
    plan = Plan.load({"sure": odd, "outcome": odd})
    assert plan.sure == (5 if odd == 5 and odd is not True else None)
    assert plan.outcome == ""
    assert plan.outcome_label == ""
    assert plan.wants_smaller_step is (plan.sure is not None)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_look_at_all_areas_is_read(odd: Any) -> None:
    assert load_all(odd) == load_all({})
    assert load_all({"home": odd}) == load_all({})
