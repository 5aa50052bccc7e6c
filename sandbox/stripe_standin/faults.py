"""Bad days on order: the next calls of a route fail, before or after they took effect."""

from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from sandbox.stripe_standin.errors import Refusal

KINDS = ("500", "429", "timeout", "reset", "slow")


@dataclass
class Fault:
    """`times` calls of `route` (after `skip` good ones) go wrong in the way `kind` says.

    500, 429: that answer. timeout: no answer for `seconds`, then the connection closes.
    reset: the connection is torn down. slow: the right answer, `seconds` late.
    `when` is "before" or "after" the effect. `saved` tells whether the idempotency key keeps
    the 500; by default it does after the effect (Stripe replays its own failures) and does
    not before it (the request never reached the endpoint). A 429 is never kept: after the
    effect, the key gives the true answer.
    """

    route: str
    kind: str
    when: str = "before"
    times: int = 1
    skip: int = 0
    seconds: float = 30.0
    saved: bool | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Refusal(400, f"kind must be one of {', '.join(KINDS)}", saved=False)
        if self.when not in ("before", "after"):
            raise Refusal(400, "when must be before or after", saved=False)
        if self.saved is None:
            self.saved = self.when == "after"


class Faults:
    """The faults on order, first come first served. The caller holds the store's lock."""

    def __init__(self) -> None:
        self.ordered: list[Fault] = []

    def order(self, **wish: Any) -> Fault:
        fault = Fault(**wish)
        self.ordered.append(fault)
        return fault

    def next_for(self, route: str) -> Fault | None:
        """The fault that this call suffers, used up by one."""
        for fault in self.ordered:
            if not fnmatchcase(route, fault.route):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.ordered.remove(fault)
            return fault
        return None

    def clear(self) -> None:
        self.ordered.clear()

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self.ordered]


def refusal_of(fault: Fault) -> Refusal:
    if fault.kind == "429":
        return Refusal(
            429,
            "Request rate limit exceeded. Learn more about rate limits here "
            "https://stripe.com/docs/rate-limits.",
            code="rate_limit",
            saved=False,
        )
    return Refusal(
        500,
        "An unknown error occurred. We have been notified of the problem.",
        type="api_error",
        saved=bool(fault.saved),
    )
