"""Mails to who waits for a seat. Their subject is the enrolment.

As in `mails.py`: neutral words, a constant number of queries, and each is asked at the moment of
sending whether it is still owed.
"""

import datetime as dt
from collections.abc import Callable, Sequence

from accounts import clock
from enrollment import links, waitlist
from enrollment.mails import Rendered
from enrollment.models import Enrollment
from enrollment.states import Status
from outbox.kinds import register
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message
from sessions.models import GroupSession


def register_kinds() -> None:
    register(links.WAITLIST_JOINED, waitlist_joined)
    register(links.SEAT_OFFERED, seat_offered)
    register(links.OFFER_LAPSED, offer_lapsed)
    register(links.WAITLIST_CLOSED, waitlist_closed)


def waitlist_joined(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """Their place, and how it goes on."""

    def mail(enrollment: Enrollment) -> Mail | NotOwed:
        if enrollment.status != Status.WAITLISTED:
            return NotOwed(f"The enrolment is {enrollment.status}.")
        place: int = enrollment.place  # type: ignore[attr-defined]  # of `_render`
        more = {"place": place, "offer_hours": enrollment.cohort.programme.offer_hours}
        return compose("waitlist-joined", "You are on the waitlist", _context(enrollment) | more)

    return _render(messages, mail)


def seat_offered(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """A seat, its dates, and until when it is kept. Not owed once that is over."""
    sessions = _first_sessions(messages)

    def mail(enrollment: Enrollment) -> Mail | NotOwed:
        until = enrollment.held_until
        if enrollment.status != Status.OFFERED or until is None or until <= now:
            return NotOwed(f"The enrolment is {enrollment.status}, or the offer is over.")
        zone = enrollment.member.time_zone
        when = f"{clock.weekday(until, zone)}, {clock.time_of_day(until, zone)}"
        # The price stands on the page, where one of their own or a code counts.
        more = {"first": sessions[enrollment.cohort_id, enrollment.first_week]}
        subject = f"A seat is free for you until {when}"
        return compose("seat-offered", subject, _context(enrollment) | more)

    return _render(messages, mail)


def offer_lapsed(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """The seat is kept for them no more. Not owed to somebody who is back on the list, or has a
    seat. Whether anybody waited for it next is not said: nobody may have."""
    return _render(messages, _over("offer-lapsed", "The time for this seat is over", now))


def waitlist_closed(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """Nobody joins any more, or a person of the practice took them off the list."""
    return _render(messages, _over("waitlist-closed", "You are not on the waitlist any more", now))


def _over(template: str, subject: str, now: dt.datetime) -> Callable[[Enrollment], Mail | NotOwed]:
    def mail(enrollment: Enrollment) -> Mail | NotOwed:
        if enrollment.status not in (Status.EXPIRED, Status.CANCELLED):
            return NotOwed(f"The enrolment is {enrollment.status}.")
        if enrollment.back:  # type: ignore[attr-defined]  # of `_render`
            return NotOwed("They are in this group again, or wait for it.")
        more = {
            "takes": waitlist.takes(enrollment.cohort, now),
            "by_us": enrollment.status == Status.CANCELLED,
        }
        return compose(template, subject, _context(enrollment) | more)

    return mail


def _render(messages: Sequence[Message], mail: Callable[[Enrollment], Mail | NotOwed]) -> Rendered:
    enrollments = (
        Enrollment.objects.select_related("member", "cohort__programme")
        .annotate(place=waitlist.place_of(), back=waitlist.entered_again())
        .in_bulk([message.subject_id for message in messages])
    )
    return {message.pk: mail(enrollments[message.subject_id]) for message in messages}


def _first_sessions(messages: Sequence[Message]) -> dict[tuple[int, int], GroupSession]:
    sessions = GroupSession.objects.filter(
        cohort__enrollments__in=[message.subject_id for message in messages]
    ).distinct()
    return {(session.cohort_id, session.number): session for session in sessions}


def _context(enrollment: Enrollment) -> dict[str, object]:
    return {
        "enrollment": enrollment,
        "member": enrollment.member,
        "zone": enrollment.member.time_zone,
        "cohort": enrollment.cohort,
        "programme": enrollment.cohort.programme,
    }
