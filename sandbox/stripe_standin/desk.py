"""What every endpoint works with."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.stripe_standin.store import JSON, Store
from sandbox.stripe_standin.webhooks import Webhooks


@dataclass
class Desk:
    """What an endpoint works with."""

    store: Store
    webhooks: Webhooks
    base_url: str
    # How the next refunds end, as a control ordered: {"outcome", "after"}.
    planned_refunds: deque[JSON] = field(default_factory=deque)
    # Seconds until the money of a slow payment arrives by itself; None: only when told.
    slow_payment_seconds: float | None = None


Endpoint = Callable[[Desk, str, JSON], JSON]
