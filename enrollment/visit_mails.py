"""Mails about a chair in another group's session. Their subject is the visit.

As in `mails.py`: neutral words, a constant number of queries, and each is asked at the moment of
sending whether it is still owed.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Sequence

from accounts import clock
from enrollment import links
from enrollment.calendar import visit_ics
from enrollment.mails import Rendered, changed_lines, link_words, reminder_words
from enrollment.models import Visit
from enrollment.states import IN_STANDING
from outbox.kinds import register
from outbox.mail import Attachment, Mail, NotOwed, compose
from outbox.models import Message, State
from sessions.models import CohortChange


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
        starts_at, zone = visit.session.starts_at, visit.enrollment.member.time_zone
        when = f"{clock.day(starts_at, zone)}, {clock.time_of_day(starts_at, zone)}"
        return _with_calendar("visit-confirmed", f"Your chair for {when}", visit, now)

    return _render(messages, now, mail)


def visit_link(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """The link of this one session."""
    words = link_words(now)

    def mail(visit: Visit, message: Message) -> Mail | NotOwed:
        opens = visit.session.cohort.programme.door_opens_minutes
        return _at_its_time(visit, message) or words(
            visit.session, visit.enrollment, visit.door_url, opens
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
    """The session that they chose has another time, or is not held.

    Of several changes that the visitor was not told of, the last one speaks, and only if what
    they know is not so any more.
    """
    untold: dict[int, list[int]] = defaultdict(list)
    every = Message.objects.filter(
        kind=links.VISIT_CHANGED, subject_id__in={message.subject_id for message in messages}
    ).exclude(state=State.SENT)
    for visit_id, change_id in every.values_list("subject_id", "occasion_id"):
        untold[visit_id].append(change_id)
    changes = CohortChange.objects.in_bulk({pk for pks in untold.values() for pk in pks})

    def mail(visit: Visit, message: Message) -> Mail | NotOwed:
        waiting = untold[visit.pk]
        if message.occasion_id != max(waiting):
            return NotOwed("A later change says it.")
        if not changed_lines(changes[min(waiting)], [visit.session], now):
            return NotOwed("Nothing is different from what the visitor knows.")
        own = visit.instead_of
        return _with_calendar(
            "visit-changed",
            "A change to the chair you chose",
            visit,
            now,
            own_ahead=own.cancelled_at is None and own.starts_at > now,
        )

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
