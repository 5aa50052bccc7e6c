"""What is mine: my groups, one group, its calendar; and nobody else's."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from icalendar import Calendar

from accounts.models import Role, User
from enrollment import ending, services
from enrollment.answering import stored_answers
from enrollment.models import Enrollment
from enrollment.portal import STATUS_WORDS
from enrollment.states import Status
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    an_intake,
    answers,
    session,
)
from tests.enrollment.pages import said
from tests.enrollment.test_intake_form import TYPED

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

MINE = reverse("enrollment:my_groups")


def page(enrollment: Enrollment) -> str:
    return reverse("enrollment:my_group", args=[enrollment.public_id])


def ics(enrollment: Enrollment) -> str:
    return reverse("enrollment:calendar", args=[enrollment.public_id])


@pytest.fixture
def member(client: Client) -> User:
    member = a_member()
    client.force_login(member)
    return member


def test_every_page_of_mine_asks_who_i_am(client: Client) -> None:
    confirmed = a_confirmed_seat()
    for where in (MINE, page(confirmed), ics(confirmed)):
        assert client.get(where)["Location"] == f"{reverse('account_login')}?next={where}"


def test_somebody_elses_is_not_found_as_if_it_never_was(client: Client, member: User) -> None:
    theirs = a_confirmed_seat()
    for where in (page(theirs), ics(theirs)):
        assert client.get(where).status_code == 404
    assert said(client.get(page(theirs))) == said(
        client.get("/my/00000000-0000-4000-8000-000000000000/")
    )


@pytest.mark.usefixtures("member")
def test_without_a_group_it_shows_the_way_to_one(client: Client) -> None:
    response = client.get(MINE)
    assert "You have no group yet" in said(response)
    assert f'href="{reverse("enrollment:home")}"' in response.content.decode()


def test_who_leads_groups_finds_them_and_no_meeting(client: Client, member: User) -> None:
    late = a_cohort(name="Fridays", starts_at=FIRST_SESSION + 3 * HOUR)
    soon = a_cohort(name="Mornings", meeting_url="https://video.example/j/5550199")
    over = a_cohort(name="Long ago", starts_at=NOW - dt.timedelta(days=100))
    for led in (late, soon, over, a_cohort(draft=True)):
        led.facilitators.add(member)
    assert client.get(MINE).context["led"] == []  # they lead no group any more
    User.objects.filter(pk=member.pk).update(role=Role.FACILITATOR)
    response = client.get(MINE)
    assert [group.cohort for group in response.context["led"]] == [soon, late, over]
    words, content = said(response), response.content.decode()
    assert "Groups you lead" in words
    assert "You have no group yet" not in words
    assert f'href="{reverse("enrollment:roster", args=[soon.slug])}"' in content
    assert ("video.example" in content, session(late, 1).room in content) == (False, False)


def test_my_groups_that_matter_now_come_first(client: Client, member: User) -> None:
    gone = a_held_seat(member=member, now=NOW + MINUTE)
    services.expire_hold(enrollment_id=gone.pk, now=NOW + HOUR, reason="Not paid in time")
    mine = a_confirmed_seat(member=member)
    a_confirmed_seat()
    rows = client.get(MINE).context["rows"]
    assert [(row.enrollment, row.status_label) for row in rows] == [
        (mine, "Confirmed"),
        (gone, "Released, it was not paid in time"),
    ]
    assert [row.next_session for row in rows] == [session(mine.cohort, 1), None]


def queries(client: Client, where: str) -> int:
    client.get(where)  # a session is written at its first request only
    with CaptureQueriesContext(connection) as captured:
        assert client.get(where).status_code == 200
    return len(captured)


def test_my_groups_take_as_many_queries_for_three_as_for_one(client: Client, member: User) -> None:
    a_confirmed_seat(member=member)
    one = queries(client, MINE)
    for _ in range(2):
        a_confirmed_seat(member=member)
    assert queries(client, MINE) == one


def test_my_group_takes_as_many_queries_with_three_members_as_with_one(
    client: Client, member: User
) -> None:
    mine = a_confirmed_seat(member=member)
    one = queries(client, page(mine))
    for _ in range(2):
        a_confirmed_seat(cohort=mine.cohort)
    assert queries(client, page(mine)) == one


def test_my_group_shows_the_next_session_and_all_twelve(
    client: Client, member: User, clock: Any
) -> None:
    mine = a_confirmed_seat(member=member)
    clock.move_to(FIRST_SESSION + HOUR)
    response = client.get(page(mine))
    assert response.context["next_session"] == session(mine.cohort, 2)
    assert response.context["door_opens_at"] == session(mine.cohort, 2).starts_at - 15 * MINUTE
    rows = response.context["sessions"]
    assert ([row.number for row in rows], rows[0].past, rows[1].past) == (
        list(range(1, 13)),
        True,
        False,
    )
    assert "6:45 PM" not in said(response)
    assert "5:45 PM Eastern" in said(response)


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        (FIRST_SESSION - 15 * MINUTE - dt.timedelta(seconds=1), False),
        (FIRST_SESSION - 15 * MINUTE, True),
        (FIRST_SESSION + HOUR, False),
    ],
)
def test_my_group_says_whether_the_door_is_open(
    client: Client, member: User, clock: Any, now: dt.datetime, is_open: bool
) -> None:
    mine = a_confirmed_seat(member=member)
    clock.move_to(now)
    response = client.get(page(mine))
    assert response.context["door_open"] is is_open
    assert ("Go to the session" in said(response)) is is_open


def test_a_kept_seat_can_be_paid_until_its_end(client: Client, member: User, clock: Any) -> None:
    held = a_held_seat(member=member)
    response = client.get(page(held))
    assert response.context["can_pay"] is True
    assert "Your seat is kept until 11:15 AM Eastern" in said(response)
    assert held.door_token not in response.content.decode()
    clock.move_to(NOW + services.HOLD)
    assert client.get(page(held)).context["can_pay"] is False


PAID = (Status.ACTIVE, Status.GRACE, Status.SUSPENDED)


@pytest.mark.parametrize("status", Status)
def test_words_about_leaving_are_for_paid_seats(
    client: Client, member: User, status: Status
) -> None:
    mine = a_confirmed_seat(member=member)
    Enrollment.objects.update(status=status, held_until=NOW + HOUR, waiting_since=NOW)
    assert ("If you leave" in said(client.get(page(mine)))) is (status in PAID)


def test_nobody_can_leave_a_group_whose_sessions_are_over(
    client: Client, member: User, clock: Any
) -> None:
    mine = a_confirmed_seat(member=member)
    clock.move_to(session(mine.cohort, 12).ends_at - MINUTE)
    client.force_login(member)
    assert "If you leave" in said(client.get(page(mine)))
    clock.move_to(session(mine.cohort, 12).ends_at)
    words = said(client.get(page(mine)))
    assert "All sessions have been held" in words
    assert "If you leave" not in words


def test_a_released_seat_can_be_reserved_again_at_once(
    client: Client, member: User, clock: Any
) -> None:
    gone = a_held_seat(cohort=a_cohort(capacity=1), member=member)
    services.expire_hold(enrollment_id=gone.pk, now=NOW + HOUR, reason="Not paid in time")
    again = reverse("enrollment:about_you", args=[gone.cohort.slug])
    response = client.get(page(gone))
    assert "Reserve again" in said(response)
    assert f'href="{again}"' in response.content.decode()
    assert "No more sessions" not in said(client.get(MINE))
    a_held_seat(cohort=gone.cohort)
    assert "All seats are taken now." in said(client.get(page(gone)))
    clock.move_to(FIRST_SESSION)
    assert "not open for new members any more" in said(client.get(page(gone)))
    assert again not in client.get(page(gone)).content.decode()


# --- My answers -------------------------------------------------------------------------

ANSWERS = reverse("enrollment:answers")


def test_answers_can_be_corrected_at_any_time(client: Client, member: User) -> None:
    an_intake(member)
    assert "Samira Ruth Okafor" in client.get(ANSWERS).content.decode()
    for where in (MINE, page(a_confirmed_seat(member=member)), reverse("accounts:profile")):
        assert f'href="{ANSWERS}"' in client.get(where).content.decode()
    response = client.post(ANSWERS, {**TYPED, "state": "TX"}, follow=True)
    assert "Your answers are saved." in said(response)
    assert stored_answers(member) == answers(state="TX")


def test_a_mistake_in_my_answers_stores_nothing_and_loses_nothing(
    client: Client, member: User
) -> None:
    an_intake(member)
    response = client.post(ANSWERS, {**TYPED, "legal_name": "Sam", "phone": "12"}, follow=True)
    assert "Enter your phone number" in said(response)
    assert 'value="Sam"' in response.content.decode()
    assert stored_answers(member) == answers()


def test_my_answers_are_mine(client: Client) -> None:
    an_intake(a_member())
    assert client.get(ANSWERS)["Location"] == f"{reverse('account_login')}?next={ANSWERS}"
    client.force_login(a_member())
    response = client.get(ANSWERS)
    assert "Okafor" not in response.content.decode()
    assert "no-store" in response["Cache-Control"]


def test_while_the_bank_sends_the_money_the_return_page_waits_in_peace(
    client: Client, member: User
) -> None:
    held = a_held_seat(member=member)
    services.await_funds(enrollment_id=held.pk, now=NOW)
    response = client.get(reverse("billing:return", args=[held.public_id]))
    words = "Your bank is still sending the money Your seat is kept. We email you when it arrives."
    assert words in said(response)
    assert "every 2s" not in response.content.decode()
    assert "refresh" not in response.content.decode()


@pytest.mark.parametrize("status", Status)
def test_every_state_has_words_and_a_page(client: Client, member: User, status: Status) -> None:
    mine = a_confirmed_seat(member=member)
    Enrollment.objects.update(status=status, held_until=NOW + HOUR, waiting_since=NOW)
    for where in (MINE, page(mine)):
        response = client.get(where)
        assert response.status_code == 200
        assert STATUS_WORDS[status] in said(response)


def test_a_seat_that_ended_says_by_whom(client: Client, member: User) -> None:
    """By its member, by the practice, or because the group is not held any more."""
    desk = a_member(role="admin")
    left, ended, stopped = (a_confirmed_seat(member=member) for _ in range(3))
    services.withdraw(enrollment_id=left.pk, actor=member, reason="Left", now=NOW)
    services.withdraw(enrollment_id=ended.pk, actor=desk, reason="Too few", now=NOW)
    for mine in (left, ended, stopped):
        mine.cohort.refresh_from_db()
        ending.end_group(
            cohort_id=mine.cohort_id,
            version=mine.cohort.version,
            actor=desk,
            reason="Too few",
            now=NOW + MINUTE,
        )
    services.withdraw(enrollment_id=stopped.pk, actor=desk, reason="Too few", now=NOW + MINUTE)
    expected = {
        left: "You left this group",
        ended: "Your seat here has ended",
        stopped: "This group is not held any more",
    }
    rows = client.get(MINE).context["rows"]
    assert {row.enrollment: row.status_label for row in rows} == expected
    for mine, words in expected.items():
        assert client.get(page(mine)).context["status_label"] == words


def test_ended_seats_take_as_many_queries_for_three_as_for_one(
    client: Client, member: User
) -> None:
    counts = []
    for number in (1, 2):
        for _ in range(number):
            mine = a_confirmed_seat(member=member)
            services.withdraw(enrollment_id=mine.pk, actor=member, reason="Left", now=NOW)
        counts.append(queries(client, MINE))
    assert counts[0] == counts[1]


def test_the_calendar_has_my_sessions_from_my_first_week(client: Client, member: User) -> None:
    cohort = a_cohort(admission="modules")
    mine = a_confirmed_seat(cohort=cohort, member=member, now=session(cohort, 4).starts_at)
    response = client.get(ics(mine))
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="sessions.ics"'
    calendar = Calendar.from_ical(response.content)
    assert [event.start for event in calendar.events] == [
        session(cohort, number).starts_at for number in range(5, 13)
    ]
    assert session(cohort, 1).room not in response.content.decode()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (status, 200 if status in (Status.ACTIVE, Status.GRACE, Status.COMPLETED) else 404)
        for status in Status
    ],
)
def test_the_calendar_is_for_confirmed_seats(
    client: Client, member: User, status: Status, code: int
) -> None:
    mine = a_confirmed_seat(member=member)
    Enrollment.objects.update(status=status, held_until=NOW + HOUR, waiting_since=NOW)
    assert client.get(ics(mine)).status_code == code


def test_head_is_answered_posting_is_not_and_nothing_is_cached(
    client: Client, member: User
) -> None:
    mine = a_confirmed_seat(member=member)
    for where in (MINE, page(mine), ics(mine)):
        assert client.head(where).status_code == 200
        assert client.post(where).status_code == 405
        assert "no-store" in client.get(where)["Cache-Control"]


def test_no_page_of_mine_tells_where_the_group_meets(client: Client, member: User) -> None:
    cohort = a_cohort(meeting_url="https://video.example/j/5550199")
    mine = a_confirmed_seat(cohort=cohort, member=member)
    for where in (MINE, page(mine), ics(mine)):
        content = client.get(where).content.decode()
        assert ("video.example" in content, session(cohort, 1).room in content) == (False, False)
