"""Mails about a chair in another group's session. Their subject is the visit.

As in `mails.py`: neutral words, a constant number of queries, and each is asked at the moment of
sending whether it is still owed.
"""

import datetime as dt
from collections.abc import Callable, Sequence

from enrollment import links
from enrollment.calendar import visit_ics
from enrollment.mails import Rendered, link_words, reminder_words, short_when
from enrollment.models import Visit
from enrollment.states import IN_STANDING
from outbox.kinds import register
from outbox.mail import Attachment, Mail, NotOwed, compose
from outbox.models import Message


def register_kinds() -> None:
    register(links.VISIT_CONFIRMED, visit_confirmed)
    register(links.VISIT_LINK, visit_link)
    register(links.VISIT_REMINDER, visit_reminder)
    register(links.VISIT_CHANGED, visit_changed)


def visit_confirmed(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """The chair is theirs: when, the door, and a calendar file."""

    def mail(visit: Visit, message: Message) -> Mail | NotOwed:
        if visit.session.cancelled_at is not None:
            return NotOwed("The session was cancelled.")
        when = short_when(visit.session.starts_at, visit.enrollment.member.time_zone)
        return _with_calendar("visit-confirmed", f"Your chair for {when}", visit, now)

    return _render(messages, now, mail)


def visit_link(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """The link of this one session."""
    words = link_words(now)

    def mail(visit: Visit, message: Message) -> Mail | NotOwed:
        opens = visit.session.cohort.programme.door_opens_minutes
        return _at_its_time(visit, message) or words(
            visit.session, visit.enrollment.member, visit.door_url, opens
        )

    return _render(messages, now, mail)


def visit_reminder(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    words = reminder_words(now)

    def mail(visit: Visit, message: Message) -> Mail | NotOwed:
        return _at_its_time(visit, message) or words(
            visit.session, visit.enrollment.member, visit.door_url
        )

    return _render(messages, now, mail)


def visit_changed(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """The session that they chose has another time, or is not held."""

    def mail(visit: Visit, message: Message) -> Mail | NotOwed:
        when = short_when(visit.session.starts_at, visit.enrollment.member.time_zone)
        subject = "A change to the chair you chose"
        return _with_calendar("visit-changed", subject, visit, now, when=when)

    return _render(messages, now, mail)


def _at_its_time(visit: Visit, message: Message) -> NotOwed | None:
    """A link's message is about one start; a session that moved is owed another."""
    moved = links.occasion(visit.session.starts_at) != message.occasion_id
    if moved or visit.session.cancelled_at is not None:
        return NotOwed("The session was moved to another time, or cancelled.")
    return None


def _with_calendar(
    template: str, subject: str, visit: Visit, now: dt.datetime, **more: object
) -> Mail:
    context = {
        "visit": visit,
        "session": visit.session,
        "enrollment": visit.enrollment,
        "member": visit.enrollment.member,
        "zone": visit.enrollment.member.time_zone,
        "programme": visit.session.cohort.programme,
        "door_url": visit.door_url,
        **more,
    }
    calendar = Attachment("session.ics", visit_ics(visit=visit, now=now), "text/calendar")
    return compose(template, subject, context, attachments=(calendar,))


def _render(
    messages: Sequence[Message],
    now: dt.datetime,
    mail: Callable[[Visit, Message], Mail | NotOwed],
) -> Rendered:
    """Two answers are the same for all kinds: the chair was given back, the session is over."""
    visits = Visit.objects.select_related(
        "enrollment__member", "session__cohort__programme", "instead_of"
    ).in_bulk([message.subject_id for message in messages])

    def render(message: Message) -> Mail | NotOwed:
        visit = visits[message.subject_id]
        if visit.enrollment.status not in IN_STANDING:
            return NotOwed(f"The enrolment is {visit.enrollment.status}.")
        if visit.given_back_at is not None and visit.session.cancelled_at is None:
            return NotOwed("The chair was given back.")
        if visit.session.ends_at <= now:
            return NotOwed("The session is over.")
        return mail(visit, message)

    return {message.pk: render(message) for message in messages}
