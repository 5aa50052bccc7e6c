"""People, groups and seats for tests of any room, made the way the application makes them.

`a_cohort()` is published and meets on Tuesdays at 6:00 PM in New York, twelve times from
October 6, 2026, so it crosses the November change; `NOW` is a week before. A test about
another moment passes `now`, and a test that needs a group around a certain instant passes
`a_cohort(starts_at=...)`. Members have a confirmed address and can sign in with
`tests.accounts.people.PASSWORD`. Everything goes through the services: seats are claimed,
history is written, mails are promised.
"""

import datetime as dt
import itertools
import zoneinfo
from typing import Any

from accounts.models import User
from enrollment import opening, services, waiting
from enrollment.intake import Answers
from enrollment.models import Enrollment
from sessions import bookings
from sessions.models import Cohort, GroupSession
from tests.accounts.people import make_person
from tests.sessions.factories import build_cohort

NOW = dt.datetime(2026, 9, 29, 15, tzinfo=dt.UTC)
# 6:00 PM in New York, before the clocks change.
FIRST_SESSION = dt.datetime(2026, 10, 6, 22, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)

_numbers = itertools.count(1)


def a_member(email: str = "", **fields: Any) -> User:
    """Somebody who can sign in; without an address, one that nobody else has."""
    return make_person(email or f"member{next(_numbers)}@example.org", **fields)


def a_cohort(*, starts_at: dt.datetime | None = None, draft: bool = False, **fields: Any) -> Cohort:
    """A group with its twelve sessions and its seats, open for members unless a `draft`.

    `starts_at` is the instant of the first session; it sets the date and the wall time.
    """
    if starts_at is not None:
        zone = zoneinfo.ZoneInfo(fields.get("time_zone", "America/New_York"))
        local = starts_at.astimezone(zone)
        fields |= {"first_date": local.date(), "wall_time": local.time()}
    cohort = build_cohort(
        **{
            "name": "Tuesday evenings",
            "slug": f"group-{next(_numbers)}",
            "admitted_states": ["CA", "NY"],
            **fields,
        }
    )
    cohort.save()
    if not draft:
        opening.open_enrollment(cohort=cohort)
    return cohort


def a_led_group(*leaders: User, **fields: Any) -> Cohort:
    """A group that these people lead, who are booked for its sessions."""
    cohort = a_cohort(**fields)
    cohort.facilitators.set(leaders)
    bookings.book(cohort=cohort)
    return cohort


def answers(**changes: Any) -> Answers:
    """Sound answers of an adult in New York."""
    return Answers(
        **{
            "legal_name": "Samira Ruth Okafor",
            "date_of_birth": dt.date(1991, 3, 28),
            "state": "NY",
            "phone": "212 555 0134",
            "voicemail_ok": False,
            "emergency_name": "Noor Okafor",
            "emergency_relation": "sister",
            "emergency_phone": "212 555 0177",
            "has_therapist": False,
            **changes,
        }
    )


def an_intake(member: User, *, now: dt.datetime = NOW, **changes: Any) -> Answers:
    """The member has answered the questions before a first group."""
    given = answers(**changes)
    services.save_intake(member=member, answers=given, now=now)
    return given


def a_held_seat(
    *, cohort: Cohort | None = None, member: User | None = None, now: dt.datetime = NOW
) -> Enrollment:
    """A seat kept until `services.HOLD` from `now`, with intake and agreements."""
    member = member or a_member()
    if not hasattr(member, "intake"):
        an_intake(member, now=now)
    return services.reserve_seat(
        cohort=cohort or a_cohort(), member=member, now=now, ip="203.0.113.7"
    )


def a_confirmed_seat(
    *, cohort: Cohort | None = None, member: User | None = None, now: dt.datetime = NOW
) -> Enrollment:
    """A seat that is paid for; its confirmation mail is promised. No money rows are made."""
    enrollment = a_held_seat(cohort=cohort, member=member, now=now)
    services.confirm_seat(enrollment_id=enrollment.pk, now=now, reason="Paid")
    enrollment.refresh_from_db()
    return enrollment


def a_full_group(*, now: dt.datetime = NOW, **fields: Any) -> Cohort:
    """Every seat is confirmed; one, unless `capacity` says more."""
    cohort = a_cohort(**{"capacity": 1, **fields})
    for _ in range(cohort.capacity):
        a_confirmed_seat(cohort=cohort, now=now)
    return cohort


def a_place_in_line(
    *, cohort: Cohort, member: User | None = None, now: dt.datetime = NOW
) -> Enrollment:
    """The last place on the waitlist of a full group; its mail is promised."""
    member = member or a_member()
    if not hasattr(member, "intake"):
        an_intake(member, now=now)
    return waiting.join(cohort=cohort, member=member, now=now)


def session(cohort: Cohort, number: int) -> GroupSession:
    return GroupSession.objects.get(cohort=cohort, number=number)
