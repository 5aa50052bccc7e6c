"""The mails about money. Neutral subjects; the amount and the way, nothing else."""

import datetime as dt
from collections.abc import Mapping, Sequence

import structlog
from django.conf import settings
from django.db.models import F, Min, Q
from django.urls import reverse

from accounts.clock import local
from billing.models import Refund
from billing.papers.business_days import estimate_due
from billing.papers.issuing import ESTIMATE_READY, OWED_AN_ESTIMATE
from billing.refunds import REFUND_SENT
from enrollment.models import Enrollment
from outbox.kinds import register
from outbox.mail import Mail, NotOwed, compose
from outbox.models import Message
from sessions.pricing import format_money

log = structlog.get_logger("grouport.billing")


def register_kinds() -> None:
    register(REFUND_SENT, refund_sent)
    register(ESTIMATE_READY, estimate_ready)


def refund_sent(messages: Sequence[Message], now: dt.datetime) -> Mapping[int, Mail | NotOwed]:
    """Money is on its way back, and why. Not owed while a refund has failed."""
    refunds = Refund.objects.select_related("payment__enrollment__member").in_bulk(
        [message.subject_id for message in messages]
    )

    def render(message: Message) -> Mail | NotOwed:
        refund = refunds[message.subject_id]
        if refund.status == Refund.Status.FAILED:
            return NotOwed("The refund failed.")
        amount = format_money(refund.amount_cents, refund.payment.currency)
        return compose(
            "refund-sent",
            f"Your refund of {amount} is on its way",
            {
                "member": refund.payment.enrollment.member,
                "amount": amount,
                "reason": refund.reason,
            },
        )

    return {message.pk: render(message) for message in messages}


def estimate_ready(messages: Sequence[Message], now: dt.datetime) -> Mapping[int, Mail | NotOwed]:
    """Where the good-faith estimate is. The mail itself names no amount and carries no file."""
    theirs = Q(
        cohort__group_sessions__number__gte=F("first_week"),
        cohort__group_sessions__cancelled_at=None,
    )
    found = (
        Enrollment.objects.select_related("member", "cohort")
        .annotate(first_session=Min("cohort__group_sessions__starts_at", filter=theirs))
        .in_bulk([message.subject_id for message in messages])
    )

    def render(message: Message) -> Mail | NotOwed:
        enrollment = found[message.subject_id]
        if enrollment.status not in OWED_AN_ESTIMATE:
            return NotOwed("The seat is not theirs any more.")
        _tell_if_late(enrollment, enrollment.first_session, now)
        path = reverse("billing:paper", args=[enrollment.public_id, "estimate"])
        return compose(
            "estimate-ready",
            "Your cost overview is ready",
            {"member": enrollment.member, "url": settings.SITE_URL + path},
        )

    return {message.pk: render(message) for message in messages}


def _tell_if_late(enrollment: Enrollment, first: dt.datetime | None, now: dt.datetime) -> None:
    """A line in the log when the day is over by which the law wanted it sent."""
    if enrollment.confirmed_at is None or first is None:
        return
    zone = enrollment.cohort.zone
    due = estimate_due(
        scheduled=local(enrollment.confirmed_at, zone).date(),
        first_session=local(first, zone).date(),
    )
    if due is not None and local(now, zone).date() > due:
        log.warning("estimate_late", enrollment=str(enrollment.public_id), due=due.isoformat())
