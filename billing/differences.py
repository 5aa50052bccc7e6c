"""What a person does about a difference: each is shown first, and done once.

`seen` is the difference's fingerprint as the page showed it: a stale page does nothing.
"""

import datetime as dt
from typing import Any

from django.db import transaction

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
    remedies,
    settlement,
)
from billing.gateway import books as gateway_books
from billing.models import Difference, LedgerEntry
from enrollment.models import Enrollment

About, How = Difference.About, Difference.How


class ChangedMeanwhile(Exception):
    """The difference is not what the page showed any more."""


class NothingCameOfIt(Exception):
    """The import was made as far as possible, and the books still differ. Its text says why."""


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
    the books differ as before or in another way, and gateway.GatewayError.
    """
    offered = not difference.resolved_at and remedies.remedy(difference).writes
    if seen != difference.fingerprint or not offered:
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
    others = Difference.objects.filter(about=difference.about, stripe_id=difference.stripe_id)
    if others.filter(resolved_at=None).exists():
        raise NothingCameOfIt("Imported, and something else of it differs now: see the list.")


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

    `left` is the difference that stays afterwards, in cents, as the page showed it. With a rest
    the difference stays open for it.
    """
    whose = Difference.objects.filter(pk=difference_id).values("enrollment")
    # Two differences of one object are put right one after the other; and whoever books a refund
    # or a dispute at this moment, holding the payment, is done before the ledger is read.
    seat = Enrollment.objects.select_for_update(no_key=True).filter(pk__in=whose).first()
    if seat is None:
        raise ChangedMeanwhile
    decisions.lock_payments(seat)
    difference = _held(difference_id, seen)
    found = remedies.gap(difference) if difference.enrollment_id == seat.pk else None
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
    if left:
        _leave(difference, found, left)
    else:
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


def _leave(difference: Difference, before: remedies.Gap, left: int) -> None:
    """A line was not the whole of it: the difference stays open, with what remains of it."""
    difference.left_cents = left
    if difference.kind == Difference.Kind.LEDGER:
        difference.ours_cents = before.theirs - left  # as the next comparison will find it
    difference.save(update_fields=["left_cents", "ours_cents"])


def _settle(difference: Difference, how: str, note: str, actor: User, now: dt.datetime) -> None:
    difference.how, difference.note = how, note[:200]
    difference.resolved_at, difference.resolved_by = now, actor
    if how == How.BY_HAND:
        difference.left_cents = None
    difference.save(update_fields=["how", "note", "resolved_at", "resolved_by", "left_cents"])


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
