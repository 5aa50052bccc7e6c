"""The second factor: a code from an app on one's own phone, besides the password or mailed code.

Everybody may have one. Whoever handles money must: the pages under /money/ and Django's admin
open for a session only in which a code was typed in, when signing in or since. Who has no factor
yet is led to set one up, and comes back. A press that moves money asks for a code again when the
last one is older than `settings.MONEY_PROOF_SECONDS`.

Recovery codes count like the app's. allauth keeps both (`allauth.mfa`), `one_time_codes` says
when one works, and whoever lost everything is helped by `services.take_factor_away`.
"""

import functools
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRedirect

from accounts.models import User
from accounts.paths import path_here
from accounts.proof import needs_proof

COME_BACK = "after_second_factor"
PRESS_AGAIN = (
    "Nothing was saved yet: first type the code from your app. Then look at the page again, and "
    "press once more."
)


def has_one(user: User) -> bool:
    found: bool = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()
    return found


def shown_at(request: HttpRequest) -> float | None:
    """When a code was last typed in in this session, in seconds since 1970.

    None as well when the factor that it was for has been removed since.
    """
    shown = {
        record.get("id"): record["at"]
        for record in get_authentication_records(request, request.user)
        if record["method"] == "mfa"
    }
    theirs = Authenticator.objects.filter(user=request.user, pk__in=shown) if shown else []
    return max((shown[factor.pk] for factor in theirs), default=None)


def is_shown(request: HttpRequest, *, within: float | None = None) -> bool:
    """Whether this session has shown the factor, at all or in so many seconds until now."""
    at = shown_at(request)
    return at is not None and (within is None or time.time() - at < within)


def ask(request: HttpRequest, target: str) -> HttpResponse:
    """To the code, or to the set-up for who has no factor, and from there to the target."""
    assert isinstance(request.user, User)
    if not has_one(request.user):
        request.session[COME_BACK] = target
        way = reverse("mfa_activate_totp")
    else:
        way = f"{reverse('mfa_reauthenticate')}?{urlencode({'next': target})}"
    if request.method == "POST":
        messages.warning(request, PRESS_AGAIN)
    # A part of a page would show the way in its own place: the whole page goes there.
    to = HttpResponseClientRedirect if is_part(request) else HttpResponseRedirect
    return to(way)


def is_part(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def page_of(request: HttpRequest) -> str:
    """Where to come back to: the page, or the one on which the button was pressed."""
    if request.method in ("GET", "HEAD") and not is_part(request):
        return request.get_full_path()
    came_from = urlsplit(request.headers.get("Referer", ""))
    here = came_from.netloc == request.get_host()
    page = came_from._replace(scheme="", netloc="", fragment="").geturl() if here else ""
    return path_here(request, page, request.path)


def missing(request: HttpRequest, *, within: float | None = None) -> HttpResponse | None:
    """What to answer instead of the page; None when the factor was shown (in so many seconds)."""
    if is_shown(request, within=within):
        request.session.pop(COME_BACK, None)
        return None
    return ask(request, page_of(request))


def fresh_factor(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For what moves money: a press (not a look) needs a code of a short while ago.

    Put it below `@money_desk`. A press that comes too late changes nothing and says so.
    """

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request, *args, **kwargs)
        asked = missing(request, within=settings.MONEY_PROOF_SECONDS)
        return asked or view(request, *args, **kwargs)

    return guarded


def needs_factor_proof(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For what changes the factor itself: the factor where there is one, else `needs_proof`.

    With less, whoever sits at an open session could take away what protects it.
    """
    without = needs_proof(view)

    @functools.wraps(view)
    @login_required
    @never_cache
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        assert isinstance(request.user, User)
        if not has_one(request.user):
            return without(request, *args, **kwargs)
        if is_shown(request, within=settings.PROOF_SECONDS):
            return view(request, *args, **kwargs)
        return ask(request, page_of(request))

    return guarded
