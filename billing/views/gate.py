"""Who may open the pages under /money/: for everybody else they do not exist.

@money_desk
@fresh_factor  # where a press moves money
def give_back(request): ...
"""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from accounts import second_factor
from accounts.second_factor import fresh_factor
from enrollment.views.asking import member_of

__all__ = ["fresh_factor", "money_desk"]


def money_desk(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For billing admins and admins with their second factor; 404 for others, and signing in for
    nobody known."""

    @functools.wraps(view)
    @login_required
    @never_cache
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not member_of(request).handles_money:
            raise Http404
        return second_factor.missing(request) or view(request, *args, **kwargs)

    return guarded
