"""A leader, or a link, wanted twice at once: refused by the database itself."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Role, User
from sessions import bookings
from sessions.models import Booking, Cohort
from sessions.services import schedule_sessions
from tests.accounts.people import make_person
from tests.sessions.factories import FIRST_DATE, make_cohort

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)
ROOM = "https://meet.example/room"


@pytest.fixture
def leader() -> User:
    return make_person("dana@example.org", role=Role.FACILITATOR, display_name="Dana Reyes")


def a_group(slug: str, *leaders: User, **fields: Any) -> Cohort:
    cohort = make_cohort(slug=slug, name=f"Group {slug}", **fields)
    cohort.facilitators.set(leaders)
    schedule_sessions(cohort=cohort)
    return cohort


def booked(slug: str, *leaders: User, **fields: Any) -> Cohort:
    cohort = a_group(slug, *leaders, **fields)
    bookings.book(cohort=cohort)
    return cohort


def test_a_leader_is_booked_while_each_session_lasts(leader: User) -> None:
    cohort = booked("a", leader)
    assert cohort.group_sessions.count() == leader.bookings.count() == 12
    first = leader.bookings.earliest("starts_at")
    assert (first.starts_at, first.ends_at) == (
        first.session.starts_at,
        first.session.ends_at,
    )


def test_nobody_leads_two_sessions_at_once_and_the_sentence_says_where(leader: User) -> None:
    booked("a", leader)
    second = a_group("b", leader, wall_time=dt.time(18, 30))
    with pytest.raises(bookings.Conflict) as refused:
        bookings.book(cohort=second)
    assert refused.value.reasons == [
        "Dana Reyes leads “Group a” on Tuesday, October 6, 6:00 PM Eastern and on 11 more dates, "
        "and cannot lead two sessions at once."
    ]
    assert not Booking.objects.filter(session__cohort=second).exists()


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"wall_time": dt.time(19)},  # begins as the other ends
        {"wall_time": dt.time(17)},
        {"first_date": FIRST_DATE + dt.timedelta(days=1)},
        {"first_date": FIRST_DATE + dt.timedelta(weeks=12)},
    ],
)
def test_sessions_that_only_touch_or_are_elsewhere_stand(leader: User, elsewhere: Any) -> None:
    booked("a", leader)
    booked("b", leader, **elsewhere)
    assert leader.bookings.count() == 24


def test_zones_are_compared_as_instants(leader: User) -> None:
    booked("a", leader)
    with pytest.raises(bookings.Conflict):
        booked("b", leader, time_zone="America/Los_Angeles", wall_time=dt.time(15, 30))


def test_one_link_serves_one_session_at_a_time_however_it_is_spelled() -> None:
    booked("a", meeting_url=ROOM)
    with pytest.raises(bookings.Conflict, match="“Group a” uses the same meeting link"):
        booked("b", meeting_url="https://MEET.example/room/")
    booked("c", meeting_url=ROOM, wall_time=dt.time(20))
    booked("d")
    booked("e")  # without a link of their own, each session has a room of its own


def test_a_sessions_own_link_counts_instead_of_the_groups() -> None:
    booked("a", meeting_url=ROOM)
    other = a_group("b", meeting_url="https://meet.example/other")
    other.group_sessions.filter(number=3).update(meeting_url=ROOM)
    assert bookings.conflicts(cohort=other, leaders=[]) == [
        "“Group a” uses the same meeting link on Tuesday, October 20, 6:00 PM Eastern, and one "
        "link cannot serve two sessions at once."
    ]


def test_booking_again_follows_a_change_and_does_not_meet_itself(leader: User) -> None:
    cohort = booked("a", leader, meeting_url=ROOM)
    bookings.book(cohort=cohort)
    assert Booking.objects.count() == 24
    cohort.facilitators.clear()
    bookings.book(cohort=cohort)
    assert not leader.bookings.exists()


def test_what_was_held_stays_booked_for_whoever_led_it(leader: User) -> None:
    """Somebody who takes over in week 4 was elsewhere in weeks 1 to 3, which is no conflict."""
    cohort = booked("a", leader)
    stand_in = make_person("luis@example.org", role=Role.FACILITATOR)
    booked("b", stand_in, first_date=FIRST_DATE - dt.timedelta(weeks=9))  # ends in week 3
    cohort.facilitators.set([stand_in])
    now = cohort.group_sessions.get(number=3).ends_at
    bookings.book(cohort=cohort, since=now)
    assert leader.bookings.filter(session__cohort=cohort).count() == 3
    assert stand_in.bookings.filter(session__cohort=cohort).count() == 9
    with pytest.raises(bookings.Conflict):
        bookings.book(cohort=cohort)


# --- The constraint itself --------------------------------------------------------------


def take_twice(first: Cohort, second: Cohort, leader: User) -> None:
    """Past every check of ours."""
    for cohort in (first, second):
        one = cohort.group_sessions.get(number=1)
        with transaction.atomic():
            Booking.objects.create(
                session=one, leader=leader, starts_at=one.starts_at, ends_at=one.ends_at
            )


def test_the_database_refuses_what_no_check_has_seen(leader: User) -> None:
    with pytest.raises(IntegrityError, match="one_session_at_a_time_per_leader"):
        take_twice(a_group("a"), a_group("b"), leader)


def test_control_without_the_constraint_a_leader_is_booked_twice(leader: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE group_sessions_booking DROP CONSTRAINT one_session_at_a_time_per_leader"
        )
    take_twice(a_group("a"), a_group("b"), leader)
    assert leader.bookings.count() == 2


ON_SQLITE = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.db import IntegrityError, connection, transaction
from accounts.models import User
from sessions import bookings
from sessions.models import Booking
from sessions.services import schedule_sessions
from tests.sessions.factories import make_cohort
assert connection.vendor == "sqlite"
leader = User.objects.create_user("dana@example.org", display_name="Dana Reyes")
first, second = (make_cohort(slug=slug, meeting_url="https://a.example/r") for slug in "ab")
for cohort in (first, second):
    schedule_sessions(cohort=cohort)
    cohort.facilitators.add(leader)
bookings.book(cohort=first)
bookings.book(cohort=first)
try:
    bookings.book(cohort=second)
except bookings.Conflict as conflict:
    print("refused:", len(conflict.reasons))
taken = Booking.objects.filter(leader=leader).first()
for again in (
    lambda: Booking.objects.create(session=second.group_sessions.first(), leader=leader,
                                   starts_at=taken.starts_at, ends_at=taken.ends_at),
    lambda: Booking.objects.filter(leader=leader).update(starts_at=taken.starts_at,
                                                         ends_at=taken.ends_at),
):
    try:
        with transaction.atomic():
            again()
    except IntegrityError as error:
        print(error)
"""


def test_sqlite_refuses_it_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ON_SQLITE],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "grouport.settings",
            "GROUPORT_MODE": "development",
            "DATABASE_URL": f"sqlite:///{tmp_path / 'grouport.sqlite3'}",
        },
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "refused: 2",
        "one_session_at_a_time_per_leader",
        "one_session_at_a_time_per_leader",
    ]
