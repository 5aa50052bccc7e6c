"""The controls as a page for people: GET /_control/."""

from collections.abc import Iterable
from html import escape
from typing import Any

from sandbox.stripe_standin import books
from sandbox.stripe_standin.frame import money, page
from sandbox.stripe_standin.http_types import Request, Response
from sandbox.stripe_standin.store import JSON
from sandbox.stripe_standin.world import World

ROWS_SHOWN = 20
# control → what it says, and its fields: name → choices, or the words beside the input.
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "clock": ("Move the clock", {"advance": "Seconds ahead"}),
    "webhooks": (
        "Webhooks from now on",
        {
            "mode": ("normal", "drop", "double", "reorder", "delay"),
            "seconds": "Seconds (delay, reorder)",
        },
    ),
    "pay": (
        "Pay a session",
        {
            "session": "Session",
            "outcome": ("paid", "declined", "async"),
            "force": ("false", "true"),
        },
    ),
    "settle": ("End a slow payment", {"session": "Session", "paid": ("true", "false")}),
    "refund": ("Refund in the dashboard", {"session": "Session", "amount": "Cents (all)"}),
    "next_refund": (
        "The next refund",
        {"outcome": ("succeeded", "pending", "failed", "fails_later"), "after": "Seconds later"},
    ),
    "fail_refund": ("Make a refund fail", {"refund": "Refund"}),
    "dispute": (
        "Dispute a payment",
        {"session": "Session", "amount": "Cents (all)", "inquiry": ("false", "true")},
    ),
    "answer_dispute": ("Hand in evidence", {"dispute": "Dispute"}),
    "escalate_dispute": ("Make an inquiry a dispute", {"dispute": "Dispute"}),
    "close_dispute": ("Close a dispute", {"dispute": "Dispute", "won": ("true", "false")}),
    "resend": ("Send an event again", {"event": "Event"}),
    "fault": (
        "Make the API fail",
        {
            "route": "Route (POST /v1/refunds, *)",
            "kind": ("500", "429", "timeout", "reset", "slow"),
            "when": ("before", "after"),
            "times": "Times",
            "seconds": "Seconds (timeout, slow)",
        },
    ),
    "clear_faults": ("Heal the API", {}),
}


def show(world: World, request: Request, trouble: str = "") -> Response:
    alert = f'<p class="trouble" role="alert">{escape(trouble)}</p>' if trouble else ""
    forms = "".join(_form(name, title, fields) for name, (title, fields) in FORMS.items())
    with world.working():
        summary, tables = _summary(world), _tables(world)
    main = f"""<h1>Stand-in controls</h1>
{alert}<p>{escape(summary)}</p>
<section><h2>Controls</h2><div class="forms">{forms}</div></section>
{tables}"""
    return page("Stand-in controls", main, css_class="wide", status=400 if trouble else 200)


def _form(name: str, title: str, fields: dict[str, Any]) -> str:
    inputs = "".join(_field(f"{name}-{field}", field, how) for field, how in fields.items())
    return (
        f'<form class="card" method="post" action="/_control/{name}">'
        f"<strong>{escape(title)}</strong>{inputs}"
        f'<button aria-label="{escape(title)}: go">Go</button></form>'
    )


def _field(id: str, name: str, how: Any) -> str:
    if isinstance(how, str):
        return f'<label for="{id}">{escape(how)}</label><input id="{id}" name="{name}">'
    options = "".join(f"<option>{one}</option>" for one in how)
    said = name.capitalize()
    return f'<label for="{id}">{said}</label><select id="{id}" name="{name}">{options}</select>'


def _summary(world: World) -> str:
    totals = books.balance(world)["totals"]
    pending = [row for row in world.webhooks.listed() if row["state"] != "delivered"]
    faults = ", ".join(f"{one['kind']} on {one['route']}" for one in world.faults.listed())
    return (
        f"Clock {world.clock.offset:+,.0f} s. Webhooks: {world.webhooks.mode}, "
        f"{len(pending)} not delivered. Faults: {faults or 'none'}. "
        f"Charged {money(totals['charged'], 'usd')}, refunded {money(totals['refunded'], 'usd')}."
    )


def _tables(world: World) -> str:
    sessions = [
        (row["id"], row["status"], row["payment_status"], money(row["amount_total"], "usd"))
        for row in _newest(world, "checkout.session")
    ]
    refunds = [
        (row["id"], row["status"], row["charge"], money(row["amount"], "usd"))
        for row in _newest(world, "refund")
    ]
    disputes = [
        (row["id"], row["status"], row["charge"], money(row["amount"], "usd"))
        for row in _newest(world, "dispute")
    ]
    events = [
        (row["id"], row["type"], "waiting" if world.webhooks.owed(row["id"]) else "none owed", "")
        for row in _newest(world, "event")
    ]
    return (
        _table("Sessions", ("Session", "Status", "Payment", "Amount"), sessions)
        + _table("Refunds", ("Refund", "Status", "Charge", "Amount"), refunds)
        + _table("Disputes", ("Dispute", "Status", "Charge", "Amount"), disputes)
        + _table("Events", ("Event", "Type", "Delivery", ""), events)
    )


def _newest(world: World, kind: str) -> list[JSON]:
    return [row for row, _ in zip(world.store.newest_first(kind), range(ROWS_SHOWN), strict=False)]


def _table(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    shown = list(rows)
    if not shown:
        return ""
    id = title.lower()
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads if one)
    body = "".join(
        "<tr>" + "".join(f"<td><code>{escape(cell)}</code></td>" for cell in row if cell) + "</tr>"
        for row in shown
    )
    return (
        f'<section><h2 id="{id}">{escape(title)}</h2>'
        f'<div class="scroll" role="region" aria-labelledby="{id}" tabindex="0">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )
