"""Waiting for a seat: join the list of a full group, leave it, and answer an offer."""

import uuid

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from enrollment import answering, catalogue, waiting, waitlist
from enrollment.catalogue import GroupCard
from enrollment.models import Enrollment
from enrollment.refusals import (
    AlreadyEnrolled,
    AlreadyWaiting,
    GroupClosed,
    IntakeMissing,
    NoNeedToWait,
    Refused,
    StateNotAdmitted,
)
from enrollment.states import IN_STANDING, Status
from enrollment.steps import steps, steps_to_wait
from enrollment.views.asking import fresh, member_of, own_enrollment_or_404, sign_up_first
from enrollment.views.public import public_cohort
from enrollment.views.reserving import refused, to_own_place
from outbox.tasks import kick

ANSWERED = "That was answered already, so nothing was changed. Here is what stands now."
SEAT_IS_YOURS = (
    "Nothing was changed: the seat is confirmed, and it is yours. If you do not want it any more, "
    "choose \u201cLeave the group\u201d on this page."
)
SEAT_IS_KEPT = (
    "You said yes to this seat before, so it is kept for you until it is paid. If you do not want "
    "it, just do not pay: nothing is charged then."
)
# Whether anybody waited for it next is not known here.
TOO_LATE = "The time for this seat was over. Nothing was charged."
SAID_NO = "You said no to this seat. Nothing was charged."


# --- Joining ----------------------------------------------------------------------------


@sign_up_first
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def about_you(request: HttpRequest, slug: str) -> HttpResponse:
    """The questions before a first group, asked of whoever waits as of whoever reserves."""
    now, member, group = timezone.now(), member_of(request), public_cohort(slug)
    if request.method == "POST":
        saved = answering.save_answers(request, member=member, now=now)
        return redirect("enrollment:join_waitlist" if saved else "enrollment:waitlist_about", slug)
    card = catalogue.group_card(pk=group.pk, now=now)
    if instead := turned_away(request, card):
        return instead
    context = {
        "form": answering.intake_form(request, member=member, now=now),
        "cohort": group,
        "card": card,
        "steps": steps_to_wait("about_you", slug),
    }
    return render(request, "enrollment/about_you.html", context)


@sign_up_first
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, slug: str) -> HttpResponse:
    """What waiting means; pressing the button joins the list."""
    now, member, group = timezone.now(), member_of(request), public_cohort(slug)
    if request.method == "POST":
        return joined(request, slug)
    card = catalogue.group_card(pk=group.pk, now=now)
    if instead := turned_away(request, card):
        return instead
    given = answering.stored_answers(member)
    if given is None:
        return redirect("enrollment:waitlist_about", slug)
    if given.state not in group.admitted_states:
        answers_url = reverse("enrollment:waitlist_about", args=[slug])
        return refused(request, group, StateNotAdmitted(given.state), answers_url=answers_url)
    context = {
        "cohort": group,
        "card": card,
        "offer_hours": card.programme.offer_hours,
        "most": waiting.LISTS_AT_A_TIME,
        "steps": steps_to_wait("waitlist", slug),
    }
    return render(request, "enrollment/join_waitlist.html", context)


def joined(request: HttpRequest, slug: str) -> HttpResponse:
    now, member, group = timezone.now(), member_of(request), public_cohort(slug)
    try:
        enrollment = waiting.join(cohort=group, member=member, now=now)
    except IntakeMissing:
        return redirect("enrollment:waitlist_about", slug)
    except (AlreadyEnrolled, AlreadyWaiting) as refusal:
        return to_own_place(group, member) or refused(request, group, refusal)
    except Refused as refusal:
        answers_url = reverse("enrollment:waitlist_about", args=[slug])
        return refused(request, group, refusal, answers_url=answers_url)
    kick()
    messages.success(request, "You are on the waitlist. We have sent you an email about it.")
    return redirect(enrollment)


def turned_away(request: HttpRequest, card: GroupCard) -> HttpResponse | None:
    """What stands in the way already, before anybody answers questions for nothing."""
    group, member = card.cohort, member_of(request)
    if own := to_own_place(group, member):
        return own
    if catalogue.own_live_enrollment(cohort=group, member_id=member.pk):
        return refused(request, group, AlreadyEnrolled())
    if not waitlist.takes(group, timezone.now()):
        return refused(request, group, GroupClosed(answering.stored_state(member)))
    if card.seats_left:
        return refused(request, group, NoNeedToWait(answering.stored_state(member)))
    return None


# --- The seat that came free ------------------------------------------------------------


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def offer(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The seat, until when, and the agreements: agreeing keeps it, as for everybody."""
    now, enrollment = timezone.now(), own_enrollment_or_404(request, public_id)
    cohort = enrollment.cohort
    if enrollment.status == Status.HELD:
        return redirect("billing:pay", public_id)
    if not enrollment.offered_at(now):
        if request.method == "POST":
            messages.warning(request, no_offer_words(enrollment))
        return redirect(enrollment)
    if request.method == "POST":
        if not answering.agreed(request, slug=cohort.slug):
            return redirect("enrollment:offer", public_id)
        return accepted(request, enrollment)
    form = answering.agreements_form(request, slug=cohort.slug)
    context = {
        "enrollment": enrollment,
        "form": form,
        "consents": form.with_texts(),
        "cohort": cohort,
        "card": catalogue.group_card(pk=cohort.pk, now=now),
        "steps": steps("agreements"),
    }
    return render(request, "enrollment/offer.html", context)


def no_offer_words(enrollment: Enrollment) -> str:
    """Why the seat cannot be taken any more."""
    if enrollment.status in IN_STANDING:
        return SEAT_IS_YOURS
    no = enrollment.moves.filter(target=Status.CANCELLED, actor=enrollment.member_id)
    said_no = enrollment.status == Status.CANCELLED and no.exists()
    return SAID_NO if said_no else TOO_LATE


def already_words(enrollment: Enrollment) -> str:
    """Why there is nothing to leave or to say no to any more: an old page was open."""
    if enrollment.status in IN_STANDING:
        return SEAT_IS_YOURS
    return SEAT_IS_KEPT if enrollment.status == Status.HELD else ANSWERED


def accepted(request: HttpRequest, enrollment: Enrollment) -> HttpResponse:
    try:
        waiting.accept(
            enrollment=enrollment,
            member=member_of(request),
            now=timezone.now(),
            ip=get_adapter().get_client_ip(request),
        )
    except waiting.OfferOver:
        # By another press a moment ago, which is as good as this one, or it has lapsed.
        enrollment.refresh_from_db(fields=["status"])
        if enrollment.status != Status.HELD:
            messages.warning(request, no_offer_words(enrollment))
            return redirect(enrollment)
    except IntakeMissing:
        return redirect("enrollment:answers")
    except Refused as refusal:
        answers_url = reverse("enrollment:answers")
        return refused(request, enrollment.cohort, refusal, answers_url=answers_url)
    return redirect("billing:pay", enrollment.public_id)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Leave the list, or say no to an offer: asked first, and done as it was asked."""
    now, enrollment = timezone.now(), own_enrollment_or_404(request, public_id)
    if enrollment.status not in (Status.WAITLISTED, Status.OFFERED):
        messages.warning(request, already_words(enrollment))
        return redirect(enrollment)
    changed = request.method == "POST" and request.POST.get("seen") != enrollment.status
    if request.method == "POST" and not changed:
        seen = Status(enrollment.status)
        declined = seen == Status.OFFERED
        gone = waitlist.leave(
            enrollment_id=enrollment.pk,
            seen=seen,
            now=now,
            reason="Declined the offered seat" if declined else "Left the waitlist",
            actor=member_of(request),
        )
        if gone:
            kick()
            messages.success(request, "Done. You are not on the waitlist any more.")
        else:
            enrollment.refresh_from_db(fields=["status"])
            messages.warning(request, already_words(enrollment))
        return redirect(enrollment)
    context = {"enrollment": enrollment, "cohort": enrollment.cohort, "changed": changed}
    status = 409 if changed else 200
    return render(request, "enrollment/leave_waitlist.html", context, status=status)
