"""Reading what an encrypted value holds, whichever version of the code wrote it.

What is missing, or is of another kind than today's pages write, counts as not written.
"""

from collections.abc import Container, Mapping
from typing import Any


def mapping(content: object) -> Mapping[str, Any]:
    return content if isinstance(content, Mapping) else {}


def text(stored: Mapping[str, Any], key: str) -> str:
    value = stored.get(key)
    return value if isinstance(value, str) else ""


def texts(stored: Mapping[str, Any], key: str) -> list[str]:
    """An entry for each of a list, also where it is empty: their places count."""
    value = stored.get(key)
    listed = value if isinstance(value, list | tuple) else ()
    return [one if isinstance(one, str) else "" for one in listed]


def whole(stored: Mapping[str, Any], key: str, allowed: Container[int]) -> int | None:
    value = stored.get(key)
    fits = isinstance(value, int) and not isinstance(value, bool) and value in allowed
    return value if isinstance(value, int) and fits else None
