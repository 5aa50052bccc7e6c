"""A member's goals: set, written anew, and ended."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from enrollment.views.asking import form_status, fresh, member_of, posted
from practice import aiming, carrying, known_as
from practice.aiming import Changed, NotPossible
from practice.goal_forms import AimForm
from practice.models import Goal
from practice.models.goals import MOST_GOALS
from practice.summary import goals_of
from practice.views.asking import own_practice_or_404, seen_in
from practice.views.goal_parts import (
    GET_OR_POST,
    aim_of,
    around,
    ended,
    goal_or_404,
    shown,
)


@login_required
@fresh
@require_safe
def goals(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    practice = own_practice_or_404(request, public_id)
    found = goals_of(practice.enrollment)
    going_on = [shown(goal, practice) for goal in found if not goal.ended_at]
    context = {
        **around(practice),
        "going_on": going_on,
        "ended": [shown(goal, practice) for goal in found if goal.ended_at],
        "may_add": len(going_on) < MOST_GOALS,
        "earlier": carrying.earlier(enrollment=practice.enrollment),
    }
    return render(request, "practice/goals/list.html", context)


@login_required
@fresh
@require_http_methods(GET_OR_POST)
def new_goal(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    practice = own_practice_or_404(request, public_id)
    form = AimForm(posted(request))
    status, refused, key = form_status(form), "", _key(request)
    if form.is_valid():
        try:
            aiming.set_goal(
                enrollment=practice.enrollment, aim=form.aim(), key=key, now=timezone.now()
            )
        except NotPossible as error:
            refused, status, key = str(error), 409, uuid.uuid4()
        else:
            messages.success(request, "Your goal is saved. You can change it at any time.")
            return redirect("practice:goals", public_id)
    going_on = Goal.objects.filter(enrollment=practice.enrollment, ended_at=None).count()
    context = {
        **around(practice),
        "form": form,
        "full": going_on >= MOST_GOALS,
        "refused": refused,
        "key": key,
    }
    return render(request, "practice/goals/new.html", context, status=status)


def _key(request: HttpRequest) -> uuid.UUID:
    """Made with the page, so that pressing twice sets one goal."""
    try:
        return uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        return uuid.uuid4()


@login_required
@fresh
@require_http_methods(GET_OR_POST)
def goal(request: HttpRequest, public_id: uuid.UUID, goal: uuid.UUID) -> HttpResponse:
    """Write a goal anew; one that was ended is there to read."""
    practice = own_practice_or_404(request, public_id)
    row = goal_or_404(practice, goal)
    if row.ended_at:
        return ended(request, practice, row)
    form = AimForm(request.POST) if request.method == "POST" else AimForm.showing(aim_of(row))
    status, overtaken = form_status(form), False
    if form.is_valid():
        try:
            aiming.change_goal(goal=row, aim=form.aim(), seen=seen_in(request), now=timezone.now())
        except Changed:
            row = goal_or_404(practice, goal)
            if row.ended_at:
                return ended(request, practice, row)
            overtaken, status = True, 409
        else:
            messages.success(request, "Your goal is saved.")
            return redirect("practice:goals", public_id)
    context = {
        **around(practice),
        "form": form,
        "goal": row,
        "agreed_with": known_as.name_of(person=row.agreed_by, member=member_of(request)),
        "aim": aim_of(row),
        # Who saves again, having seen the other words, replaces them.
        "seen": seen_in(request) if form.is_bound and not overtaken else row.revision,
        "overtaken": overtaken,
    }
    return render(request, "practice/goals/edit.html", context, status=status)


@login_required
@fresh
@require_http_methods(GET_OR_POST)
def end_goal(request: HttpRequest, public_id: uuid.UUID, goal: uuid.UUID) -> HttpResponse:
    """GET shows what it means; POST ends it."""
    practice = own_practice_or_404(request, public_id)
    row = goal_or_404(practice, goal)
    if row.ended_at:
        return redirect("practice:goal", public_id, goal)
    if request.method == "POST":
        try:
            aiming.end_goal(goal=row, seen=seen_in(request), now=timezone.now())
        except Changed as refused:
            messages.warning(request, str(refused))
            return redirect("practice:goal_end", public_id, goal)
        messages.success(request, "The goal is ended. What you wrote about it stays here.")
        return redirect("practice:goals", public_id)
    context = {**around(practice), "goal": row, "aim": aim_of(row)}
    return render(request, "practice/goals/end.html", context)
