"""The application behind what production has in front of it: a proxy that speaks HTTPS."""

from collections.abc import Callable, Iterable
from typing import Any

from grouport.wsgi import application as _application


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["HTTP_X_FORWARDED_PROTO"] = "https"
    answer: Iterable[bytes] = _application(environ, start_response)
    return answer
