"""Stripe's form encoding: `line_items[0][price_data][currency]=usd` into nested dicts."""

import re
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe_standin.errors import Refusal

KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
PART = re.compile(r"\[([^\[\]]*)\]")


def parse(text: str) -> dict[str, Any]:
    """Nested dicts of strings. Lists stay dicts with the keys "0", "1", … until judged."""
    tree: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        match = KEY.match(key)
        if match is None:
            raise Refusal(400, f"Invalid request: bad key {key!r}", saved=False)
        _put(tree, [match[1], *PART.findall(match[2])], value, key)
    return tree


def _put(tree: dict[str, Any], path: list[str], value: str, key: str) -> None:
    for part in path[:-1]:
        branch = tree.setdefault(part or str(len(tree)), {})
        if not isinstance(branch, dict):
            raise Refusal(400, f"Invalid hash: {key} is both a value and a hash", saved=False)
        tree = branch
    leaf = path[-1] or str(len(tree))
    if isinstance(tree.get(leaf), dict):
        raise Refusal(400, f"Invalid hash: {key} is both a value and a hash", saved=False)
    tree[leaf] = value
