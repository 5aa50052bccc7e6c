"""What must hold of payment plans, after each step and after each minute's sweep.

3: ACTIVE and GRACE mean a plan in good standing. 4: each part is charged once, and nobody is
charged after they left.
"""

import datetime as dt
from collections import Counter

from billing import plans
from billing.models import Dispute, Instalment, PaymentPlan, Refund
from enrollment.models import Enrollment
from enrollment.states import Status
from tests.billing.money.sight import JSON, Sight

GONE = (Status.WITHDRAWN, Status.CANCELLED, Status.LATE_PAID)
PAID, DUE = Instalment.Status.PAID, Instalment.Status.DUE
HELD_BY_A_BANK = (Dispute.Status.OPEN, Dispute.Status.ANSWERED)


def law_3_a_plan_adds_up_to_the_price(sight: Sight) -> None:
    for plan in sight.plans:
        enrollment = sight.enrollment(plan.enrollment_id)
        parts = sight.parts_of(enrollment)
        assert [part.number for part in parts] == [1, 2, 3]
        assert sum(part.amount_cents for part in parts) == enrollment.price_cents
        assert parts[0].status == PAID


def law_3_what_pays_a_part_is_money_for_it(sight: Sight) -> None:
    used = Counter(part.payment_id for part in sight.parts if part.payment_id)
    assert max(used.values(), default=0) <= 1
    payments = {one.pk: one for one in sight.payments}
    for part in sight.parts:
        assert (part.payment_id is not None) == (part.status == PAID)
        if part.payment_id is None:
            continue
        payment = payments[part.payment_id]
        assert payment.enrollment_id == part.enrollment_id
        came_for = sight.part_of(payment)
        assert came_for == (part if part.number > 1 else None)


def law_3_grace_and_pause_mean_an_open_part(sight: Sight) -> None:
    overdue = {one.enrollment_id for one in sight.plans if one.overdue_since and not one.ended_at}
    for one in sight.enrollments:
        moves = sight.moves[one.pk]
        by_person = bool(moves) and moves[-1].actor_id is not None
        if one.status == Status.GRACE or (one.status == Status.SUSPENDED and not by_person):
            assert one.pk in overdue, "nothing is overdue"
        if one.status == Status.ACTIVE:
            assert one.pk not in overdue, "a part is overdue"


def law_3_an_overdue_part_was_asked_for(sight: Sight) -> None:
    for plan in sight.running_plans:
        if plan.overdue_since:
            parts = [one for one in sight.parts if one.enrollment_id == plan.enrollment_id]
            assert any(one.status == DUE and one.tries for one in parts)


def law_4_each_part_is_charged_once(sight: Sight) -> None:
    """Among tries at Stripe; a page beside them is paid back (the next law)."""
    paid = Counter(
        one["metadata"]["instalment"] for one in off_session(sight) if one["status"] == "succeeded"
    )
    assert max(paid.values(), default=0) <= 1


def law_4_nobody_is_charged_after_they_left(sight: Sight) -> None:
    left = {one.pk: _left_at(sight, one) for one in sight.enrollments}
    parts = {str(one.uuid): one for one in sight.parts}
    for intent in off_session(sight):
        part = parts[intent["metadata"]["instalment"]]
        assert intent["amount"] == part.amount_cents
        gone = left[part.enrollment_id]
        assert gone is None or intent["created"] <= gone.timestamp()
        assert intent["created"] >= int(part.due_at.timestamp())


def law_4_money_that_pays_no_part_goes_back(sight: Sight) -> None:
    pays = {part.payment_id for part in sight.parts}
    for payment in sight.payments:
        part = sight.part_of(payment)
        attempt = sight.attempt_of(payment)
        if part is None or (attempt and attempt.status in ("review", "returned")):
            continue
        reasons = {one.reason for one in sight.refunds_of(payment)}
        by_itself = reasons & {Refund.Reason.TWICE, Refund.Reason.LATE}
        if payment.pk in pays:
            assert not by_itself
            continue
        before = {Refund.Reason.OUTSIDE, Refund.Reason.DESK, Refund.Reason.POLICY} & reasons
        assert by_itself or before
        if Refund.Reason.TWICE in reasons:
            assert part.status == PAID
        if Refund.Reason.LATE in reasons:
            assert sight.enrollment(part.enrollment_id).status in GONE


def _waits_for_a_person(sight: Sight, part: Instalment) -> bool:
    """Who looks at odd money that came for it, at their bank, or who paused the seat."""
    enrollment = sight.enrollment(part.enrollment_id)
    moves = sight.moves[enrollment.pk]
    disputes = [each for one in sight.payments_of(enrollment) for each in sight.disputes_of(one)]
    return (
        any(one.instalment_id == part.pk for one in sight.in_review)
        or any(one.status in HELD_BY_A_BANK for one in disputes)
        or (enrollment.status == Status.SUSPENDED and moves[-1].actor_id is not None)
    )


def off_session(sight: Sight) -> list[JSON]:
    return [one for one in sight.intents.values() if one["metadata"].get("instalment")]


def _left_at(sight: Sight, one: Enrollment) -> dt.datetime | None:
    gone = [move.at for move in sight.moves[one.pk] if move.target in GONE]
    return gone[0] if gone else None


LAWS = (
    law_3_a_plan_adds_up_to_the_price,
    law_3_what_pays_a_part_is_money_for_it,
    law_3_grace_and_pause_mean_an_open_part,
    law_3_an_overdue_part_was_asked_for,
    law_4_each_part_is_charged_once,
    law_4_nobody_is_charged_after_they_left,
    law_4_money_that_pays_no_part_goes_back,
)


def after_the_minute_nobody_is_in_grace_for_too_long(now: dt.datetime) -> None:
    """Seven days, and a day after the warning; and whoever has left is asked for nothing."""
    for plan in PaymentPlan.objects.filter(ended_at=None).exclude(overdue_since=None):
        assert plan.overdue_since is not None
        status = plan.enrollment.status
        assert status in plans.CHARGED
        warned = plan.warned_at is not None and plan.warned_at <= now - plans.NOTICE
        if status == Status.GRACE:
            assert not (warned and plan.overdue_since <= now - plans.GRACE)
            assert plan.warned_at or plan.overdue_since > now - plans.GRACE + plans.NOTICE


def no_part_is_forgotten(sight: Sight, now: dt.datetime) -> None:
    """At the end: what is due was asked for, and is asked for again or waits for somebody."""
    for part in sight.due_parts:
        enrollment = sight.enrollment(part.enrollment_id)
        if enrollment.status not in plans.CHARGED:
            continue
        if part.next_try_at is None:
            assert part.needs_member
            assert enrollment.status != Status.ACTIVE
        elif not _waits_for_a_person(sight, part):
            assert part.next_try_at > now
            assert bool(part.tries) == (part.due_at <= now)
