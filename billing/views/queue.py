"""What waits for a person at the money desk."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.views.gate import money_desk


@money_desk
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    return render(request, "billing/desk/queue.html")
