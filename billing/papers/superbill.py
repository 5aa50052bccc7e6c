"""The superbill: attended sessions as an insurer asks for them. Health information throughout."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.papers.paper import Fact, Paper, Table
from billing.papers.parties import Person, Provider, day_words, span_words, zone_note
from enrollment.attended import Attended
from sessions.leading import names
from sessions.pricing import format_money

# CMS: the member is at home, and sees and hears us live by video.
PLACE_OF_SERVICE, MODIFIER = "10", "95"
HEAD = ("Date", "Time", "Min.", "Code", "Place", "Mod.", "People", "Led by", "Fee paid")
NOTES = (
    "Only sessions that were attended are listed. “People” is how many members were there.",
    "The fee is each session\u2019s part of what was really paid, after refunds.",
    "The service code applies because a clinician of this practice decided so for this program. "
    "Whether and how much an insurer pays back is for the insurer to say.",
)


@dataclass(frozen=True, slots=True)
class Billed:
    """One attended session and what was paid for it, in cents."""

    attended: Attended
    fee_cents: int


def superbill(
    *,
    provider: Provider,
    person: Person,
    code: str,
    billed: Sequence[Billed],
    currency: str,
    zone: str,
) -> Paper:
    """Of at least one attended session, in their order; times in the group's zone."""
    total = sum(line.fee_cents for line in billed)
    return Paper(
        kind="superbill",
        title="Superbill",
        issuer=provider.in_full(),
        recipient=person.facts(),
        facts=(
            Fact("Service", f"{code}: group session"),
            Fact("Place of service", f"{PLACE_OF_SERVICE}: by video, at the member\u2019s home"),
            Fact("Modifier", f"{MODIFIER}: live, with sound and picture"),
            Fact("Diagnosis code", "To be entered by your clinician"),
        ),
        lines=Table(HEAD, tuple(_row(line, code, currency, zone) for line in billed)),
        totals=(Fact("Fees paid for these sessions", format_money(total, currency)),),
        notes=(*NOTES, zone_note(zone)),
    )


def _row(line: Billed, code: str, currency: str, zone: str) -> tuple[str, ...]:
    session = line.attended.held
    minutes = int((session.ends_at - session.starts_at).total_seconds()) // 60
    return (
        day_words(session.starts_at, zone),
        span_words(session.starts_at, session.ends_at, zone),
        str(minutes),
        code,
        PLACE_OF_SERVICE,
        MODIFIER,
        str(line.attended.people),
        names(line.attended.leaders) or "a colleague",
        format_money(line.fee_cents, currency),
    )
