"""From "Reserve your seat" to the payment, and every way of saying no."""

import functools

from allauth.account.adapter import get_adapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from enrollment import answering, catalogue, services, waitlist
from enrollment.catalogue import GroupCard
from enrollment.models import Enrollment
from enrollment.refusals import (
    AlreadyEnrolled,
    AlreadyWaiting,
    FullAlready,
    GroupClosed,
    GroupFull,
    IntakeMissing,
    NoNeedToWait,
    Refused,
    StateNotAdmitted,
)
from enrollment.states import Status
from enrollment.steps import steps
from enrollment.views.asking import fresh, member_of, sign_up_first
from enrollment.views.public import closed_reason, public_cohort
from sessions.models import Cohort
from sessions.us_states import US_STATES


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
        except (AlreadyEnrolled, AlreadyWaiting) as refusal:
            return to_own_place(group, member) or refused(request, group, refusal)
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
    if own := to_own_place(group, member):
        return own
    if catalogue.own_live_enrollment(cohort=group, member_id=member.pk):
        return refused(request, group, AlreadyEnrolled())
    if not card.open:
        return refused(request, group, GroupClosed(answering.stored_state(member)))
    if not card.seats_left:
        return refused(request, group, FullAlready(answering.stored_state(member)))
    return None


def refused(
    request: HttpRequest, group: Cohort, refusal: Refused, *, answers_url: str = ""
) -> HttpResponse:
    """Say why in the same response, and what is still free."""
    now, state = timezone.now(), refusal.state
    reason = closed_reason(group) if isinstance(refusal, GroupClosed) else ""
    context = {
        "title": refusal.title.format(state=US_STATES.get(state, "your state")),
        "wrong_state": isinstance(refusal, StateNotAdmitted),
        "answers_url": answers_url or reverse("enrollment:about_you", args=[group.slug]),
        "can_wait": isinstance(refusal, GroupFull) and waitlist.takes(group, now),
        "can_reserve": isinstance(refusal, NoNeedToWait),
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


def to_own_place(group: Cohort, member: User) -> HttpResponse | None:
    """On to the payment of a seat that is kept already, to an offer, or to one's place in line."""
    pages = {
        Status.HELD: "billing:pay",
        Status.OFFERED: "enrollment:offer",
        Status.WAITLISTED: "enrollment:my_group",
    }
    own = Enrollment.objects.filter(cohort=group, member=member, status__in=pages).first()
    return redirect(pages[Status(own.status)], own.public_id) if own else None
