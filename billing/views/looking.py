"""Reading at the money desk: the search, one enrolment's story, the numbers, the ledger's file."""

import csv
import datetime as dt
import uuid
import zoneinfo
from collections.abc import Iterator
from typing import Any

from allauth.account.adapter import get_adapter
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import audit, clock
from accounts.models import Action, Subject
from accounts.plots import COLOURS, ONLY_AN_IMAGE
from billing import facts, failed_refunds, ledger_file, numbers, plots
from billing import search as searching
from billing import story as stories
from billing.ledger_file import Part
from billing.models import Dispute
from billing.rehearsals import CONFIRMED
from billing.story_parts import parts_of
from billing.views.gate import money_desk
from enrollment.models import Enrollment
from enrollment.states import Status
from enrollment.views.asking import member_of
from sessions.models import Cohort

PLOTS = ("money", "seats")
GROUPS_ON_A_PAGE = 100


@money_desk
@never_cache
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Enrolments by name, address, amount or id; the filters stand in the address."""
    asked = request.GET
    wanted = searching.Wanted(
        text=asked.get("q", "").strip(),
        status=asked.get("status", ""),
        cohort=asked.get("cohort", ""),
        balance=bool(asked.get("balance")),
    )
    # A press on "Search" with nothing typed and nothing chosen asks for nobody.
    nothing = "q" in asked and not wanted.words and not wanted.filters
    too_little = nothing or wanted.says_too_little
    context = {
        "wanted": wanted,
        "too_little": too_little,
        "page": None if too_little else searching.find(wanted=wanted, page=asked.get("page", "")),
        "most": searching.LISTED,
        "states": Status.choices,
        "cohorts": searching.groups_with_enrolments(wanted.cohort),
        "most_groups": searching.GROUPS,
        "query": _query(asked),
    }
    return render(request, "billing/desk/search.html", context)


def _query(asked: QueryDict) -> str:
    """The filters that are set, without the page, to go on with on the next one."""
    kept = asked.copy()
    kept.pop("page", None)
    for name in [name for name, value in kept.items() if not value]:
        del kept[name]
    return kept.urlencode()


@money_desk
@never_cache
@require_safe
def enrollment(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """What happened to one seat and its money, in order, and why."""
    known = Enrollment.objects.select_related("member", "cohort")
    found = get_object_or_404(known, public_id=public_id)
    disputes = Dispute.objects.filter(payment__enrollment__in=facts.paid_by(found))
    context = {
        "enrollment": found,
        "disputes": disputes.order_by("opened_at", "pk"),
        "story": stories.story(enrollment=found, now=timezone.now()),
        "refund_url": reverse("billing:refund", args=[public_id]),
        "all_back": _all_back(found),
        "parts": parts_of(found),
        "has_seat": found.status in CONFIRMED,
        "failed": failed_refunds.waiting().filter(enrollment=found),
    }
    return render(request, "billing/desk/story.html", context)


def _all_back(enrollment: Enrollment) -> bool:
    """Whether what was paid went back, all of it, or is on its way. A failed refund is owed."""
    money = facts.money_of(enrollment)
    return money.back > 0 and not (money.left or money.failed or money.moving)


# --- Numbers ----------------------------------------------------------------------------


def _range(request: HttpRequest) -> tuple[str, dt.datetime | None, zoneinfo.ZoneInfo]:
    """The chosen range, its first instant, and the zone whose months are counted."""
    zone = zoneinfo.ZoneInfo(timezone.get_current_timezone_name())
    asked = request.GET.get("range", "")
    name = asked if asked in numbers.RANGES else "quarter"
    return name, numbers.since(name, now=timezone.now(), zone=zone), zone


@money_desk
@never_cache
@require_safe
def show_numbers(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    name, start, zone = _range(request)
    months = numbers.by_month(start=start, zone=zone)
    groups = Paginator(numbers.groups(start=start), GROUPS_ON_A_PAGE)
    page = groups.get_page(request.GET.get("page", ""))
    context = {
        "range": name,
        "ranges": numbers.RANGES.items(),
        "start": start,
        "zone": clock.zone_label(zone),
        "months": months,
        "currencies": sorted({month.currency for month in months}),
        "page": page,
        "groups": numbers.seats(page),
        "shown": plots.GROUPS,
        "waitlist": numbers.waitlist(),
        "more": [table(now) for table in numbers.MORE],
    }
    return render(request, "billing/desk/numbers.html", context)


@money_desk
@never_cache
@require_safe
def plot(request: HttpRequest, name: str, theme: str) -> HttpResponse:
    """One plot as an image, of the range in the address."""
    if name not in PLOTS or theme not in COLOURS:
        raise Http404
    _, start, zone = _range(request)
    narrow = "narrow" in request.GET
    if name == "seats":
        latest = numbers.groups(start=start)[: plots.GROUPS]
        image = plots.seats(numbers.seats(latest), theme=theme, narrow=narrow)
    else:
        months = numbers.by_month(start=start, zone=zone)
        currency = request.GET.get("currency", "usd")
        own = [month for month in months if month.currency == currency]
        image = plots.money(own, theme=theme, narrow=narrow)
    return HttpResponse(image, content_type="image/svg+xml", headers=ONLY_AN_IMAGE)


# --- The ledger's file ------------------------------------------------------------------


class BadDay(ValueError):
    """What stands in the address is no day, no group, or no stretch of days."""


def _part(asked: QueryDict) -> Part:
    """Which lines the address asks for. Raises BadDay with words for the reader."""
    first, last = (_day(asked.get(name, "")) for name in ("from", "to"))
    if first and last and last < first:
        raise BadDay("The last day lies before the first.")
    slug = asked.get("cohort", "").replace("\0", "")
    cohort = Cohort.objects.filter(slug=slug).first() if slug else None
    if slug and cohort is None:
        raise BadDay("There is no such group.")
    return Part(first, last, cohort)


def _day(text: str) -> dt.date | None:
    if not text:
        return None
    try:
        day = dt.date.fromisoformat(text)
        # The day after the last one is asked for, too.
        return day if day.year < dt.MAXYEAR else day.replace(year=dt.MAXYEAR - 1)
    except ValueError:
        raise BadDay("Write a day as 2026-11-30.") from None


def _shown(text: str) -> str:
    """A field for days shows nothing else."""
    try:
        return str(_day(text) or "")
    except BadDay:
        return ""


@money_desk
@never_cache
@require_safe
def ledger(request: HttpRequest) -> HttpResponse:
    """What would be in the file, before it is taken out."""
    return _ledger_page(request)


def _ledger_page(request: HttpRequest) -> HttpResponse:
    context: dict[str, Any] = {
        "asked": {
            "from": _shown(request.GET.get("from", "")),
            "to": _shown(request.GET.get("to", "")),
            "cohort": request.GET.get("cohort", ""),
        },
        "cohorts": searching.groups_with_enrolments(request.GET.get("cohort", "")),
        "most_groups": searching.GROUPS,
        "query": _query(request.GET),
    }
    try:
        context["sums"] = ledger_file.sums(_part(request.GET))
    except BadDay as error:
        context["error"] = str(error)
    status = 422 if "error" in context else 200
    return render(request, "billing/desk/ledger.html", context, status=status)


class _Line:
    """What csv writes a row to: it gives the text back."""

    def write(self, text: str) -> str:
        return text


@money_desk
@never_cache
@require_safe
def ledger_csv(request: HttpRequest) -> Any:
    """Every line of a stretch of days, as it is read; that somebody took it is written down."""
    try:
        part = _part(request.GET)
    except BadDay:
        return _ledger_page(request)
    if request.method == "GET":
        audit.record(
            actor=member_of(request),
            action=Action.LEDGER_TAKEN,
            subject_kind=Subject.LEDGER,
            subject_id=part,
            now=timezone.now(),
            ip=get_adapter().get_client_ip(request),
        )
    return StreamingHttpResponse(
        _as_csv(part),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="ledger.csv"'},
    )


def _as_csv(part: Part) -> Iterator[str]:
    yield "\ufeff"  # without it Excel reads another encoding
    write = csv.writer(_Line()).writerow
    for row in ledger_file.rows(part):
        yield write(row)
