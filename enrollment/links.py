"""Which mails a confirmed member is owed right now, derived from the clock and the sessions.

Nothing is planned ahead: a moved session, a late joiner or a refund needs no clean-up,
because the next look at the clock derives the right answer. What was promised already is
known by the outbox's unique key on kind, enrolment and session.
"""

import datetime as dt

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from enrollment.states import IN_STANDING
from outbox import services as outbox
from outbox.models import Message
from sessions.models import GroupSession, Programme

SEAT_CONFIRMED = "seat-confirmed"
SESSION_LINK = "session-link"
SESSION_REMINDER = "session-reminder"
HOLD_EXPIRED = "hold-expired"


def promise_links(*, now: dt.datetime, enrollment_id: int | None = None) -> int:
    """Promise every link and reminder that is due and not promised yet; return how many.

    One statement for each kind and programme, whatever the number of members.
    """
    promised = 0
    for programme in Programme.objects.all():
        links = due_links(programme=programme, now=now, enrollment_id=enrollment_id)
        promised += outbox.promise_each(kind=SESSION_LINK, rows=links, now=now)
        if programme.reminder_lead_minutes:
            reminders = due_reminders(programme=programme, now=now, enrollment_id=enrollment_id)
            promised += outbox.promise_each(kind=SESSION_REMINDER, rows=reminders, now=now)
    return promised


def due_links(
    *, programme: Programme, now: dt.datetime, enrollment_id: int | None = None
) -> "QuerySet[GroupSession, tuple[int, int, int]]":
    """(member, enrolment, session) within the lead time, up to the session's end.

    A session that has begun is still owed its link: whoever missed the mail needs the door.
    """
    lead = dt.timedelta(hours=programme.link_lead_hours)
    window = Q(starts_at__lte=now + lead, ends_at__gt=now)
    return _entitled(programme, window, SESSION_LINK, enrollment_id)


def due_reminders(
    *, programme: Programme, now: dt.datetime, enrollment_id: int | None = None
) -> "QuerySet[GroupSession, tuple[int, int, int]]":
    """(member, enrolment, session) whose session starts soon and whose link came earlier.

    Somebody whose link was promised within the reminder's own lead has just been told.
    """
    lead = dt.timedelta(minutes=programme.reminder_lead_minutes)
    window = Q(starts_at__lte=now + lead, starts_at__gt=now)
    told_before = Message.objects.filter(
        kind=SESSION_LINK,
        subject_id=OuterRef("cohort__enrollments__pk"),
        occasion_id=OuterRef("pk"),
        created_at__lt=OuterRef("starts_at") - lead,
    )
    return _entitled(programme, window, SESSION_REMINDER, enrollment_id).filter(Exists(told_before))


def _entitled(
    programme: Programme, window: Q, kind: str, enrollment_id: int | None
) -> "QuerySet[GroupSession, tuple[int, int, int]]":
    """Confirmed members of the sessions in `window` without a message of `kind`."""
    promised = Message.objects.filter(
        kind=kind,
        subject_id=OuterRef("cohort__enrollments__pk"),
        occasion_id=OuterRef("pk"),
    )
    whose = Q(cohort__enrollments__pk=enrollment_id) if enrollment_id else Q()
    return (
        GroupSession.objects.order_by()
        .filter(
            window,
            whose,
            cohort__programme=programme,
            cohort__enrollments__status__in=IN_STANDING,
            cohort__enrollments__first_week__lte=F("number"),
        )
        .filter(~Exists(promised))
        .values_list("cohort__enrollments__member_id", "cohort__enrollments__pk", "pk")
    )
