"""The join door at the click: who you are, how you stand, the clock, and where you are."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enrollment import door, services
from enrollment.door import DoorState
from enrollment.models import Attendance, Enrollment
from enrollment.states import Status
from sessions.models import Cohort, GroupSession
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    session,
)
from tests.enrollment.crowd import at_once
from tests.enrollment.pages import said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SECOND = dt.timedelta(seconds=1)
MEETING = "https://video.example/j/5550199"
OPENS = FIRST_SESSION - 15 * MINUTE


def path(enrollment: Enrollment) -> str:
    return reverse("enrollment:door", args=[enrollment.door_token])


def knock(client: Client, enrollment: Enrollment) -> Any:
    client.force_login(enrollment.member)
    response = client.get(path(enrollment))
    assert "video.example" not in response.content.decode()
    assert session(enrollment.cohort, 1).room not in response.content.decode()
    return response


def test_who_comes_too_late_to_count_is_shown_another_way(client: Client, clock: Any) -> None:
    enrollment = seat()
    for late, told in ((15 * MINUTE, False), (16 * MINUTE, True)):
        clock.move_to(FIRST_SESSION + late)
        assert ("week 1 in another group" in said(knock(client, enrollment))) is told


def enter(client: Client, enrollment: Enrollment, location: str = "NY") -> Any:
    client.force_login(enrollment.member)
    return client.post(path(enrollment), {"location": location})


def seat(**fields: Any) -> Enrollment:
    return a_confirmed_seat(cohort=a_cohort(**{"meeting_url": MEETING, **fields}))


# --- Who you are ------------------------------------------------------------------------


def test_a_stranger_signs_in_first_and_comes_back(client: Client) -> None:
    confirmed = seat()
    response = client.get(path(confirmed))
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('account_login')}?next={path(confirmed)}"


def test_somebody_elses_link_opens_nothing(client: Client, clock: Any) -> None:
    clock.move_to(FIRST_SESSION)
    confirmed, other = seat(), a_member("kim@example.org")
    client.force_login(other)
    for response in (client.get(path(confirmed)), client.post(path(confirmed), {"location": "NY"})):
        assert (response.status_code, response.context["state"]) == (404, "not_yours")
        page = response.content.decode()
        assert "This link belongs to another account" in page
        assert confirmed.cohort.name not in page
        assert confirmed.member.email not in page
    assert Attendance.objects.count() == 0


def test_a_link_that_never_was_is_not_found(client: Client) -> None:
    client.force_login(a_member())
    response = client.get(reverse("enrollment:door", args=["x" * 32]))
    assert (response.status_code, response.context["state"]) == (404, "unknown")
    assert "know this link" in said(response)


# --- How you stand ----------------------------------------------------------------------


OUTSIDE = [s for s in Status if s not in (Status.ACTIVE, Status.GRACE, Status.COMPLETED)]


WHY = {Status.WITHDRAWN: "You are not in this group any more"}


@pytest.mark.parametrize("status", OUTSIDE)
def test_without_standing_the_door_stays_closed(client: Client, clock: Any, status: Status) -> None:
    clock.move_to(FIRST_SESSION)
    confirmed = seat()
    Enrollment.objects.update(status=status, held_until=NOW, waiting_since=NOW)
    for response in (knock(client, confirmed), enter(client, confirmed)):
        assert (response.status_code, response.context["state"]) == (403, "no_standing")
        assert WHY.get(status, "Your seat is not active right now") in said(response)
    assert Attendance.objects.count() == 0


def test_who_has_completed_the_weeks_hears_that_they_are_over(client: Client, clock: Any) -> None:
    clock.move_to(FIRST_SESSION)
    confirmed = seat()
    Enrollment.objects.update(status=Status.COMPLETED)
    for response in (knock(client, confirmed), enter(client, confirmed)):
        assert (response.status_code, response.context["state"]) == (200, "over")


def test_in_grace_the_door_opens(client: Client, clock: Any) -> None:
    clock.move_to(FIRST_SESSION)
    confirmed = seat()
    Enrollment.objects.update(status=Status.GRACE)
    assert enter(client, confirmed)["Location"] == MEETING


def test_a_withdrawal_between_the_page_and_the_click_closes_the_door(
    client: Client, clock: Any
) -> None:
    clock.move_to(FIRST_SESSION)
    confirmed = seat()
    assert knock(client, confirmed).context["state"] == "open"
    services.withdraw(
        enrollment_id=confirmed.pk, actor=confirmed.member, reason="Left", now=FIRST_SESSION
    )
    assert enter(client, confirmed).status_code == 403


def test_a_withdrawal_between_looking_and_entering_closes_the_door() -> None:
    confirmed = seat()
    doorway = door.look(token=confirmed.door_token, user=confirmed.member, now=FIRST_SESSION)
    assert doorway.state == DoorState.OPEN
    services.withdraw(
        enrollment_id=confirmed.pk, actor=confirmed.member, reason="Left", now=FIRST_SESSION
    )
    assert door.enter(doorway=doorway, location="NY", now=FIRST_SESSION) is None
    assert Attendance.objects.count() == 0


def test_a_cancellation_between_looking_and_entering_closes_the_door() -> None:
    confirmed = seat()
    doorway = door.look(token=confirmed.door_token, user=confirmed.member, now=FIRST_SESSION)
    GroupSession.objects.filter(cohort=confirmed.cohort, number=1).update(cancelled_at=NOW)
    assert door.enter(doorway=doorway, location="NY", now=FIRST_SESSION) is None
    assert Attendance.objects.count() == 0


# --- The clock --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (NOW, "early"),
        (OPENS - SECOND, "early"),
        (OPENS, "open"),
        (FIRST_SESSION, "open"),
        (FIRST_SESSION + HOUR - SECOND, "open"),
        (FIRST_SESSION + HOUR, "ended_today"),
        (FIRST_SESSION + 4 * HOUR - SECOND, "ended_today"),
        (FIRST_SESSION + 4 * HOUR, "early"),
    ],
)
def test_the_door_goes_by_the_clock(
    client: Client, clock: Any, now: dt.datetime, state: str
) -> None:
    clock.move_to(now)
    response = knock(client, seat())
    assert (response.status_code, response.context["state"]) == (200, state)


def test_early_it_says_when_it_opens_on_the_readers_clock(client: Client) -> None:
    confirmed = seat()
    confirmed.member.time_zone = "America/Los_Angeles"
    confirmed.member.save(update_fields=["time_zone"])
    page = said(knock(client, confirmed))
    assert "The door opens Tuesday, October 6, at 2:45 PM Pacific" in page
    assert enter(client, confirmed).context["state"] == "early"
    assert Attendance.objects.count() == 0


def test_on_the_day_itself_the_time_is_enough(client: Client, clock: Any) -> None:
    confirmed = seat()
    clock.move_to(FIRST_SESSION - 2 * HOUR)
    assert "The door opens at 5:45 PM Eastern" in said(knock(client, confirmed))


def test_once_it_has_begun_nobody_is_told_what_they_missed(client: Client, clock: Any) -> None:
    clock.move_to(FIRST_SESSION + 20 * MINUTE)
    words = said(knock(client, seat()))
    assert "It began at 6:00 PM Eastern. You are still welcome." in words
    assert "missed" not in words


def test_the_answer_to_the_doors_form_can_be_come_back_to(client: Client, clock: Any) -> None:
    """A browser cannot ask for it again, so it keeps a copy of its own."""
    clock.move_to(FIRST_SESSION)
    confirmed = seat()
    for answer in ({}, {"location": "TX"}):
        client.force_login(confirmed.member)
        response = client.post(path(confirmed), answer)
        assert response["Cache-Control"] == "private, no-cache"


def test_after_the_end_it_names_the_next_session(client: Client, clock: Any) -> None:
    confirmed = seat()
    clock.move_to(FIRST_SESSION + HOUR)
    response = enter(client, confirmed)
    assert response.context["session"] == session(confirmed.cohort, 1)
    assert response.context["next_session"] == session(confirmed.cohort, 2)
    assert "Week 1 ended at 7:00 PM Eastern" in said(response)


def test_after_the_last_session_all_have_been_held(client: Client, clock: Any) -> None:
    confirmed = seat()
    clock.move_to(session(confirmed.cohort, 12).ends_at)
    response = knock(client, confirmed)
    assert (response.status_code, response.context["state"]) == (200, "over")


def test_the_door_opens_as_early_as_the_programme_says(client: Client, clock: Any) -> None:
    confirmed = seat()
    confirmed.cohort.programme.door_opens_minutes = 30
    confirmed.cohort.programme.save(update_fields=["door_opens_minutes"])
    clock.move_to(FIRST_SESSION - 30 * MINUTE)
    assert enter(client, confirmed)["Location"] == MEETING


def test_who_joins_later_finds_the_door_closed_for_earlier_sessions(clock: Any) -> None:
    cohort = a_cohort(admission="modules")
    late = a_confirmed_seat(cohort=cohort, now=session(cohort, 4).starts_at)
    doorway = door.look(token=late.door_token, user=late.member, now=session(cohort, 4).starts_at)
    assert (doorway.state, doorway.session) == (DoorState.EARLY, session(cohort, 5))


# --- Where you are ----------------------------------------------------------------------


@pytest.mark.parametrize("location", ["TX", "--"])
def test_from_a_state_without_a_licence_nobody_enters(
    client: Client, clock: Any, location: str
) -> None:
    clock.move_to(FIRST_SESSION)
    response = enter(client, seat(), location)
    assert (response.status_code, response.context["state"]) == (403, "state_not_admitted")
    assert "join from there today" in said(response)
    assert Attendance.objects.count() == 0


@pytest.mark.parametrize("answer", [{}, {"location": ""}, {"location": "ZZ"}])
def test_the_place_has_to_be_said(client: Client, clock: Any, answer: dict[str, str]) -> None:
    clock.move_to(FIRST_SESSION)
    confirmed = seat()
    client.force_login(confirmed.member)
    response = client.post(path(confirmed), answer)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["location"]
    assert Attendance.objects.count() == 0


# --- Entering ---------------------------------------------------------------------------


def test_the_first_arrival_is_recorded_and_stays(client: Client, clock: Any) -> None:
    confirmed = seat()
    for now, place in ((FIRST_SESSION, "NY"), (FIRST_SESSION + 20 * MINUTE, "CA")):
        clock.move_to(now)
        assert enter(client, confirmed, place).status_code == 302
    (arrival,) = Attendance.objects.all()
    assert (arrival.enrollment, arrival.session) == (confirmed, session(confirmed.cohort, 1))
    assert (arrival.arrived_at, arrival.location) == (FIRST_SESSION, "NY")


def test_the_sessions_own_link_wins_over_the_groups_and_that_over_the_room(
    client: Client, clock: Any
) -> None:
    clock.move_to(FIRST_SESSION)
    confirmed = seat()
    only_today = "https://other-video.example/j/777"
    session_1 = session(confirmed.cohort, 1)
    for own, groups, target in (
        (only_today, MEETING, only_today),
        ("", MEETING, MEETING),
        ("", "", f"{settings.MEETING_BASE_URL}/{session(confirmed.cohort, 1).room}"),
    ):
        session_1.meeting_url = own
        session_1.save(update_fields=["meeting_url"])
        Cohort.objects.update(meeting_url=groups)
        assert enter(client, confirmed)["Location"] == target


def test_the_door_is_not_cached_and_its_form_may_lead_to_the_meeting(
    client: Client, clock: Any
) -> None:
    clock.move_to(FIRST_SESSION)
    response = knock(client, seat())
    assert "no-store" in response["Cache-Control"]
    assert "https:" in form_targets(response)


def form_targets(response: Any) -> list[str]:
    policy = response["Content-Security-Policy"]
    (directive,) = [part.split() for part in policy.split(";") if "form-action" in part]
    return list(directive[1:])


@pytest.mark.parametrize("name", ["enrollment:home", "enrollment:my_groups"])
def test_no_other_page_lets_a_form_leave_the_site(client: Client, name: str) -> None:
    client.force_login(a_member())
    assert "https:" not in form_targets(client.get(reverse(name)))


def test_head_is_answered_and_other_methods_are_not(client: Client) -> None:
    confirmed = seat()
    client.force_login(confirmed.member)
    assert client.head(path(confirmed)).status_code == 200
    assert client.put(path(confirmed)).status_code == 405


def test_entering_locks_the_enrolment() -> None:
    confirmed = seat()
    doorway = door.look(token=confirmed.door_token, user=confirmed.member, now=FIRST_SESSION)
    with CaptureQueriesContext(connection) as queries:
        door.enter(doorway=doorway, location="NY", now=FIRST_SESSION)
    (standing,) = [q["sql"] for q in queries if "FOR UPDATE" in q["sql"]]
    assert '"enrollment_enrollment"' in standing


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_are_one_arrival() -> None:
    confirmed = seat()
    doorway = door.look(token=confirmed.door_token, user=confirmed.member, now=FIRST_SESSION)
    click = partial(door.enter, doorway=doorway, location="NY", now=FIRST_SESSION)
    assert at_once([click] * 10) == [MEETING] * 10
    assert Attendance.objects.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_withdrawal_that_is_under_way_is_waited_for() -> None:
    confirmed = seat()
    doorway = door.look(token=confirmed.door_token, user=confirmed.member, now=FIRST_SESSION)

    def enter_late() -> object:
        return door.enter(doorway=doorway, location="NY", now=FIRST_SESSION)

    with transaction.atomic():
        services.withdraw(
            enrollment_id=confirmed.pk, actor=confirmed.member, reason="Left", now=FIRST_SESSION
        )
        crowd = ThreadPoolExecutor(1)
        entering = crowd.submit(at_once, [enter_late])
        with pytest.raises(TimeoutError):
            entering.result(timeout=0.5)
    assert entering.result(timeout=20) == [None]
    crowd.shutdown()
    assert Attendance.objects.count() == 0


def test_a_seat_that_is_only_kept_has_no_door(client: Client, clock: Any) -> None:
    held = a_held_seat()
    clock.move_to(FIRST_SESSION)
    assert knock(client, held).status_code == 403
