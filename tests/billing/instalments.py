"""Seats that are paid in three parts, made the way the application makes them."""

import datetime as dt

from django.db.models import Q

from accounts.models import User
from billing import checkout, settlement
from billing.models import Instalment, InstalmentTry, PaymentPlan
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from sessions.models import Cohort
from tests.billing.builders import a_seat, now

CHARGE = "POST /v1/payment_intents"
DAY = dt.timedelta(days=1)
AMOUNTS = [9_967, 9_967, 9_966]


def a_plan(
    standin: Standin, cohort: Cohort | None = None, member: User | None = None
) -> Enrollment:
    """A confirmed seat whose first part is paid."""
    enrollment = a_seat(cohort, member)
    checkout.start_checkout(
        whose=Q(pk=enrollment.pk), now=now(), choice=checkout.Choice(in_parts=True)
    )
    attempt = enrollment.attempts.select_related("enrollment").get(status="open")
    standin.control("pay", session=attempt.stripe_session_id)
    settlement.settle(attempt=attempt, now=now())
    enrollment.refresh_from_db()
    return enrollment


def part(enrollment: Enrollment, number: int) -> Instalment:
    return Instalment.objects.get(enrollment=enrollment, number=number)


def plan_of(enrollment: Enrollment) -> PaymentPlan:
    return PaymentPlan.objects.get(enrollment=enrollment)


def card_does(standin: Standin, enrollment: Enrollment, behaviour: str) -> None:
    """What the saved card does when it is charged next."""
    method = plan_of(enrollment).stripe_payment_method_id
    standin.control("card", payment_method=method, behaviour=behaviour)


def at(standin: Standin, moment: dt.datetime) -> dt.datetime:
    """Stripe's clock is at this moment, too."""
    standin.control("clock", set=moment.timestamp())
    return moment


def when_due(standin: Standin, enrollment: Enrollment, number: int = 2) -> dt.datetime:
    """A minute after the part is due."""
    return at(standin, part(enrollment, number).due_at + dt.timedelta(minutes=1))


def statuses(enrollment: Enrollment) -> list[str]:
    rows = Instalment.objects.filter(enrollment=enrollment).order_by("number")
    return list(rows.values_list("status", flat=True))


def tries(enrollment: Enrollment) -> list[str]:
    rows = InstalmentTry.objects.filter(instalment__enrollment=enrollment).order_by("pk")
    return list(rows.values_list("status", flat=True))


def received(standin: Standin) -> int:
    """Cents that Stripe holds: what was charged less what went back."""
    totals = standin.books["totals"]
    return int(totals["charged"] - totals["refunded"])
