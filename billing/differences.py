"""What a person does about a difference: each is shown first, and done once.

`seen` is the difference's fingerprint as the page showed it: a stale page does nothing.
"""

import dataclasses
import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import Sum

from accounts import audit
from accounts.models import Action, Subject, User
from billing import (
    comparison,
    decisions,
    disputes,
    findings,
    gateway,
    ledger,
    reconciliation,
    refunds,
    settlement,
)
from billing.gateway import books as gateway_books
from billing.models import Difference, LedgerEntry, Refund, Transfer
from enrollment.models import Enrollment
from sessions.pricing import format_money

Kind, About, How = Difference.Kind, Difference.About, Difference.How


class ChangedMeanwhile(Exception):
    """The difference is not what the page showed any more."""


class NothingCameOfIt(Exception):
    """The import was made as far as possible, and the books still differ. Its text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Remedy:
    """What is proposed. `writes` says what an import would write; empty without one."""

    words: str
    writes: str = ""


PROPOSALS: dict[tuple[str, str], str] = {
    (Kind.NOT_BOOKED, About.PAYMENT): "Import the payment, if we know whose it is.",
    (Kind.NOT_BOOKED, About.PAGE): "Ask Stripe again; a page without a charge cost nothing.",
    (Kind.NOT_BOOKED, About.REFUND): "Import the refund that was made in the dashboard.",
    (Kind.NOT_BOOKED, About.DISPUTE): "Import the dispute; it then stands among the disputes.",
    (Kind.NOT_THERE, About.PAYMENT): "Look in the dashboard whether the keys are of this account. "
    "If the money never came, put the ledger right by hand.",
    (Kind.STATE, About.REFUND): "Import what Stripe says about the refund.",
    (Kind.STATE, About.DISPUTE): "Import what Stripe says about the dispute.",
    (Kind.LEDGER, About.DISPUTE): "Import what Stripe moved because of the dispute.",
    (Kind.STATE, About.PAYMENT): "Stripe took no money for this payment. Look at it in the "
    "dashboard; if it never came, put the ledger right by hand.",
}
BY_KIND: dict[str, str] = {
    Kind.NOT_THERE: "Look in the dashboard whether the keys are of this account.",
    Kind.AMOUNT: "Find out in the dashboard which amount is right, then put the ledger right.",
    Kind.CURRENCY: "Give the money back in its own currency at Stripe, and settle this by a note.",
    Kind.MODE: "Test money is no money. Look at the keys, and settle this by a note.",
    Kind.LEDGER: "Put the ledger right by hand, by the difference.",
    Kind.STATE: "Look at both, and settle this by a note.",
    Kind.NOT_BOOKED: "Look at it in the dashboard, and settle this by a note.",
}


def remedy(difference: Difference) -> Remedy:
    """What is proposed for a difference. Reads nothing but the difference."""
    kind, about = difference.kind, difference.about
    return Remedy(
        words=PROPOSALS.get((kind, about)) or BY_KIND[kind],
        writes=_writes(difference),
    )


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
    if about == About.DISPUTE and kind in (Kind.NOT_BOOKED, Kind.STATE, Kind.LEDGER):
        return "The dispute as Stripe has it, with a line of the ledger for each sum that moved."
    return ""


def ask_again(*, difference: Difference, now: dt.datetime) -> None:
    """Compare this one object anew. Network: one request; raises gateway.GatewayError."""
    about = About(difference.about)
    said = reconciliation.ask(about, difference.stripe_id)
    theirs: dict[str, Any] = {} if said is None else {difference.stripe_id: said}
    ids = [difference.stripe_id]
    findings.record(comparison.pairs(about, ids, theirs), about, ids, now=now)
    difference.refresh_from_db()


def import_it(
    *, difference: Difference, seen: str, actor: User, now: dt.datetime, ip: str | None = None
) -> None:
    """Write into our books what Stripe has. Network.

    Raises ChangedMeanwhile if Stripe says something else than the page did, NothingCameOfIt if
    the books differ as before, and gateway.GatewayError.
    """
    if seen != difference.fingerprint or difference.resolved_at or not _writes(difference):
        raise ChangedMeanwhile
    ask_again(difference=difference, now=now)
    if seen != difference.fingerprint:
        raise ChangedMeanwhile
    _import(difference, now)
    ask_again(difference=difference, now=now)
    if difference.resolved_at is None:
        if seen == difference.fingerprint:
            Difference.objects.filter(pk=difference.pk).update(in_vain_at=now)
        raise NothingCameOfIt("Our books could not take it. Look at it by hand.")
    Difference.objects.filter(pk=difference.pk, how=How.GONE).update(
        how=How.IMPORTED, resolved_by=actor
    )
    _write_down(difference, Action.BOOKS_IMPORTED, actor, now, ip)


def _import(difference: Difference, now: dt.datetime) -> None:
    """Each is safe to repeat, as events repeat them."""
    if difference.about == About.DISPUTE:
        disputes.refresh(dispute_id=difference.stripe_id, now=now)
    elif difference.about == About.REFUND:
        state = gateway.retrieve_refund(difference.stripe_id)
        refund = refunds.known(state=state)
        if refund is not None:
            refunds.apply_state(refund=refund, state=state, now=now)
        else:
            refunds.import_outside(state=state, now=now)
    else:
        page = gateway_books.page_of(difference.stripe_id)
        if page is None:
            return
        attempt = settlement.attempt_for(reference=page.reference, session_id=page.session_id)
        if attempt is not None:
            settlement.apply_state(attempt=attempt, state=page, now=now)


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


def gap(difference: Difference) -> Gap | None:
    """How far the ledger is from Stripe; None where a line of the ledger mends nothing.

    None, too, while an import can be tried: an event or a sweep may write the same line any
    minute. Three queries at most.
    """
    if _writes(difference) and not _came_to_nothing(difference):
        return None
    theirs = _should_be_booked(difference)
    if difference.enrollment_id is None or theirs is None:
        return None
    lines = comparison.lines(About(difference.about), [difference.stripe_id])
    booked = dict(lines.values_list("currency").annotate(cents=Sum("amount_cents")))
    if booked.keys() - {difference.currency}:
        return None  # no sum of two currencies says how far they are from each other
    found = Gap(theirs, booked.get(difference.currency, 0))
    return found if found.cents else None


def _came_to_nothing(difference: Difference) -> bool:
    """Whether an import did. After a move to another group it is tried anew, for the new seat."""
    at = difference.in_vain_at
    if at is None:
        return False
    moves = Transfer.objects.filter(source=difference.enrollment_id, done_at__gte=at)
    return not moves.exists()


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


@transaction.atomic
def put_right(
    *,
    difference_id: int,
    cents: int,
    left: int,
    reason: str,
    seen: str,
    actor: User,
    now: dt.datetime,
    ip: str | None = None,
) -> Difference:
    """Add a line to the ledger, and settle the difference by it. Raises ChangedMeanwhile.

    `left` is the difference that stays afterwards, in cents, as the page showed it.
    """
    whose = Difference.objects.filter(pk=difference_id).values("enrollment")
    # Two differences of one object are put right one after the other; and whoever books a refund
    # or a dispute at this moment, holding the payment, is done before the ledger is read.
    seat = Enrollment.objects.select_for_update(no_key=True).filter(pk__in=whose).first()
    if seat is None:
        raise ChangedMeanwhile
    decisions.lock_payments(seat)
    difference = _held(difference_id, seen)
    found = gap(difference) if difference.enrollment_id == seat.pk else None
    if found is None or not found.takes(cents) or found.cents - cents != left:
        raise ChangedMeanwhile
    ledger.post(
        enrollment_id=seat.pk,
        kind=LedgerEntry.Kind.ADJUSTMENT,
        amount_cents=cents,
        currency=difference.currency,
        key=f"adjustment:{difference.pk}:{now.isoformat()}",
        at=now,
        stripe_id=difference.stripe_id,
        actor=actor,
        reason=reason,
    )
    _settle(difference, How.BY_HAND, reason, actor, now)
    _write_down(difference, Action.BOOKS_ADJUSTED, actor, now, ip)
    return difference


@transaction.atomic
def settle_otherwise(
    *,
    difference_id: int,
    note: str,
    seen: str,
    actor: User,
    now: dt.datetime,
    ip: str | None = None,
) -> Difference:
    """Put a difference aside with a note; no book changes. Raises ChangedMeanwhile."""
    difference = _held(difference_id, seen)
    _settle(difference, How.OTHERWISE, note, actor, now)
    _write_down(difference, Action.BOOKS_SETTLED, actor, now, ip)
    return difference


def _held(difference_id: int, seen: str) -> Difference:
    difference = Difference.objects.select_for_update(no_key=True).get(pk=difference_id)
    if seen != difference.fingerprint or difference.resolved_at:
        raise ChangedMeanwhile
    return difference


def _settle(difference: Difference, how: str, note: str, actor: User, now: dt.datetime) -> None:
    difference.how, difference.note = how, note[:200]
    difference.resolved_at, difference.resolved_by = now, actor
    difference.save(update_fields=["how", "note", "resolved_at", "resolved_by"])


def _write_down(
    difference: Difference, action: Action, actor: User, now: dt.datetime, ip: str | None
) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_kind=Subject.DIFFERENCE,
        subject_id=difference.pk,
        now=now,
        ip=ip,
    )
