"""What was bought before the stand-in was there to see it: the demo's groups.

A control, so the caller holds the store's lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.stripe_standin import checkout
from sandbox.stripe_standin.store import JSON
from sandbox.stripe_standin.world import World


def bought_before(world: World, *, pages: list[JSON]) -> JSON:
    """Make and pay pages at moments that are over: `at` (seconds since 1970), and `params`.

    Answers with the pages in the same order. The app knows of them, so no webhook is sent.
    """
    made = []
    for page in pages:
        with _the_clock_at(world, page["at"]), _no_webhooks(world):
            session = checkout.create(world.store, page["params"], world.base_url)
            made.append(checkout.pay(world.store, session, "paid", email=page.get("email", "")))
    return {"pages": made}


@contextmanager
def _the_clock_at(world: World, at: float) -> Iterator[None]:
    offset = world.clock.offset
    world.clock.set(at)
    try:
        yield
    finally:
        world.clock.offset = offset


@contextmanager
def _no_webhooks(world: World) -> Iterator[None]:
    announced = world.store.on_event
    world.store.on_event = world.breaches.event
    try:
        yield
    finally:
        world.store.on_event = announced
