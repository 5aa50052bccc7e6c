"""Who may open the pages under /money/: for everybody else they do not exist."""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse

from enrollment.views.asking import member_of


def money_desk(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For billing admins and admins; 404 for others, and signing in for nobody known."""

    @functools.wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not member_of(request).handles_money:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded
