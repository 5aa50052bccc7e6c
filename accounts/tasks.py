"""What the clock does for accounts."""

from celery import shared_task

from accounts.session_store import SessionStore


@shared_task
def delete_expired_sessions() -> None:
    """Once a day: nobody can use them any more, and Django leaves their rows."""
    SessionStore.clear_expired()
