"""Every page tells the time in its reader's zone."""

import urllib.parse
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from accounts import clock

ZONE_COOKIE = "tz"


def zone_in_cookie(request: HttpRequest) -> str:
    """The zone that this browser told us, or "" if it told none that exists."""
    key = urllib.parse.unquote(request.COOKIES.get(ZONE_COOKIE, ""))
    return key if key in clock.known_zones() else ""


def reader_zone(request: HttpRequest) -> tuple[str, bool]:
    """The zone to show times in, and whether the reader chose it."""
    chosen = request.user.time_zone if request.user.is_authenticated else zone_in_cookie(request)
    # A stored zone can vanish when the server's zone list changes.
    if chosen in clock.known_zones():
        return chosen, True
    return clock.DEFAULT_ZONE, False


class TimeZoneMiddleware:
    """Activates the reader's zone for the request: the account's, else the cookie's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone, _ = reader_zone(request)
        with timezone.override(zone):
            response = self.get_response(request)
        patch_vary_headers(response, ["Cookie"])
        return response
