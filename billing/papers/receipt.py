"""The receipt: what was paid, when, what went back, what stays. Nothing in it tells of health."""

from collections.abc import Sequence

from billing.models import LedgerEntry
from billing.papers.paper import Fact, Paper, Table
from billing.papers.parties import Person, Provider, moment_words, zone_note
from sessions.pricing import format_money

Kind = LedgerEntry.Kind
# What the processor takes from us is not the member's affair.
NOT_THEIRS = (Kind.FEE,)
WORDS: dict[str, str] = {
    Kind.CHARGE: "Paid by card",
    Kind.REFUND: "Refunded to the card",
    Kind.REFUND_FAILED: "A refund came back to us",
    Kind.DISPUTE: "Taken back by the bank",
    Kind.DISPUTE_WON: "Given to us again by the bank",
    Kind.ADJUSTMENT: "Correction",
}
# Which of the totals a line belongs to.
SUMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Paid", (Kind.CHARGE,)),
    ("Refunded", (Kind.REFUND, Kind.REFUND_FAILED)),
    ("Taken back by the bank", (Kind.DISPUTE, Kind.DISPUTE_WON)),
    ("Credits and corrections", (Kind.CREDIT, Kind.ADJUSTMENT)),
)
NOTES = (
    "We do not know the number of the card: it was paid on our payment processor\u2019s page.",
    "Banks take 5 to 10 days to show a refund.",
)


def kept(entries: Sequence[LedgerEntry]) -> int:
    """Cents that stay with us for an enrolment."""
    return sum(entry.amount_cents for entry in entries if entry.kind not in NOT_THEIRS)


def receipt(
    *,
    provider: Provider,
    person: Person,
    product: str,
    entries: Sequence[LedgerEntry],
    zone: str,
) -> Paper:
    """Of at least one line of the ledger, in the order in which they happened."""
    lines = [entry for entry in entries if entry.kind not in NOT_THEIRS]
    currency = lines[0].currency
    returned = any(line.kind == Kind.REFUND for line in lines)
    rows = tuple(
        (moment_words(line.at, zone), _what(line), format_money(line.amount_cents, currency))
        for line in lines
    )
    return Paper(
        kind="receipt",
        title="Receipt",
        issuer=provider.briefly(),
        recipient=(Fact("For", person.name),),
        facts=(Fact("What", product), Fact("Paid with", "Card")),
        lines=Table(("When", "What happened", "Amount"), rows),
        totals=_totals(lines, currency),
        notes=(*NOTES[: 2 if returned else 1], zone_note(zone)),
    )


def _what(line: LedgerEntry) -> str:
    if line.kind == Kind.CREDIT:
        into = "from" if line.amount_cents > 0 else "to"
        return f"Credit {into} another group"
    return WORDS[line.kind]


def _totals(lines: Sequence[LedgerEntry], currency: str) -> tuple[Fact, ...]:
    sums = []
    for label, kinds in SUMS:
        if any(line.kind in kinds for line in lines):
            cents = sum(line.amount_cents for line in lines if line.kind in kinds)
            sums.append(Fact(label, format_money(cents, currency)))
    return (*sums, Fact("Stays paid", format_money(kept(lines), currency)))
