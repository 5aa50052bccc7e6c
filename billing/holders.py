"""Whose seat a payment stands for now: after a move it is another one than it was paid for."""

from collections.abc import Iterable

from billing.models import Payment, Transfer
from enrollment.models import Enrollment


def holder(payment: Payment) -> Enrollment:
    """The enrolment that the money went along to, or that it was paid for. Two queries at most.

    The inverse of `facts.paid_by`.
    """
    found = holders([payment])[payment.pk]
    if found == payment.enrollment_id:
        return payment.enrollment
    return Enrollment.objects.select_related("member", "cohort__programme").get(pk=found)


def holders(payments: Iterable[Payment]) -> dict[int, int]:
    """The enrolments of several payments, by their keys. One query.

    Money that came for a seat after it was moved from stays there.
    """
    rows = list(payments)
    moves = Transfer.objects.filter(
        source__member__enrollments__payments__in=rows, state=Transfer.State.DONE
    ).distinct()
    went = {move.source_id: move for move in moves}
    found = {}
    for payment in rows:
        here = payment.enrollment_id
        while (move := went.get(here)) and move.done_at and move.done_at >= payment.paid_at:
            here = move.target_id
        found[payment.pk] = here
    return found
