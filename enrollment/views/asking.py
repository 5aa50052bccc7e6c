"""What every view here asks of a request."""

import functools
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.utils.cache import add_never_cache_headers, patch_cache_control

from accounts.models import User
from enrollment import portal
from enrollment.models import Enrollment

# Most people who press "Reserve" are new here; the page links to signing in.
sign_up_first = login_required(login_url="account_signup")


def member_of(request: HttpRequest) -> User:
    """The signed-in person, behind a view that requires one."""
    assert isinstance(request.user, User)
    return request.user


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to; an empty POST is an answer too, with everything missing."""
    return request.POST if request.method == "POST" else None


def fresh(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page of which no copy is kept, but of its answers to a form, for "Back".

    A browser cannot ask for the answer to a POST again; without a copy it shows an error. The copy
    goes by the cookie (`Vary`): after signing out it fits nobody.
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if request.method == "POST":
            patch_cache_control(response, private=True, no_cache=True)
        else:
            add_never_cache_headers(response)
        return response

    return wrapped


def form_status(form: Any) -> int:
    """422 for a form that came back with errors, so that tools and htmx can tell."""
    return 422 if form.is_bound else 200


def own_enrollment_or_404(request: HttpRequest, public_id: uuid.UUID) -> Enrollment:
    try:
        return portal.own_enrollment(member=member_of(request), public_id=public_id)
    except Enrollment.DoesNotExist:
        raise Http404 from None
