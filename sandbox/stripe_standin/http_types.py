"""A request and a response, independent of the server that carries them."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """`headers` has lower-case names."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass
class Response:
    """`abort` "close" hangs up without an answer, "reset" tears the connection down."""

    status: int = 200
    body: str = ""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    abort: str = ""


def as_json(value: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(value))


def redirect(url: str) -> Response:
    return Response(303, "", "text/plain", {"Location": url})
