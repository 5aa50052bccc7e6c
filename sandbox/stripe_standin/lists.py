"""Lists, newest first, and the expansion of ids into objects."""

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.stripe_standin.errors import invalid, missing
from sandbox.stripe_standin.refunds import refunds_of
from sandbox.stripe_standin.store import JSON, Store, snapshot

DEEPEST_EXPANSION = 4


def page(
    rows: Iterable[JSON], params: JSON, url: str, keep: Callable[[JSON], bool] = lambda row: True
) -> JSON:
    """One page of `rows`, which come newest first."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("Invalid integer: limit must be between 1 and 100", param="limit")
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise invalid("You may only specify one of starting_after and ending_before.")
    found: list[JSON] = []
    cursor_seen = after is None and before is None
    for row in rows:
        if row["id"] in (after, before):
            cursor_seen = True
            if before:  # everything newer has been looked at
                break
        elif (cursor_seen or before) and _within(row, params) and keep(row):
            found.append(row)
            if not before and len(found) > limit:
                break
    if not cursor_seen:
        param = "starting_after" if after else "ending_before"
        raise missing("object", params[param], param, 400)
    data = found[-limit:] if before else found[:limit]
    return {"object": "list", "data": data, "has_more": len(found) > limit, "url": url}


def _within(row: JSON, params: JSON) -> bool:
    at: int = row.get("created", 0)
    span: Any = params.get("created", {})
    if isinstance(span, int):
        return at == span
    return bool(
        span.get("gt", -1) < at
        and span.get("gte", 0) <= at
        and at < span.get("lt", at + 1)
        and at <= span.get("lte", at)
    )


def expand(store: Store, reply: JSON, paths: list[str]) -> JSON:
    """The reply with the ids at `paths` replaced by their objects, on a copy."""
    reply = snapshot(reply)
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST_EXPANSION:
            raise invalid(f"You cannot expand more than 4 levels of a property: {path}")
        _expand(store, reply, steps, path)
    return reply


def _expand(store: Store, value: JSON, steps: list[str], path: str) -> None:
    name, rest = steps[0], steps[1:]
    if name not in value:
        _include(store, value, name, path)
    inner = value[name]
    if isinstance(inner, str):
        found = store.find(inner)
        if found is None:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        inner = value[name] = snapshot(found)
    for one in inner if isinstance(inner, list) else [inner]:
        if isinstance(one, dict) and rest:
            _expand(store, one, rest, path)


def _include(store: Store, value: JSON, name: str, path: str) -> None:
    """The two lists that come along only when they are asked for."""
    kind, id = value.get("object"), value.get("id", "")
    if kind == "checkout.session" and name == "line_items":
        url = f"/v1/checkout/sessions/{id}/line_items"
        value[name] = page(store.own(id)["lines"], {}, url)
    elif kind == "charge" and name == "refunds":
        rows = refunds_of(store, value)[::-1]
        value[name] = snapshot(page(rows, {}, f"/v1/charges/{id}/refunds"))
    else:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
