"""What is mine: my groups, my answers, my calendar."""

import dataclasses
import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh

from enrollment import absences, answering, catalogue, portal, waitlist
from enrollment.calendar import sessions_ics
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING, Status
from enrollment.views.asking import member_of, own_enrollment_or_404
from sessions.models import GroupSession


@login_required
@never_cache
@require_safe
def my_groups(request: HttpRequest) -> HttpResponse:
    now, member = timezone.now(), member_of(request)
    context = {
        "rows": portal.my_groups(member=member, now=now),
        "led": portal.led_groups(leader=member, now=now),
    }
    return render(request, "enrollment/my_groups.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answers(request: HttpRequest) -> HttpResponse:
    """My own answers, to be corrected at any time."""
    now, member = timezone.now(), member_of(request)
    if request.method == "POST":
        if answering.save_answers(request, member=member, now=now):
            messages.success(request, "Your answers are saved.")
        return redirect("enrollment:answers")
    form = answering.intake_form(request, member=member, now=now)
    return render(request, "enrollment/answers.html", {"form": form})


@login_required
@never_cache
@require_safe
def my_group(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    now = timezone.now()
    enrollment = own_enrollment_or_404(request, public_id)
    mine = portal.my_group(enrollment=enrollment, now=now)
    context = {
        **_fields(mine),
        "cohort": enrollment.cohort,
        "calendar_url": reverse("enrollment:calendar", args=[public_id]),
        "can_pay": enrollment.held_at(now),
        "card": catalogue.group_card(pk=enrollment.cohort_id, now=now)
        if enrollment.status == Status.EXPIRED or gave_up_waiting(enrollment)
        else None,
        "place": waitlist.place(enrollment) if enrollment.status == Status.WAITLISTED else None,
        "offered": enrollment.offered_at(now),
        "can_wait": waitlist.takes(enrollment.cohort, now),
        "this_week": absences.this_week(
            enrollment=enrollment, sessions=enrollment.cohort.group_sessions.all(), now=now
        )
        if enrollment.status in IN_STANDING
        else None,
        "now": now,
    }
    return render(request, "enrollment/my_group.html", context)


def gave_up_waiting(enrollment: Enrollment) -> bool:
    """Whether they left the waitlist, or said no to a seat that was free."""
    waited = enrollment.waiting_since is not None and enrollment.confirmed_at is None
    return waited and enrollment.status == Status.CANCELLED


def _fields(mine: portal.MyGroup) -> dict[str, Any]:
    return {field.name: getattr(mine, field.name) for field in dataclasses.fields(mine)}


@never_cache
@require_safe
def next_session(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The next session alone, which my group asks for each minute while it is near.

    When it is over, or nobody is signed in any more, the whole page is asked for again.
    """
    now = timezone.now()
    if not request.user.is_authenticated:
        return HttpResponseClientRefresh()
    mine = portal.my_group(enrollment=own_enrollment_or_404(request, public_id), now=now)
    if not mine.refreshes:
        return HttpResponseClientRefresh()
    context = {**_fields(mine), "cohort": mine.enrollment.cohort, "now": now}
    return render(request, "enrollment/_next.html", context)


@login_required
@never_cache
@require_safe
def calendar(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The sessions as a calendar file, for somebody with a confirmed seat."""
    enrollment = own_enrollment_or_404(request, public_id)
    if enrollment.status not in (Status.ACTIVE, Status.GRACE, Status.COMPLETED):
        raise Http404
    sessions = GroupSession.objects.filter(
        cohort=enrollment.cohort, number__gte=enrollment.first_week
    ).order_by("number")
    body = sessions_ics(enrollment=enrollment, sessions=sessions, now=timezone.now())
    return HttpResponse(
        body,
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="sessions.ics"'},
    )
