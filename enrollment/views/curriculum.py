"""What the twelve weeks teach, for admins with their second factor: versions, drafts, publication.

To everybody else these pages do not exist.
"""

import functools
from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import second_factor
from enrollment.views.asking import form_status, fresh, member_of, posted
from sessions import editions
from sessions.edition_changes import changes
from sessions.edition_forms import ApprovalForm, WeekForm
from sessions.editions import ChangedMeanwhile, NotPossible, fingerprint
from sessions.models import Area, Curriculum, CurriculumWeek, Programme

CHANGED = (
    "Somebody else changed this while you looked at it, so nothing was done yet. Here is what "
    "stands now."
)
WEEK_CHANGED = (
    "Somebody else saved this week while you wrote, so yours is not saved yet. What you typed is "
    "still here, with what they saved beside it."
)
MOST_VERSIONS = 32_767


def for_editors(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @functools.wraps(view)
    @login_required
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not member_of(request).is_staff:
            raise Http404
        return second_factor.missing(request) or view(request, *args, **kwargs)

    return fresh(wrapped)


def version_or_404(programme: str, version: int) -> Curriculum:
    if version > MOST_VERSIONS:  # more than the database's number holds
        raise Http404
    versions = Curriculum.objects.select_related("programme", "approved_by")
    return get_object_or_404(versions, programme__slug=programme, version=version)


def to_version(of: Curriculum) -> HttpResponse:
    return redirect("enrollment:curriculum", of.programme.slug, of.version)


def told(request: HttpRequest, of: Curriculum, refused: NotPossible) -> HttpResponse:
    for reason in refused.reasons:
        messages.error(request, reason)
    if not Curriculum.objects.filter(pk=of.pk).exists():
        return redirect("enrollment:curricula")
    return to_version(of)


# --- Looking ----------------------------------------------------------------------------


@for_editors
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    context = {"shelves": editions.shelves(now=timezone.now())}
    return render(request, "enrollment/curriculum/overview.html", context)


@for_editors
@require_safe
def version(request: HttpRequest, programme: str, version: int) -> HttpResponse:
    """Twelve weeks, and what is different from the version before."""
    found = version_or_404(programme, version)
    before = editions.previous(found)
    weeks = list(found.weeks.all())
    context = {
        "curriculum": found,
        "weeks": [(week, by_area(week)) for week in weeks],
        "unexplained": [
            f"{skill} (week {week.number})"
            for week in weeks
            for skill, words in week.explained_skills
            if not words
        ],
        "before": before,
        "changes": changes(before.weeks.all(), weeks) if before else [],
        "seen": fingerprint(weeks),
    }
    return render(request, "enrollment/curriculum/version.html", context)


def by_area(week: CurriculumWeek) -> list[tuple[str, list[str]]]:
    return [(area.label, texts) for area in Area if (texts := week.activities_in(area))]


# --- A draft ----------------------------------------------------------------------------


@for_editors
@require_POST
def start_draft(request: HttpRequest, programme: str) -> HttpResponse:
    """A copy of the newest version; a second press finds the first one's."""
    found = get_object_or_404(Programme, slug=programme)
    return to_version(editions.start_draft(programme=found))


@for_editors
@require_http_methods(["GET", "HEAD", "POST"])
def week(request: HttpRequest, programme: str, version: int, number: int) -> HttpResponse:
    """One week of a draft, as a form."""
    found = version_or_404(programme, version)
    if number > MOST_VERSIONS:
        raise Http404
    if found.published_at and found.weeks.filter(number=number).exists():
        messages.warning(request, "This version is published, so it stays as it is.")
        return to_version(found)
    stored = get_object_or_404(found.weeks.select_related("curriculum"), number=number)
    form = WeekForm(posted(request), week=stored)
    if request.method == "POST" and form.is_valid():
        try:
            editions.save_week(week=stored, text=form.text(), seen=form.cleaned_data["seen"])
        except NotPossible as refused:
            return told(request, found, refused)
        except ChangedMeanwhile:
            return week_changed(request, found, form)
        messages.success(request, f"Week {number} is saved.")
        return to_version(found)
    return render_week(request, found, form, form_status(form))


def week_changed(request: HttpRequest, found: Curriculum, late: WeekForm) -> HttpResponse:
    """Somebody else was faster: what was typed, and beside it what they saved."""
    stored = get_object_or_404(found.weeks.all(), pk=late.week.pk)
    saved = WeekForm(week=stored)
    typed = {name: late.cleaned_data[name] for name in late.fields if name != "seen"}
    differs = [name for name, value in typed.items() if value != saved.initial[name]]
    if not differs:  # as by a second press
        return to_version(found)
    form = WeekForm(week=stored, initial=typed)
    form.say_what_is_saved(differs, saved.initial)
    messages.warning(request, WEEK_CHANGED)
    return render_week(request, version_or_404(found.programme.slug, found.version), form, 409)


def render_week(
    request: HttpRequest, found: Curriculum, form: WeekForm, status: int
) -> HttpResponse:
    context = {"curriculum": found, "week": form.week, "form": form}
    return render(request, "enrollment/curriculum/week.html", context, status=status)


@for_editors
@require_http_methods(["GET", "HEAD", "POST"])
def throw_away(request: HttpRequest, programme: str, version: int) -> HttpResponse:
    """A look at what would be lost, then the press."""
    found = version_or_404(programme, version)
    if found.published_at:
        return told(request, found, NotPossible("A published version is not thrown away."))
    if request.method == "POST":
        try:
            editions.throw_away(draft=found, seen=request.POST.get("seen", ""))
        except NotPossible as refused:
            return told(request, found, refused)
        except ChangedMeanwhile:
            messages.warning(request, CHANGED)
            return redirect(request.path)
        messages.success(request, f"The draft of version {version} is thrown away.")
        return redirect("enrollment:curricula")
    before, weeks = editions.previous(found), list(found.weeks.all())
    context = {
        "curriculum": found,
        "changes": changes(before.weeks.all() if before else (), weeks),
        "seen": fingerprint(weeks),
    }
    return render(request, "enrollment/curriculum/throw_away.html", context)


# --- A clinician's tick, and publication ------------------------------------------------


@for_editors
@require_http_methods(["GET", "HEAD", "POST"])
def approve(request: HttpRequest, programme: str, version: int) -> HttpResponse:
    """Name and license of the clinician who has read this version."""
    found = version_or_404(programme, version)
    if found.approved_at:
        return told(
            request, found, NotPossible(f"This version has the tick already: {found.clinician}.")
        )
    # What the page showed on which it was read; this one does not show the text.
    shown = request.GET.get("seen") or fingerprint(found.weeks.all())
    form = ApprovalForm(posted(request), initial={"seen": shown})
    if request.method == "POST" and form.is_valid():
        try:
            editions.approve(
                curriculum=found,
                clinician=form.cleaned_data["clinician"],
                actor=member_of(request),
                seen=form.cleaned_data["seen"],
                now=timezone.now(),
                ip=get_adapter().get_client_ip(request),
            )
        except NotPossible as refused:
            return told(request, found, refused)
        except ChangedMeanwhile:
            messages.warning(request, CHANGED)
            return to_version(found)
        messages.success(request, f"Version {version} has its tick.")
        return to_version(found)
    context = {"curriculum": found, "form": form}
    template = "enrollment/curriculum/approve.html"
    return render(request, template, context, status=form_status(form))


@for_editors
@require_http_methods(["GET", "HEAD", "POST"])
def publish(request: HttpRequest, programme: str, version: int) -> HttpResponse:
    """What changes and for whom, then the press."""
    found = version_or_404(programme, version)
    if found.published_at:
        return told(request, found, NotPossible("This version is published already."))
    if request.method == "POST":
        try:
            editions.publish(
                draft=found,
                actor=member_of(request),
                seen=request.POST.get("seen", ""),
                now=timezone.now(),
                ip=get_adapter().get_client_ip(request),
            )
        except NotPossible as refused:
            return told(request, found, refused)
        except ChangedMeanwhile:
            messages.warning(request, CHANGED)
            return redirect(request.path)
        messages.success(request, f"Version {version} is published.")
        return to_version(found)
    context = {
        "curriculum": found,
        "outlook": editions.outlook(draft=found, now=timezone.now()),
    }
    return render(request, "enrollment/curriculum/publish.html", context)
