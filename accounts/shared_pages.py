"""Public pages are the same for every anonymous visitor, so one is made and many are served.

When a group is announced, hundreds of people open the same page at once. A view that shows
nothing about its visitor is marked `shared`; its page is then kept in the process for a second,
for each address and time zone. What it says of free seats can be that second old, or ten where
making the next page takes so long; whether somebody gets one is decided when they reserve.
"""

import functools
import hashlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse

from accounts.middleware import zone_in_cookie

FRESH_SECONDS = 1.0
# An older page stands in, at most so long, while one request makes the next.
STAND_IN_SECONDS = 10
CACHE = "pages"


class _Page(NamedTuple):
    asked_at: float
    content: bytes
    headers: dict[str, str]


def shared(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view whose page tells an anonymous visitor nothing that others may not see.

    It may depend on the address and the visitor's time zone, and on nothing else of the
    request. A response that sets a cookie is never shared.
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.shared = True  # type: ignore[attr-defined]
        return response

    return wrapped


class SharedPagesMiddleware:
    """Answers an anonymous visitor with a page that was made for another one just now.

    What stands above it in MIDDLEWARE still runs for each request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = _key(request)
        if key is None:
            return self.get_response(request)
        pages, making = caches[CACHE], f"{key}.making"
        asked_at = time.monotonic()  # what is read from now on will be in the page
        page: _Page | None = pages.get(key)
        if page:
            fresh = asked_at - page.asked_at < FRESH_SECONDS
            if fresh or not pages.add(making, True, STAND_IN_SECONDS):
                return HttpResponse(page.content, headers=page.headers)
        try:
            response = self.get_response(request)
            if _may_be_shared(response):
                made = _Page(asked_at, response.content, dict(response.items()))
                pages.set(key, made, STAND_IN_SECONDS)
        finally:
            if page:  # the mark that others saw is ours
                pages.delete(making)
        return response


def _key(request: HttpRequest) -> str | None:
    """What the page depends on; None for somebody who may be signed in or be told something."""
    cookies = request.COOKIES
    if request.method != "GET" or settings.SESSION_COOKIE_NAME in cookies or "messages" in cookies:
        return None
    depends_on = (zone_in_cookie(request), request.get_host(), request.get_full_path())
    return hashlib.blake2b("\n".join(depends_on).encode(), digest_size=16).hexdigest()


def _may_be_shared(response: HttpResponse) -> bool:
    marked = getattr(response, "shared", False)
    return marked and response.status_code == 200 and not response.cookies
