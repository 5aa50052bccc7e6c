"""The Codes page: what the app on each demo person's phone shows now.

It goes by real time, like the app, wherever the sandbox's clock stands.
"""

from allauth.mfa.models import Authenticator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import one_time_codes
from sandbox import demo_people


@never_cache
@require_safe
def codes_page(request: HttpRequest) -> HttpResponse:
    factors = Authenticator.objects.filter(
        type=Authenticator.Type.TOTP, user__email__endswith=f"@{demo_people.DOMAIN}"
    )
    rows = []
    for factor in factors.select_related("user").order_by("user__email"):
        code, wait = one_time_codes.next_code(factor)
        rows.append({"person": factor.user, "code": code, "wait": wait})
    return render(request, "sandbox/codes.html", {"rows": rows})
