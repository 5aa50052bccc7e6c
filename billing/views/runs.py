"""Refunds of a whole group at the desk: look at everybody, press, watch, decide what is left."""

import uuid
from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.core import signing
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh

from billing import facts, mails, rehearsals, run_plan, run_work, runs
from billing.decisions import AlreadyDecided, ChangedMeanwhile
from billing.models import Refund, RefundRun, RunItem
from billing.rehearsals import Impossible
from billing.run_forms import AsideForm, RunForm
from billing.run_plan import Plan
from billing.tasks import carry_on_runs, submit_open_refunds
from billing.views.gate import fresh_factor, money_desk
from billing.views.refunding import SALT, carried_out, seen_in
from enrollment.views.asking import form_status, fresh, member_of, posted
from outbox.broker import kick_on_commit
from outbox.tasks import kick
from sessions.models import Cohort

MEANWHILE = "Somebody else decided this meanwhile: here is how it stands now."
STATES = RefundRun.State


def address(request: HttpRequest) -> str:
    return str(get_adapter().get_client_ip(request))


# --- Beginning one ----------------------------------------------------------------------


@money_desk
@fresh
@fresh_factor
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """GET asks, POST shows what it would do to everybody, POST with `confirm` begins it."""
    groups = Cohort.objects.exclude(status=Cohort.Status.DRAFT).select_related("programme")
    cohort = get_object_or_404(groups, slug=slug)
    people = run_plan.members(cohort)
    if "back" in request.POST:
        asked = {name: request.POST.getlist(name) for name in request.POST}
        once = {name: value[-1] for name, value in asked.items() if name != "members"}
        chosen = {"members": asked.get("members", [])}
        return form_page(request, cohort, RunForm(people=people, initial=once | chosen))
    form = RunForm(posted(request), people=people)
    if not form.is_bound or not form.is_valid():
        return form_page(request, cohort, form)
    try:
        if "confirm" in request.POST:
            return begun(request, cohort, form)
        return rehearsal_page(request, cohort, form)
    except Impossible as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return form_page(request, cohort, form)


def form_page(request: HttpRequest, cohort: Cohort, form: RunForm) -> HttpResponse:
    context = {
        "cohort": cohort,
        "form": form,
        "unfinished": runs.unfinished(cohort),
        "earlier": runs.with_progress().filter(cohort=cohort, state__in=("done", "stopped")),
    }
    return render(request, "billing/desk/run_form.html", context, status=form_status(form))


def rehearsal_page(
    request: HttpRequest, cohort: Cohort, form: RunForm, changed: list[str] | None = None
) -> HttpResponse:
    """Everybody with each cent. `changed` says what is different from what was looked at."""
    found = run_plan.plan(cohort=cohort, whom=form.whom(), now=timezone.now())
    if not found.lines and not found.whom.ends_group:
        raise Impossible("members", runs.NOBODY)
    context = shown(found) | {
        "form": form,
        "changed": changed,
        "reason": form.cleaned_data["reason"],
        # Of this rehearsal alone: pressed twice, it is one run.
        "key": uuid.uuid4(),
    }
    status = 409 if changed else 200
    return render(request, "billing/desk/run_rehearsal.html", context, status=status)


def shown(found: Plan) -> dict[str, Any]:
    """What the pages show of a plan: each person with the very mails that they get."""
    ended = found.whom.ends_group
    people = [(line, mails.previews_in_run(line, ended=ended)) for line in found.done]
    return {"plan": found, "cohort": found.cohort, "people": people}


def begun(request: HttpRequest, cohort: Cohort, form: RunForm) -> HttpResponse:
    try:
        run = runs.start(
            cohort_id=cohort.pk,
            whom=form.whom(),
            seen=request.POST.get("seen", ""),
            key=uuid.UUID(request.POST["confirm"]),
            actor=member_of(request),
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
            ip=address(request),
        )
    except ValueError:
        return rehearsal_page(request, cohort, form)  # a press that no page of ours makes
    except ChangedMeanwhile as error:
        cohort.refresh_from_db()
        return rehearsal_page(request, cohort, form, error.words)
    tell_workers(run)
    return redirect(run)


def tell_workers(run: RefundRun) -> None:
    if run.state == STATES.RUNNING:
        kick_on_commit(carry_on_runs)
        kick()


# --- While it runs ----------------------------------------------------------------------


@money_desk
@fresh
@fresh_factor
@require_http_methods(["GET", "HEAD", "POST"])
def run(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """How far it is, who is left and why, and the presses."""
    found = run_or_404(key)
    act = ACTS.get(request.POST.get("act", ""))
    if act is None:
        return run_page(request, found)
    stopping = act in (stop, stop_now)
    try:
        act(request, found)
    except AlreadyDecided:
        messages.warning(request, MEANWHILE)
    except ChangedMeanwhile as error:
        return run_page(request, run_or_404(key), changed=error.words, stopping=stopping)
    except Impossible as error:
        return run_page(request, run_or_404(key), changed=[error.message])
    if act is stop:
        return run_page(request, run_or_404(key), stopping=True)
    return redirect(found)


def approve(request: HttpRequest, found: RefundRun) -> None:
    seen, actor = request.POST.get("seen", ""), member_of(request)
    runs.approve(run=found, seen=seen, actor=actor, now=timezone.now(), ip=address(request))
    messages.success(request, "You agreed, and it has begun.")
    tell_workers(found)


def pause(request: HttpRequest, found: RefundRun) -> None:
    if runs.pause(run=found):
        messages.success(request, "It is paused. Who is done stays done.")


def go_on(request: HttpRequest, found: RefundRun) -> None:
    if runs.go_on(run=found):
        kick_on_commit(carry_on_runs)
        messages.success(request, "It goes on.")


def stop(request: HttpRequest, found: RefundRun) -> None:
    """It stands still first, so that the page can say what stopping means."""
    runs.pause(run=found)


def stop_now(request: HttpRequest, found: RefundRun) -> None:
    typed, began = request.POST.get("seen", ""), found.state != STATES.WAITING
    runs.stop(
        run=found,
        seen=int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else -1,
        actor=member_of(request),
        now=timezone.now(),
        ip=address(request),
    )
    stopped = "It is stopped. Who was done stays done."
    taken_back = found.made_by == member_of(request)
    declined = "taken back" if taken_back else "declined"
    messages.success(request, stopped if began else f"It is {declined}: nothing was done.")


ACTS: dict[str, Callable[[HttpRequest, RefundRun], None]] = {
    "approve": approve,
    "pause": pause,
    "go_on": go_on,
    "stop": stop,
    "stop_now": stop_now,
}


def run_or_404(key: uuid.UUID) -> RefundRun:
    found: RefundRun = get_object_or_404(runs.with_progress(), uuid=key)
    return found


def items_of(found: RefundRun) -> "QuerySet[RunItem]":
    people = found.items.select_related("enrollment__member", "decision")
    # Each with `waits`: it failed, and nobody has sent it again or settled it.
    refunds = Refund.objects.annotate(waits=facts.still_failed())
    return people.prefetch_related(Prefetch("decision__refunds", refunds)).order_by(
        "enrollment__member__display_name", "pk"
    )


def run_page(
    request: HttpRequest,
    found: RefundRun,
    *,
    changed: list[str] | None = None,
    stopping: bool = False,
) -> HttpResponse:
    context: dict[str, Any] = progress_of(found) | {
        "changed": changed,
        "stopping": stopping and found.state in (STATES.PAUSED, STATES.WAITING),
        "own": found.made_by_id == member_of(request).pk,
    }
    if found.state == STATES.WAITING:
        groups = Cohort.objects.select_related("programme")
        cohort = groups.get(pk=found.cohort_id)
        context |= shown(run_plan.plan(cohort=cohort, whom=runs.whom_of(found), now=timezone.now()))
    status = 409 if changed else 200
    return render(request, "billing/desk/run.html", context, status=status)


def progress_of(found: RefundRun) -> dict[str, Any]:
    items: list[Any] = list(items_of(found))
    for one in items:
        refunds: list[Any] = list(one.decision.refunds.all()) if one.decision else []
        one.refund_failed = sum(refund.waits for refund in refunds)
    return {
        "run": found,
        "items": items,
        "cohort": found.cohort,
        "failed": sum(one.refund_failed for one in items),
        "stopped_by": runs.stopped_by(found),
    }


@money_desk
@fresh
@require_safe
def progress(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """How far it is, for a page that looks every few seconds; the whole page once it is over."""
    found = run_or_404(key)
    if found.state != STATES.RUNNING:
        return HttpResponseClientRefresh()
    return render(request, "billing/desk/_run.html", progress_of(found))


# --- Who is left ------------------------------------------------------------------------


@money_desk
@fresh
@fresh_factor
@require_http_methods(["GET", "HEAD", "POST"])
def item(request: HttpRequest, key: uuid.UUID, pk: int) -> HttpResponse:
    """Somebody whom the run could not do: what it comes to now, and the two ways on."""
    known = RunItem.objects.select_related(
        "run__cohort", "run__made_by", "run__approved_by", "enrollment__member", "decision"
    )
    found = get_object_or_404(known, pk=pk, run__uuid=key)
    form = AsideForm(request.POST if "aside" in request.POST else None)
    actor, now = member_of(request), timezone.now()
    try:
        if "again" in request.POST:
            decision = run_work.try_again(item=found, seen=seen_in(request), actor=actor, now=now)
            settled(found.run)
            kick_on_commit(submit_open_refunds)
            carried_out(request, decision)
            return redirect(found.run)
        if form.is_bound and form.is_valid():
            how = form.cleaned_data["how"]
            run_work.set_aside(item=found, actor=actor, how=how, now=now)
            settled(found.run)
            messages.success(request, "They are set aside. Nothing was done.")
            return redirect(found.run)
    except ChangedMeanwhile as error:
        return item_page(request, known.get(pk=pk), form, changed=error.words)
    except Impossible as error:
        return item_page(request, known.get(pk=pk), form, changed=[error.message])
    return item_page(request, found, form)


def settled(found: RefundRun) -> None:
    """It may have been the last one."""
    if found.state == STATES.RUNNING:
        run_work.finish(run=found, now=timezone.now())


def item_page(
    request: HttpRequest, found: RunItem, form: AsideForm, changed: list[str] | None = None
) -> HttpResponse:
    open_run = found.run.state in (STATES.RUNNING, STATES.PAUSED)
    waits = open_run and found.state in (RunItem.State.CHANGED, RunItem.State.FAILED)
    context: dict[str, Any] = {
        "item": found,
        "run": found.run,
        "enrollment": found.enrollment,
        "form": form,
        "changed": changed,
        "waits": waits,
    }
    if waits:
        try:
            rehearsal = run_work.look(found, timezone.now())
            context |= {
                "rehearsal": rehearsal,
                "mails": mails.previews(rehearsal, ended=found.run.ends_group),
                "seen": signing.dumps(rehearsals.as_dict(rehearsal.seen), salt=SALT),
            }
        except Impossible as error:
            context["obstacle"] = error.message
    status = 409 if changed else form_status(form)
    return render(request, "billing/desk/run_item.html", context, status=status)
