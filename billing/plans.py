"""Payment plans: made with the first part, kept when a part is paid, and what follows if not.

A part that stays unpaid leads to grace at once (nothing changes for the member), after seven
days and a warning to a pause, and when it is paid back to active. Whoever has left is asked
for nothing; what arrives from them all the same goes back by itself.
"""

import dataclasses
import datetime as dt

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from billing import disputes, refunds
from billing.models import CheckoutAttempt, Instalment, Payment, PaymentPlan, Refund
from billing.parts import Part
from enrollment import pausing
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING, Status
from outbox import services as outbox

log = structlog.get_logger("grouport.billing")

# Mails. Their subject is the part, or the plan where nothing else is said.
PART_PAID = "part-paid"
PART_OPEN = "part-open"
PAUSE_AHEAD = "pause-ahead"
PAUSED = "seat-paused"
# The occasion of PART_PAID when it ended a pause; and when it ended a time of grace, in which
# nothing had changed for the member.
RESUMED = 1
CAUGHT_UP = 2

GRACE = dt.timedelta(days=7)
# Nobody is paused without having been told at least so long before.
NOTICE = dt.timedelta(days=1)
BATCH = 200
# Whose parts are asked for.
CHARGED = (*IN_STANDING, Status.SUSPENDED)
# Whose part is paid by money that arrives for it.
PAYING = (*CHARGED, Status.COMPLETED)


def lock(enrollment_id: int) -> str:
    """Lock the enrolment, first in the order of locks; its status."""
    rows = Enrollment.objects.select_for_update(no_key=True).values_list("status", flat=True)
    return rows.get(pk=enrollment_id)


# --- Made, paid, ended --------------------------------------------------------------------


def start_plan(
    *, attempt: CheckoutAttempt, payment: Payment, payment_method_id: str, now: dt.datetime
) -> None:
    """Write the plan that the attempt's page promised, its first part paid.

    Runs in the transaction that confirms the seat, which holds the enrolment's lock.
    """
    assert attempt.calendar is not None
    PaymentPlan.objects.create(
        enrollment_id=attempt.enrollment_id,
        stripe_customer_id=attempt.params.get("customer", ""),
        stripe_payment_method_id=payment_method_id,
        made_at=now,
    )
    parts = [Part.load(stored) for stored in attempt.calendar]
    Instalment.objects.bulk_create(
        Instalment(
            enrollment_id=attempt.enrollment_id,
            number=part.number,
            amount_cents=part.amount_cents,
            currency=attempt.currency,
            due_at=part.due_at,
            status=Instalment.Status.PAID if part.number == 1 else Instalment.Status.DUE,
            payment=payment if part.number == 1 else None,
            next_try_at=None if part.number == 1 else part.due_at,
        )
        for part in parts
    )


@transaction.atomic
def receive(*, instalment: Instalment, payment: Payment, now: dt.datetime) -> bool:
    """Money for a part arrived: the part is paid, or the money goes back; say whether it does.

    The guarded UPDATE decides between two ways of paying at once.
    """
    status = lock(instalment.enrollment_id)
    stays = status in PAYING
    paid = stays and Instalment.objects.filter(
        pk=instalment.pk, status=Instalment.Status.DUE
    ).update(status=Instalment.Status.PAID, payment=payment, next_try_at=None, needs_member=False)
    if not paid:
        _give_back(instalment=instalment, payment=payment, now=now)
        if not stays:
            end_plan(enrollment_id=instalment.enrollment_id, now=now, why="They have left")
        return True
    ended = RESUMED if status == Status.SUSPENDED else CAUGHT_UP
    outbox.promise(
        kind=PART_PAID,
        recipient_id=_member_of(instalment.enrollment_id),
        subject_id=instalment.pk,
        occasion_id=ended if _settle_overdue(instalment.enrollment_id, now) else 0,
        now=now,
    )
    return False


def _give_back(*, instalment: Instalment, payment: Payment, now: dt.datetime) -> None:
    twice = Instalment.objects.filter(pk=instalment.pk, status=Instalment.Status.PAID).exists()
    left = disputes.left_cents(payment)
    if left:
        refunds.request_refund(
            payment_id=payment.pk,
            amount_cents=left,
            reason=Refund.Reason.TWICE if twice else Refund.Reason.LATE,
            now=now,
        )
    log.info("part_goes_back", payment=payment.pk, twice=twice)


def _settle_overdue(enrollment_id: int, now: dt.datetime) -> bool:
    """End grace or pause unless another part is overdue as well; say whether one ended."""
    if Instalment.objects.filter(overdue(now), enrollment=enrollment_id).exists():
        return False
    PaymentPlan.objects.filter(enrollment=enrollment_id).update(overdue_since=None, warned_at=None)
    return pausing.resume(enrollment_id=enrollment_id, now=now, reason="The open part is paid")


def overdue(now: dt.datetime) -> Q:
    """Parts that should be paid by now, and that a charge of the card did not pay."""
    return Q(status=Instalment.Status.DUE, due_at__lte=now, tries__gt=0)


def keep_card(*, enrollment_id: int, payment_method_id: str) -> None:
    """Charge this card from now on: the member has just paid with it."""
    if payment_method_id:
        PaymentPlan.objects.filter(enrollment=enrollment_id).update(
            stripe_payment_method_id=payment_method_id
        )


@transaction.atomic
def end_plan(*, enrollment_id: int, now: dt.datetime, why: str) -> int:
    """Ask for none of the parts that are left; how many those were.

    A charge that is under way cannot be taken back: its money goes back when it arrives.
    """
    lock(enrollment_id)
    ended = Instalment.objects.filter(
        enrollment=enrollment_id, status=Instalment.Status.DUE
    ).update(status=Instalment.Status.CANCELLED, next_try_at=None, needs_member=False)
    PaymentPlan.objects.filter(enrollment=enrollment_id, ended_at=None).update(
        ended_at=now, ended_why=why[:200], overdue_since=None
    )
    return ended


# --- Not paid -----------------------------------------------------------------------------


def stay_open(*, instalment: Instalment, now: dt.datetime) -> None:
    """A charge of the card did not succeed: grace begins, and the member is asked to pay.

    Runs in the caller's transaction, which holds the enrolment's lock.
    """
    reason = f"Part {instalment.number} could not be charged"
    pausing.into_grace(enrollment_id=instalment.enrollment_id, now=now, reason=reason)
    PaymentPlan.objects.filter(enrollment=instalment.enrollment_id, overdue_since=None).update(
        overdue_since=now
    )
    outbox.promise(
        kind=PART_OPEN,
        recipient_id=_member_of(instalment.enrollment_id),
        subject_id=instalment.pk,
        now=now,
    )


def grace_again(*, enrollment_id: int, now: dt.datetime) -> None:
    """A person ended a pause, and a part is overdue all the same: its time of grace begins anew.

    Runs in the caller's transaction, which holds the enrolment's lock.
    """
    behind = PaymentPlan.objects.filter(
        enrollment=enrollment_id, ended_at=None, overdue_since__isnull=False
    )
    if behind.update(overdue_since=now, warned_at=None):
        reason = "A part is still open"
        pausing.into_grace(enrollment_id=enrollment_id, now=now, reason=reason)


def watch_overdue(*, now: dt.datetime) -> int:
    """Warn whoever is a day from a pause, and pause whoever was warned; how many it touched."""
    behind = PaymentPlan.objects.filter(ended_at=None, overdue_since__isnull=False)
    for gone in behind.exclude(enrollment__status__in=CHARGED)[:BATCH]:
        end_plan(enrollment_id=gone.enrollment_id, now=now, why="They have left")
    late = PaymentPlan.objects.filter(
        ended_at=None, overdue_since__lte=now - GRACE + NOTICE, enrollment__status=Status.GRACE
    ).order_by("overdue_since")
    to_warn = late.filter(warned_at=None).select_related("enrollment")[:BATCH]
    to_pause = late.filter(overdue_since__lte=now - GRACE, warned_at__lte=now - NOTICE)
    return sum(_warn(plan, now) for plan in to_warn) + sum(
        _pause(plan, now) for plan in to_pause.select_related("enrollment")[:BATCH]
    )


@transaction.atomic
def _warn(plan: PaymentPlan, now: dt.datetime) -> bool:
    fresh = PaymentPlan.objects.filter(
        pk=plan.pk, overdue_since=plan.overdue_since, warned_at=None, ended_at=None
    )
    if not fresh.update(warned_at=now):
        return False
    return _tell(PAUSE_AHEAD, plan, now)


@transaction.atomic
def _pause(plan: PaymentPlan, now: dt.datetime) -> bool:
    lock(plan.enrollment_id)
    # Paid a moment ago: then nothing is overdue any more.
    if not PaymentPlan.objects.filter(pk=plan.pk, overdue_since=plan.overdue_since).exists():
        return False
    if not pausing.suspend(
        enrollment_id=plan.enrollment_id, now=now, reason="A part stayed unpaid for seven days"
    ):
        return False
    log.info("enrollment_paused", enrollment=plan.enrollment_id)
    return _tell(PAUSED, plan, now)


def _tell(kind: str, plan: PaymentPlan, now: dt.datetime) -> bool:
    """Once for each time that the plan fell behind."""
    assert plan.overdue_since is not None
    return outbox.promise(
        kind=kind,
        recipient_id=plan.enrollment.member_id,
        subject_id=plan.pk,
        occasion_id=int(plan.overdue_since.timestamp()),
        now=now,
    )


def _member_of(enrollment_id: int) -> int:
    return Enrollment.objects.values_list("member_id", flat=True).get(pk=enrollment_id)


# --- Read -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """How a plan stands, in cents. `overdue` is the part to be paid now, if one is late."""

    parts: list[Instalment]
    paid_cents: int
    open_cents: int
    next_due: Instalment | None
    overdue: Instalment | None
    pause_at: dt.datetime | None


def standing(enrollment: Enrollment) -> Standing | None:
    """None where everything was paid at once. Two queries, one for whoever has no plan."""
    parts = list(
        Instalment.objects.filter(enrollment=enrollment)
        .select_related("payment")
        .order_by("number")
    )
    if not parts:
        return None
    plan = PaymentPlan.objects.get(enrollment=enrollment)
    due = [part for part in parts if part.status == Instalment.Status.DUE]
    late = plan.overdue_since is not None and plan.ended_at is None and due
    return Standing(
        parts=parts,
        paid_cents=sum(p.amount_cents for p in parts if p.status == Instalment.Status.PAID),
        open_cents=sum(part.amount_cents for part in due),
        next_due=due[0] if due else None,
        overdue=due[0] if late else None,
        pause_at=pause_time(plan) if late else None,
    )


def pause_time(plan: PaymentPlan) -> dt.datetime | None:
    """When the links pause if nothing is paid: after seven days, and a day after the warning."""
    if plan.overdue_since is None:
        return None
    end = plan.overdue_since + GRACE
    return max(end, plan.warned_at + NOTICE) if plan.warned_at else end


def in_trouble(now: dt.datetime) -> "QuerySet[Instalment]":
    """Open parts that a person should look at, oldest first: the member is paused, or the card
    is of no use any more. Enrolment, cohort and member come along."""
    return (
        Instalment.objects.filter(
            Q(needs_member=True) | Q(enrollment__status=Status.SUSPENDED, due_at__lte=now),
            # Said again without the enrolment, which is then asked for the few that are late only.
            Q(needs_member=True) | Q(due_at__lte=now),
            status=Instalment.Status.DUE,
            enrollment__status__in=CHARGED,
        )
        .select_related("enrollment__cohort", "enrollment__member", "enrollment__plan")
        .order_by("due_at", "pk")
    )
