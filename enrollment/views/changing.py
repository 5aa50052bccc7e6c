"""Changing a published group: ask, look at what it does to whom, then do it.

The way is the same for its dates (here), for who leads it and where it meets (`leading.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from enrollment import history, rescheduling
from enrollment.change_forms import ChangeForm, ChangingForm
from enrollment.changes import Impossible
from enrollment.history import ChangedMeanwhile, Done
from enrollment.views.asking import form_status, fresh, member_of
from enrollment.views.desk import led_cohort_or_404
from sessions.models import Cohort

CHANGED = (
    "Somebody else changed this group meanwhile, so nothing was changed: here is what stands now. "
    "What you typed is still here."
)


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of change: what is asked, what would happen, and doing it."""

    title: str
    form: type[ChangingForm]
    preview: Callable[..., Any]
    apply: Callable[..., Done]
    template: str  # of the preview


DATES = Change(
    title="Change the dates",
    form=ChangeForm,
    preview=rescheduling.preview,
    apply=rescheduling.apply,
    template="enrollment/desk/change_preview.html",
)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def dates(request: HttpRequest, slug: str) -> HttpResponse:
    return ask_look_do(request, led_cohort_or_404(request, slug), DATES)


def ask_look_do(request: HttpRequest, cohort: Cohort, change: Change) -> HttpResponse:
    """GET asks, POST shows what would happen, POST with `confirm` does it."""
    if request.method == "POST" and request.POST.get("version") != str(cohort.version):
        return meanwhile(request, cohort, change)
    form = bound_form(request, cohort, change)
    if not form.is_bound or not form.is_valid():
        return render_form(request, form, change)
    try:
        if "back" in request.POST:
            return render_form(request, retyped(request, cohort, change), change)
        if "confirm" in request.POST:
            return confirmed(request, cohort, form, change)
        found = change.preview(cohort=cohort, wish=form.wish(), now=timezone.now())
    except Impossible as error:
        form.add_error(error.field, error.message)
        return render_form(request, form, change)
    except ChangedMeanwhile:
        return meanwhile(request, cohort, change)
    context = {"cohort": cohort, "form": form, "preview": found, "data": form.cleaned_data}
    if hasattr(found, "leaders"):
        context["leaders"] = history.others(found.leaders, member_of(request).pk)
    return render(request, change.template, context)


def meanwhile(request: HttpRequest, cohort: Cohort, change: Change) -> HttpResponse:
    """Somebody else was faster: what they made of the group, with what was typed here."""
    messages.warning(request, CHANGED)
    return render_form(request, retyped(request, cohort, change), change, status=409)


def bound_form(request: HttpRequest, cohort: Cohort, change: Change) -> ChangingForm:
    """The form for the group as it stands."""
    data = request.POST if request.method == "POST" else None
    return change.form(data, cohort=cohort, now=timezone.now())


def retyped(request: HttpRequest, cohort: Cohort, change: Change) -> ChangingForm:
    """What was typed, over the group as it stands now."""
    cohort.refresh_from_db()
    form = change.form(cohort=cohort, now=timezone.now())
    for name, field in form.fields.items():
        if name != "version":
            typed = field.widget.value_from_datadict(request.POST, request.FILES, name)
            form.initial[name] = typed
    return form


def confirmed(
    request: HttpRequest, cohort: Cohort, form: ChangingForm, change: Change
) -> HttpResponse:
    done = change.apply(
        cohort_id=cohort.pk,
        wish=form.wish(),
        version=form.cleaned_data["version"],
        actor=member_of(request),
        reason=form.cleaned_data["reason"],
        now=timezone.now(),
    )
    messages.success(request, f"{done.change.get_kind_display()}. {told_in_words(done)}")
    return redirect("enrollment:roster", cohort.slug)


def told_in_words(done: Done) -> str:
    """As in "8 members and 1 leader are told by email."""
    groups = [(done.told, "member"), (done.leaders_told, "leader")]
    words = [f"{count} {what}{'' if count == 1 else 's'}" for count, what in groups if count]
    if not words:
        return "Nobody has to be told."
    alone = done.told + done.leaders_told == 1
    return f"{' and '.join(words)} {'is' if alone else 'are'} told by email."


def render_form(
    request: HttpRequest, form: ChangingForm, change: Change, status: int | None = None
) -> HttpResponse:
    context = {"cohort": form.cohort, "form": form, "title": change.title}
    status = status or form_status(form)
    return render(request, "enrollment/desk/change.html", context, status=status)
