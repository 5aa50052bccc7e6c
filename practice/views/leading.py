"""Before a session: what its members let whoever leads it see of their practice."""

import uuid

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from enrollment.models import Enrollment
from enrollment.views.asking import member_of
from enrollment.views.desk import led_session_or_404
from practice import aiming, care, for_leaders, week_plans
from practice.care_forms import AgreeForm
from practice.models import Goal, SharedWithLeader
from sessions import leading
from sessions.models import GroupSession

Kind = SharedWithLeader.Kind


@login_required
@never_cache
@require_safe
def session_list(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One of two phrases for each member, and a link where somebody shares more."""
    session, now = led_session_or_404(request, slug, number), timezone.now()
    open_now = for_leaders.is_before(session=session, now=now)
    lines = []
    try:
        if open_now:
            lines = for_leaders.list_for(
                session=session, reader=member_of(request), now=now, ip=address(request)
            )
        elif not leading.leads(member_of(request), session):
            raise Http404
    except GroupSession.DoesNotExist:
        raise Http404 from None
    context = {"session": session, "cohort": session.cohort, "open": open_now, "lines": lines}
    return render(request, "practice/leading/session.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def one_member(request: HttpRequest, slug: str, number: int, public_id: uuid.UUID) -> HttpResponse:
    """What one member chose to share besides; opening it is written down, and they see it. A press
    agrees on the steps of a goal."""
    session, now = led_session_or_404(request, slug, number), timezone.now()
    if not for_leaders.is_before(session=session, now=now):
        raise Http404
    try:
        if request.method == "POST":
            agree(request, session, public_id)
            return redirect("practice:leading_member", slug, number, public_id)
        look = for_leaders.opened(
            session=session,
            public_id=public_id,
            reader=member_of(request),
            now=now,
            ip=address(request),
        )
        with look as found:
            context = {
                "session": session,
                "cohort": session.cohort,
                "found": found,
                **contents(session, found),
            }
    except (Enrollment.DoesNotExist, GroupSession.DoesNotExist, Goal.DoesNotExist):
        raise Http404 from None
    return render(request, "practice/leading/member.html", context)


def agree(request: HttpRequest, session: GroupSession, public_id: uuid.UUID) -> None:
    form = AgreeForm(request.POST)
    if not form.is_valid():
        messages.warning(request, aiming.CHANGED)
        return
    try:
        for_leaders.agree(
            session=session,
            public_id=public_id,
            reader=member_of(request),
            goal=form.cleaned_data["goal"],
            seen=form.cleaned_data["seen"],
            now=timezone.now(),
        )
    except aiming.NotPossible as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, "It is noted that you agreed on these steps together.")


def contents(session: GroupSession, found: for_leaders.Opened) -> dict[str, object]:
    """Only what is shared is read."""
    shown: dict[str, object] = {
        "shows_plan": Kind.PLAN in found.parts,
        "shows_goals": Kind.GOALS in found.parts,
    }
    if Kind.PLAN in found.parts:
        week = for_leaders.week_before(
            session=session,
            sessions=GroupSession.objects.filter(cohort=session.cohort_id),
            enrollment=found.enrollment,
        )
        number = week.number if week else 0
        kept = week_plans.plan_of(enrollment=found.enrollment, week=number)
        shown |= {"week": week, "skipped": kept.skipped, "lines": care.plan_lines(kept.plan)}
    if Kind.GOALS in found.parts:
        shown["goals"] = care.goals_of(enrollment=found.enrollment, by={}, notes=False)
    return shown


def address(request: HttpRequest) -> str:
    ip: str = get_adapter().get_client_ip(request)
    return ip
