"""The one practice of a week: made, changed, skipped, tried, and never counted."""

import dataclasses
import re
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enrollment import services
from enrollment.models import Enrollment
from practice import daily_life, week_plans
from practice.fields import LONGEST
from practice.looks import Look
from practice.models import WeekPlan
from practice.planning import Outcome, Plan
from practice.views.asking import CHANGED
from practice.views.planning import OLD_PAGE
from tests.enrollment.builders import FIRST_SESSION, HOUR, MINUTE
from tests.enrollment.pages import said
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.sharing import a_proposal, a_share
from tests.sessions.factories import a_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SMALLER = "Would a smaller step help?"
# In week 2.
SHARP_MESSAGE = "Pause before you answer a sharp message"
FORM = {
    "skill": "STOP",
    "activity": "work-1",
    "own": "",
    "own_area": "",
    "when": "after lunch on Tuesday",
    "task": "Only the first minute",
    "place": "",
    "tool": "A note on the screen",
    "person": "",
    "sure": "8",
}
PLAN = Plan(
    skill="STOP",
    activity=SHARP_MESSAGE,
    area="work",
    when="after lunch on Tuesday",
    task="Only the first minute",
    tool="A note on the screen",
    sure=8,
)


@pytest.fixture
def seat(client: Client) -> Enrollment:
    enrollment = a_practising_member()
    client.force_login(enrollment.member)
    return enrollment


def at(seat: Enrollment, number: int = 2, query: str = "") -> str:
    return reverse("practice:week", args=[seat.public_id, number]) + query


def hub(seat: Enrollment) -> str:
    return reverse("practice:hub", args=[seat.public_id])


def press(client: Client, seat: Enrollment, button: str, *, seen: int, **typed: str) -> Any:
    return client.post(at(seat), {**typed, "seen": str(seen), button: "1"})


def save(client: Client, seat: Enrollment, *, seen: int = 0, **typed: str) -> Any:
    return press(client, seat, "save", seen=seen, **{**FORM, **typed})


def kept(seat: Enrollment, number: int = 2) -> week_plans.Kept:
    return week_plans.plan_of(enrollment=seat, week=number)


def ideas(response: Any) -> list[str]:
    """The areas in the form, in their order; those that fold out behind a bar."""
    page = response.content.decode()
    names = re.findall(r'class="ideas__name"[^>]*>([^<]+)<|(<summary>Ideas from other)', page)
    return [name or "|" for name, _ in names]


# --- Making a plan -----------------------------------------------------------------------


def test_a_plan_is_made_of_a_skill_and_one_of_the_weeks_activities(
    client: Client, seat: Enrollment
) -> None:
    assert save(client, seat)["Location"] == at(seat)
    assert kept(seat) == week_plans.Kept(PLAN, skipped=False, revision=1)
    page = said(client.get(at(seat)))
    shown = (SHARP_MESSAGE, "STOP", "after lunch on Tuesday", "Only the first minute", "8 of 10")
    assert [words for words in shown if words not in page] == []


def test_something_of_ones_own_is_as_good(client: Client, seat: Enrollment) -> None:
    save(client, seat, activity="own", own="Feed the cat", own_area="home")
    assert kept(seat).plan == dataclasses.replace(PLAN, activity="Feed the cat", area="home")
    form = client.get(at(seat, query="?change")).context["form"]
    assert (form.initial["activity"], form.initial["own"]) == ("own", "Feed the cat")


def test_what_was_written_without_a_choice_is_ones_own(client: Client, seat: Enrollment) -> None:
    typed = {**FORM, "own": "Feed the cat"}
    del typed["activity"]
    press(client, seat, "save", seen=0, **typed)
    assert (kept(seat).plan.activity, kept(seat).plan.area) == ("Feed the cat", "")


def test_little_has_to_be_said(client: Client, seat: Enrollment) -> None:
    press(client, seat, "save", seen=0, skill="Pros and cons", activity="home-0")
    plan = kept(seat).plan
    assert (plan.skill, plan.area) == ("Pros and cons", "home")
    assert (plan.when, plan.sure, plan.eased) == ("", None, [])


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"skill": ""}, "Choose one skill."),
        ({"skill": "Juggling"}, "Choose one of those that are listed."),
        ({"activity": ""}, "Choose one, or write something of your own."),
        ({"activity": "home-99"}, "Choose one of those that are listed."),
        ({"activity": "own"}, "Write what you want to try, in a few words."),
        ({"activity": "own", "own": "\u200b"}, "Write what you want to try, in a few words."),
        ({"own": "Feed the cat"}, "You chose a suggestion and wrote an idea of your own."),
        ({"own_area": "money"}, "Choose one of those that are listed."),
        ({"when": "x" * (LONGEST + 1)}, f"Use at most {LONGEST} characters. These are 1001."),
        ({"tool": "a\0b"}, "Take out the character that cannot be stored."),
        ({"sure": "11"}, "Choose one of those that are listed."),
    ],
)
def test_what_is_missing_or_cannot_be_is_said_kindly_and_nothing_typed_is_lost(
    client: Client, seat: Enrollment, typed: dict[str, str], words: str
) -> None:
    wrong = press(client, seat, "save", seen=0, **{**FORM, "person": "My sister", **typed})
    assert wrong.status_code == 422
    assert words in said(wrong)
    page = wrong.content.decode()
    assert "My sister" in page
    assert re.search(r'<details class="easier"[^>]* open>', page)
    assert not WeekPlan.objects.exists()


def test_the_offer_of_a_smaller_step_leads_to_the_four_ways(
    client: Client, seat: Enrollment
) -> None:
    save(client, seat, sure="3", task="", tool="")
    assert 'href="?change=smaller#easier"' in client.get(at(seat)).content.decode()
    page = client.get(at(seat, query="?change=smaller")).content.decode()
    assert '<details class="easier" id="easier" open>' in page


def test_the_four_ways_to_make_it_easier_fold_out_when_one_is_used(
    client: Client, seat: Enrollment
) -> None:
    assert '<details class="easier" id="easier">' in client.get(at(seat)).content.decode()
    save(client, seat)
    page = client.get(at(seat, query="?change")).content.decode()
    assert '<details class="easier" id="easier" open>' in page


# --- What is suggested -------------------------------------------------------------------


def test_activities_of_all_areas_are_suggested_while_none_matters_more(
    client: Client, seat: Enrollment
) -> None:
    areas = ["Self-care", "Home", "Work and study", "Rest and sleep", "Leisure"]
    assert ideas(client.get(at(seat))) == [*areas, "Being with people"]


def test_areas_that_matter_to_the_member_come_first_and_the_others_fold_out(
    client: Client, seat: Enrollment
) -> None:
    for area in ("rest", "work"):
        daily_life.save_look(
            member=seat.member, area=area, look=Look(matters=True), seen=0, now=IN_WEEK_2
        )
    found = ideas(client.get(at(seat)))
    assert found[:3] == ["Work and study", "Rest and sleep", "|"]
    assert len(found) == 7


def test_what_was_chosen_is_in_sight_also_among_the_others(
    client: Client, seat: Enrollment
) -> None:
    daily_life.save_look(
        member=seat.member, area="rest", look=Look(matters=True), seen=0, now=IN_WEEK_2
    )
    assert "<details>" in client.get(at(seat)).content.decode()
    save(client, seat)
    assert "<details open>" in client.get(at(seat, query="?change")).content.decode()


def test_a_week_without_a_text_takes_something_of_ones_own(
    client: Client, seat: Enrollment
) -> None:
    a_version(seat.cohort.programme, at=FIRST_SESSION - HOUR, weeks={1: {}})
    assert client.get(at(seat)).context["form"].initial["activity"] == "own"
    press(client, seat, "save", seen=0, activity="own", own="Feed the cat")
    assert kept(seat).plan == Plan(activity="Feed the cat")


def test_a_chosen_skill_stays_a_choice_when_the_text_is_another(
    client: Client, seat: Enrollment
) -> None:
    save(client, seat)
    other = {"skills": ["Something new"], "activities": {"home": ["Something else"]}}
    a_version(seat.cohort.programme, at=FIRST_SESSION - HOUR, weeks={2: other})
    form = client.get(at(seat, query="?change")).context["form"]
    assert form.initial["own"] == SHARP_MESSAGE
    again = save(client, seat, seen=1, activity="own", own=SHARP_MESSAGE, own_area="work")
    assert again.status_code == 302
    assert kept(seat) == week_plans.Kept(PLAN, skipped=False, revision=1)


# --- How sure ----------------------------------------------------------------------------


def test_a_plan_is_saved_however_sure_somebody_is_and_a_smaller_step_is_offered_under_seven(
    client: Client, seat: Enrollment
) -> None:
    offered = {}
    for revision, sure in enumerate(["", "1", "6", "7", "10"]):
        assert save(client, seat, seen=revision, sure=sure).status_code == 302
        offered[sure] = SMALLER in said(client.get(at(seat)))
    assert offered == {"": False, "1": True, "6": True, "7": False, "10": False}


# --- Skipping ----------------------------------------------------------------------------


def test_a_week_is_skipped_and_taken_up_again_with_its_plan(
    client: Client, seat: Enrollment
) -> None:
    save(client, seat)
    press(client, seat, "skip", seen=1)
    page = said(client.get(at(seat)))
    assert "You skipped this week" in page
    assert "That is fine." in page
    assert "You skipped this week." in said(client.get(hub(seat)))
    press(client, seat, "take_up", seen=2)
    assert kept(seat) == week_plans.Kept(PLAN, skipped=False, revision=3)


def test_a_week_without_a_plan_can_be_skipped_and_planned_after_all(
    client: Client, seat: Enrollment
) -> None:
    press(client, seat, "skip", seen=0)
    assert kept(seat) == week_plans.Kept(Plan(), skipped=True, revision=1)
    press(client, seat, "take_up", seen=1)
    assert "One small thing for this week" in said(client.get(at(seat)))
    assert save(client, seat, seen=2).status_code == 302


def test_a_second_press_on_skip_is_no_conflict_and_taking_up_nothing_leaves_no_row(
    client: Client, seat: Enrollment
) -> None:
    press(client, seat, "take_up", seen=0)
    assert not WeekPlan.objects.exists()
    press(client, seat, "skip", seen=0)
    assert press(client, seat, "skip", seen=0).status_code == 302
    assert OLD_PAGE not in said(client.get(at(seat)))
    assert kept(seat).revision == 1


# --- Afterwards --------------------------------------------------------------------------


def test_how_it_went_is_noted_changed_and_taken_back(client: Client, seat: Enrollment) -> None:
    save(client, seat)
    press(client, seat, "note", seen=1, outcome="partly", outcome_words="The bus was late.")
    plan = dataclasses.replace(PLAN, outcome="partly", outcome_words="The bus was late.")
    assert kept(seat).plan == plan
    page = client.get(at(seat)).content.decode()
    assert "The bus was late." in page
    assert 'value="partly" id="id_outcome_1" checked' in page
    assert "Partly" not in said(client.get(hub(seat)))  # of this week the plan is what counts
    press(client, seat, "note", seen=2, outcome="", outcome_words="")
    assert kept(seat).plan == PLAN


def test_changing_a_plan_keeps_what_was_said_of_it(client: Client, seat: Enrollment) -> None:
    save(client, seat)
    press(client, seat, "note", seen=1, outcome="done")
    save(client, seat, seen=2, when="on Friday")
    assert (kept(seat).plan.when, kept(seat).plan.outcome) == ("on Friday", "done")


@pytest.mark.parametrize(
    "typed", [{"outcome": "failed"}, {"outcome_words": "x" * 1001}, {"outcome_words": "a\0b"}]
)
def test_odd_words_about_how_it_went_are_refused(
    client: Client, seat: Enrollment, typed: dict[str, str]
) -> None:
    save(client, seat)
    assert press(client, seat, "note", seen=1, **typed).status_code == 422
    assert kept(seat).plan == PLAN


def test_nothing_can_be_said_of_a_plan_that_was_never_made(
    client: Client, seat: Enrollment
) -> None:
    late = press(client, seat, "note", seen=0, outcome="done", outcome_words="It went well.")
    assert late.status_code == 409
    assert "It went well." in late.content.decode()
    assert not WeekPlan.objects.exists()


# --- Two pages at once -------------------------------------------------------------------


def test_an_older_page_changes_nothing_and_shows_what_stands_beside_what_was_typed(
    client: Client, seat: Enrollment
) -> None:
    save(client, seat)
    late = save(client, seat, activity="own", own="Feed the cat", when="", sure="3", tool="A list")

    assert late.status_code == 409
    assert CHANGED in said(late)
    assert kept(seat).plan == PLAN
    page, form = said(late), late.context["form"]
    for words in (SHARP_MESSAGE, "after lunch on Tuesday", "8", "A note on the screen"):
        assert f"Saved now: {words}" in page
    assert "Saved now: Only" not in page  # the same on both
    typed = {"activity": "own", "own": "Feed the cat", "when": "", "sure": 3, "tool": "A list"}
    assert {name: form.initial[name] for name in typed} == typed
    assert late.context["seen"] == 1
    assert save(client, seat, seen=1, when="").status_code == 302


def test_what_was_written_without_a_choice_is_shown_again_beside_what_stands(
    client: Client, seat: Enrollment
) -> None:
    save(client, seat)
    late = press(client, seat, "save", seen=0, skill="STOP", own="Feed the cat")
    form = late.context["form"]
    assert (form.initial["activity"], form.initial["own"]) == ("own", "Feed the cat")


def test_a_mistake_does_not_make_an_older_page_a_newer_one(
    client: Client, seat: Enrollment
) -> None:
    save(client, seat)
    wrong = save(client, seat, seen=0, sure="11")
    assert (wrong.status_code, wrong.context["seen"]) == (422, 0)
    press(client, seat, "note", seen=1, outcome="done")
    wrong = press(client, seat, "note", seen=1, outcome="x")
    assert (wrong.status_code, wrong.context["seen"]) == (422, 1)


def test_a_second_press_on_save_is_no_conflict(client: Client, seat: Enrollment) -> None:
    assert [save(client, seat).status_code for _ in range(2)] == [302, 302]
    assert kept(seat).revision == 1


def test_an_older_page_does_not_skip_a_plan_that_it_has_not_seen(
    client: Client, seat: Enrollment
) -> None:
    save(client, seat)
    press(client, seat, "skip", seen=0)
    assert not kept(seat).skipped
    assert OLD_PAGE in said(client.get(at(seat)))


def test_what_was_written_about_a_plan_that_was_skipped_meanwhile_is_not_lost(
    client: Client, seat: Enrollment
) -> None:
    save(client, seat)
    press(client, seat, "skip", seen=1)
    late = press(client, seat, "note", seen=1, outcome="done", outcome_words="It went well.")
    assert late.status_code == 409
    assert "It went well." in late.content.decode()
    assert "Saved now: nothing" in said(late)


def test_a_plan_that_was_erased_meanwhile_does_not_come_back_unseen(
    client: Client, seat: Enrollment
) -> None:
    save(client, seat)
    WeekPlan.objects.all().delete()
    late = save(client, seat, seen=1, sure="9")
    assert late.status_code == 409
    assert late.context["seen"] == 0
    assert not WeekPlan.objects.exists()


def test_a_plan_over_a_week_that_was_skipped_meanwhile_says_so(
    client: Client, seat: Enrollment
) -> None:
    press(client, seat, "skip", seen=0)
    late = save(client, seat)
    assert late.status_code == 409
    assert "This week is skipped now. Saving the plan takes it up again." in said(late)
    save(client, seat, seen=1)
    assert kept(seat) == week_plans.Kept(PLAN, skipped=False, revision=2)


# --- Which weeks, and whose --------------------------------------------------------------


def test_only_weeks_that_have_begun_have_a_page(client: Client, seat: Enrollment) -> None:
    found = [client.get(at(seat, number)).status_code for number in (0, 1, 2, 3, 12, 13, 10**30)]
    assert found == [404, 200, 200, 404, 404, 404, 404]
    assert client.post(at(seat, 3), {**FORM, "seen": "0", "save": "1"}).status_code == 404
    assert not WeekPlan.objects.exists()


def test_a_week_begins_with_its_session(client: Client, clock: time_machine.Traveller) -> None:
    seat = a_practising_member()
    client.force_login(seat.member)
    clock.move_to(FIRST_SESSION - MINUTE)
    assert client.get(at(seat, 1)).status_code == 404
    clock.move_to(FIRST_SESSION)
    assert client.get(at(seat, 1)).status_code == 200


def test_somebody_elses_week_is_a_404_for_every_act(client: Client, seat: Enrollment) -> None:
    other = a_practising_member()
    assert client.get(at(other)).status_code == 404
    for button in ("save", "skip", "take_up", "note"):
        assert press(client, other, button, seen=0, **FORM).status_code == 404
    assert not WeekPlan.objects.exists()


def test_plans_stay_with_who_left_the_group(client: Client, seat: Enrollment) -> None:
    save(client, seat)
    services.withdraw(enrollment_id=seat.pk, actor=seat.member, reason="Left", now=IN_WEEK_2)
    assert SHARP_MESSAGE in said(client.get(at(seat)))
    assert save(client, seat, seen=1, when="on Friday").status_code == 302


def test_an_unknown_button_changes_nothing(client: Client, seat: Enrollment) -> None:
    assert press(client, seat, "juggle", seen=0, **FORM)["Location"] == at(seat)
    assert not WeekPlan.objects.exists()


# --- The hub -----------------------------------------------------------------------------


def test_the_hub_leads_to_this_weeks_plan_and_shows_it(client: Client, seat: Enrollment) -> None:
    assert "Plan this week" in said(client.get(hub(seat)))
    assert at(seat) in client.get(hub(seat)).content.decode()
    save(client, seat)
    page = said(client.get(hub(seat)))
    assert SHARP_MESSAGE in page
    assert "Plan this week" not in page


def test_the_hub_lists_earlier_weeks_in_words_that_judge_nothing(
    client: Client, seat: Enrollment, clock: time_machine.Traveller
) -> None:
    clock.shift(3 * 7 * 24 * HOUR)  # in week 5
    client.force_login(seat.member)
    for number in (1, 2, 4):
        store(seat, number, PLAN)
    week_plans.skip_week(enrollment=seat, week=1, seen=1, now=IN_WEEK_2)
    week_plans.say_how_it_went(
        enrollment=seat, week=4, outcome=Outcome.NOT_THIS_TIME, words="", seen=1, now=IN_WEEK_2
    )
    page = client.get(hub(seat)).content.decode()
    listed = re.findall(r"Week (\d+): [^<]+</a> <span class=\"soft\">([^<]+)</span>", page)
    assert listed == [
        ("4", "Not this time"),
        ("2", "Planned"),
        ("1", "Skipped"),
    ]


def test_before_the_first_session_there_is_nothing_to_plan(
    client: Client, seat: Enrollment, clock: time_machine.Traveller
) -> None:
    clock.move_to(FIRST_SESSION - HOUR)
    page = said(client.get(hub(seat)))
    assert "It begins with your first session" in page
    assert "Plan this week" not in page


# --- Privacy, and how much is asked ------------------------------------------------------


def store(seat: Enrollment, number: int, plan: Plan) -> None:
    week_plans.save_plan(enrollment=seat, week=number, plan=plan, seen=0, now=IN_WEEK_2)


def test_the_row_holds_no_word_and_no_number_of_it(client: Client, seat: Enrollment) -> None:
    save(client, seat)
    press(client, seat, "note", seen=1, outcome="partly", outcome_words="The bus was late.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM practice_weekplan t")
        [(row,)] = cursor.fetchall()
    telling = [*PLAN.dump(), SHARP_MESSAGE, "STOP", "lunch", "minute", "note", "partly", "late."]
    assert [word for word in telling if word in row] == []


def test_what_is_told_after_saving_holds_nothing_of_what_was_written(
    client: Client, seat: Enrollment
) -> None:
    """Messages wait in a cookie or the session, which are not encrypted."""
    told = []
    for response in (save(client, seat), press(client, seat, "note", seen=1, outcome="done")):
        assert response.status_code == 302
        told += [str(message) for message in client.get(at(seat)).context["messages"]]
    assert told == [
        "Your plan is saved. You can change it whenever you like.",
        "Thank you. It is noted.",
    ]


def test_titles_are_fit_for_a_shared_screen_and_no_copy_is_kept(
    client: Client, seat: Enrollment
) -> None:
    save(client, seat)
    for path in (at(seat), at(seat, query="?change"), hub(seat)):
        response = client.get(path)
        title = re.search(r"<title>(\w+ \w+) ", response.content.decode())
        assert title
        assert title[1] in ("Your week", "Your practice")
        assert "no-store" in response["Cache-Control"]


def test_the_pages_ask_no_more_with_twelve_weeks_than_with_one(
    client: Client, clock: time_machine.Traveller
) -> None:
    counts: dict[str, list[int]] = {}
    for weeks in (1, 12):
        seat = a_practising_member()
        clock.move_to(FIRST_SESSION + (weeks - 1) * 7 * 24 * HOUR + HOUR)
        client.force_login(seat.member)
        for number in range(1, weeks + 1):
            store(seat, number, PLAN)
        daily_life.save_look(
            member=seat.member, area="rest", look=Look(matters=True), seen=0, now=IN_WEEK_2
        )
        for page in (hub(seat), at(seat, 1), at(seat, 1, "?change")):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(page).status_code == 200
            counts.setdefault(page.rpartition("practice/")[2], []).append(len(queries))
    assert max(max(found) for found in counts.values()) <= 8, counts
    assert [found for found in counts.values() if len(set(found)) > 1] == []


# --- Suggestions -------------------------------------------------------------------------


def test_what_was_suggested_for_a_week_stands_beside_its_plan(
    client: Client, seat: Enrollment
) -> None:
    a_proposal(a_share(seat, name="Ora Lindqvist"), text="Sit on a stool")
    words = "From people you share it with Ora Lindqvist"
    form = said(client.get(at(seat)))
    assert words in form
    assert "Sit on a stool" in form
    save(client, seat)
    plan = client.get(at(seat))
    assert words in said(plan)
    assert "Look at it and answer" in said(plan)
    assert words not in said(client.get(at(seat, number=1)))
