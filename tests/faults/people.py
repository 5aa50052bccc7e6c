"""Members of groups whose session is near, at the real time that the processes read."""

import datetime as dt

from django.db import transaction
from django.utils import timezone

from enrollment.models import Enrollment
from outbox.models import Message, State
from tests.enrollment.builders import HOUR, a_cohort, a_confirmed_seat

WEEK = dt.timedelta(weeks=1)
SEATS = 8


@transaction.atomic
def members_due(count: int, *, starts_in: dt.timedelta = 20 * HOUR) -> list[Enrollment]:
    """So many confirmed members whose first session's link is due and not promised yet.

    They enrolled a week ago, through the services, and have their confirmation. Processes that
    run meanwhile see all of it at once.
    """
    now = timezone.now().replace(second=0, microsecond=0)
    enrolled = now - WEEK
    members: list[Enrollment] = []
    while len(members) < count:
        group = a_cohort(starts_at=now + starts_in, capacity=SEATS)
        seats = min(SEATS, count - len(members))
        members += [a_confirmed_seat(cohort=group, now=enrolled) for _ in range(seats)]
    confirmations = Message.objects.filter(subject_id__in=[each.pk for each in members])
    confirmations.update(state=State.SENT, sent_at=enrolled)
    return members
