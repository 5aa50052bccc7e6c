"""Goals: three at a time, in the member's words, with five levels; looked at in four weeks."""

import datetime as dt
import re
import threading
import uuid
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, User
from enrollment.models import Enrollment
from practice import aiming, rating
from practice.aiming import Changed, NotPossible, ThreeAlready
from practice.goal_forms import AimForm
from practice.goals import Aim, Reached, open_looks
from practice.models import Goal, GoalRating
from practice.own import OwnPractice, practice_of
from tests.billing.test_odd_texts import sent
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    session,
)
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.lived import CALL, COOK, IN_WEEK, a_goal, rates, twelve_weeks

pytestmark = pytest.mark.django_db

CANARY = "Kanarienvogel"
TYPED = {
    "title": "Cook dinner at home",
    "expected": "On two evenings of the week",
    "more": "On three evenings of the week",
    "much_more": "On most evenings",
    "less": "On one evening of the week",
    "much_less": "I don\u2019t cook",
}


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member()


@pytest.fixture
def client(seat: Enrollment) -> Client:
    client = Client()
    client.force_login(seat.member)
    return client


def at(name: str, seat: Enrollment, *args: Any) -> str:
    return reverse(f"practice:{name}", args=[seat.public_id, *args])


def own(seat: Enrollment, now: dt.datetime) -> OwnPractice:
    return practice_of(enrollment=seat, now=now)


def page(reply: Any) -> str:
    text: str = reply.content.decode()
    return text


def hidden(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert found is not None
    return found[1]


def read(text: str) -> dict[str, str]:
    """What a look's page says that it has seen."""
    return {name: hidden(text, name) for name in ("seen", "goal_seen")}


# --- The value ----------------------------------------------------------------------------


def test_an_aim_is_stored_and_read_back() -> None:
    assert Aim.load(COOK.dump()) == COOK
    assert COOK.at(-2) == "I don\u2019t cook"
    assert COOK.at(0) == "On two evenings of the week"
    assert [level for level, _, _ in COOK.steps] == [2, 1, 0, -1, -2]


def test_an_aim_of_another_version_is_read_as_far_as_it_goes() -> None:
    assert Aim.load({}) == Aim(title="", levels=("", "", "", "", ""))
    some = Aim.load({"title": "A", "levels": ["1", "2", "3"], "colour": "red"})
    assert some == Aim(title="A", levels=("1", "2", "3", "", ""))


def test_a_look_is_stored_and_read_back() -> None:
    look = Reached(level=-1, words="On one evening", note="Mondays are hard")
    assert Reached.load(look.dump()) == look
    assert look.level_words == "A little less than expected"
    assert Reached.load({"level": 7, "mood": 1}) == Reached(level=0)


# --- Setting one --------------------------------------------------------------------------


@time_machine.travel(IN_WEEK_2, tick=False)
def test_a_member_sets_a_goal_in_their_words(client: Client, seat: Enrollment) -> None:
    assert "No goal yet" in page(client.get(at("goals", seat)))
    form = page(client.get(at("goal_new", seat)))
    assert "What would be a good, realistic result after these weeks?" in form
    sent = {**TYPED, "key": hidden(form, "key")}
    reply = client.post(at("goal_new", seat), sent)
    assert reply.headers["Location"] == at("goals", seat)
    goal = Goal.objects.get()
    assert (Aim.load(goal.content).title, goal.slot) == ("Cook dinner at home", 1)
    assert Aim.load(goal.content).levels[0] == "I don\u2019t cook"
    # The same page pressed again sets no second one.
    client.post(at("goal_new", seat), sent)
    assert Goal.objects.count() == 1
    words = page(client.get(at("goals", seat)))
    assert "Cook dinner at home" in words
    assert "You can agree on it with somebody who works with you" in words


def test_the_two_outermost_levels_may_be_empty_the_others_may_not() -> None:
    assert AimForm({**TYPED, "much_more": "", "much_less": ""}).is_valid()
    form = AimForm({"title": " ", "expected": "", "more": "", "less": ""})
    assert set(form.errors) == {"title", "expected", "more", "less"}
    assert form.errors["less"] == ["Write down what would be a little less than that."]


def test_levels_that_read_the_same_cannot_be_told_apart() -> None:
    form = AimForm({**TYPED, "more": "on  two evenings of the WEEK"})
    assert list(form.errors) == ["more"]
    assert "reads the same as" in form.errors["more"][0]


@time_machine.travel(IN_WEEK_2, tick=False)
def test_what_is_too_long_or_cannot_be_stored_is_refused_and_kept(
    client: Client, seat: Enrollment
) -> None:
    typed = {**TYPED, "title": "x" * 151, "more": "A\0B"}
    reply = client.post(at("goal_new", seat), typed)
    assert reply.status_code == 422
    words = page(reply)
    assert "Use at most 150 characters. These are 151." in words
    assert "Take out the character that cannot be stored" in words
    assert "x" * 151 in words
    assert 'maxlength="' not in words  # a browser would cut what is pasted
    assert not Goal.objects.exists()


@time_machine.travel(IN_WEEK_2, tick=False)
def test_a_fourth_goal_is_refused_kindly(client: Client, seat: Enrollment) -> None:
    form = page(client.get(at("goal_new", seat)))
    for title in ("A", "B", "C"):
        a_goal(seat, Aim(title=title, levels=COOK.levels))
    assert sorted(Goal.objects.values_list("slot", flat=True)) == [1, 2, 3]
    reply = client.post(at("goal_new", seat), {**TYPED, "key": hidden(form, "key")})
    assert reply.status_code == 409
    words = page(reply)
    assert "You have three goals" in words
    assert "On two evenings of the week" in words  # nothing typed is lost
    assert Goal.objects.count() == 3
    shown = page(client.get(at("goal_new", seat)))
    assert "You have three goals" in shown
    assert "<textarea" not in shown
    assert "Three goals are the most" in page(client.get(at("goals", seat)))
    assert "Set another goal" not in page(client.get(at("goals", seat)))


def test_the_database_refuses_a_slot_twice_and_a_fourth_slot(seat: Enrollment) -> None:
    goal = a_goal(seat)
    for slot in (1, 4):
        with pytest.raises(IntegrityError), transaction.atomic():
            Goal.objects.create(
                enrollment=seat, slot=slot, content=goal.content, made_at=NOW, saved_at=NOW
            )


def test_the_key_of_somebody_elses_goal_sets_nothing(seat: Enrollment) -> None:
    theirs = a_goal(a_practising_member())
    with pytest.raises(Changed):
        aiming.set_goal(enrollment=seat, aim=COOK, key=theirs.public_id, now=NOW)
    assert not Goal.objects.filter(enrollment=seat).exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_six_pages_at_once_three_set_a_goal() -> None:
    seat = a_practising_member()
    outcomes: list[str] = []
    start = threading.Barrier(6)

    def press() -> None:
        start.wait()
        try:
            a_goal(seat)
            outcomes.append("set")
        except ThreeAlready:
            outcomes.append("three already")
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["set"] * 3 + ["three already"] * 3
    assert sorted(Goal.objects.values_list("slot", flat=True)) == [1, 2, 3]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_page_sent_three_times_at_once_sets_one_goal() -> None:
    seat, key = a_practising_member(), uuid.uuid4()
    found: list[int] = []
    start = threading.Barrier(3)

    def press() -> None:
        start.wait()
        try:
            found.append(aiming.set_goal(enrollment=seat, aim=COOK, key=key, now=NOW).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Goal.objects.get().pk] * 3


# --- Writing it anew, agreeing ------------------------------------------------------------


def test_other_levels_end_an_agreement_another_title_does_not(seat: Enrollment) -> None:
    goal, leader = a_goal(seat), a_member()
    aiming.agree(goal=goal, by=leader, seen=1, now=NOW)
    goal.refresh_from_db()
    assert (goal.agreed_by, goal.agreed_at, goal.revision) == (leader, NOW, 2)
    aiming.change_goal(goal=goal, aim=Aim(title="Cook", levels=COOK.levels), seen=2, now=NOW + HOUR)
    goal.refresh_from_db()
    assert (goal.agreed_by, goal.revision, goal.saved_at) == (leader, 3, NOW + HOUR)
    aiming.change_goal(goal=goal, aim=CALL, seen=3, now=NOW + HOUR)
    goal.refresh_from_db()
    assert (goal.agreed_by, goal.agreed_at) == (None, None)


def test_nobody_agrees_on_what_they_have_not_read(seat: Enrollment) -> None:
    goal = a_goal(seat)
    aiming.change_goal(goal=goal, aim=CALL, seen=1, now=NOW)
    with pytest.raises(Changed):
        aiming.agree(goal=goal, by=a_member(), seen=1, now=NOW)
    goal.refresh_from_db()
    assert goal.agreed_at is None


def test_two_that_save_at_once_are_told_apart_by_the_database(seat: Enrollment) -> None:
    goal = a_goal(seat)
    other = Goal.objects.get(pk=goal.pk)  # read by both before either saves
    aiming.change_goal(goal=goal, aim=CALL, seen=1, now=NOW)
    with pytest.raises(Changed):
        aiming.change_goal(goal=other, aim=COOK, seen=1, now=NOW)
    with pytest.raises(Changed):
        aiming.end_goal(goal=other, seen=1, now=NOW)
    # What is compared with, to tell whether an agreement stays, is what is replaced.
    with pytest.raises(Changed):
        aiming.change_goal(goal=other, aim=COOK, seen=2, now=NOW)
    goal.refresh_from_db()
    assert (Aim.load(goal.content), goal.ended_at) == (CALL, None)


@time_machine.travel(IN_WEEK_2, tick=False)
def test_that_an_agreement_would_end_is_said_before(client: Client, seat: Enrollment) -> None:
    goal = a_goal(seat)
    assert "this agreement ends" not in page(client.get(at("goal", seat, goal.public_id)))
    aiming.agree(
        goal=goal, by=a_member(role=Role.FACILITATOR, display_name="Mei Tanaka"), seen=1, now=NOW
    )
    words = page(client.get(at("goal", seat, goal.public_id)))
    assert "Agreed with Mei Tanaka on Tuesday, September 29" in words
    assert "If you change one of the five steps, this agreement ends" in words
    assert "Agreed with Mei Tanaka" in page(client.get(at("goals", seat)))


@time_machine.travel(IN_WEEK_2, tick=False)
def test_who_saw_older_words_is_told_and_loses_nothing(client: Client, seat: Enrollment) -> None:
    goal = a_goal(seat)
    path = at("goal", seat, goal.public_id)
    stale = hidden(page(client.get(path)), "seen")
    aiming.change_goal(goal=goal, aim=CALL, seen=1, now=NOW)
    reply = client.post(path, {**TYPED, "title": "Cook soup", "seen": stale})
    words = page(reply)
    assert reply.status_code == 409
    assert "saved elsewhere meanwhile" in words
    assert "Call my sister" in words  # what stands there now
    assert "Cook soup" in words  # what was typed
    goal.refresh_from_db()
    assert Aim.load(goal.content) == CALL
    reply = client.post(path, {**TYPED, "title": "Cook soup", "seen": hidden(words, "seen")})
    assert reply.headers["Location"] == at("goals", seat)
    goal.refresh_from_db()
    assert Aim.load(goal.content).title == "Cook soup"


@time_machine.travel(IN_WEEK_2, tick=False)
def test_a_form_with_errors_is_compared_with_what_it_showed(
    client: Client, seat: Enrollment
) -> None:
    goal = a_goal(seat)
    path = at("goal", seat, goal.public_id)
    aiming.change_goal(goal=goal, aim=CALL, seen=1, now=NOW)
    reply = client.post(path, {**TYPED, "title": "", "seen": "1"})
    assert reply.status_code == 422
    assert hidden(page(reply), "seen") == "1"


@pytest.mark.parametrize("odd", ["", "x", "-1", "9" * 40, "\u0661", "0"])
@time_machine.travel(IN_WEEK_2, tick=False)
def test_a_revision_that_no_page_shows_saves_nothing(
    odd: str, client: Client, seat: Enrollment
) -> None:
    goal = a_goal(seat)
    reply = client.post(at("goal", seat, goal.public_id), {**TYPED, "title": "Other", "seen": odd})
    assert reply.status_code == 409
    goal.refresh_from_db()
    assert Aim.load(goal.content) == COOK


# --- Ending it ----------------------------------------------------------------------------


@time_machine.travel(IN_WEEK_2, tick=False)
def test_ending_a_goal_shows_first_what_stays(client: Client, seat: Enrollment) -> None:
    goal = a_goal(seat)
    rates(goal, 1, -1, note="Mondays are hard")
    path = at("goal_end", seat, goal.public_id)
    words = page(client.get(path))
    assert "What you wrote about it stays here" in words
    goal.refresh_from_db()
    assert goal.ended_at is None
    client.post(path, {"seen": hidden(words, "seen")})
    goal.refresh_from_db()
    assert goal.ended_at == IN_WEEK_2
    assert "Goals you ended" in page(client.get(at("goals", seat)))
    shown = page(client.get(at("goal", seat, goal.public_id)))
    assert "Mondays are hard" in shown
    assert "On one evening of the week" in shown
    assert "<textarea" not in shown
    assert a_goal(seat, CALL).slot == 1  # there is room


@time_machine.travel(IN_WEEK_2, tick=False)
def test_an_ended_goal_is_neither_written_anew_nor_rated(client: Client, seat: Enrollment) -> None:
    goal = a_goal(seat)
    aiming.end_goal(goal=goal, seen=1, now=NOW)
    assert client.post(at("goal", seat, goal.public_id), {**TYPED, "seen": "2"}).status_code == 409
    path = at("goal_look", seat, goal.public_id, 1)
    assert client.post(path, {"level": "0", "seen": "0", "goal_seen": "1"}).status_code == 409
    assert client.get(path).status_code == 200
    with pytest.raises(NotPossible):
        aiming.change_goal(goal=goal, aim=CALL, seen=2, now=NOW)
    with pytest.raises(NotPossible):
        aiming.end_goal(goal=goal, seen=2, now=NOW)
    with pytest.raises(NotPossible):
        rates(goal, 1, 0)
    goal.refresh_from_db()
    assert (Aim.load(goal.content), goal.ended_at) == (COOK, NOW)
    assert not GoalRating.objects.exists()
    assert client.get(at("goal_end", seat, goal.public_id)).status_code == 302


@time_machine.travel(IN_WEEK_2, tick=False)
def test_a_goal_that_changed_is_looked_at_again_before_it_ends(
    client: Client, seat: Enrollment
) -> None:
    goal = a_goal(seat)
    aiming.change_goal(goal=goal, aim=CALL, seen=1, now=NOW)
    reply = client.post(at("goal_end", seat, goal.public_id), {"seen": "1"}, follow=True)
    assert "Please look once more" in page(reply)
    goal.refresh_from_db()
    assert goal.ended_at is None


# --- Looking at it ------------------------------------------------------------------------


def test_looks_open_with_their_week() -> None:
    seat = a_practising_member()
    before = FIRST_SESSION - HOUR
    found = [open_looks(own(seat, now)) for now in (before, IN_WEEK[1], IN_WEEK[3], IN_WEEK[4])]
    assert found == [[], [1], [1], [1, 4]]
    assert open_looks(own(seat, IN_WEEK[12])) == [1, 4, 8, 12]


def test_who_joined_later_has_the_looks_since_then() -> None:
    seat = a_practising_member()
    seat.first_week = 5
    assert open_looks(own(seat, IN_WEEK[6])) == []
    assert open_looks(own(seat, IN_WEEK[12])) == [8, 12]


def test_a_look_whose_session_was_cancelled_opens_with_the_next_or_the_last() -> None:
    seat = a_practising_member()
    for number in (4, 12):
        one = session(seat.cohort, number)
        one.cancelled_at = NOW
        one.save()
    seat = Enrollment.objects.select_related("cohort", "member").get(pk=seat.pk)
    assert open_looks(own(seat, IN_WEEK[4])) == [1]
    assert open_looks(own(seat, IN_WEEK[5])) == [1, 4]
    assert open_looks(own(seat, IN_WEEK[10])) == [1, 4, 8]
    assert open_looks(own(seat, IN_WEEK[11])) == [1, 4, 8, 12]


@time_machine.travel(IN_WEEK_2, tick=False)
def test_a_member_says_how_far_a_goal_is_and_corrects_it(client: Client, seat: Enrollment) -> None:
    goal = a_goal(seat)
    path = at("goal_look", seat, goal.public_id, 1)  # a week late, which is fine
    words = page(client.get(path))
    assert "A little more than expected: On three evenings of the week" in words
    sent = {"level": "-1", "note": "Mondays are hard", **read(words)}
    assert client.post(path, sent).headers["Location"] == at("goals", seat)
    first = GoalRating.objects.get()
    assert Reached.load(first.content) == Reached(
        level=-1, words="On one evening of the week", note="Mondays are hard"
    )
    assert (first.rated_by, first.rated_at, first.revision) == (seat.member, IN_WEEK_2, 1)
    shown = page(client.get(path))
    assert "You can correct what was saved on Wednesday, October 14" in shown
    assert "Mondays are hard" in shown
    client.post(path, {"level": "0", "note": "", **read(shown)})
    again = GoalRating.objects.get()
    assert (Reached.load(again.content).level, again.revision) == (0, 2)


def test_a_look_after_its_week_asks_about_then(client: Client, seat: Enrollment) -> None:
    path = at("goal_look", seat, a_goal(seat).public_id, 1)
    with time_machine.travel(IN_WEEK[1], tick=False):
        client.force_login(seat.member)
        assert "Which of these fits best?" in page(client.get(path))
    with time_machine.travel(IN_WEEK[3], tick=False):
        client.force_login(seat.member)
        for reply in (client.get(path), client.post(path, {"seen": "0"})):
            assert "How was it in week 1?" in page(reply)
            assert "Which of these fits best?" not in page(reply)


def test_the_practice_page_says_when_a_look_is_due(client: Client, seat: Enrollment) -> None:
    told = {}
    for week, now in {**IN_WEEK, 17: IN_WEEK[12] + dt.timedelta(days=35)}.items():
        with time_machine.travel(now, tick=False):
            client.force_login(seat.member)
            told[week] = "a good week to look at" in page(client.get(at("hub", seat)))
    assert [week for week, is_told in told.items() if is_told] == [4, 8, 12]


@time_machine.travel(IN_WEEK_2, tick=False)
def test_a_week_that_has_not_begun_is_not_rated(client: Client, seat: Enrollment) -> None:
    goal = a_goal(seat)
    path = at("goal_look", seat, goal.public_id, 4)
    assert "Week 4 has not begun yet" in page(client.get(path))
    assert client.post(path, {"level": "0", "seen": "0", "goal_seen": "1"}).status_code == 409
    with pytest.raises(NotPossible):
        rates(goal, 4, 0, now=IN_WEEK_2)
    assert not GoalRating.objects.exists()
    words = page(client.get(at("goals", seat)))
    assert at("goal_look", seat, goal.public_id, 1) in words
    assert path not in words
    for week in (2, 13, 0):
        assert client.get(at("goal_look", seat, goal.public_id, week)).status_code == 404


@time_machine.travel(IN_WEEK_2, tick=False)
def test_a_look_without_a_level_says_what_is_missing(client: Client, seat: Enrollment) -> None:
    goal = a_goal(seat)
    path = at("goal_look", seat, goal.public_id, 1)
    for level in ("", "3", "x"):
        reply = client.post(path, {"level": level, "note": "kept", "seen": "0", "goal_seen": "1"})
        assert reply.status_code == 422
        assert "kept" in page(reply)
    assert "Choose the one that fits best." in page(client.post(path, {"seen": "0"}))


@time_machine.travel(IN_WEEK_2, tick=False)
def test_two_looks_at_once_are_one_and_the_later_is_told(client: Client, seat: Enrollment) -> None:
    goal = a_goal(seat)
    path = at("goal_look", seat, goal.public_id, 1)
    practitioner = a_member(role=Role.FACILITATOR, display_name="Ana Diaz")
    rating.rate(
        practice=own(seat, IN_WEEK_2),
        goal=goal,
        week=1,
        level=1,
        note="Together",
        by=practitioner,
        seen=0,
        goal_seen=1,
        now=IN_WEEK_2,
    )
    reply = client.post(path, {"level": "0", "note": "Mine", "seen": "0", "goal_seen": "1"})
    words = page(reply)
    assert reply.status_code == 409
    for said in ("saved elsewhere meanwhile", "saved by Ana Diaz", "Together", "Mine"):
        assert said in words
    assert Reached.load(GoalRating.objects.get().content).note == "Together"
    client.post(path, {"level": "0", "note": "Mine", **read(words)})
    assert Reached.load(GoalRating.objects.get().content).note == "Mine"


def test_of_two_corrections_the_second_is_told(seat: Enrollment) -> None:
    goal = a_goal(seat)
    rates(goal, 1, 0)
    rates(goal, 1, 1, seen=1)
    with pytest.raises(Changed):
        rates(goal, 1, -1, seen=1)
    assert Reached.load(GoalRating.objects.get().content).level == 1


@time_machine.travel(IN_WEEK_2, tick=False)
def test_a_look_is_at_the_steps_that_its_page_showed(client: Client, seat: Enrollment) -> None:
    goal = a_goal(seat)
    path = at("goal_look", seat, goal.public_id, 1)
    sent = {"level": "1", "note": "Mine", **read(page(client.get(path)))}
    aiming.change_goal(goal=goal, aim=CALL, seen=1, now=NOW)  # on another page
    for late in (sent, {**sent, "goal_seen": ""}, {**sent, "goal_seen": "x"}):
        reply = client.post(path, late)
        words = page(reply)
        assert reply.status_code == 409
        assert "This goal was changed meanwhile" in words
        assert "Mine" in words
        assert (CALL.at(1) in words, COOK.at(1) in words) == (True, False)
        assert not GoalRating.objects.exists()
    client.post(path, {**sent, **read(words)})
    reached = Reached.load(GoalRating.objects.get().content)
    assert (reached.level, reached.words, reached.note) == (1, CALL.at(1), "Mine")


@time_machine.travel(IN_WEEK_2, tick=False)
def test_steps_that_change_at_that_very_moment_are_shown_too(
    client: Client, seat: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    goal, save = a_goal(seat), rating.rate

    def late(**given: Any) -> None:
        aiming.change_goal(goal=goal, aim=CALL, seen=1, now=NOW)
        save(**given)

    monkeypatch.setattr(rating, "rate", late)
    path = at("goal_look", seat, goal.public_id, 1)
    reply = client.post(path, {"level": "1", "note": "Mine", "seen": "0", "goal_seen": "1"})
    words = page(reply)
    assert (reply.status_code, hidden(words, "goal_seen")) == (409, "2")
    assert (CALL.at(1) in words, COOK.at(1) in words, "Mine" in words) == (True, False, True)


@time_machine.travel(IN_WEEK_2, tick=False)
def test_a_look_with_somebody_else_says_with_whom(client: Client, seat: Enrollment) -> None:
    goal = a_goal(seat)
    rating.rate(
        practice=own(seat, IN_WEEK_2),
        goal=goal,
        week=1,
        level=1,
        note="",
        by=a_member(role=Role.FACILITATOR, display_name="Ana Diaz"),
        seen=0,
        goal_seen=1,
        now=IN_WEEK_2,
    )
    assert "with Ana Diaz" in page(client.get(at("goals", seat)))


@time_machine.travel(IN_WEEK_2, tick=False)
def test_other_words_later_do_not_change_what_was_reached(client: Client, seat: Enrollment) -> None:
    goal = a_goal(seat)
    rates(goal, 1, -1)
    aiming.change_goal(goal=goal, aim=CALL, seen=1, now=NOW)
    words = page(client.get(at("goals", seat)))
    assert "A little less than expected</strong>: On one evening of the week" in words


# --- Whose it is, and what it costs -------------------------------------------------------


@time_machine.travel(IN_WEEK_2, tick=False)
def test_somebody_elses_goal_does_not_exist(client: Client, seat: Enrollment) -> None:
    mine, other = a_goal(seat), a_practising_member()
    theirs = a_goal(other)
    paths = [
        at("goals", other),
        at("goal_new", other),
        at("goal", other, theirs.public_id),
        # A goal of another seat under one's own address.
        at("goal", seat, theirs.public_id),
        at("goal_end", seat, theirs.public_id),
        at("goal_look", seat, theirs.public_id, 1),
        at("goal", other, mine.public_id),
    ]
    for path in paths:
        assert client.get(path).status_code == 404, path
        assert client.post(path, {**TYPED, "seen": "1"}).status_code in (404, 405), path
    theirs.refresh_from_db()
    assert (Aim.load(theirs.content), theirs.ended_at) == (COOK, None)


@time_machine.travel(IN_WEEK_2, tick=False)
def test_without_a_confirmed_seat_there_are_no_goals() -> None:
    held = a_held_seat(cohort=a_cohort())
    client = Client()
    client.force_login(held.member)
    assert client.get(at("goals", held)).status_code == 404


@time_machine.travel(IN_WEEK_2, tick=False)
def test_a_second_seat_of_the_same_member_has_goals_of_its_own(
    client: Client, seat: Enrollment
) -> None:
    goal = a_goal(seat)
    other = a_confirmed_seat(cohort=a_cohort(), member=User.objects.get(pk=seat.member_id))
    assert "Cook dinner" not in page(client.get(at("goals", other)))
    assert client.get(at("goal", other, goal.public_id)).status_code == 404


def test_what_was_written_is_nowhere_in_clear(seat: Enrollment) -> None:
    goal = a_goal(seat, Aim(title=CANARY, levels=(CANARY,) * 5))
    rates(goal, 1, -1, note=CANARY)
    with connection.cursor() as cursor:
        for table in ("practice_goal", "practice_goalrating"):
            cursor.execute(f"SELECT t::text FROM {table} t")  # noqa: S608  our own names
            rows = cursor.fetchall()
            assert len(rows) == 1
            assert CANARY not in str(rows)
            assert '"level"' not in str(rows)


@pytest.mark.parametrize("name", ["goals", "goal_new"])
def test_the_pages_ask_the_same_with_one_week_and_with_twelve(name: str) -> None:
    asked = []
    for weeks in (1, 12):
        seat = twelve_weeks(weeks=weeks)
        client = Client()
        with time_machine.travel(IN_WEEK[weeks], tick=False):
            client.force_login(seat.member)
            with CaptureQueriesContext(connection) as captured:
                assert client.get(at(name, seat)).status_code == 200
        asked.append(len(captured))
    assert asked[0] == asked[1]
    assert asked[1] <= 8


def test_the_pages_of_one_goal_ask_at_most_eight_times() -> None:
    seat = twelve_weeks()
    goal = Goal.objects.filter(enrollment=seat, ended_at=None).first()
    gone = Goal.objects.filter(enrollment=seat).exclude(ended_at=None).first()
    assert goal is not None
    assert gone is not None
    client = Client()
    with time_machine.travel(IN_WEEK[12], tick=False):
        client.force_login(seat.member)
        for path in (
            at("goal", seat, goal.public_id),
            at("goal_end", seat, goal.public_id),
            at("goal_look", seat, goal.public_id, 12),
            at("goal", seat, gone.public_id),
        ):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(path).status_code == 200
            assert len(captured) <= 8, path


@pytest.mark.parametrize(
    "odd",
    ["A\0B", "A\ud800B", "x" * 10_000, "1e400", "\u0661", "\u202eabc", "\U0001f9e1" * 40, "[]"],
)
@time_machine.travel(IN_WEEK_2, tick=False)
def test_odd_texts_break_no_look(odd: str, client: Client, seat: Enrollment) -> None:
    goal = a_goal(seat)
    path = at("goal_look", seat, goal.public_id, 1)
    typed: dict[str, Any] = {"level": "0", "note": "", "seen": "0", "goal_seen": "1"}
    for field in typed:
        reply = client.post(path, {**typed, field: sent(odd)})
        assert reply.status_code < 500
        assert client.get(path).status_code == 200
    assert client.get(at("goals", seat)).status_code == 200
