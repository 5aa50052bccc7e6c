"""Changing a group's dates: ask, look at what it does to whom, then do it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from enrollment import rescheduling
from enrollment.change_forms import ChangeForm
from enrollment.changes import Impossible
from enrollment.rescheduling import ChangedMeanwhile
from enrollment.views.asking import form_status, fresh, member_of
from enrollment.views.desk import led_cohort_or_404
from sessions.models import Cohort

CHANGED = (
    "Somebody else changed this group meanwhile, so nothing was changed: here is what stands now. "
    "What you typed is still here."
)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def dates(request: HttpRequest, slug: str) -> HttpResponse:
    """GET asks, POST shows what would happen, POST with `confirm` does it."""
    cohort = led_cohort_or_404(request, slug)
    if request.method == "POST" and request.POST.get("version") != str(cohort.version):
        return meanwhile(request, cohort)
    form = change_form(request, cohort)
    if not form.is_bound or not form.is_valid():
        return render_form(request, cohort, form)
    try:
        if "back" in request.POST:
            return render_form(request, cohort, retyped(request, cohort))
        if "confirm" in request.POST:
            return confirmed(request, cohort, form)
        found = rescheduling.preview(cohort=cohort, wish=form.wish(), now=timezone.now())
    except Impossible as error:
        form.add_error(error.field, error.message)
        return render_form(request, cohort, form)
    except ChangedMeanwhile:
        return meanwhile(request, cohort)
    context = {"cohort": cohort, "form": form, "preview": found, "kind": form.cleaned_data["kind"]}
    return render(request, "enrollment/desk/change_preview.html", context)


def meanwhile(request: HttpRequest, cohort: Cohort) -> HttpResponse:
    """Somebody else was faster: their dates, with what was typed here."""
    messages.warning(request, CHANGED)
    return render_form(request, cohort, retyped(request, cohort), status=409)


def change_form(request: HttpRequest, cohort: Cohort, **how: Any) -> ChangeForm:
    """The form for the dates as they stand."""
    data = request.POST if request.method == "POST" else None
    sessions = list(rescheduling.coming_sessions(cohort=cohort, now=timezone.now()))
    how = how or {"data": data, "initial": {"version": cohort.version}}
    return ChangeForm(sessions=sessions, zone=cohort.zone, **how)


def retyped(request: HttpRequest, cohort: Cohort) -> ChangeForm:
    """What was typed, over the dates that stand now."""
    cohort.refresh_from_db()
    typed = {**request.POST.dict(), "version": cohort.version}
    return change_form(request, cohort, initial=typed)


def confirmed(request: HttpRequest, cohort: Cohort, form: ChangeForm) -> HttpResponse:
    done = rescheduling.apply(
        cohort_id=cohort.pk,
        wish=form.wish(),
        version=form.cleaned_data["version"],
        actor=member_of(request),
        reason=form.cleaned_data["reason"],
        now=timezone.now(),
    )
    told = f"{done.told} {'member is' if done.told == 1 else 'members are'} told by email."
    messages.success(request, f"{done.change.get_kind_display()}. {told}")
    return redirect("enrollment:roster", cohort.slug)


def render_form(
    request: HttpRequest, cohort: Cohort, form: ChangeForm, status: int | None = None
) -> HttpResponse:
    context = {"cohort": cohort, "form": form}
    status = status or form_status(form)
    return render(request, "enrollment/desk/change.html", context, status=status)
