"""Who may open the pages under /care/: for everybody else they do not exist.

@reads_shared
def plan(request, share): ...
"""

import functools
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from accounts import second_factor
from accounts.middleware import READS_OTHERS
from accounts.models import User
from enrollment.views.asking import member_of
from practice import shared
from practice.models import Share

CHANGED = "What is shared with you was changed meanwhile, so nothing was saved."
LATE = (
    "What is shared with you was changed meanwhile, so this was not saved yet. What you wrote "
    "stands below: look at it, and press once more."
)


def reads_shared(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For whom a member invited, of whatever role, with their second factor: 404 for others, and
    for what is not shared with them at this moment.

    After a change of the consent an open page, or the link in a mail, leads on to what stands now.
    A form goes to the view with `late`, which saves nothing that was typed, and keeps it.

    The session idles out as staff's does. Which part may be read the view asks for itself, by
    `shared.opened`: this here only knows that there is a consent.
    """

    @functools.wraps(view)
    @login_required
    def guarded(
        request: HttpRequest, *args: Any, public_id: uuid.UUID | None = None, **kwargs: Any
    ) -> HttpResponse:
        reader = member_of(request)
        if public_id is not None:
            try:
                kwargs["share"] = standing(reader, public_id)
            except Share.DoesNotExist:
                kwargs["share"] = successor_or_404(reader, public_id)
                if request.method != "POST":
                    return to_overview(kwargs["share"])
                kwargs["late"] = True
        elif not shared.reads_here(reader):
            raise Http404
        request.session[READS_OTHERS] = True
        response = second_factor.missing(request) or view(request, *args, **kwargs)
        # The answer to a POST keeps what `fresh` says about it.
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response

    return guarded


def standing(reader: User, public_id: uuid.UUID) -> Share:
    return shared.standing(public_id=public_id, reader=reader, now=timezone.now())


def successor_or_404(reader: User, public_id: uuid.UUID) -> Share:
    share = shared.successor(public_id=public_id, reader=reader, now=timezone.now())
    if share is None:
        raise Http404
    return share


def to_overview(share: Share) -> HttpResponse:
    response = redirect("practice:care_overview", share.public_id)
    add_never_cache_headers(response)
    return response


def not_shared(request: HttpRequest, share: Share, late: bool) -> HttpResponse:
    """A form about a part that this consent does not have: 404, but for what came late."""
    if not late:
        raise Http404
    messages.warning(request, CHANGED)
    return to_overview(share)
