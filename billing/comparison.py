"""Our books beside Stripe's, object by object: what each side says, and where they differ.

Reads only. Each batch costs a few queries, however many rows there are; Stripe was asked before.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet, Sum

from billing.gateway import CheckoutState
from billing.gateway.books import BookedRefund, ChargeState, DisputeState
from billing.holders import holders
from billing.models import CheckoutAttempt, Difference, Dispute, LedgerEntry, Payment, Refund
from billing.settlement import UNPAID

Kind, About = Difference.Kind, Difference.About
Ledger = LedgerEntry.Kind
LINES: dict[str, tuple[str, ...]] = {
    About.PAYMENT: (Ledger.CHARGE, Ledger.ADJUSTMENT),
    About.REFUND: (Ledger.REFUND, Ledger.REFUND_FAILED, Ledger.ADJUSTMENT),
    About.DISPUTE: (Ledger.DISPUTE, Ledger.DISPUTE_WON, Ledger.ADJUSTMENT),
}
# Asked for by us, and no answer was heard: nothing is booked, and a sweep asks again.
ASKED_FOR = "asked for"
REFUND_STATES = {
    Refund.Status.REQUESTED: ASKED_FOR,
    Refund.Status.SUBMITTED: ASKED_FOR,
    Refund.Status.SUCCEEDED: "returned",
    Refund.Status.FAILED: "failed",
    "succeeded": "returned",
    "failed": "failed",
    "canceled": "failed",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """What one side says. `booked` is the sum of the ledger's lines, or what it should be."""

    cents: int
    currency: str
    state: str
    booked: int = 0
    live: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """One object as both sides have it; None on the side that has none."""

    about: Difference.About
    stripe_id: str
    enrollment_id: int | None
    ours: Side | None
    theirs: Side | None


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A difference before it is written down."""

    pair: Pair
    kind: Difference.Kind
    ours_cents: int | None = None
    theirs_cents: int | None = None
    ours: str = ""
    theirs: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.pair.stripe_id}"

    @property
    def currency(self) -> str:
        side = self.pair.theirs or self.pair.ours
        return side.currency if side else ""

    @property
    def ours_currency(self) -> str:
        return self.pair.ours.currency if self.pair.ours else ""


def differing(pair: Pair) -> list[Found]:
    """Where the two sides of one object say different things."""
    ours, theirs = pair.ours, pair.theirs
    if ours is None and theirs is None:
        return []
    if ours is None:
        assert theirs is not None
        return [Found(pair, Kind.NOT_BOOKED, None, theirs.cents, "", theirs.state)]
    if theirs is None:
        return [Found(pair, Kind.NOT_THERE, ours.cents, None, ours.state, "")]
    found = []
    if ours.state != theirs.state:
        found.append(Found(pair, Kind.STATE, ours.cents, theirs.cents, ours.state, theirs.state))
    elif ours.cents != theirs.cents:
        found.append(Found(pair, Kind.AMOUNT, ours.cents, theirs.cents))
    if ours.currency != theirs.currency:
        found.append(
            Found(pair, Kind.CURRENCY, ours.cents, theirs.cents, ours.currency, theirs.currency)
        )
    if ours.live != theirs.live:
        found.append(Found(pair, Kind.MODE, ours.cents, theirs.cents, _mode(ours), _mode(theirs)))
    if not found and ours.booked != theirs.booked:
        found.append(Found(pair, Kind.LEDGER, ours.booked, theirs.booked))
    return found


def _mode(side: Side) -> str:
    return "real money" if side.live else "test money"


# --- Both sides of a batch ----------------------------------------------------------------


def pairs(about: Difference.About, ids: Iterable[str], theirs: Mapping[str, Any]) -> list[Pair]:
    """The objects with these ids; `theirs` is what Stripe says about those that it knows."""
    build: dict[str, Callable[[list[str], Mapping[str, Any]], list[Pair]]] = {
        About.PAYMENT: _payments,
        About.PAGE: _pages,
        About.REFUND: _refunds,
        About.DISPUTE: _disputes,
    }
    return build[about](list(ids), theirs)


def lines(about: Difference.About, ids: list[str]) -> "QuerySet[LedgerEntry]":
    """What the ledger says about these objects, in no order."""
    return LedgerEntry.objects.filter(kind__in=LINES[about], stripe_id__in=ids).order_by()


def booked_cents(about: Difference.About, ids: list[str]) -> dict[str, int]:
    """The sum of the ledger's lines of each object, in cents."""
    sums = lines(about, ids).values("stripe_id").annotate(cents=Sum("amount_cents"))
    return dict(sums.values_list("stripe_id", "cents"))


def _payments(ids: list[str], theirs: Mapping[str, ChargeState]) -> list[Pair]:
    ours = {
        str(row.stripe_payment_intent_id): row
        for row in Payment.objects.filter(stripe_payment_intent_id__in=ids)
    }
    unknown = [theirs[id].reference for id in ids if id not in ours and id in theirs]
    attempts = _attempts(unknown)
    booked = booked_cents(About.PAYMENT, ids)
    made = []
    for id in ids:
        row, said = ours.get(id), theirs.get(id)
        if row is None and (said is None or not (said.ours and said.paid)):
            continue  # somebody else's, or nothing was taken
        if row is not None:
            whose: int | None = row.enrollment_id
        else:
            attempt = attempts.get(said.reference) if said else None
            whose = attempt.enrollment_id if attempt else None
        own = (
            None if row is None else _own(row.amount_cents, row.currency, "paid", booked.get(id, 0))
        )
        made.append(Pair(About.PAYMENT, id, whose, own, _charge(said) if said else None))
    return made


def _own(cents: int, currency: str, state: str, booked: int = 0) -> Side:
    return Side(cents, currency, state, booked, settings.STRIPE_LIVE_MODE)


def _charge(said: ChargeState) -> Side:
    state = "paid" if said.paid else "not paid"
    return Side(said.amount_cents, said.currency, state, said.amount_cents, said.live)


def _attempts(references: Iterable[str]) -> dict[str, CheckoutAttempt]:
    uuids = [one for one in map(_uuid, references) if one is not None]
    return {str(row.uuid): row for row in CheckoutAttempt.objects.filter(uuid__in=uuids)}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _pages(ids: list[str], theirs: Mapping[str, CheckoutState]) -> list[Pair]:
    """Pages of ours. What was paid and is not booked is told by its charge, if it has one."""
    attempts = _attempts(said.reference for said in theirs.values())
    by_page = {
        str(row.stripe_session_id): row
        for row in CheckoutAttempt.objects.filter(stripe_session_id__in=ids)
    }
    made = []
    for id in ids:
        said = theirs.get(id)
        attempt = by_page.get(id) or (attempts.get(said.reference) if said else None)
        if attempt is None:
            continue
        unpaid = attempt.status in UNPAID
        if unpaid and (said is None or not said.paid or said.payment_intent_id):
            continue
        own = None if unpaid else _own(*_asked(attempt, said), "paid")
        side = _page(said) if said else None
        made.append(Pair(About.PAGE, id, attempt.enrollment_id, own, side))
    return made


def _page(said: CheckoutState) -> Side:
    state = "paid" if said.paid else "not paid"
    return Side(said.amount_cents, said.currency, state, live=said.live)


def _asked(attempt: CheckoutAttempt, said: CheckoutState | None) -> tuple[int, str]:
    """What was asked for. Where a person was told that it differs, what came is right."""
    if attempt.note and said is not None:
        return said.amount_cents, said.currency
    return attempt.amount_cents, attempt.currency


def _seats(intents: Iterable[str]) -> dict[str, int]:
    """The enrolments that these payments stand for now, by their intents. Two queries."""
    payments = list(Payment.objects.filter(stripe_payment_intent_id__in=set(intents) - {""}))
    whose = holders(payments)
    return {str(one.stripe_payment_intent_id): whose[one.pk] for one in payments}


def _refunds(ids: list[str], theirs: Mapping[str, BookedRefund]) -> list[Pair]:
    uuids = [one for one in (_uuid(said.reference) for said in theirs.values()) if one]
    rows = list(
        Refund.objects.select_related("payment").filter(
            Q(stripe_refund_id__in=ids) | Q(uuid__in=uuids)
        )
    )
    by_id = {row.stripe_refund_id: row for row in rows}
    by_uuid = {str(row.uuid): row for row in rows}
    known = _seats(said.payment_intent_id for said in theirs.values())
    booked = booked_cents(About.REFUND, ids)
    made = []
    for id in ids:
        said = theirs.get(id)
        row = by_id.get(id) or (by_uuid.get(said.reference) if said else None)
        if row is None and (said is None or said.payment_intent_id not in known):
            continue
        failed = said is not None and REFUND_STATES.get(said.status) == "failed"
        if row is None and failed:
            continue  # it moved nothing, and nobody here asked for it
        whose = row.enrollment_id if row else known[said.payment_intent_id] if said else None
        own = (
            None
            if row is None
            else _own(
                row.amount_cents,
                row.payment.currency,
                REFUND_STATES.get(row.status, "on its way"),
                booked.get(id, 0),
            )
        )
        made.append(Pair(About.REFUND, id, whose, own, _refund(said) if said else None))
    return made


def _refund(said: BookedRefund) -> Side:
    state = REFUND_STATES.get(said.status, "on its way")
    moved = 0 if state == "failed" else -said.amount_cents
    # A refund does not say whether it is real money; its payment does.
    return Side(said.amount_cents, said.currency, state, moved, settings.STRIPE_LIVE_MODE)


def _disputes(ids: list[str], theirs: Mapping[str, DisputeState]) -> list[Pair]:
    rows = {
        row.stripe_dispute_id: row
        for row in Dispute.objects.select_related("payment").filter(stripe_dispute_id__in=ids)
    }
    intents = {id: said.payment_intent_id for id, said in theirs.items()}
    intents |= {id: row.payment.stripe_payment_intent_id or "" for id, row in rows.items()}
    known = _seats(intents.values())
    booked = booked_cents(About.DISPUTE, ids)
    # What comes back goes where it was taken, as when it is imported.
    taken = dict(lines(About.DISPUTE, ids).order_by("-pk").values_list("stripe_id", "enrollment"))
    made = []
    for id in ids:
        row, said = rows.get(id), theirs.get(id)
        whose = taken.get(id) or known.get(intents.get(id, ""))
        if row is None and whose is None:
            continue
        own = (
            None
            if row is None
            else _own(row.amount_cents, row.currency, row.status, booked.get(id, 0))
        )
        made.append(Pair(About.DISPUTE, id, whose, own, _dispute(said) if said else None))
    return made


def _dispute(said: DisputeState) -> Side:
    moved = sum(one.cents for one in said.movements)
    return Side(said.amount_cents, said.currency, said.status, moved, said.live)
