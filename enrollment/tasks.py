"""Celery's part: ask what is owed. The rules are in `links.py` and `group_messages.py`."""

from celery import shared_task
from django.utils import timezone

from enrollment import group_messages, links
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
