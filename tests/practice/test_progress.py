"""Progress: what is read of plans, diary and goals, and what is said about it."""

import datetime as dt
from typing import Any

import pytest

from enrollment.models import Enrollment
from practice import progress
from practice.care import diary_weeks
from practice.models import DiaryEntry, WeekPlan
from practice.own import practice_of
from practice.summary import DaySummary, Summary, summary_of
from sessions.models import CurriculumWeek
from tests.enrollment.builders import FIRST_SESSION
from tests.practice.builders import a_practising_member
from tests.practice.lived import (
    CALL,
    COOK,
    FIRST_DAY,
    IN_WEEK,
    a_card,
    a_goal,
    a_plan,
    rates,
    twelve_weeks,
)


def day(*skills: str, before: int | None = None, after: int | None = None) -> DaySummary:
    return DaySummary(FIRST_DAY, 1, skills, "", "", before, after)


def read(seat: Enrollment, week: int = 12) -> Summary:
    return summary_of(practice_of(enrollment=seat, now=IN_WEEK[week]))


# --- Reading ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_cards_and_plans_are_read_into_their_weeks() -> None:
    seat = a_practising_member()
    a_plan(seat, 1, skill="STOP", activity="Open the post", area="home", outcome="done")
    a_card(seat, 0, activity="Open the post")
    a_card(seat, 8, skills=["TIP", "STOP", "TIP"], before=8, after=None)
    summary = read(seat, week=2)
    assert [week.begun for week in summary.weeks][:3] == [True, True, False]
    first, second = summary.weeks[:2]
    assert first.chosen is not None
    assert (first.chosen.skill, first.chosen.done) == ("STOP", True)
    assert first.days[0] == DaySummary(
        FIRST_DAY, 1, ("STOP",), "Open the post", "home", before=7, after=4
    )
    assert (second.days[0].skills, second.days[0].after) == (("TIP", "STOP"), None)
    assert not summary.is_empty


@pytest.mark.django_db
@pytest.mark.parametrize(("hours", "week"), [(-1, 1), (1, 2)])
def test_a_card_of_the_day_of_a_session_is_of_the_week_that_it_was_saved_in(
    hours: int, week: int
) -> None:
    seat = a_practising_member()
    card = a_card(seat, 7)
    starts_at = FIRST_SESSION + dt.timedelta(weeks=1)
    saved_at = starts_at + dt.timedelta(hours=hours)
    DiaryEntry.objects.filter(pk=card.pk).update(saved_at=saved_at)
    # Before the session, and whenever it is read later.
    for now in {saved_at, starts_at + dt.timedelta(hours=2)}:
        practice = practice_of(enrollment=seat, now=now)
        assert [one.number for one in summary_of(practice).weeks if one.days] == [week]
        read = [one for one in diary_weeks(practice=practice) if one.days]
        assert [one.week.number for one in read] == [week]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content",
    [
        {},
        {"skills": None, "before": "7", "after": 11, "activity": 5},
        {"skills": "STOP", "before": -1, "after": True},
        {"skills": [1, None, ""], "area": "moon"},
    ],
)
def test_a_card_of_another_version_is_read_as_far_as_it_goes(content: dict[str, Any]) -> None:
    seat = a_practising_member()
    card = a_card(seat, 0)
    DiaryEntry.objects.filter(pk=card.pk).update(content=content)
    plan = a_plan(seat, 1)
    odd = {"skill": None, "area": "moon", "activity": ["x"], "sure": "7", "outcome": "well"}
    WeekPlan.objects.filter(pk=plan.pk).update(content=odd)
    summary = read(seat)
    assert summary.days == [DaySummary(FIRST_DAY, 1, (), "", "", None, None)]
    assert summary.weeks[0].chosen is None
    assert progress.changes(summary.days) == []


@pytest.mark.django_db
def test_a_card_outside_of_the_weeks_is_left_out() -> None:
    seat = a_practising_member()
    a_card(seat, -3)
    a_card(seat, 200)
    assert read(seat).days == []
    assert read(seat).is_empty


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("card", "area"),
    [
        ({"activity": " open  the post."}, "home"),  # the same as planned
        ({"activity": ""}, "home"),  # the planned skill, nothing else said
        ({"activity": "", "skills": ["TIP"]}, ""),
        ({"activity": "On the bus"}, ""),
    ],
)
def test_a_day_is_in_the_area_of_its_plan_when_it_is_about_the_same(
    card: dict[str, Any], area: str
) -> None:
    seat = a_practising_member()
    a_plan(seat, 1)
    a_card(seat, 0, **card)
    assert read(seat).days[0].area == area


@pytest.mark.django_db
def test_a_day_without_a_plan_is_in_the_area_of_its_suggestion() -> None:
    seat = a_practising_member()
    week = CurriculumWeek.objects.filter(number=1).latest("pk")
    area, texts = next((area, texts) for area, texts in week.activities.items() if texts)
    a_card(seat, 0, activity=texts[0].upper())
    assert read(seat).days[0].area == area


@pytest.mark.django_db
def test_a_day_that_tries_an_earlier_plan_again_is_in_its_area() -> None:
    seat = a_practising_member()
    a_plan(seat, 1, area="home")
    a_plan(seat, 2, activity="Wait for the bus", area="work")
    a_plan(seat, 4, activity="Walk home", area="leisure")
    a_card(seat, 15, activity="open the post.")
    a_card(seat, 16, activity="Walk home")  # planned only later
    assert [one.area for one in read(seat).days] == ["home", ""]


def test_a_place_that_nobody_named_has_one_word_everywhere() -> None:
    assert progress.AREAS[progress.NOT_SAID] == progress.SHORT[progress.NOT_SAID] == "Not said"


@pytest.mark.django_db
def test_a_skipped_week_has_nothing_chosen() -> None:
    seat = a_practising_member()
    a_plan(seat, 1, skipped=True)
    assert read(seat).weeks[0].chosen is None
    assert read(seat).is_empty


@pytest.mark.django_db
def test_until_a_week_nothing_later_is_in_it() -> None:
    summary = read(twelve_weeks()).until(4)
    assert [week.number for week in summary.weeks] == [1, 2, 3, 4]
    assert summary.looks == [1, 4]
    assert {week for goal in summary.goals for week in goal.looks} == {1, 4}
    assert max(one.day for one in summary.days) < FIRST_DAY + dt.timedelta(days=28)


@pytest.mark.django_db
def test_a_goal_that_was_set_later_is_not_in_an_earlier_summary() -> None:
    seat = a_practising_member()
    a_goal(seat, COOK)
    a_goal(seat, CALL, now=IN_WEEK[6])
    assert [goal.aim for goal in read(seat).until(4).goals] == [COOK]


@pytest.mark.django_db
def test_goals_come_with_their_looks_and_the_ended_last() -> None:
    goals = read(twelve_weeks()).goals
    assert [(goal.aim.title, sorted(goal.looks)) for goal in goals] == [
        ("Cook dinner at home", [1, 4, 8, 12]),
        ("Call my sister", [1, 4, 8, 12]),
        ("Walk to work", [1, 4]),
    ]
    assert all(look.by_member for goal in goals for look in goal.looks.values())


# --- What is said -------------------------------------------------------------------------


def test_before_and_after_is_an_average_by_skill() -> None:
    rows = progress.changes(
        [
            day("TIP", before=9, after=9),
            day("STOP", before=8, after=3),
            day("STOP", "TIP", before=7, after=4),
            day("STOP", before=7),
            day("STOP"),
            day(before=7, after=4),
        ]
    )
    assert [(row.skill, row.days, row.before, row.after) for row in rows] == [
        ("TIP", 2, 8.0, 6.5),
        ("STOP", 2, 7.5, 3.5),
    ]
    assert progress.changes_words(rows) == (
        "How strong the emotion was, from 0 to 10, on average. TIP: 8 before, 6.5 after (2 days); "
        "STOP: 7.5 before, 3.5 after (2 days)."
    )


def test_no_day_and_zero_are_told_apart() -> None:
    (row,) = progress.changes([day("STOP", before=3, after=0)])
    assert (row.before_words, row.after_words) == ("3", "0")
    assert progress.changes_words([]) == (
        "No day says yet how strong an emotion was before and after a skill."
    )


def test_a_sentence_names_as_many_skills_as_its_picture() -> None:
    days = [day(f"Skill {n}", before=5, after=4) for n in range(progress.ROWS + 2)]
    words = progress.changes_words(progress.changes(days))
    assert words.count("before") == progress.ROWS
    assert words.endswith("And 2 more skills, in the table.")


@pytest.mark.django_db
def test_where_skills_were_lived_is_said_by_area() -> None:
    seat = a_practising_member()
    a_plan(seat, 1, outcome="done")
    a_plan(seat, 2, skill="TIP", area="work", outcome="done")  # carried out, without a card
    a_plan(seat, 3, skill="ACCEPTS", area="rest", outcome="not")
    a_card(seat, 0)
    a_card(seat, 1)
    a_card(seat, 3, activity="On the bus")
    found = progress.places(read(seat))
    assert found.labels[-1] == "Not said"
    assert found.cells == [
        (
            "STOP",
            [(label, {"Home": 2, "Not said": 1}.get(label, 0)) for label in found.labels],
            3,
        ),
        ("TIP", [(label, int(label == "Work and study")) for label in found.labels], 1),
    ]
    assert progress.places_words(found) == (
        "Where each skill was lived. STOP: home (2 days) and not said (1 day); "
        "TIP: work and study (1 day)."
    )


@pytest.mark.django_db
def test_without_days_elsewhere_there_is_no_such_column() -> None:
    seat = a_practising_member()
    a_plan(seat, 1)
    a_card(seat, 0)
    found = progress.places(read(seat))
    assert found.labels == [
        *("Self-care", "Home", "Work and study", "Rest and sleep", "Leisure", "Being with people")
    ]
    empty = progress.places(read(a_practising_member()))
    assert progress.places_words(empty) == ("No skill has been noted in a part of your days yet.")


@pytest.mark.django_db
def test_goals_are_said_in_words_and_together_as_one_number() -> None:
    seat = a_practising_member()
    assert progress.goals_words([]) == "No goal has been looked at yet."
    cook, call = a_goal(seat, COOK), a_goal(seat, CALL)
    rates(cook, 1, -1)
    for goal in (cook, call):
        rates(goal, 4, 1)
    goals = read(seat).goals
    assert progress.goals_words(goals) == (
        "How far your goals were. \u201cCook dinner at home\u201d: a little less than expected at "
        "week 1, a little more than expected at week 4; \u201cCall my sister\u201d: a little more "
        "than expected at week 4."
    )
    assert [one.words for one in progress.together(goals)] == [
        "At week 1 your goal comes to 40.",
        "At week 4 your 2 goals together come to 62.",
    ]
    assert progress.ABOUT_TOGETHER == (
        "People who work with goals of this kind use one number for all goals of a week: 50 means "
        "what you expected. It says how far your goals were from your own words for "
        "\u201cexpected\u201d, and nothing about you."
    )
    assert [words for _, words in progress.goal_rows(goals)[1][1]] == [
        *("", "A little more than expected", "", "")
    ]


@pytest.mark.django_db
def test_the_weeks_are_said_without_blame() -> None:
    seat = a_practising_member()
    assert progress.weeks_words(read(seat, week=1)) == ("1 of your 12 weeks has begun.")
    a_plan(seat, 1)
    a_card(seat, 0)
    assert progress.weeks_words(read(seat, week=2)) == (
        "2 of your 12 weeks have begun. Week 1 has a plan or a note of yours."
    )
    a_card(seat, 15)
    a_plan(seat, 4)
    a_plan(seat, 5, skipped=True)
    assert progress.weeks_words(read(seat, week=5)) == (
        "5 of your 12 weeks have begun. Weeks 1, 3 and 4 have a plan or a note of yours."
    )
