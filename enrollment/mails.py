"""One function per mail. Each decides, at the moment of sending, whether it is still owed.

A renderer gets a batch of messages of its kind and reads what it needs in a constant number
of queries. Words: neutral subjects, nothing clinical, no names of others, and links that
lead to the door or the site only.
"""

import datetime as dt
import functools
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import F, prefetch_related_objects

from accounts import clock
from accounts.models import User
from enrollment import links
from enrollment.calendar import sessions_ics
from enrollment.history import told_of
from enrollment.models import Absence, Enrollment
from enrollment.states import ENTERED, IN_STANDING, Status
from outbox.kinds import register
from outbox.mail import Attachment, Form, Mail, NotOwed, compose, compose_form
from outbox.models import Message
from sessions.models import Cohort, CohortChange, GroupSession
from sessions.pricing import format_money
from sessions.schedule import weeks_off

Rendered = Mapping[int, Mail | NotOwed]


def register_kinds() -> None:
    register(links.SEAT_CONFIRMED, seat_confirmed)
    register(links.SESSION_LINK, session_link)
    register(links.SESSION_REMINDER, session_reminder)
    register(links.HOLD_EXPIRED, hold_expired)
    register(links.SCHEDULE_CHANGED, schedule_changed)


def seat_confirmed(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """The confirmation, with the sessions as a calendar file."""
    enrollments = _enrollments(messages)
    sessions = _sessions_by_cohort({e.cohort_id for e in enrollments.values()})
    # Parts of the price, where it is paid so; billing's, which this room does not import.
    prefetch_related_objects(list(enrollments.values()), "instalments")

    def render(message: Message) -> Mail | NotOwed:
        enrollment = enrollments[message.subject_id]
        if enrollment.status not in IN_STANDING:
            return NotOwed(f"The enrolment is {enrollment.status}.")
        parts = list(enrollment.instalments.all())
        paid = parts[0].amount_cents if parts else enrollment.price_cents
        own = [
            session
            for session in sessions[enrollment.cohort_id]
            if session.number >= enrollment.first_week and session.cancelled_at is None
        ]
        calendar = sessions_ics(enrollment=enrollment, sessions=own, now=now)
        coming = [session for session in own if session.ends_at > now]
        ended = enrollment.cohort.status == Cohort.Status.ARCHIVED
        if not coming and (ended or not own):
            return NotOwed("The group is not held any more.")
        off = weeks_off({one.number: one.starts_at for one in own}, enrollment.cohort.zone)
        return compose(
            "seat-confirmed",
            "Your seat is confirmed",
            {
                **_context(enrollment),
                "sessions": own,
                "first": coming[0] if coming else own[-1],
                "free": enrollment.price_cents == 0,
                "paid": format_money(paid, enrollment.currency),
                "parts_to_come": [
                    {
                        "amount": format_money(part.amount_cents, part.currency),
                        "due_at": part.due_at,
                    }
                    for part in parts[1:]
                ],
                "days_off": list(itertools.chain.from_iterable(off.values())),
            },
            attachments=(Attachment("sessions.ics", calendar, "text/calendar"),),
        )

    return {message.pk: render(message) for message in messages}


def session_link(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """The week's private link. Once the session runs it says so; after its end it is not owed."""
    words = link_words(now)

    def mail(enrollment: Enrollment, session: GroupSession) -> Mail | NotOwed:
        opens = enrollment.cohort.programme.door_opens_minutes
        return words(session, enrollment, enrollment.door_url, opens)

    return _for_sessions(messages, now, mail)


def link_words(now: dt.datetime) -> Callable[[GroupSession, Enrollment, str, int], Mail]:
    """Writes link mails, each one's words once for all who share its zone and time."""

    @functools.cache
    def form(starts_at: dt.datetime, ends_at: dt.datetime, zone: str, opens: int) -> Form:
        begun = starts_at <= now
        when = short_when(starts_at, zone)
        return compose_form(
            "session-link",
            "Your session is open now" if begun else f"Your link for {when}",
            {
                "starts_at": starts_at,
                "ends_at": ends_at,
                "zone": zone,
                "door_opens_minutes": opens,
                "begun": begun,
            },
            gaps=(*_OWN_WORDS, "week_url"),
        )

    def mail(session: GroupSession, enrollment: Enrollment, door_url: str, opens: int) -> Mail:
        member = enrollment.member
        shared = form(session.starts_at, session.ends_at, member.time_zone, opens)
        return shared.fill({**_own_words(member, door_url), "week_url": enrollment.week_url})

    return mail


def session_reminder(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """A short reminder before the session; not owed once it has begun."""
    words = reminder_words(now)

    def mail(enrollment: Enrollment, session: GroupSession) -> Mail | NotOwed:
        return words(session, enrollment.member, enrollment.door_url)

    return _for_sessions(messages, now, mail)


def reminder_words(now: dt.datetime) -> Callable[[GroupSession, User, str], Mail | NotOwed]:
    """Writes reminders, each one's words once for all who share its zone and time."""

    @functools.cache
    def form(starts_at: dt.datetime, zone: str) -> Form:
        when = clock.time_of_day(starts_at, zone)
        today = clock.day(starts_at, zone) == clock.day(now, zone)
        return compose_form(
            "session-reminder",
            f"Today at {when}" if today else f"Starting at {when}",
            {"starts_at": starts_at, "zone": zone, "today": today},
            gaps=_OWN_WORDS,
        )

    def mail(session: GroupSession, member: User, door_url: str) -> Mail | NotOwed:
        if session.starts_at <= now:
            return NotOwed("The session has begun.")
        return form(session.starts_at, member.time_zone).fill(_own_words(member, door_url))

    return mail


def hold_expired(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """The seat was not paid in time. Not owed to somebody who has a seat there by now."""
    enrollments = _enrollments(messages)
    # The seat that they were moving from, if they were; billing's, which this room does not import.
    prefetch_related_objects(list(enrollments.values()), "came_by__source")
    seated = set(
        Enrollment.objects.filter(
            member_id__in={e.member_id for e in enrollments.values()},
            cohort_id__in={e.cohort_id for e in enrollments.values()},
            status__in=ENTERED,
        ).values_list("member_id", "cohort_id")
    )

    def render(message: Message) -> Mail | NotOwed:
        enrollment = enrollments[message.subject_id]
        if enrollment.status != Status.EXPIRED:
            return NotOwed(f"The enrolment is {enrollment.status}.")
        if (enrollment.member_id, enrollment.cohort_id) in seated:
            return NotOwed("The member has reserved again.")
        move = getattr(enrollment, "came_by", None)
        if move is not None and move.source.status in IN_STANDING:
            more = {"old_seat": move.source}
            return compose(
                "move-expired", "Your move was not paid in time", _context(enrollment) | more
            )
        return compose("hold-expired", "Your reserved seat was released", _context(enrollment))

    return {message.pk: render(message) for message in messages}


def schedule_changed(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """A change of the dates, with the entries that move as a calendar file.

    The new time is the one that stands when the mail is sent: two changes in a row never leave
    somebody with the first.
    """
    enrollments = _enrollments(messages)
    sessions = _sessions_by_cohort({e.cohort_id for e in enrollments.values()})
    changes = CohortChange.objects.in_bulk([message.occasion_id for message in messages])
    # Who said no to the old time is expected at the new one.
    said_before = set(
        Absence.objects.filter(enrollment__in=enrollments)
        .exclude(session__starts_at=F("starts_at"))
        .values_list("enrollment_id", "session_id")
    )

    def render(message: Message) -> Mail | NotOwed:
        enrollment = enrollments[message.subject_id]
        change = changes[message.occasion_id]
        if enrollment.status not in told_of(change.kind):
            return NotOwed(f"The enrolment is {enrollment.status}.")
        lines = _changed_for(enrollment, change, sessions[enrollment.cohort_id], now)
        if not lines:
            return NotOwed("Nothing is different from what this member knows.")
        changed = [line["session"] for line in lines]
        again = [one for one in changed if (enrollment.pk, one.pk) in said_before]
        calendar = sessions_ics(enrollment=enrollment, sessions=changed, now=now)
        usual = clock.weekday(lines[0]["before"], enrollment.member.time_zone)
        return compose(
            "schedule-changed",
            f"A change to your {usual} sessions",
            {**_context(enrollment), "lines": lines, "kind": change.kind, "again": again},
            attachments=(Attachment("changes.ics", calendar, "text/calendar"),),
        )

    return {message.pk: render(message) for message in messages}


def _changed_for(
    enrollment: Enrollment,
    change: CohortChange,
    sessions: Sequence[GroupSession],
    now: dt.datetime,
) -> list[dict[str, Any]]:
    """What is different for a member."""
    own = [session for session in sessions if session.number >= enrollment.first_week]
    return changed_lines(change, own, now)


def changed_lines(
    change: CohortChange, sessions: Iterable[GroupSession], now: dt.datetime
) -> list[dict[str, Any]]:
    """Each of the sessions that is different: when it was, and when it is now, if it is."""
    current = {session.number: session for session in sessions}
    lines = []
    for detail in change.details:
        session = current.get(detail["number"])
        before = dt.datetime.fromisoformat(detail["before"])
        if session is None or session.ends_at <= now:
            continue
        after = session.starts_at if session.cancelled_at is None else None
        if after != before:
            lines.append({"session": session, "before": before, "after": after})
    return lines


# --- What they share --------------------------------------------------------------------


def _for_sessions(
    messages: Sequence[Message],
    now: dt.datetime,
    mail: Callable[[Enrollment, GroupSession], Mail | NotOwed],
) -> Rendered:
    """Render mails about one session each, if the member may still enter and it is not over."""
    enrollments = _enrollments(messages)
    occasions = [message.occasion_id for message in messages]
    # The few of a cohort's twelve that can be meant.
    sessions = GroupSession.objects.filter(
        cohort_id__in={e.cohort_id for e in enrollments.values()},
        starts_at__gte=links.minute(min(occasions)),
        starts_at__lt=links.minute(max(occasions) + 1),
        cancelled_at=None,
    )
    by_start = {(s.cohort_id, links.occasion(s.starts_at)): s for s in sessions}
    said_absent = set(
        Absence.objects.standing()
        .filter(enrollment__in=enrollments, session__in=by_start.values())
        .values_list("enrollment_id", "session_id")
    )

    def render(message: Message) -> Mail | NotOwed:
        enrollment = enrollments[message.subject_id]
        session = by_start.get((enrollment.cohort_id, message.occasion_id))
        if enrollment.status not in IN_STANDING:
            return NotOwed(f"The enrolment is {enrollment.status}.")
        if session is None:
            return NotOwed("The session was moved to another time, or cancelled.")
        if session.ends_at <= now:
            return NotOwed("The session is over.")
        if (enrollment.pk, session.pk) in said_absent:
            return NotOwed("The member said that they cannot come.")
        return mail(enrollment, session)

    return {message.pk: render(message) for message in messages}


def _enrollments(messages: Sequence[Message]) -> dict[int, Enrollment]:
    return Enrollment.objects.select_related("member", "cohort__programme").in_bulk(
        [message.subject_id for message in messages]
    )


def _sessions_by_cohort(cohort_ids: set[int]) -> dict[int, list[GroupSession]]:
    found: dict[int, list[GroupSession]] = {cohort_id: [] for cohort_id in cohort_ids}
    for session in GroupSession.objects.filter(cohort_id__in=cohort_ids).order_by("starts_at"):
        found[session.cohort_id].append(session)
    return found


def _context(enrollment: Enrollment) -> dict[str, object]:
    return {
        "enrollment": enrollment,
        "member": enrollment.member,
        "zone": enrollment.member.time_zone,
        "cohort": enrollment.cohort,
        "programme": enrollment.cohort.programme,
        "door_url": enrollment.door_url,
    }


# What differs between two members in one zone whose sessions start together. Their mails are
# rendered once for each batch, from values that belong to nobody, and these are filled in.
_OWN_WORDS = ("name", "door_url")


def _own_words(member: User, door_url: str) -> dict[str, str]:
    return {"name": member.display_name or "there", "door_url": door_url}


def short_when(at: dt.datetime, zone: str) -> str:
    return f"{clock.weekday(at, zone)}, {clock.time_of_day(at, zone)}"
