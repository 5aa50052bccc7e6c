"""What other apps ask of the outbox."""

from outbox.claims import release_expired_leases, retry_failed
from outbox.delivery import Tally, deliver_due
from outbox.promises import owe_again, promise, promise_each

__all__ = [
    "Tally",
    "deliver_due",
    "owe_again",
    "promise",
    "promise_each",
    "release_expired_leases",
    "retry_failed",
]
