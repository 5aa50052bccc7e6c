"""Pages that belong to no room."""

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import second_factor
from accounts.paths import path_here


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while this process can serve pages, else 503.

    It asks the database only: without the broker, mails and expiries wait for the sweepers,
    but pages go on, so a lost Redis must not take the web processes away too.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"database": "unreachable"}, status=503)
    return JsonResponse({"database": "ok"})


@never_cache
def admin_login(request: HttpRequest) -> HttpResponse:
    """Send the admin's visitors to the one login form, which limits the rate of guesses."""
    target = path_here(request, request.GET.get("next", ""), reverse("admin:index"))
    if not request.user.is_authenticated:
        return redirect_to_login(target)
    if not request.user.is_staff:
        raise PermissionDenied
    if not second_factor.is_shown(request):
        return second_factor.ask(request, target)
    return HttpResponseRedirect(target)
