"""One of my weeks: the one practice that I choose for it, or none, and how it went."""

import dataclasses
import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from enrollment.views.asking import fresh
from practice import daily_life, proposals, week_plans
from practice.changes import ChangedMeanwhile
from practice.fields import show_beside
from practice.looks import that_matter
from practice.own import OwnPractice
from practice.plan_forms import OutcomeForm, PlanForm
from practice.planning import suggested
from practice.views.asking import CHANGED, own_practice_or_404, seen_in
from practice.week_plans import Kept
from practice.weeks import Week

OLD_PAGE = "You changed this week on another page meanwhile. Here is what is saved now."


@dataclass(frozen=True, slots=True)
class Asked:
    """A request about one week of somebody's own, and what is kept about that week."""

    request: HttpRequest
    practice: OwnPractice
    week: Week
    kept: Kept

    @property
    def where(self) -> dict[str, Any]:
        """What every change of the week is told."""
        return {
            "enrollment": self.practice.enrollment,
            "week": self.week.number,
            "seen": seen_in(self.request),
            "now": timezone.now(),
        }

    def plan_form(self, typed: QueryDict | None = None) -> PlanForm:
        """As the plan stands, or as it was typed."""
        looks = daily_life.looks_of(member=self.practice.enrollment.member)
        form = PlanForm(
            typed,
            skills=self.week.explained_skills,
            suggestions=suggested(teaches=self.week.teaches, matter=that_matter(looks)),
            plan=self.kept.plan,
        )
        form.initial = form.initial_from(self.kept.plan)
        return form

    def outcome_form(self, typed: QueryDict | None = None) -> OutcomeForm:
        return OutcomeForm(typed, initial=self.kept.plan.dump())

    def anew(self) -> "Asked":
        return dataclasses.replace(
            self,
            kept=week_plans.plan_of(enrollment=self.practice.enrollment, week=self.week.number),
        )

    def back(self) -> HttpResponse:
        return redirect("practice:week", self.practice.enrollment.public_id, self.week.number)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def own_week(request: HttpRequest, public_id: uuid.UUID, number: int) -> HttpResponse:
    """GET shows the plan, or a form to make or `?change` it; POST does what its button is named."""
    asked = about(request, public_id, number)
    kept = asked.kept
    if request.method == "POST":
        return act(asked)
    if kept.skipped or (kept.plan.is_made and "change" not in request.GET):
        return show_plan(asked, asked.outcome_form())
    return show_form(asked, asked.plan_form())


def about(request: HttpRequest, public_id: uuid.UUID, number: int) -> Asked:
    practice = own_practice_or_404(request, public_id)
    week = practice.week(number)
    if week is None:
        raise Http404
    kept = week_plans.plan_of(enrollment=practice.enrollment, week=number)
    return Asked(request, practice, week, kept)


def act(asked: Asked) -> HttpResponse:
    if "save" in asked.request.POST:
        return save(asked)
    if "note" in asked.request.POST:
        return note(asked)
    try:
        if "skip" in asked.request.POST:
            week_plans.skip_week(**asked.where)
        elif "take_up" in asked.request.POST:
            week_plans.take_up_week(**asked.where)
    except ChangedMeanwhile:
        messages.warning(asked.request, OLD_PAGE)
    return asked.back()


def save(asked: Asked) -> HttpResponse:
    form = asked.plan_form(asked.request.POST)
    if not form.is_valid():
        return show_form(asked, form, 422)
    try:
        week_plans.save_plan(plan=form.plan(), **asked.where)
    except ChangedMeanwhile:
        asked = asked.anew()
        late = asked.plan_form()
        standing, late.initial = late.initial, form.typed()
        show_beside(late, standing)
        messages.warning(asked.request, CHANGED)
        return show_form(asked, late, 409)
    messages.success(asked.request, "Your plan is saved. You can change it whenever you like.")
    return asked.back()


def note(asked: Asked) -> HttpResponse:
    form = asked.outcome_form(asked.request.POST)
    if not form.is_valid():
        return show_plan(asked, form, 422)
    outcome, words = form.said()
    try:
        week_plans.say_how_it_went(outcome=outcome, words=words, **asked.where)
    except ChangedMeanwhile:
        asked = asked.anew()
        late = OutcomeForm(initial=form.cleaned_data)
        show_beside(late, asked.kept.plan.dump())
        messages.warning(asked.request, CHANGED)
        return show_plan(asked, late, 409)
    messages.success(asked.request, "Thank you. It is noted.")
    return asked.back()


def show_form(asked: Asked, form: PlanForm, status: int = 200) -> HttpResponse:
    return show(asked, "practice/plan_form.html", form, status)


def show_plan(asked: Asked, form: OutcomeForm, status: int = 200) -> HttpResponse:
    return show(asked, "practice/plan.html", form, status)


def show(asked: Asked, template: str, form: PlanForm | OutcomeForm, status: int) -> HttpResponse:
    # A form with mistakes still stands on what its page had seen.
    seen = seen_in(asked.request) if form.is_bound else asked.kept.revision
    context = {
        "enrollment": asked.practice.enrollment,
        "week": asked.week,
        "past": asked.week is not asked.practice.this_week,
        "kept": asked.kept,
        "plan": asked.kept.plan,
        "skill_is": asked.week.what_is(asked.kept.plan.skill),
        "form": form,
        "seen": seen,
        "suggestions": proposals.to_member(
            enrollment=asked.practice.enrollment, now=asked.practice.now, week=asked.week.number
        ),
    }
    return render(asked.request, template, context, status=status)
