"""What a bank's question about a payment means for its member, in words. Reads only."""

from collections.abc import Iterable

from django.db.models import Sum

from billing import facts
from billing.disputes import HOLDS_THE_MONEY
from billing.models import Dispute, LedgerEntry
from enrollment.models import Enrollment
from enrollment.states import Status
from sessions.pricing import format_money

OF_DISPUTES = (LedgerEntry.Kind.DISPUTE, LedgerEntry.Kind.DISPUTE_WON)
PAUSED_MEANWHILE = (
    "Your bank is looking at a payment of yours, and no links come until it has answered. Would "
    "you like to keep your seat? Tell your bank that the payment is yours, and write to us."
)
PAUSED_AND_WON = (
    "Your bank has answered, and your payment stays with us. A person is looking at your seat now, "
    "and you hear from us: you need do nothing."
)
PAUSED_AND_LOST = (
    "Your bank has given your payment back to you. Your seat is kept until a person has looked at "
    "it. Would you like to stay? Write to us, and we look for a way with you."
)


def pause_words(enrollment: Enrollment) -> str:
    """Why a seat is paused that somebody paused because of a dispute; else empty. Two queries."""
    if enrollment.status != Status.SUSPENDED:
        return ""
    paused = Dispute.objects.filter(
        payment__enrollment__in=facts.paid_by(enrollment), seat_decision=Dispute.Seat.PAUSE
    )
    dispute = paused.order_by("-seat_decided_at").first()
    if dispute is None:
        return ""
    if dispute.status == Dispute.Status.LOST:
        return PAUSED_AND_LOST
    return PAUSED_MEANWHILE if dispute.closed_at is None else PAUSED_AND_WON


def with_bank(enrollment: Enrollment, *, moves: bool) -> list[str]:
    """What of this seat's money their bank has, and what that means if they leave or move now.

    Nothing when it has nothing. Two queries.
    """
    lines = LedgerEntry.objects.filter(enrollment=enrollment, kind__in=OF_DISPUTES).order_by()
    taken = dict(lines.values_list("stripe_id").annotate(cents=-Sum("amount_cents")))
    still_open = set(
        Dispute.objects.filter(stripe_dispute_id__in=taken, status__in=HOLDS_THE_MONEY).values_list(
            "stripe_dispute_id", flat=True
        )
    )
    held = sum(cents for one, cents in taken.items() if one in still_open)
    gone = sum(cents for one, cents in taken.items() if one not in still_open)
    words = []
    if held > 0:
        amount = format_money(held, enrollment.currency)
        words.append(
            f"Your bank holds {amount} of what you paid while it looks at your question about it. "
            f"{MOVE_WHILE_HELD if moves else LEAVE_WHILE_HELD}"
        )
    if gone > 0:
        amount = format_money(gone, enrollment.currency)
        meaning = MOVE_GONE if moves else LEAVE_GONE
        words.append(f"Your bank gave you {amount} of what you paid back. {meaning}")
    return words


def at_the_end(enrollments: Iterable[Enrollment]) -> dict[int, str]:
    """For those whose seat ends while their bank holds money of it: what becomes of that.

    One query. Whose bank holds nothing is not in it.
    """
    seats = {one.pk: one for one in enrollments}
    held = Dispute.objects.filter(status__in=HOLDS_THE_MONEY).values("stripe_dispute_id")
    lines = LedgerEntry.objects.filter(
        enrollment__in=seats, kind__in=OF_DISPUTES, stripe_id__in=held
    ).order_by()
    sums = lines.values_list("enrollment").annotate(cents=-Sum("amount_cents"))
    return {
        pk: END_WHILE_HELD.format(format_money(cents, seats[pk].currency))
        for pk, cents in sums
        if cents > 0
    }


END_WHILE_HELD = (
    "Your bank holds {} of what you paid while it looks at your question about it. When it has "
    "answered, a person here looks at what goes back to you."
)
LEAVE_WHILE_HELD = (
    "If you leave now, nothing of it goes back from us by itself. If your bank then leaves it with "
    "us, a person here looks at what goes back to you. You can also wait for its answer."
)
MOVE_WHILE_HELD = (
    "It does not count for another group meanwhile. You can wait for its answer first."
)
LEAVE_GONE = "So it does not go back from us a second time."
MOVE_GONE = "So it does not count for another group."
