"""Groups that have met for some weeks, as large as a test wants them: rows in bulk, no services.

A real group seats ten; here it may have 300 members, to find what grows with each of them.
"""

import datetime as dt
import itertools

from accounts.models import User
from enrollment import opening
from enrollment.models import Attendance, AttendanceNote, Enrollment, Mark, Register, Seat
from enrollment.states import Status
from sessions.models import Cohort, CohortChange, GroupSession
from tests.enrollment.builders import FIRST_SESSION, HOUR, NOW, a_cohort

MARKS = (Mark.ABSENT, Mark.PRESENT, Mark.EXCUSED)
_numbers = itertools.count(1)


def a_running_group(
    *leaders: User, hours: int = 0, members: int = 3, weeks: int = 2, **fields: object
) -> Cohort:
    """A group that began `hours` after `FIRST_SESSION`, with so many weeks noted and closed."""
    cohort = a_cohort(draft=True, starts_at=FIRST_SESSION + hours * HOUR, **fields)
    cohort.facilitators.set(leaders)
    opening.open_enrollment(cohort=cohort)
    held = list(cohort.group_sessions.order_by("number")[:weeks])
    Register.objects.bulk_create(
        Register(session=one, closed_at=one.ends_at, closed_by=leaders[0]) for one in held
    )
    fill(cohort, members=members, held=held)
    return cohort


def fill(cohort: Cohort, *, members: int, held: list[GroupSession]) -> None:
    """So many more members, each with a seat; every third missed all that was held."""
    people = User.objects.bulk_create(
        User(email=f"crowd{number}@example.org", display_name=f"Person {number}", password="!")
        for number in itertools.islice(_numbers, members)
    )
    enrolled = Enrollment.objects.bulk_create(
        Enrollment(
            member=person,
            cohort=cohort,
            status=Status.ACTIVE,
            price_cents=29_900,
            reserved_at=NOW,
            confirmed_at=NOW,
        )
        for person in people
    )
    Seat.objects.filter(cohort=cohort).delete()
    taken = Enrollment.objects.filter(cohort=cohort).exclude(status=Status.WAITLISTED)
    Seat.objects.bulk_create(
        Seat(cohort=cohort, number=number, enrollment=one) for number, one in enumerate(taken, 1)
    )
    leader = cohort.facilitators.get()
    AttendanceNote.objects.bulk_create(
        AttendanceNote(
            enrollment=one,
            session=session,
            mark=MARKS[place % 3],
            noted_by=leader,
            noted_at=session.ends_at,
        )
        for place, one in enumerate(enrolled)
        for session in held
    )
    Attendance.objects.bulk_create(
        Attendance(enrollment=one, session=session, arrived_at=session.starts_at, location="NY")
        for one in enrolled[1::3]
        for session in cohort.group_sessions.filter(number__lte=len(held) + 1)
    )


def change_dates(cohort: Cohort, *, actor: User, times: int) -> None:
    """So many lines of history; the dates themselves stay."""
    CohortChange.objects.bulk_create(
        CohortChange(
            cohort=cohort,
            at=NOW + number * dt.timedelta(minutes=1),
            actor=actor,
            kind=CohortChange.Kind.MOVE,
            number=3,
            details=[],
        )
        for number in range(times)
    )
