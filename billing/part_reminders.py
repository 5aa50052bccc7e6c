"""Telling members some days before that a part will be taken from their saved card.

Who is owed the mail is derived each time, and asked again when it is sent: a plan that ends, a part
that is paid early or a seat that is given up need no clean-up.
"""

import datetime as dt

from django.db.models import Exists, OuterRef, Q

from billing import charging, plans
from billing.models import Instalment
from billing.parts import TOLD_BEFORE
from outbox import services as outbox
from outbox.models import Message

PART_AHEAD = "part-ahead"
BATCH = 200


def still_ahead(now: dt.datetime) -> Q:
    """Parts that the saved card will be charged for by itself, soon and for the first time.

    None while a bank holds money of the seat, or a person paused it: then nothing is charged.
    """
    return (
        Q(
            status=Instalment.Status.DUE,
            tries=0,
            due_at__gt=now,
            due_at__lte=now + TOLD_BEFORE,
            next_try_at__isnull=False,
            enrollment__status__in=plans.CHARGED,
            enrollment__plan__ended_at=None,
        )
        & ~Q(enrollment__plan__stripe_payment_method_id="")
        & charging.not_held_up()
    )


def promise_reminders(*, now: dt.datetime) -> int:
    """Promise the mails that are owed and not promised yet; how many. Grows with those alone."""
    told = Message.objects.filter(kind=PART_AHEAD, subject_id=OuterRef("pk"))
    owed = Instalment.objects.filter(still_ahead(now)).filter(~Exists(told)).order_by("due_at")
    rows = owed.values_list("pk", "enrollment__member_id")[:BATCH]
    return sum(
        outbox.promise(kind=PART_AHEAD, recipient_id=member, subject_id=pk, now=now)
        for pk, member in list(rows)
    )
