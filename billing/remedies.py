"""What is proposed about a difference, and how far the ledger is from Stripe. Reads only."""

import dataclasses

from django.db.models import Sum

from billing import comparison
from billing.models import Difference, Refund, Transfer
from sessions.pricing import format_money

Kind, About = Difference.Kind, Difference.About


@dataclasses.dataclass(frozen=True, slots=True)
class Gap:
    """What Stripe says that the ledger should say about one object, and what it says, in cents."""

    theirs: int
    ours: int

    @property
    def cents(self) -> int:
        """The line that would make both the same."""
        return self.theirs - self.ours

    def takes(self, cents: int) -> bool:
        """Whether a line brings the ledger nearer to Stripe, and not past it."""
        return 0 < cents <= self.cents or self.cents <= cents < 0


@dataclasses.dataclass(frozen=True, slots=True)
class Remedy:
    """What is proposed.

    `writes` says what an import would write, and is empty without one; `gap` is what a line by
    hand can put right, None where none mends anything.
    """

    words: str
    writes: str
    gap: Gap | None


ASKED_FOR = (
    "Stripe has this refund, and its answer to us was lost. Within some minutes our program asks "
    "again by itself and books it once. Or import it now."
)
IN_VAIN = "The import came to nothing. Put the ledger right by hand, by the difference."
PROPOSALS: dict[tuple[str, str], str] = {
    (Kind.NOT_BOOKED, About.PAYMENT): "Import the payment, if we know whose it is.",
    (Kind.NOT_BOOKED, About.PAGE): "Ask Stripe again; a page without a charge cost nothing.",
    (Kind.NOT_BOOKED, About.REFUND): "Import the refund that was made in the dashboard.",
    (Kind.NOT_BOOKED, About.DISPUTE): "Import the dispute; it then stands among the disputes.",
    (Kind.STATE, About.REFUND): "Import what Stripe says about the refund.",
    (Kind.STATE, About.DISPUTE): "Import what Stripe says about the dispute.",
    (Kind.AMOUNT, About.DISPUTE): "Import what Stripe says about the dispute.",
    (Kind.LEDGER, About.DISPUTE): "Import what Stripe moved because of the dispute.",
    (Kind.STATE, About.PAYMENT): "Stripe took no money for this payment. Look at it in the "
    "dashboard.",
}
BY_KIND: dict[str, str] = {
    Kind.NOT_THERE: "Look in the dashboard whether the keys are of this account.",
    Kind.AMOUNT: "Find out in the dashboard which amount is right.",
    Kind.CURRENCY: "Give the money back in its own currency at Stripe, and settle this with a "
    "note.",
    Kind.MODE: "Test money is no money. Look at the keys, and settle this with a note.",
    Kind.LEDGER: "Our ledger holds another sum than Stripe.",
    Kind.STATE: "Look at both, and settle this with a note.",
    Kind.NOT_BOOKED: "Look at it in the dashboard, and settle this with a note.",
}
# When a line of the ledger is the remedy, if it does not say yet what Stripe says.
BY_HAND: dict[tuple[str, str], str] = {
    (Kind.NOT_THERE, About.PAYMENT): "If the money never came, put the ledger right by hand.",
    (Kind.NOT_THERE, About.REFUND): "If the money never went, put the ledger right by hand.",
    (Kind.NOT_THERE, About.DISPUTE): "If the bank took nothing, put the ledger right by hand.",
    (Kind.STATE, About.PAYMENT): "If the money never came, put the ledger right by hand.",
}
for each in About:
    BY_HAND[Kind.AMOUNT, each] = "Then put the ledger right by hand, by the difference."
    BY_HAND[Kind.LEDGER, each] = "Put the ledger right by hand, by the difference."


def remedy(difference: Difference) -> Remedy:
    """What is proposed for a difference, as the ledger stands now. Three queries at most."""
    sums = _sums(difference)
    # After a part by hand an import would write all of it once more.
    writes = "" if sums and difference.left_cents is not None else _writes(difference)
    return Remedy(
        words=_words(difference, sums, writes),
        writes=writes,
        gap=sums if sums and sums.cents else None,
    )


def gap(difference: Difference) -> Gap | None:
    """How far the ledger is from Stripe; None where a line of the ledger mends nothing.

    None, too, while an import can be tried: an event or a sweep may write the same line any
    minute. Three queries at most.
    """
    sums = _sums(difference)
    return sums if sums and sums.cents else None


def _words(difference: Difference, sums: Gap | None, writes: str) -> str:
    kind, about = difference.kind, difference.about
    if difference.ours == comparison.ASKED_FOR:
        return ASKED_FOR
    look = PROPOSALS.get((kind, about)) or BY_KIND[kind]
    if sums and sums.cents and _writes(difference):
        return IN_VAIN
    if writes:
        return look
    by_hand = BY_HAND.get((kind, about))
    if by_hand is None:
        return look
    if sums is None:
        return f"{look} No line of the ledger mends this: settle it with a note."
    return f"{look} {by_hand if sums.cents else _equal(difference, sums)}"


def _equal(difference: Difference, sums: Gap) -> str:
    """That the ledger says the same as Stripe, and what does not."""
    booked = format_money(sums.ours, difference.currency)
    if difference.kind != Kind.AMOUNT or difference.ours_cents is None:
        return f"Our ledger says {booked}, so nothing is to be put right. Settle this with a note."
    ours = format_money(difference.ours_cents, difference.our_currency)
    return (
        f"Our ledger says {booked}, as Stripe does: nothing is to be put right there, and balances "
        f"and receipts follow it. Only the {difference.get_about_display().lower()} itself is "
        f"written down with {ours}, and stays so. Settle this with a note."
    )


# --- Imports and sums ---------------------------------------------------------------------


def _writes(difference: Difference) -> str:
    kind, about = difference.kind, difference.about
    cents = difference.theirs_cents or 0
    amount = format_money(cents, difference.currency)
    if (kind, about) == (Kind.NOT_BOOKED, About.PAYMENT) and difference.enrollment_id:
        return (
            f"A payment of {amount} in the books. The seat is confirmed if it is still kept or a "
            "chair is free, with the mail that says so; otherwise the money goes back by itself."
        )
    if (kind, about) == (Kind.NOT_BOOKED, About.REFUND):
        return f"A refund of {amount} in the books, and the mail about it. The seat stays as it is."
    if (kind, about) == (Kind.STATE, About.REFUND):
        return f"That the refund is “{difference.theirs}”, with the line of the ledger for it."
    if about == About.DISPUTE and kind in (Kind.NOT_BOOKED, Kind.STATE, Kind.AMOUNT, Kind.LEDGER):
        return "The dispute as Stripe has it, with a line of the ledger for each sum that moved."
    return ""


def _came_to_nothing(difference: Difference) -> bool:
    """Whether an import did. After a move to another group it is tried anew, for the new seat."""
    at = difference.in_vain_at
    if at is None:
        return False
    moves = Transfer.objects.filter(source=difference.enrollment_id, done_at__gte=at)
    return not moves.exists()


def _sums(difference: Difference) -> Gap | None:
    """Both sums, also where they are equal; None where no line of the ledger can be the remedy."""
    if difference.ours == comparison.ASKED_FOR:
        return None  # the sweep hears how it stands, and books it
    if _writes(difference) and not _came_to_nothing(difference):
        return None
    theirs = _should_be_booked(difference)
    if difference.enrollment_id is None or theirs is None:
        return None
    if difference.our_currency != difference.currency:
        return None
    lines = comparison.lines(About(difference.about), [difference.stripe_id])
    booked = dict(lines.values_list("currency").annotate(cents=Sum("amount_cents")))
    if booked.keys() - {difference.currency}:
        return None  # no sum of two currencies says how far they are from each other
    return Gap(theirs, booked.get(difference.currency, 0))


def _should_be_booked(difference: Difference) -> int | None:
    """In cents; None where what Stripe says does not tell."""
    kind, about, cents = difference.kind, difference.about, difference.theirs_cents or 0
    if about == About.PAGE or kind in (Kind.CURRENCY, Kind.MODE):
        return None
    if kind == Kind.LEDGER:
        return cents
    if kind == Kind.NOT_THERE:
        return 0
    if about == About.PAYMENT:
        return 0 if difference.theirs == "not paid" else cents
    if about == About.REFUND:
        failed = Refund.objects.filter(stripe_refund_id=difference.stripe_id, status="failed")
        here = kind == Kind.AMOUNT and failed.exists()  # both say so
        return 0 if difference.theirs == "failed" or here else -cents
    return None  # what a bank moved in a dispute is told by an import
