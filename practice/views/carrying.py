"""Bringing along the goals of the group before."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from enrollment.views.asking import fresh
from practice import carrying
from practice.views.asking import own_practice_or_404


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def bring(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """GET says what comes along and what that ends; POST does it."""
    here = own_practice_or_404(request, public_id).enrollment
    found = carrying.earlier(enrollment=here)
    if request.method == "POST":
        now = timezone.now()
        if found and carrying.bring(enrollment=here, source=found.enrollment, now=now):
            messages.success(request, "Your goals are here now.")
        else:
            messages.info(request, "There was nothing to bring, or no room for more.")
        return redirect("practice:goals", public_id)
    if found is None:
        raise Http404
    return render(request, "practice/bring.html", {"enrollment": here, "earlier": found})
