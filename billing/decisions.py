"""A person decides what goes back and what becomes of the seat, on what a rehearsal showed.

`decide` does it or lets it wait for a second person; `approve` and `decline` are that person's.
All of it is one transaction without network; Stripe is asked by whoever submits open refunds.
Locks: Cohort (when a seat is freed) → Enrollment → Payment → Refund, none of which keeps a row
from pointing at the locked one.
"""

import datetime as dt
import uuid

from django.db import transaction

from accounts.models import User
from billing import facts, plans, refunds
from billing.models import Payment, Refund, RefundDecision, RefundRun
from billing.policy import Basis, Computed
from billing.rehearsals import (
    Impossible,
    Rehearsal,
    Seen,
    Take,
    Wish,
    differences,
    rehearse,
    takes_from,
)
from enrollment import services as enrollment_services
from enrollment.models import Enrollment
from outbox import services as outbox
from sessions.models import Cohort

REST_STAYS = (
    "What is left over cannot go back to your card by itself, so nothing was changed. Ask us, and "
    "a person takes care of it."
)


class ChangedMeanwhile(Exception):
    """What was seen does not hold any more. `words` say what is different now."""

    def __init__(self, words: list[str]) -> None:
        super().__init__(" ".join(words))
        self.words = words


class AlreadyDecided(Exception):
    """Somebody else has approved or declined it meanwhile."""


@transaction.atomic
def decide(
    *,
    enrollment_id: int,
    wish: Wish,
    seen: Seen | None,
    key: uuid.UUID,
    actor: User,
    reason: str,
    now: dt.datetime,
    by_member: bool = False,
    run: RefundRun | None = None,
) -> RefundDecision:
    """Do what the rehearsal showed, or let it wait for a second person. No network.

    `key` was made with the rehearsal: the same one again is the same decision. What a member
    asks for `by_member` the policy has decided, and of a `run` each item was agreed to as a
    whole: nobody else has to agree. Raises
    ChangedMeanwhile when what was `seen` does not hold any more, and Impossible.
    """
    enrollment = lock(enrollment_id, frees_seat=wish.frees_seat)
    made = RefundDecision.objects.filter(uuid=key).first()
    if made is not None:
        if made.enrollment_id != enrollment.pk:
            raise ChangedMeanwhile(["This page belongs to somebody else's refund."])
        return made
    rehearsal = rehearse(enrollment=enrollment, wish=wish, now=now)
    _refuse_stale(seen, rehearsal)
    waits = rehearsal.needs_second and not by_member and run is None
    agreed_by = (run and run.approved_by) or actor
    decision = RefundDecision.objects.create(
        uuid=key,
        enrollment=enrollment,
        basis=wish.basis,
        amount_cents=rehearsal.cents,
        currency=enrollment.currency,
        frees_seat=wish.frees_seat,
        policy_version=rehearsal.agreed.terms.version,
        computed=[[line.label, line.cents] for line in rehearsal.computed.lines],
        reason=reason,
        status=RefundDecision.Status.WAITING if waits else RefundDecision.Status.DONE,
        needs_second=run.needs_second if run else waits,
        by_member=by_member,
        made_by=actor,
        made_at=now,
        decided_by=None if waits else agreed_by,
        decided_at=None if waits else now,
    )
    if not waits:
        _carry_out(decision, rehearsal, actor, now)
    return decision


def wish_of(decision: RefundDecision) -> Wish:
    """What a waiting decision comes to: the amount that was decided, whatever time it is."""
    return Wish(Basis.AMOUNT, decision.amount_cents, decision.frees_seat)


@transaction.atomic
def approve(
    *, decision: RefundDecision, seen: Seen | None, actor: User, now: dt.datetime
) -> RefundDecision:
    """A second person agrees, and it is carried out. No network.

    Raises Impossible when it cannot be carried out any more, or when they made it themselves;
    it then goes on waiting. Raises AlreadyDecided and ChangedMeanwhile.
    """
    if decision.made_by_id == actor.pk:
        raise Impossible("", "You made this decision, so somebody else has to agree.")
    enrollment = lock(decision.enrollment_id, frees_seat=decision.frees_seat)
    if not _move(decision, RefundDecision.Status.DONE, actor, now):
        raise AlreadyDecided
    rehearsal = rehearse(
        enrollment=enrollment, wish=wish_of(decision), now=now, apart_from=decision
    )
    _refuse_stale(seen, rehearsal)
    _carry_out(decision, rehearsal, actor, now)
    return decision


@transaction.atomic
def decline(*, decision: RefundDecision, actor: User, now: dt.datetime) -> RefundDecision:
    """It is not done; whoever made it may take it back. Raises AlreadyDecided."""
    if not _move(decision, RefundDecision.Status.DECLINED, actor, now):
        raise AlreadyDecided
    return decision


def _move(
    decision: RefundDecision, status: RefundDecision.Status, actor: User, now: dt.datetime
) -> bool:
    waiting = RefundDecision.objects.filter(pk=decision.pk, status=RefundDecision.Status.WAITING)
    moved = waiting.update(status=status, decided_by=actor, decided_at=now)
    decision.refresh_from_db()
    return bool(moved)


def lock(enrollment_id: int, *, frees_seat: bool) -> Enrollment:
    """The enrolment and its payments, as nobody else can change them until we are done.

    Its payments are also those of the groups that its member came from.

    Without `no_key` a refund that is booked at this moment, which holds its payment and points
    at the enrolment, and we would wait for each other.
    """
    if frees_seat:
        cohorts = Cohort.objects.select_for_update(no_key=True, of=("self",))
        cohorts.get(enrollments=enrollment_id)
    enrollment = (
        Enrollment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("member", "cohort__programme")
        .get(pk=enrollment_id)
    )
    lock_payments(enrollment)
    return enrollment


def lock_payments(enrollment: Enrollment) -> None:
    """What this enrolment was paid with, also where its member came from.

    Whoever books a dispute or a refund of the dashboard holds the payment, and asks then which
    seat its money is for. Call it under the enrolment's lock.
    """
    payments = Payment.objects.select_for_update(no_key=True).filter(
        enrollment__in=facts.paid_by(enrollment)
    )
    list(payments.order_by("pk").values_list("pk"))


def _carry_out(
    decision: RefundDecision, rehearsal: Rehearsal, actor: User, now: dt.datetime
) -> None:
    """Reserve the money, free the seat. Runs in the caller's transaction, on what is locked."""
    why = Refund.Reason.POLICY if decision.by_member else Refund.Reason.DESK
    _request(decision, rehearsal.takes, why, actor, now)
    if not decision.frees_seat:
        return
    enrollment_services.withdraw(
        enrollment_id=decision.enrollment_id,
        actor=actor,
        reason="Left the group, asked and decided by the member, by the policy"
        if decision.by_member
        else "Left the group, decided at the money desk",
        now=now,
    )
    plans.end_plan(enrollment_id=decision.enrollment_id, now=now, why="Left the group")
    if not rehearsal.takes:  # else the mail about the refund says it, or `refunds` when it fails
        outbox.promise(
            kind=refunds.SEAT_FREED,
            recipient_id=rehearsal.enrollment.member_id,
            subject_id=decision.pk,
            now=now,
        )


def _request(
    decision: RefundDecision,
    takes: list[Take],
    why: Refund.Reason,
    actor: User,
    now: dt.datetime,
) -> None:
    """Raises Impossible, should a payment not give what the rehearsal took from it."""
    try:
        for take in takes:
            refunds.request_refund(
                payment_id=take.payment.pk,
                amount_cents=take.cents,
                reason=why,
                now=now,
                actor=actor,
                enrollment_id=decision.enrollment_id,
                decision=decision,
            )
    except refunds.NotRefundable as error:
        raise Impossible("", f"Nothing was done. {error}") from None


def give_back_rest(
    *, enrollment: Enrollment, computed: Computed, actor: User, key: uuid.UUID, now: dt.datetime
) -> RefundDecision:
    """What is left over when a member moves to another group goes back; the policy has decided.

    Runs in the caller's transaction, under `lock`. Raises Impossible when it cannot go back.
    """
    takes = takes_from(computed.cents, facts.refundable_payments(enrollment))
    if sum(take.cents for take in takes) < computed.cents:
        raise Impossible("", REST_STAYS)
    decision = RefundDecision.objects.create(
        uuid=key,
        enrollment=enrollment,
        basis=RefundDecision.Basis.MOVE,
        amount_cents=computed.cents,
        currency=enrollment.currency,
        frees_seat=False,
        policy_version=facts.agreed_terms(enrollment).terms.version,
        computed=[[line.label, line.cents] for line in computed.lines],
        reason="Moved to another group",
        status=RefundDecision.Status.DONE,
        needs_second=False,
        by_member=True,
        made_by=actor,
        made_at=now,
        decided_by=actor,
        decided_at=now,
    )
    try:
        _request(decision, takes, Refund.Reason.MOVE, actor, now)
    except Impossible as error:
        raise Impossible("", REST_STAYS) from error
    return decision


def _refuse_stale(seen: Seen | None, rehearsal: Rehearsal) -> None:
    if seen != rehearsal.seen:
        raise ChangedMeanwhile(differences(seen, rehearsal.seen, rehearsal.enrollment.currency))
