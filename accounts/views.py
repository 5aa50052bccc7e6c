"""The reader's zone and profile; signing up and in is allauth's."""

import urllib.parse

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts import clock
from accounts.forms import ProfileForm
from accounts.middleware import ZONE_COOKIE

A_YEAR = 60 * 60 * 24 * 365


def remember_zone(response: HttpResponse, zone: str) -> None:
    """Keep the zone in the browser, for pages read without signing in."""
    response.set_cookie(
        ZONE_COOKIE,
        urllib.parse.quote(zone, safe=""),
        max_age=A_YEAR,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


@require_POST
def time_zone(request: HttpRequest) -> HttpResponse:
    """Show times in another zone from now on, then go back to where the reader was."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        back = "/"
    response = redirect(back)
    zone = request.POST.get("time_zone", "")
    if zone not in clock.known_zones():
        messages.error(request, "We do not know this time zone. Choose one from the list.")
        return response
    if request.user.is_authenticated:
        request.user.time_zone = zone
        request.user.save(update_fields=["time_zone"])
    remember_zone(response, zone)
    return response


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """How the group calls the reader, and in which zone they read the time."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        person = form.save()
        messages.success(request, "Your profile is saved.")
        response = redirect("accounts:profile")
        remember_zone(response, person.time_zone)
        return response
    return render(request, "accounts/profile.html", {"form": form})
