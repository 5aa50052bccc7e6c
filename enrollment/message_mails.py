"""The mail that carries a message to a group: one to each, and nobody sees who else got it.

The words were written by a person: they stand in the mail as they are, escaped, and no template
is looked for in them.
"""

import datetime as dt
from collections.abc import Collection, Sequence

from accounts import clock
from accounts.models import User
from enrollment.group_messages import GROUP_MESSAGE
from enrollment.mails import Rendered
from enrollment.models import Enrollment, GroupMessage
from enrollment.states import IN_STANDING
from outbox.kinds import register
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message
from sessions.models import Cohort, GroupSession


def register_kinds() -> None:
    register(GROUP_MESSAGE, group_message)


def group_message(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """Not owed to somebody who has left meanwhile, nor once the message is cancelled."""
    enrollments = Enrollment.objects.select_related("member").in_bulk(
        [message.subject_id for message in messages]
    )
    written = GroupMessage.objects.in_bulk([message.occasion_id for message in messages])
    starts = _usual_starts({one.cohort_id for one in enrollments.values()}, now)

    def render(message: Message) -> Mail | NotOwed:
        enrollment, note = enrollments[message.subject_id], written[message.occasion_id]
        # Who leads a group reads these reasons: they do not say why somebody's seat is gone.
        if enrollment.status not in IN_STANDING:
            return NotOwed("They had no confirmed seat any more.")
        if note.cancelled_at is not None:
            return NotOwed("The message was cancelled.")
        member, start = enrollment.member, starts.get(enrollment.cohort_id)
        return _mail(note.body, name=member.display_name, zone=member.time_zone, start=start)

    return {message.pk: render(message) for message in messages}


def sample(*, cohort: Cohort, body: str, reader: User | None, now: dt.datetime) -> Mail:
    """The very mail that `reader` would get; without one, as it would read in the group's zone."""
    name, zone = (reader.display_name, reader.time_zone) if reader else ("", cohort.time_zone)
    start = _usual_starts({cohort.pk}, now).get(cohort.pk)
    return _mail(body, name=name, zone=zone, start=start)


def _mail(body: str, *, name: str, zone: str, start: dt.datetime | None) -> Mail:
    """`start` is a session's, for the weekday on the reader's clock; None when none is held."""
    weekday = f"{clock.weekday(start, zone)} " if start else ""
    context = {"name": name or "there", "weekday": weekday, "body": body}
    return compose("group-message", f"A note about your {weekday}sessions", context)


def _usual_starts(cohort_ids: Collection[int], now: dt.datetime) -> dict[int, dt.datetime]:
    """Of each group the next session's start, or the last one's when all are over."""
    found: dict[int, GroupSession] = {}
    sessions = GroupSession.objects.filter(cohort__in=cohort_ids, cancelled_at=None)
    for session in sessions.order_by("starts_at"):
        known = found.get(session.cohort_id)
        if known is None or known.ends_at <= now:
            found[session.cohort_id] = session
    return {cohort_id: session.starts_at for cohort_id, session in found.items()}
