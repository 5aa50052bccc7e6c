"""The page of one of my own weeks: I can't make it, and a chair elsewhere."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from enrollment import absences, making_up
from enrollment.models import Absence, Enrollment, Visit
from enrollment.states import Status
from sessions.models import Cohort
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_confirmed_seat,
    a_member,
    session,
)
from tests.enrollment.pages import said
from tests.enrollment.test_making_up import THURSDAY, takes, thursdays

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def seat() -> Enrollment:
    return a_confirmed_seat()


@pytest.fixture
def mine(client: Client, seat: Enrollment) -> Client:
    client.force_login(seat.member)
    return client


def page(seat: Enrollment, number: int = 1) -> str:
    return reverse("enrollment:own_week", args=[seat.public_id, number])


def press(client: Client, seat: Enrollment, **button: object) -> str:
    about = session(seat.cohort, 1).starts_at.isoformat()
    response = client.post(page(seat), {"about": about, **button}, follow=True)
    assert response.status_code == 200
    return said(response)


@pytest.mark.parametrize(
    ("reader", "status"),
    [
        ("anonymous", 302),
        ("member", 200),
        ("other member", 404),
        ("leader", 404),
        ("other leader", 404),
        ("admin", 404),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_page_is_its_members_alone(
    reader: str, status: int, method: str, client: Client, seat: Enrollment
) -> None:
    leader = a_member(role=Role.FACILITATOR)
    seat.cohort.facilitators.add(leader)
    readers = {
        "member": seat.member,
        "other member": a_confirmed_seat(cohort=seat.cohort).member,
        "leader": leader,
        "other leader": a_member(role=Role.FACILITATOR),
        "admin": a_member(role=Role.ADMIN),
    }
    if reader != "anonymous":
        client.force_login(readers[reader])
    response = getattr(client, method)(
        page(seat), {"absent": "1", "about": FIRST_SESSION.isoformat()}
    )
    assert response.status_code == (302 if method == "post" and status == 200 else status)
    assert Absence.objects.exists() == (method == "post" and reader == "member")


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.WITHDRAWN, Status.COMPLETED])
def test_without_standing_there_is_no_page(mine: Client, seat: Enrollment, status: str) -> None:
    Enrollment.objects.update(status=status)
    assert mine.get(page(seat)).status_code == 404


def test_no_reason_is_asked_and_the_mind_can_be_changed(mine: Client, seat: Enrollment) -> None:
    words = said(mine.get(page(seat)))
    assert "Can\u2019t make it to week 1?" in words
    assert "You don\u2019t have to say why" in words
    assert "Thank you for telling us" in press(mine, seat, absent="1")
    assert Absence.objects.count() == 1
    assert "Can\u2019t make it to week 1?" in press(mine, seat, come="1")
    assert not Absence.objects.exists()


def test_a_chair_is_chosen_used_and_given_back(mine: Client, seat: Enrollment) -> None:
    host = session(thursdays(), 1)
    assert "Thursday, October 8, 7:00 PM Eastern" in said(mine.get(page(seat)))
    words = press(mine, seat, take=host.pk)
    assert "The chair on Thursday, October 8, 7:00 PM Eastern is yours." in words
    visit = Visit.objects.get()
    door = reverse("enrollment:door", args=[visit.door_token])
    assert door in mine.get(page(seat)).content.decode()
    assert "Your chair in another group" in said(mine.get(page(seat)))
    words = press(mine, seat, give_back="1")
    assert "The chair is free for somebody else now." in words
    assert "Can\u2019t make it to week 1?" in words  # expected there again


def test_a_chair_that_went_a_moment_ago_is_said_kindly(mine: Client, seat: Enrollment) -> None:
    host = session(thursdays(capacity=1), 1)
    takes(a_confirmed_seat(), host)
    words = press(mine, seat, take=host.pk)
    assert "That chair is not free any more" in words
    assert Visit.objects.count() == 1


@pytest.mark.parametrize("wrong", ["", "x", "-1", "9" * 30, "٣", "999999"])
def test_a_chair_that_is_none_is_no_error(mine: Client, seat: Enrollment, wrong: str) -> None:
    response = mine.post(page(seat), {"take": wrong})
    assert response.status_code == (302 if wrong == "999999" else 404)
    assert not Visit.objects.exists()


def test_the_names_and_links_of_the_other_group_stay_out_of_the_page(
    mine: Client, seat: Enrollment
) -> None:
    host = thursdays(meeting_url="https://video.example/j/1")
    other = a_confirmed_seat(cohort=host, member=a_member(display_name="Ottilie"))
    for _ in range(2):
        body = mine.get(page(seat)).content.decode()
        for secret in ("Ottilie", "video.example", other.member.email, str(other.public_id)):
            assert secret not in body
        mine.post(page(seat), {"take": session(host, 1).pk})


def test_after_a_missed_session_my_page_points_to_a_chair(
    mine: Client, seat: Enrollment, clock: Any
) -> None:
    thursdays()
    clock.move_to(FIRST_SESSION + 2 * HOUR)
    mine.force_login(seat.member)
    group = reverse("enrollment:my_group", args=[seat.public_id])
    assert "Make up week 1?" in said(mine.get(group))
    words = said(mine.get(page(seat)))
    assert "Make up week 1?" in words
    assert "Thursday, October 8" in words


def test_while_the_session_runs_the_page_leads_to_its_door(
    mine: Client, seat: Enrollment, clock: Any
) -> None:
    clock.move_to(FIRST_SESSION + 5 * MINUTE)
    mine.force_login(seat.member)
    response = mine.get(page(seat))
    assert "You are still welcome." in said(response)
    assert "Make up" not in said(response)
    assert reverse("enrollment:door", args=[seat.door_token]) in response.content.decode()


def test_each_chair_elsewhere_stands_on_my_page(mine: Client, seat: Enrollment) -> None:
    host = thursdays()
    for number in (1, 2):
        chair = session(host, number)
        week = absences.own_week(enrollment=seat, number=number, now=NOW + HOUR * 12)
        making_up.take_chair(week=week, session_id=chair.pk, now=NOW + HOUR * 12)
    words = said(mine.get(reverse("enrollment:my_group", args=[seat.public_id])))
    assert words.count("You have a chair in another group") == 2
    assert "You told us" not in words  # the chairs say it


def test_a_press_that_came_too_late_is_said_to_be_lost(client: Client, seat: Enrollment) -> None:
    """The member was signed out in another tab."""
    response = client.post(page(seat), {"absent": "1"}, follow=True)
    assert "nothing was saved" in response.content.decode()
    assert not Absence.objects.exists()
    assert "nothing was saved" not in client.get(page(seat), follow=True).content.decode()


def test_who_came_has_nothing_to_make_up(mine: Client, seat: Enrollment, clock: Any) -> None:
    seat.attendances.create(session=session(seat.cohort, 1), arrived_at=FIRST_SESSION)
    clock.move_to(FIRST_SESSION + 2 * HOUR)
    mine.force_login(seat.member)
    group = reverse("enrollment:my_group", args=[seat.public_id])
    assert "Make up week" not in said(mine.get(group))
    assert "nothing to make up" in said(mine.get(page(seat)))


def test_my_group_says_what_i_said(mine: Client, seat: Enrollment) -> None:
    group = reverse("enrollment:my_group", args=[seat.public_id])
    assert "I can\u2019t make it to week 1" in said(mine.get(group))
    press(mine, seat, absent="1")
    assert "You told us that you can\u2019t make it to week 1" in said(mine.get(group))
    takes(seat, session(thursdays(), 1))
    assert "You have a chair in another group" in said(mine.get(group))


def test_the_visitors_door_knows_where_it_leads(mine: Client, seat: Enrollment, clock: Any) -> None:
    host = thursdays(meeting_url="https://video.example/j/1", admitted_states=["NY"])
    visit = takes(seat, session(host, 1))
    door = reverse("enrollment:door", args=[visit.door_token])
    words = said(mine.get(door))
    assert "Thursday evenings, week 1" in words
    assert "It opens this one session" in words
    clock.move_to(THURSDAY)
    mine.force_login(seat.member)
    refused = mine.post(door, {"location": "CA"})  # the own group admits California
    assert refused.status_code == 403
    assert mine.post(door, {"location": "NY"})["Location"] == "https://video.example/j/1"
    assert mine.get(reverse("enrollment:door", args=[seat.door_token])).status_code == 200


def test_a_given_back_chairs_door_says_so(mine: Client, seat: Enrollment) -> None:
    visit = takes(seat, session(thursdays(), 1))
    making_up.give_back(week=absences.own_week(enrollment=seat, number=1, now=NOW), now=NOW)
    words = said(mine.get(reverse("enrollment:door", args=[visit.door_token])))
    assert "You gave this chair back" in words


def test_the_leader_of_the_visited_session_sees_a_visitor(
    client: Client, seat: Enrollment, clock: Any
) -> None:
    host = thursdays()
    a_confirmed_seat(cohort=host)
    leader = a_member(role=Role.FACILITATOR)
    host.facilitators.add(leader)
    seat.member.display_name = "Ana"
    seat.member.save()
    takes(seat, session(host, 1))
    clock.move_to(THURSDAY - MINUTE)
    client.force_login(leader)
    words = said(client.get(reverse("enrollment:desk")))
    assert "Ana Visits from another group" in words
    register = reverse("enrollment:register", args=[host.slug, 1])
    words = said(client.get(register))
    assert "Visiting from another group Ana" in words
    assert f"{seat.public_id}-mark" not in client.get(register).content.decode()
    roster = reverse("enrollment:roster", args=[host.slug])
    assert "Ana" not in said(client.get(roster))


def test_pages_take_as_many_queries_for_one_offer_as_for_three(
    mine: Client, seat: Enrollment
) -> None:
    counts = []
    group = reverse("enrollment:my_group", args=[seat.public_id])
    mine.get(group)
    for more in (1, 2):
        for _ in range(more):
            a_confirmed_seat(cohort=thursdays(starts_at=THURSDAY + Cohort.objects.count() * HOUR))
        for path in (page(seat), group):
            with CaptureQueriesContext(connection) as captured:
                mine.get(path)
            counts.append(len(captured))
    assert counts[:2] == counts[2:]
    assert max(counts) <= 17
