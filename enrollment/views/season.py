"""Planning a season: every group for admins, their own for facilitators who may plan.

To everybody else these pages do not exist, nor do others' groups to a facilitator.
"""

import datetime as dt
import functools
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enrollment import season, season_overview, waiting_desk
from enrollment.history import ChangedMeanwhile
from enrollment.season import NotPossible
from enrollment.season_overview import LABELS, State
from enrollment.views.asking import form_status, fresh, member_of, posted
from enrollment.views.changing import CHANGED
from sessions.forms import CapacityForm, PlanForm, saved_now
from sessions.models import Cohort, Programme
from sessions.services import fingerprint

TAKEN = (
    "Somebody else saved a group with this name and first date in the same moment. Save yours "
    "again, or give it another name."
)


def for_planners(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @functools.wraps(view)
    @login_required
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not member_of(request).plans:
            raise Http404
        return view(request, *args, **kwargs)

    return fresh(wrapped)


def cohort_or_404(request: HttpRequest, slug: str) -> Cohort:
    return get_object_or_404(season_overview.one(member_of(request)), slug=slug)


@for_planners
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The season at a glance. What it is narrowed to stands in the address."""
    asked = request.GET.get("state", "")
    state = State(asked) if asked in LABELS else None
    number = request.GET.get("leader", "")
    leader = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None
    planner = member_of(request)
    page, rows = season_overview.season(
        planner=planner,
        state=state,
        leader=leader,
        page=request.GET.get("page"),
        now=timezone.now(),
    )
    chosen = {"state": state, "leader": leader}
    context = {
        "rows": rows,
        "page": page,
        "states": LABELS.items(),
        "leaders": season_overview.leaders(planner),
        "state": state,
        "leader": str(leader),
        "query": urlencoded({key: value for key, value in chosen.items() if value is not None}),
    }
    return render(request, "enrollment/season/overview.html", context)


def urlencoded(chosen: dict[str, Any]) -> str:
    query = QueryDict(mutable=True)
    query.update(chosen)
    return query.urlencode()


# --- New, edit, copy --------------------------------------------------------------------


@for_planners
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    planner = member_of(request)
    programme = Programme.objects.order_by("pk").first()
    draft = Cohort()
    if programme:
        draft = Cohort(
            programme=programme,
            time_zone=planner.time_zone,
            duration_minutes=programme.session_minutes,
            capacity=programme.default_capacity,
            price_cents=programme.list_price_cents,
            admitted_states=season.usual_states(),
        )
    form = PlanForm(posted(request), instance=draft, planner=planner)
    return fill_in(request, form, title="A new group")


@for_planners
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """A draft's form; members of a published group were told its dates."""
    cohort = cohort_or_404(request, slug)
    if cohort.status != Cohort.Status.DRAFT:
        was = "archived" if cohort.status == Cohort.Status.ARCHIVED else "published"
        messages.warning(request, f"This group is {was}: it is not edited as a draft any more.")
        return redirect("enrollment:plan", slug)
    form = PlanForm(posted(request), instance=cohort, planner=member_of(request))
    return fill_in(request, form, title=f"Edit {cohort.name}")


@for_planners
@require_http_methods(["GET", "HEAD", "POST"])
def copy(request: HttpRequest, slug: str) -> HttpResponse:
    """The same group for the next season, as a draft: it arms nothing until it is published."""
    cohort = cohort_or_404(request, slug)
    title = f"{cohort.name}: next season"
    return fill_in_like(request, cohort, first_date=season.next_first_date, title=title)


@for_planners
@require_http_methods(["GET", "HEAD", "POST"])
def another(request: HttpRequest, slug: str) -> HttpResponse:
    """The same group on another day of its week: a season is many groups that differ little."""
    cohort = cohort_or_404(request, slug)
    title = f"Another group like {cohort.name}"
    return fill_in_like(request, cohort, first_date=season.another_date, title=title)


def fill_in_like(
    request: HttpRequest, cohort: Cohort, *, first_date: Callable[..., dt.date], title: str
) -> HttpResponse:
    """The form, filled in as the cohort is, but for its first date."""
    leaders = list(cohort.facilitators.filter(is_active=True))
    first = cohort.first_date
    if request.method != "POST":
        today = timezone.now().astimezone(cohort.zone).date()
        first = first_date(cohort=cohort, leaders=leaders, today=today)
    form = PlanForm(
        posted(request),
        instance=season.like(cohort, first),
        initial={"facilitators": leaders},
        planner=member_of(request),
    )
    return fill_in(request, form, title=title)


def fill_in(request: HttpRequest, form: PlanForm, title: str) -> HttpResponse:
    """Show the form, or store a draft and show its twelve dates."""
    if request.method == "POST" and form.is_valid():
        try:
            cohort = season.save_draft(form)
        except NotPossible as refused:
            slug = form.instance.slug
            if season.groups_of(form.planner).filter(slug=slug).exists():
                return told(request, slug, refused)
            form.add_error(None, TAKEN)
        except ChangedMeanwhile:
            return meanwhile(request, form.instance.slug, title)
        else:
            return redirect("enrollment:plan", cohort.slug)
    return render_form(request, form, title, form_status(form))


def meanwhile(request: HttpRequest, slug: str, title: str) -> HttpResponse:
    """Somebody else was faster: what was typed, and beside it what they saved."""
    cohort, planner = cohort_or_404(request, slug), member_of(request)
    late = PlanForm(request.POST, instance=cohort, planner=planner)
    differs = late.typed_otherwise()
    if not differs:  # as by a second press
        return redirect("enrollment:plan", slug)
    typed = {
        name: field.widget.value_from_datadict(request.POST, request.FILES, name)
        for name, field in late.fields.items()
        if name != "seen"
    }
    form = PlanForm(instance=cohort, initial=typed, planner=planner)
    form.say_what_is_saved(differs)
    messages.warning(request, CHANGED)
    return render_form(request, form, title, 409)


def render_form(request: HttpRequest, form: PlanForm, title: str, status: int) -> HttpResponse:
    if not form.instance.pk and not form.is_bound:  # a mistake takes the focus itself
        form.fields["first_date"].widget.attrs["autofocus"] = True
    context = {"form": form, "title": title, "draft": form.instance.pk and form.instance}
    return render(request, "enrollment/season/form.html", context, status=status)


# --- One group --------------------------------------------------------------------------


@for_planners
@require_safe
def plan(request: HttpRequest, slug: str) -> HttpResponse:
    """Twelve dates, what is odd about them, and what can be done now."""
    return show_plan(request, cohort_or_404(request, slug))


def show_plan(
    request: HttpRequest, cohort: Cohort, form: CapacityForm | None = None, status: int = 200
) -> HttpResponse:
    seats = cohort.capacity
    context = {
        "plan": season_overview.plan(cohort=cohort, now=timezone.now()),
        "seen": fingerprint(cohort),
        "cohort": cohort,
        "waiting": waiting_desk.waiting_count(cohort),
        "form": form or CapacityForm(initial={"capacity": seats, "seen": seats}),
    }
    return render(request, "enrollment/season/plan.html", context, status=status)


def told(request: HttpRequest, slug: str, refused: NotPossible) -> HttpResponse:
    for reason in refused.reasons:
        messages.error(request, reason)
    return redirect("enrollment:plan", slug)


@for_planners
@require_POST
def dates(request: HttpRequest, slug: str) -> HttpResponse:
    """One press: skip this date, or hold it after all."""
    cohort = cohort_or_404(request, slug)
    action = season.skip if "skip" in request.POST else season.hold_after_all
    try:
        day = dt.date.fromisoformat(request.POST.get("skip") or request.POST.get("hold", ""))
    except ValueError:
        raise Http404 from None
    try:
        action(cohort=cohort, day=day)
    except NotPossible as refused:
        return told(request, slug, refused)
    return redirect("enrollment:plan", slug)


@for_planners
@require_POST
def publish(request: HttpRequest, slug: str) -> HttpResponse:
    cohort = cohort_or_404(request, slug)
    try:
        season.publish(cohort=cohort, now=timezone.now(), seen=request.POST.get("seen", ""))
    except NotPossible as refused:
        return told(request, slug, refused)
    messages.success(request, f"{cohort.name} is published: members can join now.")
    return redirect("enrollment:plan", slug)


@for_planners
@require_POST
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """Put a group away, or bring a draft back."""
    cohort = cohort_or_404(request, slug)
    back = "back" in request.POST
    try:
        if back:
            season.bring_back(cohort=cohort)
        else:
            season.archive(cohort=cohort, now=timezone.now())
    except NotPossible as refused:
        return told(request, slug, refused)
    messages.success(request, f"{cohort.name} is {'a draft again' if back else 'archived'}.")
    return redirect("enrollment:plan", slug)


@for_planners
@require_POST
def capacity(request: HttpRequest, slug: str) -> HttpResponse:
    cohort = cohort_or_404(request, slug)
    form = CapacityForm(request.POST)
    if form.is_valid():
        try:
            season.change_capacity(
                cohort=cohort,
                capacity=form.cleaned_data["capacity"],
                seen=form.cleaned_data["seen"] or 0,  # a page that says nothing showed nothing
                now=timezone.now(),
            )
        except NotPossible as refused:
            form.add_error("capacity", str(refused))
        except ChangedMeanwhile:
            return other_seats(request, slug, form.cleaned_data["capacity"])
        else:
            messages.success(request, "The seats are changed.")
            return redirect("enrollment:plan", slug)
    return show_plan(request, cohort, form, status=422)


def other_seats(request: HttpRequest, slug: str, typed: int) -> HttpResponse:
    """Somebody else changed the seats first: their number, and what was typed."""
    cohort = cohort_or_404(request, slug)
    form = CapacityForm(initial={"capacity": typed, "seen": cohort.capacity})
    form.fields["capacity"].help_text = saved_now(cohort.capacity)
    messages.warning(request, CHANGED)
    return show_plan(request, cohort, form, status=409)
