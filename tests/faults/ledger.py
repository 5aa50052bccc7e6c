"""Is any enrolment half done? Every row that belongs to it is there, once, and no other."""

from collections import Counter

from django.db.models import Prefetch

from billing.models import CheckoutAttempt
from enrollment import agreements, links
from enrollment.models import Enrollment, EnrollmentMove, Seat
from enrollment.states import LIVE, Status
from outbox.models import Message

# What the history of an enrolment says, by its status.
HISTORY = {
    Status.HELD: [("", "held")],
    Status.ACTIVE: [("", "held"), ("held", "active")],
}
AGREED = sorted(agreement.kind for agreement in agreements.CURRENT)


def half_done() -> list[str]:
    """What is missing or too much, in words; empty when everything is whole."""
    in_order = Prefetch("moves", EnrollmentMove.objects.order_by("pk"))
    rows = Enrollment.objects.prefetch_related(in_order, "consents", "attempts", "payments")
    seats = Counter(Seat.objects.exclude(enrollment=None).values_list("enrollment", flat=True))
    mails = Counter(
        Message.objects.filter(kind=links.SEAT_CONFIRMED).values_list("subject_id", flat=True)
    )
    problems = []
    for row in rows:
        paid = row.status == Status.ACTIVE
        found = {
            "seats": seats[row.pk],
            "history": [(move.source, move.target) for move in row.moves.all()],
            "agreed": sorted(consent.kind for consent in row.consents.all()),
            "paid attempts": _attempts(row, CheckoutAttempt.Status.PAID),
            "payments": [payment.amount_cents for payment in row.payments.all()],
            "confirmations": mails[row.pk],
        }
        expected = {
            "seats": int(row.status in LIVE),
            "history": HISTORY[Status(row.status)],
            "agreed": AGREED,
            "paid attempts": int(paid),
            "payments": [row.price_cents] * paid,
            "confirmations": int(paid),
        }
        if found != expected or row.attempts.count() > 1:
            problems.append(f"{row.status} {row.pk}: {found}")
    return problems


def _attempts(row: Enrollment, status: CheckoutAttempt.Status) -> int:
    return sum(attempt.status == status for attempt in row.attempts.all())
