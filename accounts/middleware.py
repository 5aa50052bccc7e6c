"""Every page tells the time in its reader's zone."""

import urllib.parse
from collections.abc import Callable

import structlog
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from accounts import clock
from accounts.encryption import Unreadable
from accounts.models import Role

logger = structlog.get_logger(__name__)

ZONE_COOKIE = "tz"
SEEN_ON = "seen_on"
# In a session in which somebody read what another person shares with them.
READS_OTHERS = "reads_others"
LOST = (
    "You were signed out meanwhile, so nothing was saved. Please sign in, look at the page again, "
    "and press once more."
)


def zone_in_cookie(request: HttpRequest) -> str:
    """The zone that this browser told us, or "" if it told none that exists."""
    key = urllib.parse.unquote(request.COOKIES.get(ZONE_COOKIE, ""))
    return key if key in clock.known_zones() else ""


def reader_zone(request: HttpRequest) -> tuple[str, bool]:
    """The zone to show times in, and whether the reader chose it."""
    # A request that was refused early, for its Host header, has no user yet.
    user = getattr(request, "user", None)
    chosen = user.time_zone if user and user.is_authenticated else zone_in_cookie(request)
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


class UnreadableMiddleware:
    """A page that needs a value which no key opens says so kindly, and that nothing is lost.

    Logged with the page's name only: an address may name whose it is.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Unreadable):
            return None
        match = request.resolver_match
        logger.error("value_unreadable", view=match.view_name if match else "")
        response = HttpResponse(
            render_to_string("503.html", {"support_email": settings.SUPPORT_EMAIL}), status=503
        )
        add_never_cache_headers(response)
        return response


class LostPressMiddleware:
    """Says so when somebody pressed a button who was signed out meanwhile: nothing was saved.

    Signing in leads back to the page, but no browser sends the press again.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        target = response.headers.get("Location", "") if request.method == "POST" else ""
        path, _, query = target.partition("?")
        # Only these two: the steps of signing in by a code lie under the first one's address.
        if "next=" in query and path in {reverse("account_login"), reverse("account_signup")}:
            messages.warning(request, LOST)
        return response


class IdleLogoutMiddleware:
    """Ends a session that nobody uses: after half an hour for staff, two weeks for members.

    A member's in which they opened what somebody else shares with them ends like staff's.

    A session's row says until when it may be loaded, so extending it is all there is to do:
    at each page for staff, once a day for members, whose pages need not write each time.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        user = getattr(request, "user", None)
        if user and user.is_authenticated:
            if user.role != Role.MEMBER or request.session.get(READS_OTHERS):
                request.session.set_expiry(settings.STAFF_IDLE_SECONDS)
            elif request.session.get(SEEN_ON) != (today := timezone.now().date().isoformat()):
                request.session[SEEN_ON] = today
        return response
