"""The good-faith estimate: what the sessions are expected to cost, before they begin."""

from collections.abc import Sequence

from django.conf import settings

from billing.papers.paper import Fact, Paper, Table
from billing.papers.parties import Person, Provider, day_words, span_words, zone_note
from billing.papers.shares import spread
from sessions.models import GroupSession
from sessions.pricing import format_money

# As the No Surprises Act asks (45 CFR 149.610), in plain words.
NOTES = (
    "This is an estimate of what the sessions listed here are expected to cost. It is made in good "
    "faith from what we know on the day on which it is issued. Other things may be recommended to "
    "you that have to be scheduled or asked for separately; they are not part of it.",
    "What you pay in the end may differ. If you are billed $400 or more above this estimate, you "
    "have the right to dispute the bill.",
    "You may first ask us to bring the bill down to the estimate, to talk about it, or for help "
    "with the cost. You may also start a dispute with the U.S. Department of Health and Human "
    "Services within 120 days of the date on the bill. It charges a fee of $25; if it agrees with "
    "you, you pay the price of this estimate. Disputing does not change how we work with you.",
    "How to dispute, and more about your rights: www.cms.gov/nosurprises, or 1-800-985-3059.",
    "This estimate is not a contract. It does not oblige you to come to any session, nor to get "
    "them from us.",
    "Keep a copy of this paper. You may need it if you are billed a higher amount.",
)


def estimate(
    *,
    provider: Provider,
    person: Person,
    product: str,
    code: str,
    states: str,
    sessions: Sequence[GroupSession],
    price_cents: int,
    currency: str,
    zone: str,
) -> Paper:
    """`sessions` are those that are to be held; the price is spread over them to the cent."""
    shares = spread(price_cents, len(sessions))
    rows = tuple(
        (
            day_words(session.starts_at, zone),
            span_words(session.starts_at, session.ends_at, zone),
            format_money(cents, currency),
        )
        for session, cents in zip(sessions, shares, strict=True)
    )
    return Paper(
        kind="estimate",
        title="Good-faith estimate",
        issuer=provider.in_full(),
        recipient=person.facts(),
        facts=(
            Fact("Expected service", f"{product}, {len(sessions)} online sessions in a group"),
            Fact("Service code", code or "None assigned yet"),
            Fact("Other codes", "None assigned"),
            Fact("Where", f"Online, for people in: {states}"),
            Fact("Questions", settings.SUPPORT_EMAIL),
        ),
        lines=Table(("Expected date", "Time", "Expected charge"), rows),
        totals=(Fact("Expected total", format_money(price_cents, currency)),),
        notes=(*NOTES, zone_note(zone)),
    )
