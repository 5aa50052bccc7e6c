"""Before a session: what its members let whoever leads it see of their practice."""

import uuid

from allauth.account.adapter import get_adapter
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from enrollment.models import Enrollment
from enrollment.views.asking import member_of
from enrollment.views.desk import led_session_or_404
from practice import care, for_leaders
from practice.models import SharedWithLeader, WeekPlan
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
@require_safe
def one_member(request: HttpRequest, slug: str, number: int, public_id: uuid.UUID) -> HttpResponse:
    """What one member chose to share besides; opening it is written down, and they see it."""
    session, now = led_session_or_404(request, slug, number), timezone.now()
    if not for_leaders.is_before(session=session, now=now):
        raise Http404
    look = for_leaders.opened(
        session=session,
        public_id=public_id,
        reader=member_of(request),
        now=now,
        ip=address(request),
    )
    try:
        with look as found:
            context = {
                "session": session,
                "cohort": session.cohort,
                "found": found,
                **contents(session, found),
            }
    except (Enrollment.DoesNotExist, GroupSession.DoesNotExist):
        raise Http404 from None
    return render(request, "practice/leading/member.html", context)


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
        plans = WeekPlan.objects.filter(
            enrollment=found.enrollment, week=week.number if week else 0
        )
        plan = plans.first()
        shown |= {
            "week": week,
            "skipped": bool(plan and plan.skipped),
            "lines": care.plan_lines(plan.content) if plan else [],
        }
    if Kind.GOALS in found.parts:
        shown["goals"] = care.goals_of(enrollment=found.enrollment, by={})
    return shown


def address(request: HttpRequest) -> str:
    ip: str = get_adapter().get_client_ip(request)
    return ip
