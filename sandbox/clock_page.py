"""The Clock page: next week's mail, today."""

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import clock as words
from billing.tasks import issue_estimates, release_overdue_holds
from enrollment.states import IN_STANDING
from enrollment.tasks import promise_due_links, promise_due_messages, tend_waitlists
from outbox.broker import kick_now
from outbox.models import Message, State
from outbox.tasks import sweep
from sandbox import clock
from sessions.models import GroupSession, Programme

STEPS = {
    "hour": dt.timedelta(hours=1),
    "day": dt.timedelta(days=1),
    "week": dt.timedelta(weeks=1),
}
EVERY_MINUTE = (
    *(promise_due_links, promise_due_messages, release_overdue_holds, tend_waitlists),
    *(issue_estimates, sweep),
)
# Dates end in the year 9999, and nobody would come back from there.
FURTHEST = dt.timedelta(days=5 * 365)


class MomentForm(forms.Form):
    """A moment ahead, on the reader's clock."""

    at = forms.DateTimeField(
        label="Date and time",
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def clean_at(self) -> dt.datetime:
        at: dt.datetime = self.cleaned_data["at"]
        if at <= timezone.now():
            raise forms.ValidationError("Time runs forward. Go back to the real time first.")
        if at > dt.datetime.now(dt.UTC) + FURTHEST:
            raise forms.ValidationError("Choose a moment within the next five years.")
        return at


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def clock_page(request: HttpRequest) -> HttpResponse:
    """What time it is here, and buttons that move it. 404 where no clock can be moved."""
    if not settings.SANDBOX_CLOCK:
        raise Http404
    file, now, wish = Path(settings.SANDBOX_CLOCK), timezone.now(), request.POST.get("move", "")
    moments = {"link": next_link(now), "door": next_door(now)}
    moments |= {step: now + length for step, length in STEPS.items()}
    form = MomentForm(request.POST if wish == "at" else None, initial={"at": now})
    if wish == "real":
        wait_for_mails()
        clock.back_to_real_time(file)
        return moved(request, "It is the real time again.")
    at = form.cleaned_data["at"] if wish == "at" and form.is_valid() else moments.get(wish)
    if at is not None:
        wait_for_mails()
        clock.move_to(file, at)
        zone = timezone.get_current_timezone_name()
        return moved(request, f"It is now {words.day_and_time(at, zone)} here.")
    context: dict[str, Any] = {"now": now, "form": form, "moments": moments}
    return render(request, "sandbox/clock.html", context, status=422 if wish else 200)


def wait_for_mails(tries: int = 40) -> None:
    """For two seconds at most: a mail that is on its way would be taken for one that a stopped
    worker left behind, and be sent twice."""
    while tries and Message.objects.filter(state=State.SENDING).exists():
        time.sleep(0.05)
        tries -= 1


def moved(request: HttpRequest, said: str) -> HttpResponse:
    """Have what a minute's wait would bring done now."""
    for task in EVERY_MINUTE:
        kick_now(task)
    messages.success(request, said)
    return redirect("sandbox:clock")


def next_link(now: dt.datetime) -> dt.datetime | None:
    """When a session's link falls due next."""
    return first_after(now, lambda one: dt.timedelta(hours=one.link_lead_hours))


def next_door(now: dt.datetime) -> dt.datetime | None:
    """When a door opens next."""
    return first_after(now, lambda one: dt.timedelta(minutes=one.door_opens_minutes))


def first_after(now: dt.datetime, lead: Callable[[Programme], dt.timedelta]) -> dt.datetime | None:
    """The next moment that lies `lead` before a session to which somebody may come."""
    member = Q(cohort__enrollments__status__in=IN_STANDING)
    visitor = Q(visits__isnull=False, visits__given_back_at=None)
    attended = GroupSession.objects.filter(member | visitor, cancelled_at=None)
    moments = [
        start - lead(programme)
        for programme in Programme.objects.all()
        for start in attended.filter(
            cohort__programme=programme, starts_at__gt=now + lead(programme)
        )
        .order_by("starts_at")
        .values_list("starts_at", flat=True)[:1]
    ]
    return min(moments, default=None)
