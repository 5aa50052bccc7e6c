"""Finding an enrolment by whatever somebody has at hand: a name, an address, an amount, an id.

The number of queries does not depend on how much is found.
"""

import dataclasses
import re
import uuid
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from billing.models import CheckoutAttempt, LedgerEntry, Payment, Refund
from enrollment.models import Enrollment
from enrollment.states import Status
from sessions.models import Cohort

PER_PAGE = 25
# A list to choose from is of use while it can be read; older groups are found by their name.
GROUPS = 200
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

    Two queries: how many, and one page; and one more for a mail address.
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
    """Which enrolments a text speaks of.

    An id, a whole mail address and an amount are looked up. A part of a name or of an address is
    looked for in all of them, of members and of groups, each read once.
    """
    if STRIPE_ID.fullmatch(text):
        return _by_stripe_id(text)
    if (public_id := _uuid(text)) is not None:
        return Q(public_id=public_id)
    if "@" in text and User.objects.filter(email=text.lower()).exists():
        return Q(member__email=text.lower())
    people = User.objects.filter(Q(display_name__icontains=text) | Q(email__icontains=text))
    groups = Cohort.objects.filter(Q(name__icontains=text) | Q(slug__icontains=text))
    enrollments = Enrollment.objects.order_by().values("pk")
    found = [
        enrollments.filter(member__in=people.values("pk")),
        enrollments.filter(cohort__in=groups.values("pk")),
    ]
    if (cents := in_cents(text)) is not None:
        lines = LedgerEntry.objects.order_by().filter(amount_cents__in=(cents, -cents))
        found.append(lines.values("enrollment"))
    return Q(pk__in=found[0].union(*found[1:]))


def in_cents(text: str) -> int | None:
    """An amount as people write it: "299", "$299.00", "1,299"; None for anything else."""
    said = AMOUNT.fullmatch(text)
    if said is None:
        return None
    return int(Decimal(said[1].replace(",", "") + (said[2] or "")) * 100)


def _by_stripe_id(stripe_id: str) -> Q:
    found = (
        LedgerEntry.objects.filter(stripe_id__iexact=stripe_id),
        CheckoutAttempt.objects.filter(stripe_session_id__iexact=stripe_id),
        Payment.objects.filter(stripe_payment_intent_id__iexact=stripe_id),
        Refund.objects.filter(stripe_refund_id__iexact=stripe_id),
    )
    first, *others = (rows.order_by().values("enrollment") for rows in found)
    return Q(pk__in=first.union(*others))


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def groups_with_enrolments(chosen: str = "") -> list[tuple[str, str]]:
    """Slug and name of groups that somebody ever had a seat in, by name: the latest, and `chosen`.

    One query.
    """
    taken = Cohort.objects.filter(Exists(Enrollment.objects.filter(cohort=OuterRef("pk"))))
    latest = taken.order_by("-pk").values("pk")[:GROUPS]
    shown = Cohort.objects.filter(Q(pk__in=latest) | Q(slug=chosen.replace("\0", "")))
    return list(shown.order_by("name", "slug").values_list("slug", "name"))
