"""The public list, the reservation, my groups, the door: one short view for each page."""

import dataclasses
import functools
import uuid
from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from csp.decorators import csp_update
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.shared_pages import shared
from enrollment import answering, catalogue, portal, services
from enrollment import door as doors
from enrollment.calendar import sessions_ics
from enrollment.catalogue import GroupCard
from enrollment.door import DoorState, Doorway
from enrollment.forms import DoorForm
from enrollment.models import Enrollment
from enrollment.refusals import (
    AlreadyEnrolled,
    FullAlready,
    GroupClosed,
    IntakeMissing,
    Refused,
    StateNotAdmitted,
)
from enrollment.states import Status
from enrollment.steps import steps
from sessions.models import Cohort, GroupSession
from sessions.us_states import US_STATES

# Most people who press "Reserve" are new here; the page links to signing in.
sign_up_first = login_required(login_url="account_signup")


def member_of(request: HttpRequest) -> User:
    """The signed-in person, behind a view that requires one."""
    assert isinstance(request.user, User)
    return request.user


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to; an empty POST is an answer too, with everything missing."""
    return request.POST if request.method == "POST" else None


def fresh(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that is never stored, but whose "no" to a form can be shown again by "Back".

    A browser cannot ask for the answer to a POST again; without a copy it shows an error.
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if request.method == "POST":
            patch_cache_control(response, private=True, no_cache=True)
        else:
            add_never_cache_headers(response)
        return response

    return wrapped


# --- The public list --------------------------------------------------------------------


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


# --- Reserving a seat -------------------------------------------------------------------


@sign_up_first
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def about_you(request: HttpRequest, slug: str) -> HttpResponse:
    now, member, group = timezone.now(), member_of(request), public_cohort(slug)
    if request.method == "POST":
        saved = answering.save_answers(request, member=member, now=now)
        return redirect("enrollment:agreements" if saved else "enrollment:about_you", slug)
    card = catalogue.group_card(pk=group.pk, now=now)
    if instead := turned_away(request, card):
        return instead
    context = {
        "form": answering.intake_form(request, member=member, now=now),
        "cohort": group,
        "card": card,
        "steps": steps("about_you", slug),
    }
    return render(request, "enrollment/about_you.html", context)


@sign_up_first
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def agreements(request: HttpRequest, slug: str) -> HttpResponse:
    """The last page before paying: agreeing keeps the seat."""
    now, member, group = timezone.now(), member_of(request), public_cohort(slug)
    if request.method == "POST":
        if not answering.agreed(request, slug=slug):
            back = "back" in request.POST
            return redirect("enrollment:about_you" if back else "enrollment:agreements", slug)
        try:
            enrollment = services.reserve_seat(
                cohort=group, member=member, now=now, ip=get_adapter().get_client_ip(request)
            )
        except IntakeMissing:
            return redirect("enrollment:about_you", slug)
        except AlreadyEnrolled as refusal:
            return to_payment(group, member) or refused(request, group, refusal)
        except Refused as refusal:
            return refused(request, group, refusal)
        return redirect("billing:pay", enrollment.public_id)
    card = catalogue.group_card(pk=group.pk, now=now)
    if instead := turned_away(request, card):
        return instead
    given = answering.stored_answers(member)
    if given is None:
        return redirect("enrollment:about_you", slug)
    if given.state not in group.admitted_states:
        return refused(request, group, StateNotAdmitted(given.state))
    form = answering.agreements_form(request, slug=slug)
    context = {
        "form": form,
        "consents": form.with_texts(),
        "cohort": group,
        "card": card,
        "steps": steps("agreements", slug),
    }
    return render(request, "enrollment/agreements.html", context)


def turned_away(request: HttpRequest, card: GroupCard) -> HttpResponse | None:
    """What stands in the way already, before anybody answers questions for nothing."""
    group, member = card.cohort, member_of(request)
    if going_on := to_payment(group, member):
        return going_on
    if catalogue.own_live_enrollment(cohort=group, member_id=member.pk):
        return refused(request, group, AlreadyEnrolled())
    if not card.open:
        return refused(request, group, GroupClosed(answering.stored_state(member)))
    if not card.seats_left:
        return refused(request, group, FullAlready(answering.stored_state(member)))
    return None


def refused(request: HttpRequest, group: Cohort, refusal: Refused) -> HttpResponse:
    """Say why in the same response, and what is still free."""
    now, state = timezone.now(), refusal.state
    reason = closed_reason(group) if isinstance(refusal, GroupClosed) else ""
    context = {
        "title": refusal.title.format(state=US_STATES.get(state, "your state")),
        "wrong_state": isinstance(refusal, StateNotAdmitted),
        "message": f"{reason} {refusal.message}".strip(),
        "cohort": group,
        "state": state,
        # Asked for by the page, and not where somebody else was just shown the same.
        "others": functools.partial(
            catalogue.groups_with_seats, now=now, state=state, other_than=group.pk
        ),
        "before_others": refusal.before_others,
    }
    return render(request, "enrollment/reserve_refused.html", context, status=409)


def to_payment(group: Cohort, member: User) -> HttpResponse | None:
    """On to the payment of a seat that is kept already."""
    held = Enrollment.objects.filter(cohort=group, member=member, status=Status.HELD).first()
    return redirect("billing:pay", held.public_id) if held else None


def form_status(form: Any) -> int:
    """422 for a form that came back with errors, so that tools and htmx can tell."""
    return 422 if form.is_bound else 200


# --- My groups --------------------------------------------------------------------------


@login_required
@never_cache
@require_safe
def my_groups(request: HttpRequest) -> HttpResponse:
    now, member = timezone.now(), member_of(request)
    context = {
        "rows": portal.my_groups(member=member, now=now),
        "led": portal.led_groups(leader=member, now=now),
    }
    return render(request, "enrollment/my_groups.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answers(request: HttpRequest) -> HttpResponse:
    """My own answers, to be corrected at any time."""
    now, member = timezone.now(), member_of(request)
    if request.method == "POST":
        if answering.save_answers(request, member=member, now=now):
            messages.success(request, "Your answers are saved.")
        return redirect("enrollment:answers")
    form = answering.intake_form(request, member=member, now=now)
    return render(request, "enrollment/answers.html", {"form": form})


@login_required
@never_cache
@require_safe
def my_group(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    now = timezone.now()
    enrollment = own_enrollment_or_404(request, public_id)
    mine = portal.my_group(enrollment=enrollment, now=now)
    context = {
        **{field.name: getattr(mine, field.name) for field in dataclasses.fields(mine)},
        "cohort": enrollment.cohort,
        "calendar_url": reverse("enrollment:calendar", args=[public_id]),
        "can_pay": enrollment.held_at(now),
        "card": catalogue.group_card(pk=enrollment.cohort_id, now=now)
        if enrollment.status == Status.EXPIRED
        else None,
        "now": now,
    }
    return render(request, "enrollment/my_group.html", context)


@login_required
@never_cache
@require_safe
def calendar(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The sessions as a calendar file, for somebody with a confirmed seat."""
    enrollment = own_enrollment_or_404(request, public_id)
    if enrollment.status not in (Status.ACTIVE, Status.GRACE, Status.COMPLETED):
        raise Http404
    sessions = GroupSession.objects.filter(
        cohort=enrollment.cohort, number__gte=enrollment.first_week
    ).order_by("number")
    body = sessions_ics(enrollment=enrollment, sessions=sessions, now=timezone.now())
    return HttpResponse(
        body,
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="sessions.ics"'},
    )


def own_enrollment_or_404(request: HttpRequest, public_id: uuid.UUID) -> Enrollment:
    try:
        return portal.own_enrollment(member=member_of(request), public_id=public_id)
    except Enrollment.DoesNotExist:
        raise Http404 from None


# --- The door ---------------------------------------------------------------------------

DOOR_STATUS = {
    DoorState.UNKNOWN: 404,
    DoorState.NOT_YOURS: 404,
    DoorState.NO_STANDING: 403,
    DoorState.STATE_NOT_ADMITTED: 403,
}


# The form's answer is a redirect to the meeting, which a browser counts as form-action.
@csp_update({"form-action": ["https:"]})
@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def door(request: HttpRequest, token: str) -> HttpResponse:
    now, member = timezone.now(), member_of(request)
    doorway = doors.look(token=token, user=member, now=now)
    form = None
    if doorway.state == DoorState.OPEN:
        form = DoorForm(posted(request), initial={"location": doors.last_location(member)})
        if form.is_valid():
            outcome = step_in(doorway, form.cleaned_data["location"])
            if isinstance(outcome, str):
                return redirect(outcome)
            doorway = outcome
    return render_door(request, doorway, form)


def step_in(doorway: Doorway, location: str) -> str | Doorway:
    """The meeting's address, or the doorway that says why it stays closed."""
    assert doorway.enrollment is not None
    if location not in doorway.enrollment.cohort.admitted_states:
        return dataclasses.replace(doorway, state=DoorState.STATE_NOT_ADMITTED)
    url = doors.enter(doorway=doorway, location=location, now=timezone.now())
    return url or dataclasses.replace(doorway, state=DoorState.NO_STANDING)


def render_door(request: HttpRequest, doorway: Doorway, form: DoorForm | None) -> HttpResponse:
    enrollment = doorway.enrollment
    context = {
        "state": doorway.state.value,
        "session": doorway.session,
        "cohort": enrollment.cohort if enrollment else None,
        "enrollment": enrollment,
        "opens_at": doorway.opens_at,
        "next_session": doorway.next_session,
        "form": form,
        "reason": portal.STATUS_WORDS[enrollment.status] if enrollment else "",
        "now": timezone.now(),
    }
    status = DOOR_STATUS.get(doorway.state, form_status(form) if form else 200)
    return render(request, "enrollment/door.html", context, status=status)
