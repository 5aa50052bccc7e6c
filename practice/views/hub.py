"""The page from which a member reaches everything of their practice."""

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from practice import proposals, week_plans
from practice.diary import noted_days
from practice.diary_days import Day, of_week
from practice.leader_sees import leader_sees
from practice.own import OwnPractice
from practice.views.asking import own_practice_or_404


@login_required
@never_cache
@require_safe
def hub(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    practice = own_practice_or_404(request, public_id)
    context = {
        "practice": practice,
        "enrollment": practice.enrollment,
        "cohort": practice.enrollment.cohort,
        "week": practice.this_week,
        "plans": week_plans.overview(practice=practice),
        "diary_days": diary_days(practice),
        "leader_parts": leader_sees(practice),
        "written": proposals.to_look_at(practice=practice),
    }
    return render(request, "practice/hub.html", context)


def diary_days(practice: OwnPractice) -> list[Day]:
    """This week's, until today: the last seven, as the last week is a long one."""
    week = practice.this_week
    if week is None:
        return []
    noted = noted_days(enrollment=practice.enrollment, first=week.first_day, last=practice.today)
    return of_week(practice, week, noted)[-7:]
