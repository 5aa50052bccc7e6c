"""A deliberate break: a worker that imports this decides about a person in one transaction, and
marks them as done in a second one, a moment later."""

import datetime as dt
import time
import uuid

from django.db import transaction

from billing import decisions, run_work
from billing.models import RunItem
from billing.policy import Basis
from billing.rehearsals import Wish, rehearse
from enrollment.models import Enrollment

SECONDS = 0.4


def careless(*, now: dt.datetime) -> bool:
    with transaction.atomic():
        item = run_work.claim()
    if item is None:
        return False
    enrollment = Enrollment.objects.get(pk=item.enrollment_id)
    wish = Wish(Basis.AMOUNT, item.cents, frees_seat=False)
    decision = decisions.decide(
        enrollment_id=enrollment.pk,
        wish=wish,
        seen=rehearse(enrollment=enrollment, wish=wish, now=now).seen,
        key=uuid.uuid4(),
        actor=item.run.made_by,
        reason="",
        now=now,
        run=item.run,
    )
    time.sleep(SECONDS)
    RunItem.objects.filter(pk=item.pk).update(state="done", decision=decision)
    return True


run_work.do_next = careless
