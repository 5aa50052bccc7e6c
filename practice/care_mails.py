"""The mail that invites somebody to look at a plan. Its subject is the consent.

It says neither whose plan it is nor what is in it: mail is not private, and the address may have
been mistyped. Whether it is still owed is asked right before it is sent.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

from django.urls import reverse

from outbox.kinds import register
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message
from practice.inviting import INVITATION
from practice.models import Share

SUBJECT = "You are invited to look at a plan"


def register_kinds() -> None:
    register(INVITATION, invitations)


def invitations(messages: Sequence[Message], now: dt.datetime) -> Mapping[int, Mail | NotOwed]:
    """One query."""
    shares = Share.objects.in_bulk([message.subject_id for message in messages])

    def mail(share: Share | None) -> Mail | NotOwed:
        if share is None or not share.stands(now):
            return NotOwed("What was shared is not shared any more.")
        if share.accepted_at is not None:
            return NotOwed("They have come already.")
        path = reverse("practice:care_overview", args=[share.public_id])
        return compose("plan-invitation", SUBJECT, {"path": path})

    return {message.pk: mail(shares.get(message.subject_id)) for message in messages}
