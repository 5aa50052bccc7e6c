"""The public list and a group's page, the same for every visitor."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.shared_pages import shared
from enrollment import catalogue, waitlist
from sessions.models import Cohort
from sessions.us_states import US_STATES


@shared
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    zone = timezone.get_current_timezone()
    cards = catalogue.open_groups(now=timezone.now())
    filters = catalogue.build_filters(cards, request.GET, zone)
    shown = catalogue.apply_filters(cards, request.GET, zone)
    any_filter = any(not f.options[0].active for f in filters)
    return render(
        request,
        "enrollment/home.html",
        {"groups": shown, "filters": filters, "any_filter": any_filter},
    )


@shared
@require_safe
def cohort(request: HttpRequest, slug: str) -> HttpResponse:
    now = timezone.now()
    try:
        card, sessions = catalogue.group_page(slug=slug, now=now)
    except Cohort.DoesNotExist:
        raise Http404 from None
    group = card.cohort
    full_or_closed = not card.open or not card.seats_left
    context = {
        "card": card,
        "sessions": sessions,
        "enrollment": catalogue.own_live_enrollment(cohort=group, member_id=request.user.pk),
        "now": now,
        "can_wait": waitlist.takes(group, now),
        "others": catalogue.groups_with_seats(now=now, other_than=group.pk)
        if full_or_closed
        else [],
        "closed_reason": "" if card.open else closed_reason(group),
        "admitted_states": [US_STATES[code] for code in group.admitted_states],
    }
    return render(request, "enrollment/cohort.html", context)


def public_cohort(slug: str) -> Cohort:
    return get_object_or_404(catalogue.public_groups(), slug=slug)


def closed_reason(group: Cohort) -> str:
    if group.status == Cohort.Status.PUBLISHED:
        return "This group has already started, and new members can't join it any more."
    return "This group is not taking new members."
