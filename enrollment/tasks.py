"""Celery's part: ask what is owed, and to whom.

The rules are in `links.py`, `group_messages.py` and `waitlist.py`.
"""

from celery import shared_task
from django.utils import timezone

from enrollment import group_messages, links, waitlist
from outbox.tasks import kick


@shared_task
def promise_due_links() -> int:
    """Every minute, by beat: promise what has become due, and kick the outbox."""
    promised = links.promise_links(now=timezone.now())
    if promised:
        kick()
    return promised


@shared_task
def promise_due_messages() -> int:
    """Every minute, by beat: promise the messages to groups whose time has come."""
    promised = group_messages.promise_due_messages(now=timezone.now())
    if promised:
        kick()
    return promised


@shared_task
def tend_waitlists() -> int:
    """Every minute, by beat: take back offers that lapsed, and offer seats that are free."""
    moved = waitlist.tend(now=timezone.now())
    if moved:
        kick()
    return moved
