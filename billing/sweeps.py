"""What beat asks for: nothing here is needed on a good day, everything on a bad one.

A lost webhook, a wiped broker or a worker that died leaves rows behind that say what is
unfinished; each sweep finishes them. Whenever Stripe is away a sweep stops, and the next
one goes on.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from billing import charging, checkout, disputes, events, gateway, refunds, settlement, transfers
from billing.models import CheckoutAttempt, Refund, StripeEvent
from enrollment import services as enrollment_services
from enrollment.states import Status as EnrollmentStatus

log = structlog.get_logger("grouport.billing")

BATCH = 200
# Pages live 31 minutes: whatever was paid was made within the last hours.
RECENT = dt.timedelta(hours=3)
# A bank may send a refund back days after it succeeded; few do, so the list is short.
FAILURES = dt.timedelta(days=7)
# A hold that could not be released is looked at again after this long.
LATER = dt.timedelta(minutes=5)
# Younger attempts are still being paid; their webhook is the faster way.
SETTLING = dt.timedelta(minutes=2)
EVENT_ATTEMPTS = 50


def release_overdue_holds(*, now: dt.datetime) -> int:
    """Free the seats whose hold is over, after Stripe says that no money can come any more."""
    released = 0
    overdue = enrollment_services.overdue_holds(now=now).exclude(
        attempts__status=CheckoutAttempt.Status.REVIEW
    )
    for enrollment_id in list(overdue.values_list("pk", flat=True)[:BATCH]):
        attempt = CheckoutAttempt.objects.filter(
            enrollment_id=enrollment_id, status=CheckoutAttempt.Status.OPEN
        ).first()
        try:
            if attempt is not None and not close_attempt(attempt=attempt, now=now):
                log.warning("page_still_open", attempt=str(attempt))
                _look_again_later(enrollment_id, now)
                continue
        except gateway.Unreachable as error:
            log.warning("stripe_away", error=str(error))
            break
        except gateway.GatewayError as error:
            log.error("hold_not_released", attempt=str(attempt), error=str(error))
            _look_again_later(enrollment_id, now)
            continue
        # After a paid or expired page there is nothing left to expire: the guard says no.
        released += enrollment_services.expire_hold(
            enrollment_id=enrollment_id, now=now, reason="Not paid in time"
        )
    transfers.end_lapsed()
    return released


def _look_again_later(enrollment_id: int, now: dt.datetime) -> None:
    """Let the holds behind a stuck one have their turn."""
    enrollment_services.extend_hold(enrollment_id=enrollment_id, until=now + LATER)


def close_attempt(*, attempt: CheckoutAttempt, now: dt.datetime) -> bool:
    """Make sure that an attempt's page takes no more money, and write how it ended.

    An attempt without an id may have a page that we never heard of: the same key tells.
    False if Stripe keeps the page open all the same, as while a payment is under way.
    """
    if not attempt.stripe_session_id:
        try:
            checkout.create_page(attempt=attempt)
        except checkout.CheckoutUnavailable as error:
            if isinstance(error.__cause__, gateway.Unreachable):
                raise error.__cause__ from None
            return True
        attempt.refresh_from_db()
    assert attempt.stripe_session_id
    state = gateway.expire_checkout(attempt.stripe_session_id)
    settlement.apply_state(attempt=attempt, state=state, now=now)
    return not state.open


def apply_stored_events(*, now: dt.datetime) -> int:
    """Apply what webhooks left behind: a kick was lost, or applying failed before."""
    stored = StripeEvent.objects.filter(
        status=StripeEvent.Status.STORED, attempts__lt=EVENT_ATTEMPTS
    )
    applied = 0
    for event in stored.order_by("received_at")[:BATCH]:
        try:
            applied += events.apply_event(event=event, now=now) != events.Outcome.FAILED
        except gateway.Unreachable as error:
            log.warning("stripe_away", error=str(error))
            break
    return applied


def submit_open_refunds(*, now: dt.datetime) -> int:
    """Ask Stripe for every refund that it has not confirmed."""
    submitted = 0
    for refund in refunds.unsubmitted(now=now, limit=BATCH):
        try:
            refunds.submit_refund(refund=refund, now=now)
        except gateway.Unreachable as error:
            log.warning("stripe_away", error=str(error))
            break
        except gateway.GatewayError as error:
            log.warning("refund_not_submitted", refund=str(refund.uuid), error=str(error))
            continue
        submitted += 1
    return submitted


def reconcile(*, now: dt.datetime) -> int:
    """Compare with Stripe's objects: open attempts, recently paid pages, parts, refunds, disputes.

    Objects, not events: some events are never made, and lost ones are not sent for ever.
    Raises gateway.Unreachable; an object that Stripe refuses to show keeps back no other.
    """
    return (
        _open_attempts(now)
        + _paid_pages(now)
        + charging.settle_open(now=now)
        + _unsettled_refunds(now)
        + _outside_refunds(now)
        + _disputes(now)
    )


def _open_attempts(now: dt.datetime) -> int:
    _give_up_unheard(now)
    looked_at = 0
    unsettled = CheckoutAttempt.objects.filter(
        status=CheckoutAttempt.Status.OPEN,
        created_at__lte=now - SETTLING,
        stripe_session_id__isnull=False,
    )
    # One that gave way to another is asked for until Stripe says how it ended: what is paid there
    # goes back, however late it comes. By itself, so that it keeps back no open one.
    replaced = CheckoutAttempt.objects.filter(status=CheckoutAttempt.Status.EXPIRED)
    given = replaced.exclude(checkout_url="").order_by("-created_at")
    for attempt in (*unsettled.order_by("created_at")[:BATCH], *given[:BATCH]):
        with _set_aside(attempt=str(attempt.uuid)):
            settlement.settle(attempt=attempt, now=now)
            looked_at += 1
    return looked_at


def _give_up_unheard(now: dt.datetime) -> None:
    """End pages that Stripe may have made and nobody was given, once they have run out.

    Those of a held seat are looked at when the hold ends; the others were paid for meanwhile on
    an earlier page, or their part was. Should money come all the same, it is settled.
    """
    unheard = CheckoutAttempt.objects.filter(
        status=CheckoutAttempt.Status.OPEN, stripe_session_id=None, expires_at__lte=now
    )
    unheard.exclude(enrollment__status=EnrollmentStatus.HELD).update(
        status=CheckoutAttempt.Status.FAILED, note="Its page was never heard of."
    )


def _paid_pages(now: dt.datetime) -> int:
    changed = 0
    with _set_aside():
        for state in gateway.completed_checkouts(since=now - RECENT):
            attempt = settlement.attempt_for(reference=state.reference, session_id=state.session_id)
            if attempt is not None and attempt.status in settlement.UNPAID:
                settlement.apply_state(attempt=attempt, state=state, now=now)
                changed += 1
    return changed


def _unsettled_refunds(now: dt.datetime) -> int:
    """Refunds on their way, and those that Stripe took back after they had succeeded."""
    looked_at = 0
    known = Refund.objects.select_related("payment__enrollment")
    pending = known.filter(status=Refund.Status.PENDING, stripe_refund_id__isnull=False)
    unsettled = list(pending.order_by("requested_at")[:BATCH])
    with _set_aside():
        failed = gateway.failed_refunds(since=now - FAILURES)
        unsettled += known.filter(stripe_refund_id__in=failed, status=Refund.Status.SUCCEEDED)
    for refund in unsettled:
        assert refund.stripe_refund_id
        with _set_aside(refund=str(refund.uuid)):
            state = gateway.retrieve_refund(refund.stripe_refund_id)
            refunds.apply_state(refund=refund, state=state, now=now)
            looked_at += 1
    return looked_at


def _outside_refunds(now: dt.datetime) -> int:
    """Refunds that somebody made in Stripe's dashboard."""
    imported = 0
    with _set_aside():
        for state in gateway.recent_refunds(since=now - RECENT):
            imported += refunds.import_outside(state=state, now=now)
    return imported


def _disputes(now: dt.datetime) -> int:
    """Disputes whose events were lost."""
    with _set_aside():
        return disputes.find_lost(now=now)
    return 0


@contextmanager
def _set_aside(**what: str) -> Iterator[None]:
    """Log that Stripe refused or broke on one object, and let the sweep go on."""
    try:
        yield
    except gateway.Unreachable:
        raise
    except gateway.GatewayError as error:
        log.error("not_reconciled", error=str(error), **what)
