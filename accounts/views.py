"""The reader's zone and profile; signing up and in is allauth's."""

import urllib.parse

from allauth.account import views as account_views
from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.forms import ProfileForm, ProveByCodeForm
from accounts.middleware import ZONE_COOKIE, reader_zone
from accounts.paths import path_here
from accounts.proof import Proof

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


@require_http_methods(["GET", "HEAD", "POST"])
def time_zone(request: HttpRequest) -> HttpResponse:
    """Show times in another zone from now on, then go back to where the reader was.

    A page of its own, so that public pages hold no form: without one they are the same for
    everybody, and set no cookie.
    """
    asked = (request.POST if request.method == "POST" else request.GET).get("next", "")
    target = path_here(request, asked, "/")
    if request.method != "POST":
        zone, _ = reader_zone(request)
        context = {"next": target, "choices": clock.zone_choices(zone)}
        return render(request, "accounts/time_zone.html", context)
    response = HttpResponseRedirect(target)
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


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def prove_by_code(request: HttpRequest) -> HttpResponse:
    """Show once more that it is you, with a code that is sent at the press of a button."""
    asked = (request.POST if request.method == "POST" else request.GET).get("next", "")
    target = path_here(request, asked, reverse("accounts:profile"))
    here = f"{request.path}?{urlencode({'next': target})}"
    if request.POST.get("action") == "send":
        Proof.send(request)
        return HttpResponseRedirect(here)
    proof = Proof.awaited(request)
    form = proof and ProveByCodeForm(request.POST or None, code=proof.code)
    if proof and form and request.method == "POST":
        if form.is_valid():
            proof.was_right(request)
            return HttpResponseRedirect(target)
        if not proof.was_wrong(request):
            messages.error(request, "Three codes were wrong. Ask for a new one.")
            return HttpResponseRedirect(here)
    ways = get_adapter(request).get_reauthentication_methods(request.user)
    context = {
        "form": form,
        "redirect_field": format_html('<input type="hidden" name="next" value="{}">', target),
        "reauthentication_alternatives": [
            {**way, "url": f"{way['url']}?{urlencode({'next': target})}"}
            for way in ways
            if way["url"] != request.path
        ],
    }
    return render(request, "account/prove_by_code.html", context)


def sign_out(request: HttpRequest) -> HttpResponse:
    """allauth's; and the browser forgets what pages of this site kept in it, as drafts."""
    response: HttpResponse = account_views.logout(request)
    if not request.user.is_authenticated:
        response["Clear-Site-Data"] = '"storage"'
    return response
