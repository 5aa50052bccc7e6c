"""Owing the mail that invites somebody to look at a plan. What it says: `care_mails.py`."""

import datetime as dt

from outbox import services as outbox
from outbox.models import Message, State
from practice.models import Share

INVITATION = "plan_invitation"
DAY = dt.timedelta(days=1)


def invite(*, share: Share, now: dt.datetime) -> None:
    """Owe the mail: one a day at most from the same member to the same person, so that nobody is
    written to again and again by signing and ending, or erasing. The next one waits, and goes out
    if its consent stands by then."""
    last = _last_sent(share, now)
    outbox.promise(
        kind=INVITATION,
        recipient_id=share.practitioner_id,
        subject_id=share.pk,
        now=now if last is None else last + DAY,
    )


def _last_sent(share: Share, now: dt.datetime) -> dt.datetime | None:
    """When within a day this member invited this person last.

    Whose an invitation was whose consent was erased nobody knows: it counts as this member's.
    """
    of_others = Share.objects.filter(practitioner=share.practitioner_id).exclude(
        enrollment__member=share.enrollment.member_id
    )
    sent = Message.objects.filter(
        kind=INVITATION,
        recipient=share.practitioner_id,
        state__in=(State.SENDING, State.SENT),
        created_at__gt=now - DAY,
    ).exclude(subject_id__in=of_others.values("pk"))
    return sent.order_by("-created_at").values_list("created_at", flat=True).first()
