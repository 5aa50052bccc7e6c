"""What members ask a person for, and the answers."""

import datetime as dt
import uuid

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.models import User
from billing.models import MemberRequest, RefundDecision
from enrollment.models import Enrollment
from enrollment.states import Status
from outbox import services as outbox

REQUEST_ANSWERED = "request-answered"
ANSWERED_WITHIN = "two working days"
# Whoever never had a seat has nothing to ask here for.
MAY_ASK = (
    Status.AWAITING_FUNDS,
    Status.ACTIVE,
    Status.GRACE,
    Status.SUSPENDED,
    Status.COMPLETED,
    Status.WITHDRAWN,
    Status.CANCELLED,
    Status.LATE_PAID,
)


class AskedAlready(Exception):
    """Another request of this seat is open."""


class AnsweredAlready(Exception):
    """Somebody else has answered it meanwhile."""


def ask(
    *,
    enrollment: Enrollment,
    wish: MemberRequest.Wish,
    words: str,
    key: uuid.UUID,
    now: dt.datetime,
) -> MemberRequest:
    """Write down a wish. The same `key` again is the same request. Raises AskedAlready."""
    try:
        with transaction.atomic():
            return MemberRequest.objects.create(
                uuid=key, enrollment=enrollment, asked_at=now, wish=wish, words=words
            )
    except IntegrityError:
        made = MemberRequest.objects.filter(uuid=key, enrollment=enrollment).first()
        if made is None:
            raise AskedAlready from None
        return made


def latest(enrollment: Enrollment) -> MemberRequest | None:
    """The last thing that was asked for this seat. One query."""
    return MemberRequest.objects.filter(enrollment=enrollment).first()


@transaction.atomic
def answer(
    *,
    request: MemberRequest,
    words: str,
    decision: RefundDecision | None,
    actor: User,
    now: dt.datetime,
) -> None:
    """Close a request and owe the member its answer. Raises AnsweredAlready."""
    answered = MemberRequest.objects.filter(pk=request.pk, decided_at=None).update(
        decided_at=now, decided_by=actor, answer=words, decision=decision
    )
    if not answered:
        raise AnsweredAlready
    outbox.promise(
        kind=REQUEST_ANSWERED,
        recipient_id=request.enrollment.member_id,
        subject_id=request.pk,
        now=now,
    )


def refunds_since(request: MemberRequest) -> "QuerySet[RefundDecision]":
    """What was decided about this seat's money after the request, newest first."""
    made = RefundDecision.objects.filter(
        enrollment=request.enrollment_id, made_at__gte=request.asked_at, by_member=False
    )
    return made.exclude(status=RefundDecision.Status.DECLINED)


def waiting(now: dt.datetime) -> "QuerySet[MemberRequest]":
    """What waits for an answer, the oldest first, with enrolment, member and group."""
    found = MemberRequest.objects.filter(decided_at=None)
    people = found.select_related("enrollment__member", "enrollment__cohort")
    return people.order_by("asked_at", "pk")
