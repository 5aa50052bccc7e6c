"""The way in to one's practice, from the first week until long after the last."""

import datetime as dt
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
from enrollment.states import Status
from practice import week_plans
from practice.models import Proposal
from tests.enrollment.builders import FIRST_SESSION, HOUR, a_cohort, a_confirmed_seat
from tests.enrollment.pages import said
from tests.practice.builders import IN_WEEK_2, a_practising_member
from tests.practice.lived import IN_WEEK, a_card, a_plan
from tests.practice.sharing import a_proposal, a_share

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
DAY = dt.timedelta(days=1)
# The last week goes on until January 18.
LONG_AFTER = FIRST_SESSION + dt.timedelta(weeks=17)


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member()


def path(seat: Enrollment, name: str = "hub", *args: Any) -> str:
    return reverse(f"practice:{name}", args=[seat.public_id, *args])


def page(client: Client, seat: Enrollment, name: str = "hub", *args: Any) -> Any:
    """Signed in anew: a jump of the clock over two weeks ends a session."""
    client.force_login(seat.member)
    return client.get(path(seat, name, *args))


def html(response: Any) -> str:
    return str(response.content.decode())


def moves(seat: Enrollment, **fields: Any) -> Enrollment:
    """Into a group that begins tomorrow."""
    cohort = a_cohort(starts_at=IN_WEEK_2 + DAY, name="Thursday mornings", **fields)
    target = a_confirmed_seat(cohort=cohort, member=seat.member, now=IN_WEEK_2)
    services.withdraw(enrollment_id=seat.pk, actor=seat.member, reason="Moved to it", now=IN_WEEK_2)
    return target


# --- In the weeks -----------------------------------------------------------------------


def test_in_week_12_the_diary_follows_the_plan_and_earlier_weeks_are_folded(
    client: Client, seat: Enrollment, clock: time_machine.Traveller
) -> None:
    a_plan(seat, 2)
    clock.move_to(IN_WEEK[12])
    shown = html(page(client, seat))
    order = ["Plan this week", ">Your diary</h2>", '<details class="fold">', "Week 11"]
    assert sorted(order, key=shown.index) == order
    assert "No plan" not in shown
    assert re.findall(r'<span class="soft">([^<]*)</span>', shown) == ["Planned"]


def test_of_the_long_last_week_the_last_seven_days_are_shown(
    client: Client, seat: Enrollment, clock: time_machine.Traveller
) -> None:
    clock.move_to(IN_WEEK[12] + 20 * DAY)
    days = re.findall(r"/diary/(\d{4}-\d\d-\d\d)/", html(page(client, seat)))
    assert days == [f"2027-01-{n:02}" for n in range(6, 13)]


def test_before_the_first_session_its_day_and_ones_daily_life_are_there(
    client: Client, seat: Enrollment, clock: time_machine.Traveller
) -> None:
    clock.move_to(FIRST_SESSION - HOUR)
    response = page(client, seat)
    assert "That is on Tuesday, October 6. After it you choose" in said(response)
    assert reverse("practice:daily_life") in html(response)


# --- What others wrote ------------------------------------------------------------------


def test_what_others_wrote_stands_above_the_plan(client: Client, seat: Enrollment) -> None:
    share = a_share(seat, name="Ora Lindqvist")
    a_proposal(share)
    a_proposal(share, kind=Proposal.Kind.COMMENT, way="")
    a_proposal(share, kind=Proposal.Kind.COMMENT, way="", week=1)
    shown = html(page(client, seat))
    asks = "Ora Lindqvist suggests something for week 2"
    comment = f'{path(seat, "week", 2)}#suggested-title">Ora Lindqvist wrote something about week 2'
    order = [comment, asks, "Plan this week"]
    assert sorted(order, key=shown.index) == order
    assert "about week 1<" not in shown
    assert 'id="suggested-title"' in html(page(client, seat, "week", 2))


def test_a_yes_leads_to_the_plan_that_it_changed(client: Client, seat: Enrollment) -> None:
    a_plan(seat, 2)
    asks = a_proposal(a_share(seat))
    client.force_login(seat.member)
    yes = {"accept": "1", "seen": week_plans.plan_of(enrollment=seat, week=2).revision}
    answer = client.post(path(seat, "proposal", asks.public_id), yes)
    assert answer["Location"] == path(seat, "week", 2)


# --- Afterwards -------------------------------------------------------------------------


def test_after_the_end_what_was_written_stays_and_nothing_is_asked_for(
    client: Client, seat: Enrollment, clock: time_machine.Traveller
) -> None:
    a_plan(seat, 12)
    clock.move_to(LONG_AFTER)
    response = page(client, seat)
    words = said(response)
    assert "Your group has ended What you wrote stays here." in words
    assert "Plan this week" not in words
    assert "in under a minute" not in words
    assert "/diary/20" not in html(response)
    assert '<details class="fold" open>' in html(response)
    assert path(seat, "week", 12) in html(response)
    response = page(client, seat, "diary")
    assert html(response).count('<details class="fold">') == 12
    diary = said(response)
    assert "The diary took days until Monday, January 18, 2027." in diary
    assert "in under a minute" not in diary


def test_on_the_last_day_it_has_not_ended(
    client: Client, seat: Enrollment, clock: time_machine.Traveller
) -> None:
    clock.move_to(dt.datetime(2027, 1, 19, 4, tzinfo=dt.UTC))  # 11 PM on the 18th
    assert "Plan this week" in said(page(client, seat))
    clock.shift(2 * HOUR)
    assert "Your group has ended" in said(page(client, seat))


def test_a_group_whose_sessions_were_all_cancelled_does_not_begin(
    client: Client, seat: Enrollment
) -> None:
    seat.cohort.group_sessions.update(cancelled_at=IN_WEEK_2)
    words = said(page(client, seat))
    assert "Your group has ended" in words
    assert "It begins with" not in words
    assert page(client, seat, "diary").status_code == 200


def test_who_moved_finds_the_group_before(client: Client, seat: Enrollment) -> None:
    a_card(seat, 1)
    here = moves(seat)
    response = page(client, here)
    assert "stays there: your practice in Tuesday evenings." in said(response)
    assert path(seat) in html(response)
    there = said(page(client, seat))
    assert "You are not in this group any more" in there
    assert "Plan this week" not in there
    assert "From your group before" not in there


def test_without_anything_written_there_the_group_before_is_not_named(
    client: Client, seat: Enrollment
) -> None:
    other = a_practising_member()
    a_card(other, 1)  # of somebody else
    assert "From your group before" not in said(page(client, moves(seat)))


@pytest.mark.parametrize("status", [Status.GRACE, Status.SUSPENDED, Status.COMPLETED])
def test_whoever_has_a_seat_goes_on(status: Status, client: Client, seat: Enrollment) -> None:
    Enrollment.objects.update(status=status, held_until=IN_WEEK_2, waiting_since=IN_WEEK_2)
    assert "Plan this week" in said(page(client, seat))


def test_it_asks_eight_times_at_most_also_after_a_move(
    client: Client, seat: Enrollment, clock: time_machine.Traveller
) -> None:
    a_card(seat, 1)
    here = moves(seat)
    for now in (IN_WEEK_2, IN_WEEK_2 + 2 * DAY, IN_WEEK[12]):
        clock.move_to(now)
        page(client, here)  # the first page of a day writes the session
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path(here)).status_code == 200
        assert len(asked) <= 8


# --- The ways in ------------------------------------------------------------------------


def test_my_groups_leads_to_the_week_of_a_group_that_goes_on(
    client: Client, seat: Enrollment
) -> None:
    here = moves(seat)
    client.force_login(seat.member)
    shown = html(client.get(reverse("enrollment:my_groups")))
    assert f'<a class="group-card__way" href="{path(here)}">Your week' in shown
    assert path(seat) not in shown


def test_from_its_beginning_a_session_is_what_both_pages_show(
    client: Client, seat: Enrollment, clock: time_machine.Traveller
) -> None:
    group = reverse("enrollment:my_group", args=[seat.public_id])
    second = FIRST_SESSION + 7 * DAY
    for now, week, words in (
        (second - HOUR, 1, "What your group did last Week 1:"),
        (second, 2, "What your group does today Week 2:"),
        (second + 3 * HOUR, 2, "What your group did last Week 2:"),
    ):
        clock.move_to(now)
        assert f"Week {week}: " in said(page(client, seat))
        response = client.get(group)
        assert words in said(response)
        assert f'<a href="{path(seat, "week", week)}">Plan one of these</a>' in html(response)
    clock.move_to(IN_WEEK[12])
    client.force_login(seat.member)
    assert "Plan one of these" not in said(client.get(group))


# --- A week that is past ----------------------------------------------------------------


def test_the_form_of_a_past_week_says_which_one_and_offers_no_skipping(
    client: Client, seat: Enrollment
) -> None:
    response = page(client, seat, "week", 1)
    words = said(response)
    assert "One small thing for week 1" in words
    for this_week in ("this week", "skip", "Skip"):
        assert this_week not in words
    a_plan(seat, 1, sure=2)
    words = said(page(client, seat, "week", 1))
    assert "Skip this week" not in words
    assert "Would a smaller step help?" not in words
    words = said(page(client, seat, "week", 2))
    assert "One small thing for this week" in words
    assert "Skip this week" in words


def test_to_take_a_plan_up_again_is_offered_quietly(client: Client, seat: Enrollment) -> None:
    a_plan(seat, 1, skipped=True)
    response = page(client, seat, "week", 1)
    assert "You skipped week 1" in said(response)
    assert 'class="button button--quiet" type="submit" name="take_up"' in html(response)


# --- The card ---------------------------------------------------------------------------


def test_that_it_saves_itself_is_said_where_a_script_does_it(
    client: Client, seat: Enrollment
) -> None:
    shown = html(page(client, seat, "diary_day", IN_WEEK_2.date()))
    assert '<p class="fine" hidden data-saves-itself>It is saved as you write.</p>' in shown
