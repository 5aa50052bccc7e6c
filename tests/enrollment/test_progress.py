"""A member's view of the twelve weeks: where they are, what comes next, what was taught."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, User
from enrollment.models import Enrollment
from enrollment.progress import Place
from enrollment.states import Status
from sessions.models import GroupSession
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
from tests.enrollment.pages import said, words_of
from tests.sessions.factories import a_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SECOND = dt.timedelta(seconds=1)
POLL = "hx-get"


def page(enrollment: Enrollment) -> str:
    return reverse("enrollment:my_group", args=[enrollment.public_id])


def seen_by(client: Client, enrollment: Enrollment) -> Any:
    """The page, signed in anew: a jump of the clock over two weeks ends a session."""
    client.force_login(enrollment.member)
    return client.get(page(enrollment))


def fragment(enrollment: Enrollment) -> str:
    return reverse("enrollment:next_session", args=[enrollment.public_id])


@pytest.fixture
def mine(client: Client) -> Enrollment:
    mine = a_confirmed_seat()
    client.force_login(mine.member)
    return mine


def cancel(enrollment: Enrollment, *numbers: int) -> None:
    GroupSession.objects.filter(cohort=enrollment.cohort, number__in=numbers).update(
        cancelled_at=NOW
    )


def places(response: Any) -> list[str]:
    return [step.place.value for step in response.context["progress"].steps]


# --- The line of steps ------------------------------------------------------------------


def test_before_the_first_session_all_are_to_come(client: Client, mine: Enrollment) -> None:
    response = seen_by(client, mine)
    assert "Your weeks Week 1 of 12: none held, 12 to come" in said(response)
    assert places(response) == [Place.NEXT] + [Place.COMING] * 11
    assert "What your group did last" not in said(response)


def test_each_week_is_one_step_with_a_word(client: Client, mine: Enrollment, clock: Any) -> None:
    cancel(mine, 2, 7)
    clock.move_to(session(mine.cohort, 3).ends_at)
    response = seen_by(client, mine)
    assert (
        places(response)
        == ["held", "cancelled", "held", "next", "coming", "coming"]
        + ["cancelled"]
        + ["coming"] * 5
    )
    words = said(response)
    assert "Week 4 of 12: 2 held, 8 to come, 2 cancelled" in words
    assert "Week 2 : cancelled Week 3 : held Week 4 : your next session Week 5 : to come" in words
    content = response.content.decode()
    assert content.count('aria-current="step"') == 1
    assert '<li class="progress__step progress__step--next" aria-current="step">' in content


def test_a_session_that_runs_is_still_the_next(
    client: Client, mine: Enrollment, clock: Any
) -> None:
    clock.move_to(session(mine.cohort, 3).ends_at - SECOND)
    assert "Week 3 of 12: 2 held, 10 to come" in said(seen_by(client, mine))
    clock.move_to(session(mine.cohort, 3).ends_at)
    assert "Week 4 of 12: 3 held, 9 to come" in said(seen_by(client, mine))


def test_weeks_before_somebody_joined_are_said_and_teach_them_nothing(
    client: Client, clock: Any
) -> None:
    cohort = a_cohort(admission="modules")
    mine = a_confirmed_seat(cohort=cohort, now=session(cohort, 4).ends_at)
    clock.move_to(session(cohort, 4).ends_at)
    response = seen_by(client, mine)
    assert "Week 5 of 12: none held, 8 to come, 4 before you joined" in said(response)
    assert places(response)[:5] == [Place.BEFORE] * 4 + [Place.NEXT]
    assert "What your group did last" not in said(response)


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.GRACE, Status.COMPLETED])
def test_a_group_that_is_over_reads_well(
    status: Status, client: Client, mine: Enrollment, clock: Any
) -> None:
    cancel(mine, 12)
    Enrollment.objects.update(status=status, held_until=NOW, waiting_since=NOW)
    clock.move_to(session(mine.cohort, 12).ends_at)
    response = seen_by(client, mine)
    words = said(response)
    assert "All sessions have been held Thank you for coming." in words
    assert "All 12 weeks: 11 held, 1 cancelled" in words
    assert "What your group did last Week 11:" in words
    assert "Keep trying it" in words
    assert "Try it this week" not in words
    assert POLL not in response.content.decode()
    assert 'aria-current="step"' not in response.content.decode()


@pytest.mark.parametrize("status", Status)
def test_the_line_is_for_those_who_have_or_had_the_weeks(
    status: Status, client: Client, mine: Enrollment
) -> None:
    Enrollment.objects.update(status=status, held_until=NOW + HOUR, waiting_since=NOW)
    shown = status in (Status.ACTIVE, Status.GRACE, Status.SUSPENDED, Status.COMPLETED)
    assert ("Your weeks" in said(seen_by(client, mine))) is shown


# --- What was taught --------------------------------------------------------------------


def test_the_latest_week_that_was_held_is_there_to_practise(
    client: Client, mine: Enrollment, clock: Any
) -> None:
    cancel(mine, 3)
    week_2 = {
        "title": "Noticing",
        "skills": ["Observe", "Describe"],
        "activities": {"home": ["At the sink"], "leisure": ["On the bus"]},
    }
    a_version(mine.cohort.programme, at=NOW, weeks={2: week_2})
    clock.move_to(session(mine.cohort, 3).ends_at)
    words = said(seen_by(client, mine))
    assert "What your group did last Week 2: Noticing Observe Describe" in words
    assert "Try it this week At the sink On the bus" in words


def test_a_week_without_a_text_is_left_out(client: Client, mine: Enrollment, clock: Any) -> None:
    clock.move_to(session(mine.cohort, 1).ends_at)
    a_version(mine.cohort.programme, at=NOW, weeks={1: {}})
    assert "Try it this week" not in said(seen_by(client, mine))
    a_version(mine.cohort.programme, at=NOW + HOUR, weeks={})
    words = said(seen_by(client, mine))
    assert "What your group did last" not in words
    assert "Week 2 of 12: 1 held, 11 to come" in words


# --- The next session, while it is near -------------------------------------------------


@pytest.mark.parametrize(
    ("now", "polls"),
    [
        (FIRST_SESSION - 24 * HOUR - SECOND, False),
        (FIRST_SESSION - 24 * HOUR, True),
        (FIRST_SESSION - 15 * MINUTE, True),
        (FIRST_SESSION + HOUR - SECOND, True),
        (FIRST_SESSION + HOUR, False),
    ],
)
def test_it_asks_again_each_minute_only_near_a_session(
    now: dt.datetime, polls: bool, client: Client, mine: Enrollment, clock: Any
) -> None:
    clock.move_to(now)
    content = client.get(page(mine)).content.decode()
    every_minute = f'hx-get="{fragment(mine)}" hx-trigger="every 60s" hx-swap="outerHTML"'
    assert (every_minute in content, "htmx-2.min.js" in content) == (polls, polls)
    answer = client.get(fragment(mine))
    # Where there is nothing to ask for any more, the whole page comes again.
    assert (answer.get("HX-Refresh") == "true") is not polls
    assert (every_minute in answer.content.decode()) is polls


def test_the_countdown_goes_on_and_the_door_appears_when_it_opens(
    client: Client, mine: Enrollment, clock: Any
) -> None:
    for now, words in (
        (FIRST_SESSION - 23 * HOUR, "That is in 23 hours. The door opens Tuesday, October 6, at"),
        (FIRST_SESSION - 50 * MINUTE, "That is in 50 minutes. The door opens at 5:45 PM Eastern."),
        (FIRST_SESSION - 15 * MINUTE, "It starts in 15 minutes. The door is open. Go to the"),
        (FIRST_SESSION + 5 * MINUTE, "It has begun. You can still go in. Go to the session"),
    ):
        clock.move_to(now)
        response = client.get(fragment(mine))
        assert words in words_of(response.content.decode())
        assert words in said(client.get(page(mine)))
        assert (b"<html" in response.content, "no-store" in response["Cache-Control"]) == (
            False,
            True,
        )


def test_it_tells_no_screen_reader_each_minute_and_keeps_the_focus(
    client: Client, mine: Enrollment, clock: Any
) -> None:
    for now in (FIRST_SESSION - HOUR, FIRST_SESSION - MINUTE):
        clock.move_to(now)
        part = client.get(fragment(mine)).content.decode()
        assert ("role=" in part, "aria-live" in part) == (False, False)
        # By this id the focus is found again after the exchange.
        assert part.count('id="next-door"') == 1


@pytest.mark.parametrize("status", [s for s in Status if s not in (Status.ACTIVE, Status.GRACE)])
def test_only_somebody_in_standing_asks_again(
    status: Status, client: Client, mine: Enrollment, clock: Any
) -> None:
    clock.move_to(FIRST_SESSION - MINUTE)
    Enrollment.objects.update(status=status, held_until=NOW + HOUR, waiting_since=NOW)
    content = client.get(page(mine)).content.decode()
    assert (POLL in content, mine.door_token in content) == (False, False)
    answer = client.get(fragment(mine))
    assert (answer["HX-Refresh"], answer.content) == ("true", b"")


def test_a_session_cancelled_in_the_last_hour_gives_way_to_the_next(
    client: Client, mine: Enrollment, clock: Any
) -> None:
    clock.move_to(FIRST_SESSION - MINUTE)
    cancel(mine, 1)
    assert client.get(fragment(mine))["HX-Refresh"] == "true"
    assert "Week 2 of 12: none held, 11 to come, 1 cancelled" in said(client.get(page(mine)))


READERS = ("anonymous", "member", "other member", "leader", "other leader", "admin")


@pytest.mark.parametrize("reader", READERS)
def test_the_part_that_asks_again_is_for_its_member(
    reader: str, client: Client, clock: Any
) -> None:
    clock.move_to(FIRST_SESSION - MINUTE)
    seat = a_confirmed_seat(now=NOW)

    def leading(*groups: Any) -> User:
        leader = a_member(role=Role.FACILITATOR)
        for group in groups:
            group.facilitators.add(leader)
        return leader

    people: dict[str, Callable[[], User]] = {
        "member": lambda: seat.member,
        "other member": lambda: a_held_seat(cohort=seat.cohort, now=NOW).member,
        "leader": lambda: leading(seat.cohort),
        "other leader": leading,
        "admin": lambda: a_member(role=Role.ADMIN),
    }
    if reader != "anonymous":
        client.force_login(people[reader]())
    response = client.get(fragment(seat))
    if reader == "anonymous":
        # The page comes again, and leads to signing in; a login form inside of it would not help.
        assert (response["HX-Refresh"], response.content) == ("true", b"")
    else:
        assert response.status_code == (200 if reader == "member" else 404)
    assert (seat.door_token in response.content.decode()) is (reader == "member")
    assert client.post(fragment(seat)).status_code == 405


def test_it_takes_as_many_queries_with_three_members_as_with_one(
    client: Client, mine: Enrollment, clock: Any
) -> None:
    clock.move_to(FIRST_SESSION - MINUTE)

    def queries(where: str) -> int:
        client.get(where)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(where).status_code == 200
        return len(captured)

    one = [queries(page(mine)), queries(fragment(mine))]
    for _ in range(2):
        a_confirmed_seat(cohort=mine.cohort)
    assert [queries(page(mine)), queries(fragment(mine))] == one
    assert one[1] <= 6
