"""Comparing our books with Stripe's objects of a period, both ways, and listing what differs.

Never mends anything. A run goes a day at a time and writes down how far it is, so one that was
killed goes on where it was, and its memory is that of a day. Whoever works on a run holds its
lease; a guarded UPDATE decides who.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import User
from billing import comparison, gateway, ledger
from billing.findings import record
from billing.gateway import books as gateway_books
from billing.models import CheckoutAttempt, Difference, Dispute, Payment, Reconciliation, Refund
from billing.settlement import UNPAID
from billing.waiting import Waiting

log = structlog.get_logger("grouport.billing")

State, About = Reconciliation.State, Difference.About
Clock = Callable[[], dt.datetime]
Row = TypeVar("Row")
DAY = dt.timedelta(days=1)
NIGHTLY, WEEKLY = 3 * DAY, 35 * DAY
MONDAY = 0
LEASE = dt.timedelta(minutes=3)
# Stripe was away: the next worker tries again after this.
REST = dt.timedelta(minutes=1)
# What is younger may be on its way into our books.
SETTLING = dt.timedelta(minutes=10)
BATCH = 100


class AlreadyRunning(Exception):
    """There is one comparison at a time."""


class _Lost(Exception):
    """The lease is somebody else's now, or the run was stopped."""


# --- Beginning and ending -----------------------------------------------------------------


def start(
    *, first: dt.date, last: dt.date, asked_by: User | None, now: dt.datetime
) -> Reconciliation:
    """Begin to compare these days, both included, in UTC. Raises AlreadyRunning."""
    starts_at = _midnight(first)
    ends_at = min(_midnight(last) + DAY, max(now - SETTLING, starts_at + dt.timedelta(seconds=1)))
    try:
        with transaction.atomic():
            return Reconciliation.objects.create(
                starts_at=starts_at,
                ends_at=ends_at,
                cursor=starts_at,
                asked_by=asked_by,
                started_at=now,
            )
    except IntegrityError:
        raise AlreadyRunning from None


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def start_by_itself(*, now: dt.datetime) -> Reconciliation | None:
    """The nightly run: the last three days, and each Monday the last 35. None if it ran already."""
    today = now.astimezone(dt.UTC).date()
    span = WEEKLY if today.weekday() == MONDAY else NIGHTLY
    try:
        return start(first=today - span, last=today - DAY, asked_by=None, now=now)
    except AlreadyRunning:
        return None


def stop(*, run_id: int, now: dt.datetime) -> bool:
    """End a run before its time; what it found stays. False if it was not running."""
    running = Reconciliation.objects.filter(pk=run_id, state=State.RUNNING)
    return bool(running.update(state=State.STOPPED, finished_at=now, lease=None, note="Stopped"))


def go_on(*, clock: Clock) -> bool:
    """Work on the run that nobody works on; says whether there was one. Network, for minutes."""
    now, lease = clock(), uuid.uuid4()
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    claimed = Reconciliation.objects.filter(free, state=State.RUNNING).update(
        lease=lease, lease_until=now + LEASE
    )
    if not claimed:
        return False
    run = Reconciliation.objects.get(lease=lease)
    try:
        _work(run, clock)
    except _Lost:
        log.warning("comparison_lost", run=run.pk)
    except gateway.RefusedByStripe as error:
        log.error("comparison_stopped", run=run.pk, error=str(error))
        _mine(run).update(
            state=State.STOPPED, finished_at=clock(), lease=None, note=str(error)[:300]
        )
    except gateway.GatewayError as error:
        log.warning("stripe_away", error=str(error))
        _mine(run).update(lease=None, lease_until=clock() + REST)
    return True


def _mine(run: Reconciliation) -> Any:
    return Reconciliation.objects.filter(pk=run.pk, state=State.RUNNING, lease=run.lease)


def _keep(run: Reconciliation, clock: Clock, **progress: Any) -> None:
    """Write down how far the run is, and go on holding it. Raises _Lost."""
    if not _mine(run).update(lease_until=clock() + LEASE, **progress):
        raise _Lost


def _work(run: Reconciliation, clock: Clock) -> None:
    while run.cursor < run.ends_at:
        until = min(run.cursor + DAY, run.ends_at)
        for about in About:
            _compare(run, about, run.cursor, until, clock)
        run.cursor = until
        _keep(run, clock, cursor=until, counts=run.counts)
    _keep(run, clock, state=State.DONE, finished_at=clock(), lease=None)


# --- One day -----------------------------------------------------------------------------


def _compare(
    run: Reconciliation,
    about: Difference.About,
    since: dt.datetime,
    until: dt.datetime,
    clock: Clock,
) -> None:
    """Both ways: what Stripe lists against our rows, then our rows that it did not list."""
    listed: set[str] = set()
    for batch in _batches(_listed(about, since, until)):
        theirs = dict(batch)
        listed |= theirs.keys()
        record(comparison.pairs(about, theirs, theirs), about, theirs, now=clock(), run=run)
        if about == About.PAYMENT:
            fees = {id: state.fee_cents for id, state in theirs.items() if state.fee_cents}
            ledger.post_fees(fees=fees, now=clock())
        _count(run, f"{about}s", len(theirs))
        _keep(run, clock)
    for ids in _batches(_ours(about, since, until)):
        # Made at Stripe on another day than booked here, or not there at all: ask for each.
        missing = [id for id in ids if id not in listed]
        asked = {id: state for id in missing if (state := ask(about, id)) is not None}
        record(comparison.pairs(about, missing, asked), about, missing, now=clock(), run=run)
        _count(run, "ours", len(ids))
        _keep(run, clock)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


def _count(run: Reconciliation, what: str, number: int) -> None:
    run.counts[what] = run.counts.get(what, 0) + number


def _listed(
    about: Difference.About, since: dt.datetime, until: dt.datetime
) -> Iterator[tuple[str, Any]]:
    """Stripe's objects of that time by their id."""
    if about == About.PAYMENT:
        for charge in gateway_books.paid_charges(since=since, until=until):
            if charge.payment_intent_id:
                yield charge.payment_intent_id, charge
    elif about == About.PAGE:
        for page in gateway_books.completed_pages(since=since, until=until):
            yield page.session_id, page
    elif about == About.REFUND:
        for refund in gateway_books.refunds(since=since, until=until):
            yield refund.refund_id, refund
    else:
        for dispute in gateway_books.disputes(since=since, until=until):
            yield dispute.dispute_id, dispute


def _ours(about: Difference.About, since: dt.datetime, until: dt.datetime) -> Iterator[str]:
    """The ids at Stripe of our rows of that time."""
    ids: Any
    if about == About.PAYMENT:
        rows = Payment.objects.filter(paid_at__gte=since, paid_at__lt=until)
        ids = rows.exclude(stripe_payment_intent_id=None).values_list("stripe_payment_intent_id")
    elif about == About.PAGE:
        attempts = CheckoutAttempt.objects.filter(created_at__gte=since, created_at__lt=until)
        paid = attempts.exclude(status__in=UNPAID).exclude(stripe_session_id=None)
        ids = paid.values_list("stripe_session_id")
    elif about == About.REFUND:
        refunds = Refund.objects.filter(submitted_at__gte=since, submitted_at__lt=until)
        ids = refunds.exclude(stripe_refund_id=None).values_list("stripe_refund_id")
    else:
        disputes = Dispute.objects.filter(opened_at__gte=since, opened_at__lt=until)
        ids = disputes.values_list("stripe_dispute_id")
    return (id for (id,) in ids.order_by("pk").iterator(chunk_size=1000))


def ask(about: Difference.About, stripe_id: str) -> Any:
    """What Stripe says about one object; None if it knows none. Network: one request."""
    if about == About.PAYMENT:
        return gateway_books.charge_of(stripe_id)
    if about == About.PAGE:
        return gateway_books.retrieve_page(stripe_id)
    if about == About.REFUND:
        return gateway_books.refund_of(stripe_id)
    return gateway_books.dispute_of(stripe_id)


# --- What waits for a person -------------------------------------------------------------


def open_differences() -> Any:
    """Differences that nobody has settled, oldest first."""
    rows = Difference.objects.filter(resolved_at=None)
    people = ("enrollment__member", "enrollment__cohort")
    return rows.select_related(*people).order_by("first_seen_at", "pk")


def waiting(now: dt.datetime) -> list[Waiting]:
    """Open differences for the queue. One query."""
    return [
        Waiting(
            seat=row.enrollment,
            what=row.title if row.left_cents is None else f"{row.title}, put right in part",
            cents=_cents(row),
            currency=row.currency,
            since=row.first_seen_at,
            url=row.get_absolute_url(),
        )
        for row in open_differences()
    ]


def _cents(row: Difference) -> int | None:
    """What is left of it, or Stripe's sum, or ours where Stripe has none."""
    known = (row.left_cents, row.theirs_cents, row.ours_cents)
    return next((cents for cents in known if cents is not None), None)
