"""What this room keeps about a member, for that member. No ids of Stripe's: they open nothing."""

import datetime as dt

from accounts.clock import local
from accounts.exports import Room, Table, fields, register
from accounts.models import User
from billing.models import (
    CheckoutAttempt,
    Dispute,
    Instalment,
    IssuedPaper,
    LedgerEntry,
    MemberRequest,
    Payment,
    PaymentPlan,
    PersonalPrice,
    Redemption,
    Refund,
    Transfer,
)
from sessions.pricing import format_money


def stays(person: User, now: dt.datetime) -> list[str]:
    """Two queries."""
    lines = []
    entries = LedgerEntry.objects.filter(enrollment__member=person, kind__in=LedgerEntry.CASH)
    for entry in entries.select_related("enrollment__cohort").order_by("at", "pk"):
        on = local(entry.at, person.time_zone)
        amount = format_money(abs(entry.amount_cents), entry.currency)
        lines.append(
            f"{entry.get_kind_display()}: {amount} on {on:%B} {on.day}, {on.year}, for "
            f"{entry.enrollment.cohort.name}."
        )
    papers = IssuedPaper.objects.filter(enrollment__member=person)
    papers = papers.select_related("enrollment__cohort").order_by("pk")
    lines += [f"{paper.get_kind_display()} {paper.number}." for paper in papers.defer("content")]
    return lines


GROUP = {"group": "enrollment__cohort__name"}
MONEY = ("amount_cents", "currency")
ROOM = Room(
    "payments",
    "what you paid, what went back, and the papers that we gave you",
    (
        Table(
            "ledger",
            lambda person: LedgerEntry.objects.filter(enrollment__member=person),
            fields("at", "kind", *MONEY, **GROUP),
        ),
        Table(
            "payments",
            lambda person: Payment.objects.filter(enrollment__member=person).order_by("pk"),
            fields("paid_at", *MONEY, **GROUP),
        ),
        Table(
            "payment_pages",
            lambda person: CheckoutAttempt.objects.filter(enrollment__member=person).order_by("pk"),
            fields("created_at", "status", *MONEY, **GROUP),
        ),
        Table(
            "refunds",
            lambda person: Refund.objects.filter(enrollment__member=person).order_by("pk"),
            {
                **fields("requested_at", "settled_at", "status", "reason", "amount_cents"),
                **fields(currency="payment__currency", **GROUP),
            },
        ),
        Table(
            "parts",
            lambda person: Instalment.objects.filter(enrollment__member=person).order_by("pk"),
            fields("number", "due_at", "status", *MONEY, **GROUP),
        ),
        Table(
            "payment_plans",
            lambda person: PaymentPlan.objects.filter(enrollment__member=person).order_by("pk"),
            fields("made_at", "overdue_since", "warned_at", "ended_at", "ended_why", **GROUP),
        ),
        Table(
            "disputes",
            lambda person: Dispute.objects.filter(payment__enrollment__member=person).order_by(
                "pk"
            ),
            fields("opened_at", "status", *MONEY, group="payment__enrollment__cohort__name"),
        ),
        Table(
            "codes",
            lambda person: Redemption.objects.filter(enrollment__member=person).order_by("pk"),
            fields("at", "off_cents", code="code__code", **GROUP),
        ),
        Table(
            "own_prices",
            lambda person: PersonalPrice.objects.filter(member=person),
            fields("price_cents", "given_at", "ended_at", group="cohort__name"),
        ),
        Table(
            "moves_to_another_group",
            lambda person: Transfer.objects.filter(source__member=person).order_by("pk"),
            fields(
                "state", "made_at", source="source__cohort__name", target="target__cohort__name"
            ),
        ),
        Table(
            "requests",
            lambda person: MemberRequest.objects.filter(enrollment__member=person),
            fields("asked_at", "wish", "words", "answer", "decided_at", **GROUP),
        ),
        Table(
            "papers",
            lambda person: IssuedPaper.objects.filter(enrollment__member=person),
            fields("kind", "issued_at", "content", **GROUP, number="pk"),
        ),
    ),
    stays,
)


def register_room() -> None:
    register(ROOM)
