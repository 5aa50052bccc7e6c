"""Telling members some days before that a part will be taken from their saved card.

Who is owed the mail is derived each time, and asked again when it is sent: a plan that ends, a part
that is paid early or a seat that is given up need no clean-up. While a seat is held up, the day of
its next part moves ahead of the clock: a hold that ends late is followed by the mail, and by the
charge as long after it as ever.
"""

import datetime as dt

from django.db.models import Exists, F, OuterRef, Q

from billing import charging, plans
from billing.models import Instalment
from billing.parts import TOLD_BEFORE
from enrollment.links import Occasion, occasion
from outbox import services as outbox
from outbox.models import Message

PART_AHEAD = "part-ahead"
BATCH = 200
# Whole days: a part stays due at a time of day at which its member is awake.
A_DAY = dt.timedelta(days=1)


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


def put_off(*, now: dt.datetime) -> int:
    """Move the day of parts that are held up, until it is further away than the mail comes; how
    many days in all.

    Only of parts that no charge was tried for: nobody is in grace because of them. The guards are
    columns of the part itself, so that a worker who claims it at this moment wins or loses.
    """
    soon = Instalment.objects.filter(
        ~charging.not_held_up(),
        status=Instalment.Status.DUE,
        tries=0,
        next_try_at__lte=now + TOLD_BEFORE,
    )
    day_later = {"due_at": F("due_at") + A_DAY, "next_try_at": F("next_try_at") + A_DAY}
    days = 0
    for pk in list(soon.values_list("pk", flat=True)):
        # One row at a time: whoever ends a plan holds several of them.
        while soon.filter(pk=pk).update(**day_later):
            days += 1
    return days


def promise_reminders(*, now: dt.datetime) -> int:
    """Promise the mails that are owed and not promised yet; how many. Grows with those alone.

    One for each day that a part was due on.
    """
    told = Message.objects.filter(
        kind=PART_AHEAD, subject_id=OuterRef("pk"), occasion_id=Occasion(OuterRef("due_at"))
    )
    owed = Instalment.objects.filter(still_ahead(now)).filter(~Exists(told)).order_by("due_at")
    rows = owed.values_list("pk", "enrollment__member_id", "due_at")[:BATCH]
    return sum(
        outbox.promise(
            kind=PART_AHEAD,
            recipient_id=member,
            subject_id=pk,
            occasion_id=occasion(due_at),
            now=now,
        )
        for pk, member, due_at in list(rows)
    )
