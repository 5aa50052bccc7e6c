"""A deliberate break: a worker that imports this marks what it sent only after a whole claim."""

from outbox import delivery

delivery.MARK_EVERY = 10_000
delivery.MARK_WITHIN = 10_000.0
