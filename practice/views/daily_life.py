"""My daily life: six areas, each looked at on a page of its own, in any order."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from enrollment.models import Enrollment
from enrollment.views.asking import form_status, fresh, member_of, posted
from practice import daily_life
from practice.changes import ChangedMeanwhile
from practice.fields import show_beside
from practice.looks import COVERS
from practice.own import latest_seat
from practice.plan_forms import LookForm
from practice.views.asking import CHANGED, seen_in
from sessions.models import Area


@login_required
@fresh
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    seat = latest_seat_or_404(request)
    looks = daily_life.looks_of(member=member_of(request))
    areas = [
        {"slug": area, "name": Area(area).label, "covers": COVERS[area], "look": look}
        for area, look in looks.items()
    ]
    context = {"seat": seat, "areas": areas}
    return render(request, "practice/daily_life.html", context)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def one_area(request: HttpRequest, area: str) -> HttpResponse:
    latest_seat_or_404(request)
    if area not in Area.values:
        raise Http404
    standing = daily_life.looks_of(member=member_of(request))[area]
    form = LookForm(posted(request), initial=standing.dump())
    seen = seen_in(request) if form.is_bound else standing.revision
    if not form.is_valid():
        return show(request, area, form, seen, form_status(form))
    try:
        daily_life.save_look(
            member=member_of(request), area=area, look=form.look(), seen=seen, now=timezone.now()
        )
    except ChangedMeanwhile:
        return meanwhile(request, area, form)
    messages.success(request, "Saved. You can come back to it whenever you like.")
    return redirect("practice:daily_life")


def meanwhile(request: HttpRequest, area: str, typed: LookForm) -> HttpResponse:
    """Another page was faster: what was typed, and beside it what that one saved."""
    standing = daily_life.looks_of(member=member_of(request))[area]
    form = LookForm(initial=typed.cleaned_data)
    show_beside(form, standing.dump())
    messages.warning(request, CHANGED)
    return show(request, area, form, standing.revision, 409)


def show(request: HttpRequest, area: str, form: LookForm, seen: int, status: int) -> HttpResponse:
    context = {"form": form, "seen": seen, "name": Area(area).label, "covers": COVERS[area]}
    return render(request, "practice/area.html", context, status=status)


def latest_seat_or_404(request: HttpRequest) -> Enrollment:
    """Who never had a confirmed seat has nothing to practise."""
    try:
        return latest_seat(member=member_of(request))
    except Enrollment.DoesNotExist:
        raise Http404 from None
