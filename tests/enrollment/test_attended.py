"""Which sessions a member attended: where, with how many, led by whom."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from enrollment import absences, making_up
from enrollment.attended import attended
from enrollment.models import Attendance, AttendanceNote, Enrollment, Mark
from sessions.models import GroupSession, Substitution
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_led_group,
    a_member,
    session,
)

pytestmark = pytest.mark.django_db
WEEK = 7 * 24 * HOUR
AFTER = FIRST_SESSION + 13 * WEEK


@pytest.fixture
def leader() -> User:
    return a_member(role=Role.FACILITATOR, display_name="Dana Reyes, LCSW")


def arrive(enrollment: Enrollment, at: GroupSession, late: int = 0) -> None:
    Attendance.objects.create(
        enrollment=enrollment,
        session=at,
        arrived_at=at.starts_at + late * MINUTE,
        location="NY",
    )


def note(enrollment: Enrollment, number: int, mark: Mark, minutes: int | None = None) -> None:
    AttendanceNote.objects.create(
        enrollment=enrollment,
        session=session(enrollment.cohort, number),
        mark=mark,
        late_minutes=minutes,
        noted_by=a_member(),
        noted_at=AFTER,
    )


def weeks(enrollment: Enrollment) -> list[int]:
    return [one.own.number for one in attended(enrollment=enrollment, now=AFTER)]


def test_only_sessions_that_somebody_came_to_count() -> None:
    seat = a_confirmed_seat()
    note(seat, 1, Mark.PRESENT)
    note(seat, 2, Mark.LATE, 15)
    note(seat, 3, Mark.ABSENT)
    note(seat, 4, Mark.EXCUSED)
    arrive(seat, session(seat.cohort, 5), late=15)
    arrive(seat, session(seat.cohort, 6), late=16)
    arrive(seat, session(seat.cohort, 7))
    note(seat, 7, Mark.ABSENT)
    assert weeks(seat) == [1, 2, 5]


def test_a_session_counts_when_it_has_ended_and_was_not_cancelled() -> None:
    seat = a_confirmed_seat()
    arrive(seat, session(seat.cohort, 1))
    arrive(seat, session(seat.cohort, 2))
    GroupSession.objects.filter(cohort=seat.cohort, number=2).update(cancelled_at=NOW)
    assert attended(enrollment=seat, now=FIRST_SESSION + 59 * MINUTE) == []
    assert weeks(seat) == [1]


def test_made_up_elsewhere_is_listed_with_the_session_that_they_were_in(leader: User) -> None:
    seat, host = a_confirmed_seat(), a_led_group(leader, starts_at=FIRST_SESSION + HOUR)
    week = absences.own_week(enrollment=seat, number=1, now=NOW)
    making_up.take_chair(week=week, session_id=session(host, 1).pk, now=NOW)
    arrive(seat, session(host, 1))
    arrive(a_confirmed_seat(cohort=host), session(host, 1))
    note(seat, 1, Mark.ABSENT)
    [found] = attended(enrollment=seat, now=AFTER)
    assert (found.own, found.held) == (session(seat.cohort, 1), session(host, 1))
    assert (found.people, found.leaders) == (2, (leader,))


def test_made_up_at_a_time_that_nobody_knows_is_not_listed() -> None:
    seat = a_confirmed_seat()
    note(seat, 1, Mark.MADE_UP)
    assert weeks(seat) == []


def test_it_counts_who_was_there_and_names_who_led_that_day(leader: User) -> None:
    cohort, substitute = a_led_group(leader), a_member(role=Role.FACILITATOR)
    first = session(cohort, 1)
    Substitution.objects.create(session=first, absent=leader, substitute=substitute)
    seat, late, absent, noted = (a_confirmed_seat(cohort=cohort) for _ in range(4))
    arrive(seat, first)
    arrive(late, first, late=16)
    arrive(absent, first)
    note(absent, 1, Mark.ABSENT)
    note(noted, 1, Mark.PRESENT)
    [found] = attended(enrollment=seat, now=AFTER)
    assert (found.people, found.leaders) == (2, (substitute,))


def test_it_asks_the_same_number_of_queries_for_one_session_and_for_twelve(leader: User) -> None:
    counts = []
    for number in (1, 12):
        seat = a_confirmed_seat(cohort=a_led_group(leader, starts_at=FIRST_SESSION + number * HOUR))
        for week in range(1, number + 1):
            arrive(seat, session(seat.cohort, week))
        with CaptureQueriesContext(connection) as queries:
            assert len(attended(enrollment=seat, now=AFTER)) == number
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_another_groups_arrivals_are_nobody_elses() -> None:
    seat = a_confirmed_seat()
    arrive(seat, session(a_cohort(starts_at=FIRST_SESSION + HOUR), 1))
    assert weeks(seat) == []
