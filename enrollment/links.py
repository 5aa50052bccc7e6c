"""Which mails a confirmed member is owed right now, derived from the clock and the sessions.

Nothing is planned ahead: a moved session, a late joiner or a refund needs no clean-up,
because the next look at the clock derives the right answer. What was promised already is
known by the outbox's unique key on kind, enrolment and occasion; the occasion is the
session's start, so a session that moves is owed its mails again, at its new time.
"""

import datetime as dt
from typing import Any

from django.db.models import BigIntegerField, Exists, F, Func, OuterRef, Q, QuerySet
from django.db.models.expressions import Combinable

from enrollment.models import Absence, Visit
from enrollment.states import IN_STANDING
from outbox import services as outbox
from outbox.models import Message
from sessions.models import GroupSession, Programme

SEAT_CONFIRMED = "seat-confirmed"
SESSION_LINK = "session-link"
SESSION_REMINDER = "session-reminder"
SCHEDULE_CHANGED = "schedule-changed"
LEADERS_CHANGED = "leaders-changed"  # to members
LEADING_CHANGED = "leading-changed"  # to those who lead
LED_DATES_CHANGED = "led-dates-changed"
HOLD_EXPIRED = "hold-expired"
WAITLIST_JOINED = "waitlist-joined"
SEAT_OFFERED = "seat-offered"
OFFER_LAPSED = "offer-lapsed"
WAITLIST_CLOSED = "waitlist-closed"
# About a visit in another group's session; their subject is the visit.
VISIT_CONFIRMED = "visit-confirmed"
VISIT_LINK = "visit-link"
VISIT_REMINDER = "visit-reminder"
VISIT_CHANGED = "visit-changed"
# No session lasts longer. Without it the index on the start could not tell the few sessions
# that run now from all those that ever began.
LONGEST_SESSION = dt.timedelta(days=1)


def occasion(starts_at: dt.datetime) -> int:
    """What a mail about a session is deduplicated by: its start, in minutes since 1970."""
    return int(starts_at.timestamp()) // 60


def minute(occasion: int) -> dt.datetime:
    """The minute in which a session of that occasion starts."""
    return dt.datetime.fromtimestamp(occasion * 60, dt.UTC)


class Occasion(Func):
    """`occasion` of a column, in the database."""

    # Rounded down first: the cast would round to the nearest second, and so into the next minute.
    template = "(CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s)) AS bigint) / 60)"
    output_field = BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "(CAST(strftime('%%%%s', %(expressions)s) AS integer) / 60)"
        return self.as_sql(compiler, connection, template=template, **context)


def promise_links(*, now: dt.datetime, enrollment_id: int | None = None) -> int:
    """Promise every link and reminder that is due and not promised yet; return how many.

    One statement for each kind and programme, whatever the number of members.
    """
    promised = 0
    for programme in Programme.objects.all():
        links = due_links(programme=programme, now=now, enrollment_id=enrollment_id)
        promised += outbox.promise_each(kind=SESSION_LINK, rows=links, now=now)
        if enrollment_id is None:
            promised += _promise_to_visitors(programme=programme, now=now)
        if programme.reminder_lead_minutes:
            reminders = due_reminders(programme=programme, now=now, enrollment_id=enrollment_id)
            promised += outbox.promise_each(kind=SESSION_REMINDER, rows=reminders, now=now)
    return promised


def _promise_to_visitors(*, programme: Programme, now: dt.datetime) -> int:
    """Links and reminders for chairs in other groups, to whoever did not get the door within
    the lead time anyhow, with the chair."""
    promised = 0
    for kind, lead in (
        (VISIT_LINK, dt.timedelta(hours=programme.link_lead_hours)),
        (VISIT_REMINDER, dt.timedelta(minutes=programme.reminder_lead_minutes)),
    ):
        rows = due_to_visitors(programme=programme, lead=lead, now=now)
        promised += outbox.promise_each(kind=kind, rows=rows, now=now)
    return promised


def due_to_visitors(
    *, programme: Programme, lead: dt.timedelta, now: dt.datetime
) -> "QuerySet[Visit, tuple[int, int, int]]":
    """(member, visit, occasion) of visits that begin within the lead time."""
    return (
        Visit.objects.order_by()
        .filter(
            given_back_at=None,
            enrollment__status__in=IN_STANDING,
            session__cohort__programme=programme,
            session__cancelled_at=None,
            session__starts_at__gt=now,
            session__starts_at__lte=now + lead,
            taken_at__lt=F("session__starts_at") - lead,
        )
        .values_list("enrollment__member_id", "pk", Occasion("session__starts_at"))
    )


def due_links(
    *, programme: Programme, now: dt.datetime, enrollment_id: int | None = None
) -> "QuerySet[GroupSession, tuple[int, int, int]]":
    """(member, enrolment, occasion) within the lead time, up to the session's end.

    A session that has begun is still owed its link: whoever missed the mail needs the door.
    """
    lead = dt.timedelta(hours=programme.link_lead_hours)
    window = Q(starts_at__gt=now - LONGEST_SESSION, starts_at__lte=now + lead, ends_at__gt=now)
    return _entitled(programme, enrollment_id, window, ~Exists(_promised(SESSION_LINK)))


def due_reminders(
    *, programme: Programme, now: dt.datetime, enrollment_id: int | None = None
) -> "QuerySet[GroupSession, tuple[int, int, int]]":
    """(member, enrolment, occasion) whose session starts soon and whose link came earlier.

    Somebody whose link was promised within the reminder's own lead has just been told.
    """
    lead = dt.timedelta(minutes=programme.reminder_lead_minutes)
    window = Q(starts_at__lte=now + lead, starts_at__gt=now)
    told_before = _promised(SESSION_LINK).filter(created_at__lt=OuterRef("starts_at") - lead)
    return _entitled(
        programme,
        enrollment_id,
        window,
        Exists(told_before),
        ~Exists(_promised(SESSION_REMINDER)),
    )


def _promised(kind: str) -> "QuerySet[Message]":
    """The message of `kind` about the session and enrolment of the query around it."""
    return Message.objects.filter(
        kind=kind,
        subject_id=OuterRef("cohort__enrollments__pk"),
        occasion_id=Occasion(OuterRef("starts_at")),
    )


def _entitled(
    programme: Programme, enrollment_id: int | None, *conditions: Q | Combinable
) -> "QuerySet[GroupSession, tuple[int, int, int]]":
    """(member, enrolment, occasion) of confirmed members, for sessions that meet `conditions`.

    Whoever said that they cannot come is left in peace.

    One filter() for all: a second one would join the cohort's enrolments again, and its
    conditions would speak of somebody else.
    """
    whose = Q(cohort__enrollments__pk=enrollment_id) if enrollment_id else Q()
    said_absent = Absence.objects.filter(
        session=OuterRef("pk"),
        starts_at=OuterRef("starts_at"),
        enrollment=OuterRef("cohort__enrollments__pk"),
    )
    return (
        GroupSession.objects.order_by()
        .filter(
            *conditions,
            whose,
            ~Exists(said_absent),
            cancelled_at=None,
            cohort__programme=programme,
            cohort__enrollments__status__in=IN_STANDING,
            cohort__enrollments__first_week__lte=F("number"),
        )
        .values_list(
            "cohort__enrollments__member_id",
            "cohort__enrollments__pk",
            Occasion("starts_at"),
        )
    )
