"""What must not reach a log: addresses that open something for whoever reads them."""

import re
from collections.abc import MutableMapping
from typing import Any

# A door, a calendar and a password link, wherever in a line they stand, also as an encoded `next=`.
SECRET_PATHS = re.compile(
    r"((?:/|%2F)(?:join|calendar|reset(?:/|%2F)key)(?:/|%2F))[^/\s]+", re.IGNORECASE
)


def hide_secret_paths(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: `/join/<token>/` is logged as `/join/…/`."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = SECRET_PATHS.sub(r"\1…", value)
    return event
