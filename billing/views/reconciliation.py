"""The comparison with Stripe for the money desk: runs, what differs, and what is done about it."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from billing import differences, gateway, reconciliation, remedies
from billing.book_forms import AdjustForm, LeftForm, PeriodForm, ReasonForm
from billing.models import Difference, Reconciliation
from billing.tasks import go_on_comparing_books
from billing.views.gate import fresh_factor, money_desk
from enrollment.views.asking import form_status, fresh, member_of
from outbox.broker import kick_on_commit
from outbox.tasks import kick
from sessions.pricing import format_money

RUNS_SHOWN, PAGE_SIZE = 8, 50
AWAY = "Stripe does not answer just now, so nothing was done. Please try again in a minute."
MEANWHILE = (
    "This changed meanwhile, so nothing was done: here is how it stands now. What you typed is "
    "still here."
)


@money_desk
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: HttpRequest) -> HttpResponse:
    """What differs, the last runs, and the form that begins one."""
    now = timezone.now()
    first = now.date() - dt.timedelta(days=3)
    form = PeriodForm(
        request.POST if request.method == "POST" else None,
        now=now,
        initial={"first": first, "last": now.date()},
    )
    if form.is_bound and form.is_valid():
        try:
            reconciliation.start(
                first=form.cleaned_data["first"],
                last=form.cleaned_data["last"],
                asked_by=member_of(request),
                now=now,
            )
        except reconciliation.AlreadyRunning:
            messages.warning(request, "A comparison is running already. Wait until it is done.")
        else:
            kick_on_commit(go_on_comparing_books)
            messages.success(request, "The comparison has begun.")
        return redirect("billing:reconciliation")
    rows = Paginator(reconciliation.open_differences(), PAGE_SIZE)
    page = rows.get_page(request.GET.get("page"))
    context = {"form": form, "page": page, **_runs()}
    return render(request, "billing/desk/reconciliation.html", context, status=form_status(form))


def _runs() -> dict[str, Any]:
    runs = list(Reconciliation.objects.select_related("asked_by")[:RUNS_SHOWN])
    running = [one for one in runs if one.state == Reconciliation.State.RUNNING]
    done = Reconciliation.objects.filter(state=Reconciliation.State.DONE)
    return {
        "runs": runs,
        "running": running[0] if running else None,
        "compared_to": done.aggregate(at=Max("ends_at"))["at"],
    }


@money_desk
@never_cache
@require_safe
def progress(request: HttpRequest) -> HttpResponse:
    """How far the run is, for a page that looks every few seconds."""
    runs = _runs()
    if request.htmx and runs["running"] is None:  # type: ignore[attr-defined]  # django-htmx
        return HttpResponseClientRefresh()  # what was found stands on the whole page
    return render(request, "billing/desk/_runs.html", runs)


@money_desk
@require_POST
def stop(request: HttpRequest, run_id: int) -> HttpResponse:
    run = get_object_or_404(Reconciliation, pk=run_id)
    if reconciliation.stop(run_id=run.pk, now=timezone.now()):
        messages.success(request, "The comparison is stopped. What it found stays.")
    else:
        messages.warning(request, "It was over already.")
    return redirect("billing:reconciliation")


# --- One difference -----------------------------------------------------------------------

Act = Callable[[HttpRequest, Difference], HttpResponse]


@money_desk
@fresh_factor
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def difference(request: HttpRequest, pk: int) -> HttpResponse:
    """Both sides, what is proposed, and the presses."""
    found = get_object_or_404(
        Difference.objects.select_related("enrollment__member", "resolved_by", "run"), pk=pk
    )
    if request.method != "POST":
        return _show(request, found)
    acts: dict[str, Act] = {
        "again": _again,
        "import": _import,
        "by_hand": _by_hand,
        "otherwise": _otherwise,
    }
    act = acts.get(request.POST.get("act", ""))
    if act is None:
        return _show(request, found)
    try:
        return act(request, found)
    except differences.ChangedMeanwhile:
        messages.warning(request, MEANWHILE)
        found.refresh_from_db()
        return _show(request, found, status=409, typed=request.POST)
    except gateway.GatewayError:
        messages.warning(request, AWAY)
        return _show(request, found, status=503, typed=request.POST)


def _show(
    request: HttpRequest,
    found: Difference,
    *,
    status: int = 200,
    typed: Any = None,
    adjust: AdjustForm | None = None,
    note: ReasonForm | None = None,
) -> HttpResponse:
    proposed = remedies.remedy(found)
    gap = proposed.gap
    line: dict[str, Any] = {"amount": f"{gap.cents / 100:.2f}" if gap else ""}
    words: dict[str, Any] = {}
    if typed is not None and typed.get("act") == "by_hand":
        line = {"amount": typed.get("amount", ""), "reason": typed.get("reason", "")}
    elif typed is not None:
        words = {"reason": typed.get("reason", "")}
    seen = {"seen": found.fingerprint}
    if gap and adjust is None:
        adjust = AdjustForm(
            gap=gap, currency=found.currency, initial=line | seen, auto_id="adjust_%s"
        )
    context = {
        "difference": found,
        "remedy": proposed,
        "gap": gap,
        "adjust": adjust,
        "note": note or ReasonForm(initial=words | seen, auto_id="note_%s"),
    }
    return render(request, "billing/desk/difference.html", context, status=status)


def _again(request: HttpRequest, found: Difference) -> HttpResponse:
    differences.ask_again(difference=found, now=timezone.now())
    if found.resolved_at:
        messages.success(request, "Both sides say the same now.")
    else:
        messages.warning(request, "They still differ, as shown here.")
    return redirect(found)


def _import(request: HttpRequest, found: Difference) -> HttpResponse:
    try:
        differences.import_it(
            difference=found,
            seen=request.POST.get("seen", ""),
            actor=member_of(request),
            now=timezone.now(),
            ip=get_adapter().get_client_ip(request),
        )
    except differences.NothingCameOfIt as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, "Imported. Both sides say the same now.")
        kick()
    return redirect(found)


def _by_hand(request: HttpRequest, found: Difference) -> HttpResponse:
    """First shows the line, and what still differs after it; with `confirm` writes it."""
    gap = remedies.gap(found)
    if gap is None or found.resolved_at:
        raise differences.ChangedMeanwhile
    form = AdjustForm(request.POST, gap=gap, currency=found.currency, auto_id="adjust_%s")
    if "back" in request.POST:
        return _show(request, found, typed=request.POST)
    if not form.is_valid():
        return _show(request, found, status=422, adjust=form)
    if form.cleaned_data["seen"] != found.fingerprint:
        raise differences.ChangedMeanwhile
    confirmed = request.POST if "confirm" in request.POST else None
    left = LeftForm(confirmed, left=form.left_cents, currency=found.currency)
    if not left.is_valid():
        return _line(request, found, form, left)
    return _written(request, found, form, left)


def _line(
    request: HttpRequest, found: Difference, form: AdjustForm, left: LeftForm
) -> HttpResponse:
    context = {
        "difference": found,
        "cents": form.cleaned_data["amount"],
        "gap": form.gap,
        "left_cents": form.left_cents,
        "form": form,
        "left": left,
    }
    return render(request, "billing/desk/adjust.html", context, status=form_status(left))


def _written(
    request: HttpRequest, found: Difference, form: AdjustForm, left: LeftForm
) -> HttpResponse:
    cents = form.cleaned_data["amount"]
    differences.put_right(
        difference_id=found.pk,
        cents=cents,
        left=left.cleaned_data["left"],
        reason=form.cleaned_data["reason"],
        seen=form.cleaned_data["seen"],
        actor=member_of(request),
        now=timezone.now(),
        ip=get_adapter().get_client_ip(request),
    )
    words = format_money(abs(cents), found.currency)
    way = "less" if cents < 0 else "more"
    told = f"The ledger has a line of {words} {way}."
    if form.left_cents:
        left_words = format_money(form.left_cents, found.currency)
        told += f" {left_words} still differs, so it stays open."
    messages.success(request, told)
    return redirect(found)


def _otherwise(request: HttpRequest, found: Difference) -> HttpResponse:
    form = ReasonForm(request.POST, auto_id="note_%s")
    if not form.is_valid():
        return _show(request, found, status=422, note=form)
    differences.settle_otherwise(
        difference_id=found.pk,
        note=form.cleaned_data["reason"],
        seen=form.cleaned_data["seen"],
        actor=member_of(request),
        now=timezone.now(),
        ip=get_adapter().get_client_ip(request),
    )
    messages.success(request, "Settled. No book was changed.")
    return redirect(found)
