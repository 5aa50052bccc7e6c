"""The mails about what members do for themselves. Neutral subjects; no group's topic, no names."""

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence

from django.conf import settings

from billing.models import MemberRequest, Transfer
from enrollment.calendar import sessions_ics
from enrollment.states import IN_STANDING
from outbox.mail import Attachment, Mail, NotOwed, compose
from outbox.models import Message
from sessions.models import GroupSession
from sessions.pricing import format_money

Rendered = Mapping[int, Mail | NotOwed]


def moved(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """The new dates as a calendar file, and what happened to the money. Its subject is the new
    enrolment."""
    people = ("target__member", "target__cohort__programme")
    found = Transfer.objects.select_related(*people).filter(
        target__in=[message.subject_id for message in messages]
    )
    transfers = {one.target_id: one for one in found}
    cohorts = {one.target.cohort_id for one in transfers.values()}
    rows = GroupSession.objects.filter(cohort__in=cohorts, cancelled_at=None)
    in_order = rows.order_by("cohort", "starts_at")
    sessions = {
        cohort: list(own) for cohort, own in itertools.groupby(in_order, lambda s: s.cohort_id)
    }

    def render(message: Message) -> Mail | NotOwed:
        transfer = transfers[message.subject_id]
        if transfer.target.status not in IN_STANDING:
            return NotOwed(f"The enrolment is {transfer.target.status}.")
        theirs = sessions.get(transfer.target.cohort_id, [])
        return _moved_mail(
            transfer, [one for one in theirs if one.number >= transfer.target.first_week], now
        )

    return {message.pk: render(message) for message in messages}


def _moved_mail(transfer: Transfer, own: list[GroupSession], now: dt.datetime) -> Mail:
    target = transfer.target
    calendar = sessions_ics(enrollment=target, sessions=own, now=now)
    amounts = {
        name: format_money(cents, target.currency) if cents else ""
        for name, cents in (
            ("credit", transfer.moved_cents),
            ("paid", transfer.due_cents),
            ("back", transfer.back_cents),
        )
    }
    coming = [session for session in own if session.ends_at > now]
    context = {
        "member": target.member,
        "zone": target.member.time_zone,
        "sessions": own,
        "first": coming[0] if coming else None,
        "door_url": target.door_url,
        **amounts,
    }
    attached = (Attachment("sessions.ics", calendar, "text/calendar"),)
    return compose("moved", "Your group has changed", context, attachments=attached)


def request_answered(messages: Sequence[Message], now: dt.datetime) -> Rendered:
    """A person's answer, in their words."""
    requests = MemberRequest.objects.select_related("enrollment__member").in_bulk(
        [message.subject_id for message in messages]
    )

    def render(message: Message) -> Mail | NotOwed:
        request = requests[message.subject_id]
        context = {
            "member": request.enrollment.member,
            "answer": request.answer,
            "url": settings.SITE_URL + request.enrollment.get_absolute_url(),
        }
        return compose("request-answered", "About your request", context)

    return {message.pk: render(message) for message in messages}
