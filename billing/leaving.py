"""Leaving a group: the member asks, and the policy that they agreed to decides.

It is a decision like the desk's (`decisions`), with the same rehearsal, locks and mails; nobody
has to agree to it.
"""

import datetime as dt
import uuid

from django.db import transaction

from accounts.models import User
from billing import decisions, rehearsals, transfers
from billing.models import RefundDecision
from billing.policy import Basis
from billing.rehearsals import CONFIRMED, Impossible, Rehearsal, Seen, Wish
from enrollment.models import Enrollment

WISH = Wish(Basis.POLICY, frees_seat=True)
NO_SEAT = "You have no confirmed seat in this group, so there is none to give up."
MOVING = "You are moving to another group. Finish that, or stay here, before you leave."
WAITS = "We are deciding about a refund for this seat. When that is done, you can leave here."
NOT_BY_ITSELF = (
    "Your money cannot go back to your card by itself just now. Ask us, and a person takes care "
    "of it."
)


def rehearse(*, enrollment: Enrollment, now: dt.datetime) -> Rehearsal:
    """What leaving now would do. Raises Impossible with words for the member."""
    if enrollment.status not in CONFIRMED:
        raise Impossible("", NO_SEAT)
    if transfers.under_way(enrollment) is not None:
        raise Impossible("", MOVING)
    if enrollment.refund_decisions.filter(status="waiting").exists():
        raise Impossible("", WAITS)
    try:
        return rehearsals.rehearse(enrollment=enrollment, wish=WISH, now=now)
    except Impossible as error:
        raise Impossible("", NOT_BY_ITSELF) from error


@transaction.atomic
def leave(
    *,
    enrollment_id: int,
    seen: Seen | None,
    key: uuid.UUID,
    member: User,
    now: dt.datetime,
) -> RefundDecision:
    """Give up the seat and give back what the policy says, in one transaction. No network.

    The same `key` again is the same leaving. Raises ChangedMeanwhile and Impossible.
    """
    enrollment = decisions.lock(enrollment_id, frees_seat=True)
    if not RefundDecision.objects.filter(uuid=key).exists():
        rehearse(enrollment=enrollment, now=now)
    try:
        return decisions.decide(
            enrollment_id=enrollment_id,
            wish=WISH,
            seen=seen,
            key=key,
            actor=member,
            reason="Asked and decided by the member, by the policy",
            now=now,
            by_member=True,
        )
    except Impossible as error:
        raise Impossible("", NOT_BY_ITSELF) from error
