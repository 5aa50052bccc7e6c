"""Finding an enrolment by whatever somebody has at hand: a name, an address, an amount, an id.

The number of queries does not depend on how much is found.
"""

import dataclasses
import re
import uuid
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billing.models import CheckoutAttempt, LedgerEntry, Payment, Refund
from enrollment.models import Enrollment
from enrollment.states import Status

PER_PAGE = 25
LEAST, LONGEST = 2, 120
STRIPE_ID = re.compile(r"(pi|py|re|pyr|cs|ch|dp|du)_\w+", re.ASCII | re.IGNORECASE)
AMOUNT = re.compile(r"\$?\s*(\d{1,3}(?:,\d{3})+|\d{1,7})(\.\d\d)?", re.ASCII)

Kind = LedgerEntry.Kind


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What the address bar asks for. Empty means: everything."""

    text: str = ""
    status: str = ""
    cohort: str = ""
    balance: bool = False

    @property
    def words(self) -> str:
        """The text as it is looked for."""
        return " ".join(self.text.replace("\0", "").split())[:LONGEST]

    @property
    def says_too_little(self) -> bool:
        """Whether the text is one that nearly everybody has, or no amount that ever moved."""
        return 0 < len(self.words) < LEAST or in_cents(self.words) == 0

    @property
    def filters(self) -> bool:
        return bool(self.status or self.cohort or self.balance)


def find(*, wanted: Wanted, page: str) -> "Page[Any]":
    """Enrolments, the latest first, with `paid_cents`, `back_cents` and `balance_cents`.

    Two queries: how many, and one page.
    """
    found = Enrollment.objects.select_related("member", "cohort")
    found = found.annotate(
        paid_cents=_sum(Kind.CHARGE),
        back_cents=-_sum(Kind.REFUND, Kind.REFUND_FAILED),
        balance_cents=_sum(),
    )
    if wanted.words:
        found = found.filter(matches(wanted.words))
    if wanted.status in Status.values:
        found = found.filter(status=wanted.status)
    if wanted.cohort:
        found = found.filter(cohort__slug=wanted.cohort.replace("\0", ""))
    if wanted.balance:
        found = found.exclude(balance_cents=0)
    return Paginator(found.order_by("-reserved_at", "-pk"), PER_PAGE).get_page(page)


def _sum(*kinds: str) -> Coalesce:
    """The cents of an enrolment's lines of these kinds; without any, of all but our own fees."""
    lines = LedgerEntry.objects.filter(enrollment=OuterRef("pk")).order_by()
    lines = lines.filter(kind__in=kinds) if kinds else lines.exclude(kind=Kind.FEE)
    sums = lines.values("enrollment").annotate(cents=Sum("amount_cents")).values("cents")
    return Coalesce(Subquery(sums), 0)


def matches(text: str) -> Q:
    """Which enrolments a text speaks of."""
    if STRIPE_ID.fullmatch(text):
        return _by_stripe_id(text)
    if (public_id := _uuid(text)) is not None:
        return Q(public_id=public_id)
    words = (
        Q(member__display_name__icontains=text)
        | Q(member__email__icontains=text)
        | Q(cohort__name__icontains=text)
        | Q(cohort__slug__icontains=text)
    )
    cents = in_cents(text)
    if cents is None:
        return words
    lines = LedgerEntry.objects.filter(enrollment=OuterRef("pk"))
    return words | Q(Exists(lines.filter(amount_cents__in=(cents, -cents))))


def in_cents(text: str) -> int | None:
    """An amount as people write it: "299", "$299.00", "1,299"; None for anything else."""
    said = AMOUNT.fullmatch(text)
    if said is None:
        return None
    return int(Decimal(said[1].replace(",", "") + (said[2] or "")) * 100)


def _by_stripe_id(stripe_id: str) -> Q:
    of = {"enrollment": OuterRef("pk")}
    return Q(
        Exists(LedgerEntry.objects.filter(**of, stripe_id__iexact=stripe_id))
        | Exists(CheckoutAttempt.objects.filter(**of, stripe_session_id__iexact=stripe_id))
        | Exists(Payment.objects.filter(**of, stripe_payment_intent_id__iexact=stripe_id))
        | Exists(Refund.objects.filter(**of, stripe_refund_id__iexact=stripe_id))
    )


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def groups_with_enrolments() -> "QuerySet[Enrollment, tuple[str, str]]":
    """Slug and name of every group that somebody ever had a seat in, by name. One query."""
    groups = Enrollment.objects.order_by("cohort__name", "cohort__slug").distinct()
    return groups.values_list("cohort__slug", "cohort__name")
