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

from accounts.models import User
from billing.models import CheckoutAttempt, LedgerEntry, Payment, Refund
from enrollment.models import Enrollment
from enrollment.states import Status
from sessions.models import Cohort

PER_PAGE = 25
# More than that nobody reads: whoever is not among them is found by saying more.
LISTED = 1000
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

    No more than the latest `LISTED` of all that is found. At most seven queries, however many
    are found: a text may be a name, a group and an amount.
    """
    among = Enrollment.objects.order_by("-reserved_at", "-pk")
    if wanted.status in Status.values:
        among = among.filter(status=wanted.status)
    if wanted.cohort:
        among = among.filter(cohort__slug=wanted.cohort.replace("\0", ""))
    if wanted.balance:
        among = among.annotate(balance_cents=_sum()).exclude(balance_cents=0)
    # One query each: an index serves what is looked up, and who reads all names reads them once.
    ways = matches(wanted.words) if wanted.words else [Q()]
    found = {row for way in ways for row in among.filter(way).values_list(*_ORDER)[:LISTED]}
    latest = [pk for _, pk in sorted(found, reverse=True)[:LISTED]]
    shown = Paginator(latest, PER_PAGE).get_page(page)
    rows = Enrollment.objects.select_related("member", "cohort").annotate(
        paid_cents=_sum(Kind.CHARGE),
        back_cents=-_sum(Kind.REFUND, Kind.REFUND_FAILED),
        balance_cents=_sum(),
    )
    known = rows.in_bulk(list(shown.object_list))
    return Page([known[pk] for pk in shown.object_list], shown.number, shown.paginator)


_ORDER = ("reserved_at", "pk")


def _sum(*kinds: str) -> Coalesce:
    """The cents of an enrolment's lines of these kinds; without any, of all but our own fees."""
    lines = LedgerEntry.objects.filter(enrollment=OuterRef("pk")).order_by()
    lines = lines.filter(kind__in=kinds) if kinds else lines.exclude(kind=Kind.FEE)
    sums = lines.values("enrollment").annotate(cents=Sum("amount_cents")).values("cents")
    return Coalesce(Subquery(sums), 0)


def matches(text: str) -> list[Q]:
    """Which enrolments a text speaks of: each condition is one way to understand it.

    An id, a whole mail address and an amount are looked up; a part of a name is looked for in all
    names and addresses.
    """
    if STRIPE_ID.fullmatch(text):
        return _by_stripe_id(text)
    if (public_id := _uuid(text)) is not None:
        return [Q(public_id=public_id)]
    if "@" in text and User.objects.filter(email=text.lower()).exists():
        return [Q(member__email=text.lower())]
    cents = in_cents(text)
    if cents is None:
        return _by_words(text)
    lines = LedgerEntry.objects.filter(enrollment=OuterRef("pk"), amount_cents__in=(cents, -cents))
    moved = Q(Exists(lines.order_by()))
    # "$299" and "299.00" are amounts and nothing else; "299" may stand in an address.
    return [moved] if {"$", "."} & set(text) else [moved, *_by_words(text)]


def _by_words(text: str) -> list[Q]:
    # Addresses are stored in small letters.
    address = Q(email__contains=text.lower())
    people = User.objects.filter(Q(display_name__icontains=text) | address)
    groups = Cohort.objects.filter(Q(name__icontains=text) | Q(slug__icontains=text))
    return [_any_of("member", people), _any_of("cohort", groups)]


def _any_of(field: str, rows: "QuerySet[Any]") -> Q:
    """Few are named one by one, so that nobody reads all enrolments to find out that none fits."""
    few = list(rows.order_by().values_list("pk", flat=True)[: LISTED + 1])
    return Q(**{f"{field}__in": few if len(few) <= LISTED else rows.order_by().values("pk")})


def in_cents(text: str) -> int | None:
    """An amount as people write it: "299", "$299.00", "1,299"; None for anything else."""
    said = AMOUNT.fullmatch(text)
    if said is None:
        return None
    return int(Decimal(said[1].replace(",", "") + (said[2] or "")) * 100)


def _by_stripe_id(stripe_id: str) -> list[Q]:
    found = (
        LedgerEntry.objects.filter(stripe_id__iexact=stripe_id),
        CheckoutAttempt.objects.filter(stripe_session_id__iexact=stripe_id),
        Payment.objects.filter(stripe_payment_intent_id__iexact=stripe_id),
        Refund.objects.filter(stripe_refund_id__iexact=stripe_id),
    )
    return [Q(pk__in=rows.order_by().values("enrollment")) for rows in found]


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def groups_with_enrolments(chosen: str = "") -> list[tuple[str, str]]:
    """Slug and name of groups that somebody ever had a seat in, by name: the latest, and `chosen`.

    One query, and one more for a chosen group that is older.
    """
    taken = Cohort.objects.filter(Exists(Enrollment.objects.filter(cohort=OuterRef("pk"))))
    groups = dict(taken.order_by("-pk").values_list("slug", "name")[:GROUPS])
    if chosen and chosen not in groups:
        older = Cohort.objects.filter(slug=chosen.replace("\0", ""))
        groups |= dict(older.values_list("slug", "name"))
    return sorted(groups.items(), key=lambda group: (group[1], group[0]))
