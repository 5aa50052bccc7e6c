"""Which links and reminders are owed at a moment, and to whom."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enrollment import links, opening, services, tasks
from enrollment.models import Enrollment
from enrollment.states import Status
from outbox.models import Message
from sessions.models import Cohort, Programme
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
from tests.sessions.factories import default_programme

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)
DAY = dt.timedelta(days=1)


def mails(kind: str = links.SESSION_LINK) -> list[tuple[int, int, int]]:
    """(recipient, enrolment, occasion) of every promise of a kind."""
    rows = Message.objects.filter(kind=kind).order_by("subject_id", "occasion_id")
    return list(rows.values_list("recipient_id", "subject_id", "occasion_id"))


def owed(enrollment: Enrollment, number: int = 1) -> tuple[int, int, int]:
    start = session(enrollment.cohort, number).starts_at
    return (enrollment.member_id, enrollment.pk, links.occasion(start))


@pytest.mark.parametrize("seconds", [0, 29.5, 59.4, 59.5, 59.999999])
def test_the_database_counts_the_minutes_as_we_do(seconds: float) -> None:
    """Else a link would be promised for one minute and looked for in the next."""
    confirmed = a_confirmed_seat()
    start = FIRST_SESSION + dt.timedelta(seconds=seconds)
    confirmed.cohort.group_sessions.filter(number=1).update(starts_at=start)

    links.promise_links(now=start - HOUR)

    ((_, _, occasion),) = mails()
    assert occasion == links.occasion(start)
    assert links.minute(occasion) <= start < links.minute(occasion + 1)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (FIRST_SESSION - DAY - SECOND, 0),
        (FIRST_SESSION - DAY, 1),
        (FIRST_SESSION - HOUR, 1),
        (FIRST_SESSION, 1),
        (FIRST_SESSION + HOUR - SECOND, 1),
        (FIRST_SESSION + HOUR, 0),
    ],
    ids=["before", "at_lead", "within", "at_start", "running", "over"],
)
def test_a_link_is_due_from_its_lead_time_to_the_sessions_end(now: dt.datetime, due: int) -> None:
    confirmed = a_confirmed_seat()
    assert links.promise_links(now=now) == due
    assert mails() == [owed(confirmed)] * due


def test_every_confirmed_member_gets_their_own() -> None:
    cohort = a_cohort()
    three = [a_confirmed_seat(cohort=cohort) for _ in range(3)]
    assert links.promise_links(now=FIRST_SESSION - DAY) == 3
    assert mails() == [owed(enrollment) for enrollment in three]


def test_a_second_look_promises_nothing() -> None:
    a_confirmed_seat()
    looks = [links.promise_links(now=FIRST_SESSION - DAY + n * MINUTE) for n in range(3)]
    assert looks == [1, 0, 0]


def test_each_week_has_its_own_link() -> None:
    confirmed = a_confirmed_seat()
    for number in range(1, 13):
        start = session(confirmed.cohort, number).starts_at
        assert links.promise_links(now=start - DAY) == 1
    assert mails() == [owed(confirmed, number) for number in range(1, 13)]


@pytest.mark.parametrize("status", [s for s in Status if s not in (Status.ACTIVE, Status.GRACE)])
def test_nobody_without_standing_gets_a_link(status: Status) -> None:
    """Next to somebody who has: conditions on a member must not be met by another's row."""
    cohort = a_cohort()
    confirmed = a_confirmed_seat(cohort=cohort)
    other = a_held_seat(cohort=cohort)
    Enrollment.objects.filter(pk=other.pk).update(status=status, held_until=NOW, waiting_since=NOW)
    assert links.promise_links(now=FIRST_SESSION - HOUR) == 1
    assert mails() == [owed(confirmed)]


def test_somebody_in_grace_gets_the_link() -> None:
    confirmed = a_confirmed_seat()
    Enrollment.objects.update(status=Status.GRACE)
    links.promise_links(now=FIRST_SESSION - HOUR)
    assert mails() == [owed(confirmed)]


def test_confirming_promises_the_weeks_link_to_that_member_only() -> None:
    now = FIRST_SESSION - HOUR * 3
    cohort = a_cohort()
    a_held_seat(cohort=cohort, now=now)
    earlier = a_confirmed_seat(cohort=cohort, now=now)
    Message.objects.all().delete()

    late = a_confirmed_seat(cohort=cohort, now=now)

    assert mails() == [owed(late)]
    assert links.promise_links(now=now) == 1
    assert mails() == [owed(earlier), owed(late)]


def test_a_seat_that_is_confirmed_after_others_got_their_links_gets_its_own() -> None:
    cohort = a_cohort()
    a_confirmed_seat(cohort=cohort)
    waiting = a_held_seat(cohort=cohort, now=FIRST_SESSION - HOUR * 2)
    links.promise_links(now=FIRST_SESSION - HOUR * 2)
    services.confirm_seat(enrollment_id=waiting.pk, now=FIRST_SESSION - HOUR, reason="Paid")
    assert owed(waiting) in mails()


def test_links_begin_with_the_members_first_week() -> None:
    cohort = a_cohort(admission="modules")
    now = session(cohort, 4).starts_at - HOUR
    late = a_confirmed_seat(cohort=cohort, now=now)
    assert late.first_week == 5
    assert links.promise_links(now=now) == 0
    assert links.promise_links(now=session(cohort, 5).starts_at - HOUR) == 1
    assert mails() == [owed(late, 5)]


def promise_with_reminders(*moments: dt.datetime) -> list[int]:
    """How many reminders there are after each look."""
    counts = []
    for now in moments:
        links.promise_links(now=now)
        counts.append(len(mails(links.SESSION_REMINDER)))
    return counts


def test_a_reminder_is_due_in_the_last_hour_before_the_start() -> None:
    confirmed = a_confirmed_seat()
    counts = promise_with_reminders(
        FIRST_SESSION - DAY,
        FIRST_SESSION - HOUR - SECOND,
        FIRST_SESSION - HOUR,
        FIRST_SESSION - MINUTE,
    )
    assert counts == [0, 0, 1, 1]
    assert mails(links.SESSION_REMINDER) == [owed(confirmed)]


def test_no_reminder_is_promised_once_the_session_runs() -> None:
    a_confirmed_seat()
    assert promise_with_reminders(FIRST_SESSION - DAY, FIRST_SESSION) == [0, 0]


@pytest.mark.parametrize(
    ("told_at", "reminders"),
    [(FIRST_SESSION - HOUR - SECOND, 1), (FIRST_SESSION - HOUR, 0), (FIRST_SESSION - MINUTE, 0)],
)
def test_who_got_the_link_just_now_needs_no_reminder(told_at: dt.datetime, reminders: int) -> None:
    cohort = a_cohort()
    others = a_confirmed_seat(cohort=cohort)
    links.promise_links(now=FIRST_SESSION - DAY)
    late = a_confirmed_seat(cohort=cohort, now=told_at)

    links.promise_links(now=FIRST_SESSION - SECOND)

    reminded = mails(links.SESSION_REMINDER)
    assert reminded == [owed(others)] + [owed(late)] * reminders


def a_programme(**fields: Any) -> Programme:
    return Programme.objects.create(**{"name": "Other", "slug": "other", **fields})


def test_a_programme_without_reminders_sends_none() -> None:
    programme = a_programme(reminder_lead_minutes=0)
    a_confirmed_seat(cohort=a_cohort(programme=programme))
    assert promise_with_reminders(FIRST_SESSION - DAY, FIRST_SESSION - MINUTE) == [0, 0]


def test_each_programme_has_its_own_lead_times() -> None:
    early = a_confirmed_seat(cohort=a_cohort(programme=a_programme(link_lead_hours=48)))
    usual = a_confirmed_seat(cohort=a_cohort(programme=default_programme()))
    assert links.promise_links(now=FIRST_SESSION - 2 * DAY) == 1
    assert mails() == [owed(early)]
    assert links.promise_links(now=FIRST_SESSION - DAY) == 1
    assert mails() == [owed(early), owed(usual)]


def skip_first_week(cohort: Cohort) -> None:
    cohort.skipped_dates = [cohort.first_date.isoformat()]
    cohort.save(update_fields=["skipped_dates"])
    opening.lay_out(cohort=cohort)


def test_a_session_that_moves_before_its_lead_time_is_linked_at_its_new_time() -> None:
    confirmed = a_confirmed_seat()
    skip_first_week(confirmed.cohort)
    assert links.promise_links(now=FIRST_SESSION - HOUR) == 0
    assert links.promise_links(now=FIRST_SESSION + 7 * DAY - HOUR) == 1
    assert mails() == [owed(confirmed)]


def test_a_session_that_moves_after_its_link_went_out_is_linked_again() -> None:
    confirmed = a_confirmed_seat()
    links.promise_links(now=FIRST_SESSION - DAY)
    before = owed(confirmed)
    skip_first_week(confirmed.cohort)
    after = owed(confirmed)

    assert links.promise_links(now=FIRST_SESSION - HOUR) == 0
    assert links.promise_links(now=FIRST_SESSION + 7 * DAY - DAY) == 1
    assert mails() == [before, after]


def queries_with(members: int) -> int:
    Message.objects.all().delete()
    cohort = a_cohort(capacity=members)
    for _ in range(members):
        a_confirmed_seat(cohort=cohort)
    Message.objects.all().delete()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert links.promise_links(now=FIRST_SESSION - DAY) >= members
    return len(queries)


def test_the_number_of_queries_does_not_grow_with_the_members() -> None:
    default_programme()
    one = queries_with(1)
    assert [queries_with(3), queries_with(30)] == [one, one]


def test_the_task_promises_by_the_clock(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    kicks: list[bool] = []
    monkeypatch.setattr(tasks, "kick", lambda: kicks.append(True))
    a_confirmed_seat()
    assert (tasks.promise_due_links(), kicks) == (0, [])
    clock.move_to(FIRST_SESSION - DAY)
    assert (tasks.promise_due_links(), kicks) == (1, [True])


def test_a_member_of_two_groups_gets_a_link_for_each() -> None:
    member = a_member()
    both = [a_confirmed_seat(cohort=a_cohort(), member=member, now=NOW) for _ in range(2)]
    links.promise_links(now=FIRST_SESSION - DAY)
    assert mails() == [owed(enrollment) for enrollment in both]
