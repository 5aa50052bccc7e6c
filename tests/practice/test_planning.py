"""What a plan is, and what is suggested for it: rules alone, without a page or a row."""

import dataclasses

import pytest

from practice.looks import Look, load_all, that_matter
from practice.planning import Outcome, Plan, suggested
from practice.week_plans import NOTHING
from sessions.models import Area, CurriculumWeek

WEEK = CurriculumWeek(
    number=2,
    title="Getting through a hard minute",
    skills=["STOP"],
    activities={"home": ["Make the bed", "Cook"], "rest": ["Lie down"], "people": ["Call"]},
)


def areas_of(matter: list[str]) -> list[tuple[str, bool]]:
    return [(group.area, group.matters) for group in suggested(teaches=WEEK, matter=matter)]


def test_areas_that_matter_come_first_and_the_others_follow() -> None:
    assert areas_of(["people", "rest"]) == [("rest", True), ("people", True), ("home", False)]


def test_without_a_choice_all_areas_are_suggested_in_their_order() -> None:
    assert areas_of([]) == [("home", False), ("rest", False), ("people", False)]


def test_an_area_without_an_activity_is_left_out_also_when_it_matters() -> None:
    assert areas_of(["work"]) == areas_of([])


def test_a_suggestion_is_named_by_its_area_and_place() -> None:
    home, *_ = suggested(teaches=WEEK, matter=[])
    assert home.label == "Home"
    assert [(one.key, one.text) for one in home.activities] == [
        ("home-0", "Make the bed"),
        ("home-1", "Cook"),
    ]


def test_a_week_without_a_text_suggests_nothing() -> None:
    assert suggested(teaches=None, matter=["home"]) == []


@pytest.mark.parametrize(
    ("sure", "outcome", "wanted"),
    [(1, "", True), (6, "", True), (7, "", False), (10, "", False), (None, "", False)]
    + [(3, outcome.value, False) for outcome in Outcome],
)
def test_a_smaller_step_is_offered_to_who_said_less_than_seven_and_has_not_tried(
    sure: int | None, outcome: str, wanted: bool
) -> None:
    assert Plan(activity="x", sure=sure, outcome=outcome).wants_smaller_step is wanted


def test_what_is_stored_is_read_back() -> None:
    plan = Plan(skill="STOP", activity="Cook", area="home", when="Tuesday", sure=4, tool="A timer")
    assert Plan.load(plan.dump()) == plan
    look = Look(well="Mornings", performance=3, matters=True, revision=2)
    assert Look.load(look.dump()) == look


def test_what_an_earlier_version_wrote_is_read() -> None:
    assert Plan.load({"activity": "Cook", "dropped": 1}) == Plan(activity="Cook")
    assert load_all({"home": {"well": "x", "dropped": 1}, "gone": {}})["home"] == Look(well="x")


def test_a_profile_has_the_six_areas_in_their_order() -> None:
    assert list(load_all({"people": {}, "home": {}})) == list(Area.values)


def test_an_area_is_looked_at_when_something_was_written_or_rated() -> None:
    assert not Look().is_looked_at
    assert not Look(matters=True, revision=3).is_looked_at
    assert Look(task="Too many steps").is_looked_at
    assert Look(satisfaction=1).is_looked_at


def test_those_that_matter_are_those_that_were_ticked() -> None:
    assert that_matter(load_all({"rest": {"matters": True}, "home": {"well": "x"}})) == ["rest"]


@pytest.mark.parametrize(
    ("plan", "skipped", "words"),
    [
        (Plan(), False, ""),
        (Plan(), True, "Skipped"),
        (Plan(activity="Cook"), True, "Skipped"),
        (Plan(activity="Cook"), False, "Planned"),
        (Plan(activity="Cook", outcome="done"), False, "I did it"),
        (Plan(activity="Cook", outcome="partly"), False, "Partly"),
        (Plan(activity="Cook", outcome="not"), False, "Not this time"),
    ],
)
def test_a_week_is_told_in_words_that_judge_nothing(plan: Plan, skipped: bool, words: str) -> None:
    assert dataclasses.replace(NOTHING, plan=plan, skipped=skipped).words == words
