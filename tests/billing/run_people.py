"""Groups whose members have paid, and refunds of all of them at once."""

import datetime as dt
import uuid
from typing import Any

from accounts.models import User
from billing import run_plan, run_work, runs
from billing.models import RefundRun, RunItem
from billing.policy import Basis
from billing.run_plan import Plan, Whom
from enrollment.models import Enrollment
from sessions.models import Cohort
from tests.billing.decided import PRICE, after, paid
from tests.billing.people import a_billing_admin
from tests.enrollment.builders import a_cohort, a_confirmed_seat, a_member

EVERYBODY = Whom(ends_group=True, basis=Basis.POLICY, frees_seat=True)


def a_paid_group(members: int = 3, **fields: Any) -> Cohort:
    """So many confirmed members, each of whom paid for all twelve sessions."""
    cohort = a_cohort(**{"capacity": max(members, 8), **fields})
    for number in range(members):
        member = a_member(display_name=f"Member {number + 1:02}")
        paid(a_confirmed_seat(cohort=cohort, member=member), PRICE)
    return cohort


def people(cohort: Cohort) -> list[Enrollment]:
    """Everybody who ever had to do with the group, in the order of joining."""
    return list(cohort.enrollments.order_by("pk"))


def some(*chosen: Enrollment, basis: Basis = Basis.FULL, frees: bool = False) -> Whom:
    return Whom(False, basis, frees, frozenset(one.pk for one in chosen))


def look(cohort: Cohort, whom: Whom = EVERYBODY, now: dt.datetime | None = None) -> Plan:
    cohort.refresh_from_db()
    return run_plan.plan(cohort=cohort, whom=whom, now=now or after(3))


def start(
    cohort: Cohort,
    whom: Whom = EVERYBODY,
    *,
    now: dt.datetime | None = None,
    actor: User | None = None,
    seen: Plan | None = None,
    key: uuid.UUID | None = None,
) -> RefundRun:
    """Look, and press at once; `seen` is a look that was taken earlier."""
    now = now or after(3)
    return runs.start(
        cohort_id=cohort.pk,
        whom=whom,
        seen=(seen or look(cohort, whom, now)).seen,
        key=key or uuid.uuid4(),
        actor=actor or a_billing_admin(),
        reason="Too few people",
        now=now,
    )


def approve(run: RefundRun, *, actor: User | None = None, now: dt.datetime | None = None) -> None:
    """A second person looks at it and presses."""
    now = now or after(3)
    shown = look(run.cohort, runs.whom_of(run), now)
    runs.approve(run=run, seen=shown.seen, actor=actor or a_billing_admin(), now=now)


def carry_on(now: dt.datetime | None = None) -> int:
    return run_work.carry_on(clock=lambda: now or after(3))


def states(run: RefundRun) -> list[str]:
    """Of each person, in the order of joining."""
    items = RunItem.objects.filter(run=run).order_by("enrollment")
    return list(items.values_list("state", flat=True))
