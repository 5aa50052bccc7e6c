"""Invariant 5: no mail goes out to somebody who is not entitled to it at that moment."""

from billing import plans, refunds
from billing.dispute_mails import DISPUTED_SEAT
from billing.models import Dispute, Instalment, PaymentPlan, Refund
from billing.part_reminders import PART_AHEAD
from enrollment import links
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING, Status
from outbox.models import Message
from sessions.models import CohortChange

DUE, PAID = Instalment.Status.DUE, Instalment.Status.PAID
OVER = (Status.EXPIRED, Status.CANCELLED)
# Whose subject is an enrolment, and in which states it is owed. A link needs standing.
BY_STATUS: dict[str, tuple[Status, ...]] = {
    links.HOLD_EXPIRED: (Status.EXPIRED,),
    links.WAITLIST_JOINED: (Status.WAITLISTED,),
    links.SEAT_OFFERED: (Status.OFFERED,),
    links.OFFER_LAPSED: OVER,
    links.WAITLIST_CLOSED: OVER,
}


def somebody_entitled_gets_it(message: Message) -> None:
    """Right after it was sent."""
    kind, subject = message.kind, message.subject_id
    if kind == refunds.REFUND_SENT:
        assert Refund.objects.get(pk=subject).status != Refund.Status.FAILED
    elif kind in (plans.PART_PAID, plans.PART_OPEN):
        part = Instalment.objects.select_related("enrollment").get(pk=subject)
        assert part.status == (PAID if kind == plans.PART_PAID else DUE)
        if kind == plans.PART_OPEN:
            assert part.enrollment.status in plans.CHARGED
    elif kind == PART_AHEAD:
        part = Instalment.objects.select_related("enrollment__plan").get(pk=subject)
        assert (part.status, part.tries, part.enrollment.plan.ended_at) == (DUE, 0, None)
        assert part.enrollment.status in plans.CHARGED
        # Written out here: the law is not to ask what it watches.
        seat, holding = part.enrollment, (Dispute.Status.OPEN, Dispute.Status.ANSWERED)
        assert not Dispute.objects.filter(payment__enrollment=seat, status__in=holding).exists()
        last = seat.moves.order_by("-at", "-pk").first()
        assert not (seat.status == Status.SUSPENDED and last and last.actor_id)
    elif kind in (plans.PAUSE_AHEAD, plans.PAUSED):
        plan = PaymentPlan.objects.select_related("enrollment").get(pk=subject)
        wanted = Status.GRACE if kind == plans.PAUSE_AHEAD else Status.SUSPENDED
        assert (plan.enrollment.status, plan.ended_at) == (wanted, None)
        assert plan.overdue_since
    elif kind == refunds.REFUND_SETTLED:
        refund = Refund.objects.get(pk=subject)
        assert refund.resolved_at is not None
        assert not refund.resolved_how.startswith(refunds.NOT_OWED)
    elif kind not in (refunds.SEAT_FREED, DISPUTED_SEAT):
        entitled = BY_STATUS.get(kind, IN_STANDING)
        if kind == links.SCHEDULE_CHANGED:
            # Whoever is paused hears that the group ends, and of no other change.
            change = CohortChange.objects.get(pk=message.occasion_id)
            entitled += (Status.SUSPENDED,) * (change.kind == CohortChange.Kind.END)
        assert Enrollment.objects.get(pk=subject).status in entitled, kind
