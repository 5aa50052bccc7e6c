"""When mail goes out: at a kick, and each minute."""

from celery import shared_task
from django.utils import timezone

from outbox import claims, services
from outbox.broker import kick_now, kick_on_commit
from outbox.delivery import BATCH

# A run makes way for other tasks after this long and asks to be called again.
RUN_SECONDS = 30.0
# One run and its helpers: the processes that share a long queue.
HELPERS = 3


@shared_task
def deliver(helpers: int = HELPERS) -> None:
    """Send what is due; a queue longer than a batch calls further workers to help."""
    if helpers and claims.are_due(more_than=BATCH, now=timezone.now()):
        kick_now(deliver, helpers=helpers - 1)
    tally = services.deliver_due(clock=timezone.now, seconds=RUN_SECONDS)
    if tally.more_due:
        kick_now(deliver, helpers=0)


@shared_task
def sweep() -> None:
    """Each minute: queue again what stopped workers left, then send what is due."""
    services.release_expired_leases(now=timezone.now())
    deliver()


def kick() -> None:
    """There is mail: have it sent once the caller's transaction has committed.

    A broker that is away costs a moment and a log line; the next sweep sends the mail.
    """
    kick_on_commit(deliver)
