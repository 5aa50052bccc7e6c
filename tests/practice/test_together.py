"""The parts as one: what a member saves through their own pages is what a practitioner and whoever
leads see, and what a practitioner suggests is in the member's plan once they say yes."""

import datetime as dt
import html
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from enrollment.models import Enrollment
from practice import care, for_leaders, sharing
from practice.fields import LONGEST
from practice.models import Goal, GoalRating, Proposal, Share, WeekPlan
from practice.planning import Plan
from practice.proposals import MOST_LETTERS, Way
from tests.enrollment.builders import a_member
from tests.enrollment.pages import said
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.lived import COOK
from tests.practice.sharing import a_practitioner, a_share, let_in

pytestmark = pytest.mark.django_db

DAY = dt.date(2026, 10, 14)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(IN_WEEK_2, tick=False) as traveller:
        yield traveller


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member(display_name="Robin")


@pytest.fixture
def member(seat: Enrollment) -> Client:
    client = Client()
    client.force_login(seat.member)
    return client


def of(seat: Enrollment, name: str, *more: object) -> str:
    return reverse(f"practice:{name}", args=[seat.public_id, *more])


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found
    return html.unescape(found[1])


def read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def skill_of(page: str) -> str:
    return hidden(page, "skill")


def saves_a_plan(member: Client, seat: Enrollment, **typed: object) -> str:
    """Through the page of week 2. Returns the skill that was chosen."""
    here = of(seat, "week", 2)
    page = read(member, f"{here}?change")
    skill = skill_of(page)
    plan = {
        "skill": skill,
        "activity": "own",
        "own": "Open the post",
        "own_area": "home",
        "when": "Tuesday at the table",
        "tool": "A timer",
        "sure": "8",
        "seen": hidden(page, "seen"),
        "save": "1",
        **typed,
    }
    assert member.post(here, plan).status_code == 302
    return skill


def saves_a_day(member: Client, seat: Enrollment, skill: str) -> None:
    here = of(seat, "diary_day", DAY)
    page = read(member, here)
    card = {"skills": [skill], "activity": "Baking", "before": "8", "after": "3", "note": "Mine"}
    sent = {**card, "revision": hidden(page, "revision"), "page": hidden(page, "page")}
    assert member.post(here, sent).status_code == 302


@pytest.fixture
def practitioner() -> User:
    return a_practitioner()


@pytest.fixture
def share(seat: Enrollment, practitioner: User) -> Share:
    return a_share(seat, to=practitioner)


@pytest.fixture
def leader(seat: Enrollment) -> User:
    person = a_member(role=Role.FACILITATOR, display_name="Dana Reyes")
    seat.cohort.facilitators.add(person)
    return person


def led(seat: Enrollment, *, one: bool = False) -> str:
    where = [seat.cohort.slug, 3, *([seat.public_id] if one else [])]
    return reverse("practice:leading_member" if one else "practice:leading", args=where)


def test_what_a_member_saves_is_what_their_practitioner_reads(
    seat: Enrollment, member: Client, share: Share, practitioner: User
) -> None:
    skill = saves_a_plan(member, seat)
    saves_a_day(member, seat, skill)
    kept = WeekPlan.objects.get()
    went = {"outcome": "partly", "outcome_words": "It was fine", "seen": kept.revision, "note": "1"}
    assert member.post(of(seat, "week", 2), went).status_code == 302
    reader = let_in(practitioner)
    plan = said(reader.get(reverse("practice:care_plan", args=[share.public_id])))
    for shown in (
        *(f"Skill {skill}", "What Open the post", "Area of life Home"),
        *("When and where Tuesday at the table", "Easier: a tool or an aid A timer"),
        *("How sure 8 of 10", "How it went Partly"),
    ):
        assert shown in plan
    diary = said(reader.get(reverse("practice:care_diary", args=[share.public_id])))
    assert f"{skill} (1 day)" in diary
    assert "8.0 before" not in diary  # one day would not be an average
    for never in ("Mine", "Baking", "It was fine"):
        assert never not in plan + diary


@pytest.mark.parametrize("what", ["day", "outcome"])
def test_whoever_leads_reads_that_somebody_practised(
    seat: Enrollment, member: Client, leader: User, what: str
) -> None:
    client = let_in(leader)
    skill = saves_a_plan(member, seat)
    assert "Nothing noted" in said(client.get(led(seat)))
    if what == "day":
        saves_a_day(member, seat, skill)
    else:
        went = {"outcome": "done", "outcome_words": "", "seen": "1", "note": "1"}
        member.post(of(seat, "week", 2), went)
    assert "Practiced this week" in said(client.get(led(seat)))
    for_leaders.choose(enrollment=seat, parts=["plan"], now=IN_WEEK_2)
    words = said(client.get(led(seat, one=True)))
    for shown in (f"Skill {skill}", "What Open the post", "How sure 8 of 10"):
        assert shown in words


def test_what_a_plan_holds_is_named_for_those_who_read_it() -> None:
    """A field that is added to the plan has to be thought about here."""
    # The words about how it went are not part of the consent.
    assert {*care.PLAN_LINES, "outcome_words"} == set(Plan().dump())
    assert set(Way.values) <= set(Plan().dump())
    assert MOST_LETTERS == LONGEST


@pytest.mark.parametrize("way", Way.values)
def test_an_adaptation_is_in_the_plan_and_its_form_once_the_member_says_yes(
    seat: Enrollment, member: Client, share: Share, practitioner: User, way: str
) -> None:
    saves_a_plan(member, seat, **{way: "What I thought of"})
    old_page = read(member, f"{of(seat, 'week', 2)}?change")
    suggests(practitioner, share, kind="adaptation", way=way, text="Sit on\r\na stool")
    assert says_yes(member, seat)
    plan = WeekPlan.objects.get()
    assert plan.revision == 2
    assert Plan.load(plan.content).outcome == ""
    both = "What I thought of; Sit on a stool"
    assert both in said(member.get(of(seat, "week", 2)))
    form = read(member, f"{of(seat, 'week', 2)}?change")
    assert hidden(form, way) == both
    # The page from before the yes writes over nothing, and says what stands.
    typed = {
        "skill": skill_of(old_page),
        "activity": "own",
        "own": "Open all the post",
        way: "What I thought of",
        "seen": hidden(old_page, "seen"),
        "save": "1",
    }
    late = member.post(of(seat, "week", 2), typed)
    assert late.status_code == 409
    words = said(late)
    assert "nothing was changed by this one" in words
    assert f"Saved now: {both}" in words
    assert "Open all the post" in late.content.decode()
    plan.refresh_from_db()
    assert (plan.revision, plan.content["activity"]) == (2, "Open the post")
    reader = let_in(practitioner)
    assert both in said(reader.get(reverse("practice:care_plan", args=[share.public_id])))


def suggests(practitioner: User, share: Share, **typed: str) -> None:
    here = reverse("practice:care_plan", args=[share.public_id])
    sent = let_in(practitioner).post(here, {"week": "2", "key": str(uuid.uuid4()), **typed})
    assert sent.status_code == 302


def says_yes(member: Client, seat: Enrollment) -> bool:
    """By the link on the hub and the button on the page."""
    proposal = Proposal.objects.get()
    here = of(seat, "proposal", proposal.public_id)
    assert here in read(member, of(seat, "hub"))
    sent = member.post(here, {"seen": hidden(read(member, here), "seen"), "accept": "1"})
    assert sent.status_code == 302
    proposal.refresh_from_db()
    return proposal.state == Proposal.State.ACCEPTED


@pytest.mark.parametrize("planned", [True, False])
def test_an_activity_takes_the_place_of_the_one_in_the_plan(
    seat: Enrollment, member: Client, share: Share, practitioner: User, planned: bool
) -> None:
    if planned:
        saves_a_plan(member, seat)
    suggests(practitioner, share, kind="activity", way="", text="Peel potatoes")
    assert says_yes(member, seat)
    words = said(member.get(of(seat, "week", 2)))
    assert "What Peel potatoes" in words
    assert ("A timer" in words) is planned
    form = read(member, f"{of(seat, 'week', 2)}?change")
    assert hidden(form, "own") == "Peel potatoes"
    assert WeekPlan.objects.get().revision == (2 if planned else 1)
    saves_a_plan(member, seat, own="Peel one potato")  # and it is the member's as before
    assert "What Peel one potato" in said(member.get(of(seat, "week", 2)))
    assert WeekPlan.objects.get().revision == (3 if planned else 2)


def test_an_adaptation_of_a_week_without_a_plan_waits_in_its_form(
    seat: Enrollment, member: Client, share: Share, practitioner: User
) -> None:
    suggests(practitioner, share, kind="adaptation", way="place", text="The kitchen")
    assert says_yes(member, seat)
    form = read(member, of(seat, "week", 2))
    assert "One small thing for this week" in form
    assert hidden(form, "place") == "The kitchen"
    saves_a_plan(member, seat, place=hidden(form, "place"))
    assert "The place The kitchen" in said(member.get(of(seat, "week", 2)))


def test_a_goal_is_one_goal_for_all_who_look_at_it(
    seat: Enrollment, member: Client, share: Share, practitioner: User, leader: User
) -> None:
    typed = {"title": COOK.title, "expected": COOK.at(0), "more": COOK.at(1), "less": COOK.at(-1)}
    assert member.post(of(seat, "goal_new"), {**typed, "key": str(uuid.uuid4())}).status_code == 302
    goal = Goal.objects.get()
    old_page = read(member, of(seat, "goal", goal.public_id))
    for_leaders.choose(enrollment=seat, parts=["goals"], now=IN_WEEK_2)
    there = led(seat, one=True)
    led_page = read(let_in(leader), there)
    assert COOK.title in led_page
    let_in(leader).post(there, {"goal": goal.public_id, "seen": hidden(led_page, "seen")})
    goal.refresh_from_db()
    assert (goal.agreed_by, goal.revision) == (leader, 2)
    here, reader = reverse("practice:care_goals", args=[share.public_id]), let_in(practitioner)
    rated = {"goal": goal.public_id, "week": "1", "level": "-1", "note": "Together", "seen": "0"}
    rated |= {"goal_seen": str(goal.revision), "rate": "1"}
    assert reader.post(here, rated).status_code == 302
    rating = GoalRating.objects.get()
    assert rating.content == {"level": -1, "words": COOK.at(-1), "note": "Together"}
    words = said(member.get(of(seat, "goals")))
    assert "Dana Reyes" in words
    assert "A little less than expected" in words
    # The member's page from before the agreement.
    late = member.post(
        of(seat, "goal", goal.public_id), {**typed, "seen": hidden(old_page, "seen")}
    )
    assert late.status_code == 409


def test_an_open_page_of_a_practitioner_refuses_the_next_click_after_the_end(
    seat: Enrollment, member: Client, share: Share, practitioner: User
) -> None:
    reader, here = let_in(practitioner), reverse("practice:care_plan", args=[share.public_id])
    page = read(reader, here)
    assert sharing.withdraw(share=share, now=IN_WEEK_2)
    typed = {"week": "2", "kind": "comment", "text": "Late", "key": hidden(page, "key")}
    assert reader.post(here, typed).status_code == 404
    assert not Proposal.objects.exists()
