"""One of my own weeks: saying that I cannot come, and a chair in another group."""

import datetime as dt
import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts import clock
from enrollment import absences, making_up
from enrollment.absences import NotPossible, Week
from enrollment.door import opening_time
from enrollment.offers import AHEAD, offers
from enrollment.states import IN_STANDING
from enrollment.views.asking import fresh, own_enrollment_or_404
from outbox.tasks import kick
from sessions.models import GroupSession


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def own_week(request: HttpRequest, public_id: uuid.UUID, number: int) -> HttpResponse:
    """GET shows what is possible now; POST with the name of one of the buttons does it."""
    week = own_week_or_404(request, public_id, number)
    if request.method == "POST":
        try:
            done = act(request, week)
        except NotPossible as refused:
            messages.warning(request, str(refused))
        else:
            messages.success(request, done)
        return redirect("enrollment:own_week", public_id, number)
    now = timezone.now()
    chosen = week.visit.session if week.visit else None
    context = {
        "week": week,
        "session": week.session,
        "enrollment": week.enrollment,
        "cohort": week.enrollment.cohort,
        "ahead": week.is_ahead(now),
        "running": week.is_running(now),
        "soon": week.session.starts_at <= now + AHEAD,
        "opens_at": opening_time(chosen) if chosen else None,
        "offers": [] if chosen else offers(week=week, now=now),
        "now": now,
    }
    return render(request, "enrollment/own_week.html", context)


def own_week_or_404(request: HttpRequest, public_id: uuid.UUID, number: int) -> Week:
    enrollment = own_enrollment_or_404(request, public_id)
    if enrollment.status not in IN_STANDING:
        raise Http404
    try:
        return absences.own_week(enrollment=enrollment, number=number, now=timezone.now())
    except GroupSession.DoesNotExist:
        raise Http404 from None


def act(request: HttpRequest, week: Week) -> str:
    """Do what was pressed, and say in one sentence what is so now. Raises NotPossible."""
    now = timezone.now()
    if "absent" in request.POST:
        absences.say_absent(week=week, about=shown_start(request), now=now)
        return "Thank you for telling us. Whoever leads your group sees it."
    if "come" in request.POST:
        making_up.come_after_all(week=week, now=now)
        return "Good, we expect you. Your own session is as before."
    if "give_back" in request.POST:
        if not making_up.give_back(week=week, now=now):
            raise NotPossible("There is no chair to give back any more.")
        return (
            "The chair is free for somebody else now. If you added it to your calendar by hand, "
            "please delete it there."
        )
    session_id = request.POST.get("take", "")
    if not (session_id.isascii() and session_id.isdigit() and len(session_id) < 16):
        raise Http404
    visit = making_up.take_chair(week=week, session_id=int(session_id), now=now)
    kick()
    when = clock.day_and_time(visit.session.starts_at, week.enrollment.member.time_zone)
    return f"The chair on {when} is yours. We send you its link by email too."


def shown_start(request: HttpRequest) -> dt.datetime:
    """The time of the session as the page showed it, so that nobody says no to another one."""
    try:
        return dt.datetime.fromisoformat(request.POST.get("about", ""))
    except ValueError:
        raise NotPossible("Please open this page again and press once more.") from None
