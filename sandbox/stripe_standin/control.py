"""Controls for tests and for people: POST /_control/<name> with JSON or a form.

GET /_control/ is a page with the same controls as forms. A JSON caller gets the changed
object back; a browser is sent back to the page.
"""

import inspect
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.stripe_standin import bank, books, checkout, control_page, past, refunds
from sandbox.stripe_standin.errors import Refusal, invalid
from sandbox.stripe_standin.http_types import Request, Response, as_json, redirect
from sandbox.stripe_standin.store import JSON, snapshot
from sandbox.stripe_standin.world import World

Control = Callable[..., JSON]


# --- Time ---------------------------------------------------------------------------------


def clock(
    world: World,
    *,
    advance: float | None = None,
    set: float | None = None,
    reset: bool = False,
) -> JSON:
    """Move the stand-in's clock: by seconds, to a moment (seconds since 1970), or back."""
    if reset:
        world.clock.reset()
    if set is not None:
        world.clock.set(set)
    if advance is not None:
        world.clock.advance(advance)
    world.run_due()
    world.webhooks.wake()
    return {"now": world.clock.now(), "offset": world.clock.offset}


# --- Payments -----------------------------------------------------------------------------


def pay(
    world: World, *, session: str, outcome: str = "paid", email: str = "", force: bool = False
) -> JSON:
    """Pay without a browser. `force` pays a session that is closed already."""
    found = world.store.get("checkout.session", session)
    return world.pay(found, outcome, email=email, force=force)


def settle(world: World, *, session: str, paid: bool = True) -> JSON:
    """End a payment that was to arrive later."""
    found = world.store.get("checkout.session", session)
    return checkout.end_slow_payment(world.store, found, paid=paid)


def slow_payments(world: World, *, seconds: float | None = None) -> JSON:
    """After how many seconds slow payments arrive by themselves; null: only when told."""
    world.desk.slow_payment_seconds = seconds
    return {"seconds": seconds}


def card(world: World, *, behaviour: str, payment_method: str = "", customer: str = "") -> JSON:
    """What a saved card does when it is charged next: this one, or the customer's newest.

    `removed` takes it away from its customer, as somebody may in the dashboard.
    """
    if behaviour not in bank.BEHAVIOURS:
        raise invalid(f"behaviour must be one of {', '.join(bank.BEHAVIOURS)}", param="behaviour")
    if customer:
        methods = world.store.newest_first("payment_method")
        kept = [one["id"] for one in methods if one["customer"] == customer]
        payment_method = kept[0] if kept else ""
    method = world.store.get("payment_method", payment_method)
    world.store.own(method["id"])["behaviour"] = behaviour
    if behaviour == "removed":
        method["customer"] = None
        world.store.publish("payment_method.detached", method)
    return method


# --- Refunds and disputes -----------------------------------------------------------------


def _charge(world: World, charge: str, payment_intent: str, session: str) -> JSON:
    store = world.store
    if session:
        payment_intent = store.get("checkout.session", session)["payment_intent"] or ""
    if payment_intent:
        charge = store.get("payment_intent", payment_intent)["latest_charge"] or ""
    return store.get("charge", charge)


def refund(
    world: World,
    *,
    charge: str = "",
    payment_intent: str = "",
    session: str = "",
    amount: int | None = None,
    status: str = "succeeded",
) -> JSON:
    """A refund made in the dashboard, which the app did not ask for."""
    found = _charge(world, charge, payment_intent, session)
    return refunds.refund(world.store, found, amount, status=status)


def next_refund(world: World, *, outcome: str, after: float = 0.0) -> JSON:
    """How the next refund of the app ends: succeeded, pending, failed, or fails_later.

    `fails_later` succeeds first and fails `after` seconds later.
    """
    if outcome not in ("succeeded", "pending", "failed", "fails_later"):
        raise invalid("outcome must be succeeded, pending, failed or fails_later")
    world.desk.planned_refunds.append({"outcome": outcome, "after": after})
    return {"planned": list(world.desk.planned_refunds)}


def fail_refund(world: World, *, refund: str) -> JSON:
    """Make a refund fail, also one that succeeded."""
    found = world.store.get("refund", refund)
    refunds.fail_refund(world.store, found)
    return found


def finish_refund(world: World, *, refund: str) -> JSON:
    """Let a pending refund succeed."""
    found = world.store.get("refund", refund)
    refunds.finish_refund(world.store, found)
    return found


def dispute(
    world: World,
    *,
    charge: str = "",
    payment_intent: str = "",
    session: str = "",
    amount: int | None = None,
    reason: str = "fraudulent",
    inquiry: bool = False,
) -> JSON:
    """The cardholder disputes a charge; with `inquiry` the bank only asks."""
    found = _charge(world, charge, payment_intent, session)
    store = world.store
    return refunds.open_dispute(store, found, amount=amount, reason=reason, inquiry=inquiry)


def answer_dispute(world: World, *, dispute: str) -> JSON:
    """Hand in evidence, as in the dashboard."""
    return refunds.answer_dispute(world.store, world.store.get("dispute", dispute))


def escalate_dispute(world: World, *, dispute: str) -> JSON:
    """The bank's question becomes a dispute."""
    return refunds.escalate_dispute(world.store, world.store.get("dispute", dispute))


def close_dispute(world: World, *, dispute: str, won: bool) -> JSON:
    """The bank decides; its question just ends."""
    found = world.store.get("dispute", dispute)
    return refunds.close_dispute(world.store, found, won=won)


# --- Webhooks -----------------------------------------------------------------------------


def webhooks(
    world: World,
    *,
    mode: str = "",
    seconds: float = 1.0,
    types: str = "*",
    url: str | None = None,
) -> JSON:
    """How events to come are sent: normal, drop, double, reorder or delay (by `seconds`)."""
    if url is not None:
        world.webhooks.url = url
    if mode:
        world.webhooks.set_mode(mode, seconds=seconds, types=types)
    return {"mode": world.webhooks.mode, "url": world.webhooks.url}


def resend(world: World, *, event: str) -> JSON:
    """Send an event once more, whatever the mode."""
    found = world.store.get("event", event)
    world.webhooks.resend(found)
    return found


# --- Faults -------------------------------------------------------------------------------


def fault(
    world: World,
    *,
    route: str,
    kind: str,
    when: str = "before",
    times: int = 1,
    skip: int = 0,
    seconds: float = 30.0,
    saved: bool | None = None,
) -> JSON:
    """Make the next calls of a route ("POST /v1/refunds", "GET *", "*") go wrong."""
    world.faults.order(
        route=route, kind=kind, when=when, times=times, skip=skip, seconds=seconds, saved=saved
    )
    return {"faults": world.faults.listed()}


def clear_faults(world: World) -> JSON:
    world.faults.clear()
    return {"faults": []}


CONTROLS: dict[str, Control] = {
    one.__name__: one
    for one in (
        *(clock, pay, settle, slow_payments, card, refund, next_refund, fail_refund),
        past.bought_before,
        *(
            finish_refund,
            dispute,
            answer_dispute,
            escalate_dispute,
            close_dispute,
            webhooks,
            resend,
            fault,
            clear_faults,
        ),
    )
}
REPORTS: dict[str, Callable[[World], Any]] = {
    "requests": lambda world: [books.readable(entry) for entry in list(world.log)],
    "books": books.balance,
    "pending": lambda world: [
        row for row in world.webhooks.listed() if row["state"] != "delivered"
    ],
    "deliveries": lambda world: world.webhooks.listed(),
    "faults": lambda world: world.faults.listed(),
    "clock": lambda world: {"now": world.clock.now(), "offset": world.clock.offset},
    "contract": lambda world: world.breaches.listed(),
}


def run(world: World, name: str, arguments: JSON) -> JSON:
    """Use a control. Raises Refusal for an unknown name, argument or value."""
    if name not in CONTROLS:
        raise Refusal(404, f"No such control: {name}. There are: {', '.join(CONTROLS)}")
    signature = inspect.signature(CONTROLS[name])
    for unknown in arguments.keys() - signature.parameters.keys():
        raise invalid(f"{name} takes no {unknown}, but: {', '.join([*signature.parameters][1:])}")
    try:
        signature.bind(world, **arguments)
    except TypeError as trouble:
        raise invalid(f"{name}: {trouble}") from trouble
    with world.working():
        world.store.changed = True
        return snapshot(CONTROLS[name](world, **arguments))


def report(world: World, name: str) -> Any:
    if name not in REPORTS:
        raise Refusal(404, f"No such report: {name}. There are: {', '.join(REPORTS)}")
    with world.working():
        return REPORTS[name](world)


def handle(world: World, request: Request) -> Response:
    name = request.path.removeprefix("/_control").strip("/")
    from_browser = "text/html" in request.headers.get("accept", "")
    try:
        _own_origin_only(world, request)
        if request.method == "GET":
            if name == "":
                return control_page.show(world, request)
            return as_json(report(world, name))
        result = run(world, name, _arguments(request))
    except Refusal as refusal:
        if from_browser and request.method == "POST":
            return control_page.show(world, request, trouble=str(refusal))
        return as_json(refusal.body(), refusal.status)
    if from_browser:
        return redirect("/_control/")
    return as_json(result)


def _own_origin_only(world: World, request: Request) -> None:
    """Another site's page in the same browser must not work the controls."""
    origin = request.headers.get("origin", world.base_url)
    if urlsplit(origin).netloc != urlsplit(world.base_url).netloc:
        raise Refusal(403, "The controls answer only to their own page.")


def _arguments(request: Request) -> JSON:
    if "json" in request.headers.get("content-type", ""):
        try:
            value = json.loads(request.body or "{}")
        except ValueError as trouble:
            raise invalid(f"Not JSON: {trouble}") from trouble
        if not isinstance(value, dict):
            raise invalid("A JSON object, please.")
        return value
    return {key: _read(value) for key, value in parse_qsl(request.body) if value}


def _read(value: str) -> Any:
    """A form's text as a number or a truth value where it looks like one."""
    try:
        return json.loads(value)
    except ValueError:
        return value
