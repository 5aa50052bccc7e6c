"""Who may open the pages under /money/: for everybody else they do not exist.

@money_desk
@fresh_factor  # where a press moves money; `code_first` where something is typed before it
def give_back(request): ...
"""

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

from accounts import second_factor
from accounts.second_factor import fresh_factor
from enrollment.views.asking import member_of

__all__ = ["code_first", "fresh_factor", "money_desk"]


def money_desk(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For billing admins and admins with their second factor; 404 for others, and signing in for
    nobody known."""

    @functools.wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not member_of(request).handles_money:
            raise Http404
        response = second_factor.missing(request) or view(request, *args, **kwargs)
        # A preview is often the answer to a POST, which "Back" can only show from a copy: what
        # `fresh` says about it stays.
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response

    return guarded


def code_first(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """As `fresh_factor`, but the page itself asks for the code, before anything is typed that
    would be lost on the way to it."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = second_factor.missing(request, within=settings.MONEY_PROOF_SECONDS)
        return asked or view(request, *args, **kwargs)

    return guarded
