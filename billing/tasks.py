"""Celery's part: hand the clock to the rules, then kick the mail that they promised."""

from celery import shared_task
from django.utils import timezone

from billing import (
    charging,
    events,
    gateway,
    part_reminders,
    plans,
    reconciliation,
    run_work,
    sweeps,
)
from billing.models import StripeEvent
from billing.papers import issuing
from outbox import services as outbox
from outbox.broker import kick_now
from outbox.delivery import BATCH
from outbox.tasks import kick


@shared_task
def apply_event(event_pk: int) -> None:
    """Apply one stored event, kicked by its webhook, and keep at once what it promised."""
    event = StripeEvent.objects.filter(pk=event_pk).first()
    if event is None:
        return
    try:
        outcome = events.apply_event(event=event, now=timezone.now())
    except gateway.Unreachable:
        return  # the sweep applies it
    if outcome == events.Outcome.REFUND_OWED:
        sweeps.submit_open_refunds(now=timezone.now())
    # Its mail goes out here: a task of its own would cost as much again as the payment. One batch,
    # because the next payment must not wait for a long queue, which has its own workers.
    outbox.deliver_due(clock=timezone.now, limit=BATCH)


@shared_task
def apply_stored_events() -> None:
    if sweeps.apply_stored_events(now=timezone.now()):
        kick()


@shared_task
def release_overdue_holds() -> None:
    if sweeps.release_overdue_holds(now=timezone.now()):
        kick()


@shared_task
def submit_open_refunds() -> None:
    if sweeps.submit_open_refunds(now=timezone.now()):
        kick()


@shared_task
def carry_on_runs() -> None:
    """Each minute, and when one is begun: refunds of many people, one after the other."""
    if run_work.carry_on(clock=timezone.now):
        kick_now(submit_open_refunds)
        kick()


@shared_task
def issue_estimates() -> None:
    """Every minute, by beat: the good-faith estimates of seats that were just confirmed."""
    if issuing.issue_estimates(now=timezone.now()):
        kick()


@shared_task
def charge_due_instalments() -> None:
    """Each minute: charge the parts that are due, warn or pause who has not paid, and tell who is
    charged in some days."""
    now = timezone.now()
    part_reminders.put_off(now=now)
    told = part_reminders.promise_reminders(now=now)
    if charging.charge_due(now=now) + plans.watch_overdue(now=now) + told:
        kick()


@shared_task
def reconcile() -> None:
    """Every ten minutes; stops quietly when Stripe is away, for the next round to go on."""
    try:
        changed = sweeps.reconcile(now=timezone.now())
    except gateway.Unreachable:
        return
    if changed:
        kick()


@shared_task
def compare_books_nightly() -> None:
    """The last days, compared with Stripe's objects; the sweep goes on if this one is killed."""
    reconciliation.start_by_itself(now=timezone.now())
    reconciliation.go_on(clock=timezone.now)


@shared_task
def go_on_comparing_books() -> None:
    """Each minute, for a comparison that was asked for or whose worker died."""
    reconciliation.go_on(clock=timezone.now)
