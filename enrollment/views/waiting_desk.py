"""A group's waitlist for staff: read by those who lead or plan it, changed by admins."""

import uuid
from collections.abc import Mapping

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Role
from enrollment import waiting_desk, waitlist
from enrollment.models import Enrollment
from enrollment.roster import name_of
from enrollment.states import Status
from enrollment.views.asking import form_status, fresh, member_of, posted
from enrollment.views.desk import led_cohort_or_404
from enrollment.views.season import cohort_or_404, for_planners
from outbox.tasks import kick
from sessions.models import Cohort

CHANGED = "Something changed since you opened this page, so nothing was done. Here is what stands."


class ReasonForm(forms.Form):
    """Why a person steps in; kept in the history, and never mailed."""

    reason = forms.CharField(
        label="Why?",
        max_length=200,
        help_text="Kept in the history for staff. It is never mailed.",
        error_messages={"required": "Please say why: it is all that others can go by later."},
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)


@login_required
@never_cache
@require_safe
def led(request: HttpRequest, slug: str) -> HttpResponse:
    """For those who lead the group."""
    return show(request, led_cohort_or_404(request, slug), back="enrollment:roster")


@for_planners
@require_safe
def planned(request: HttpRequest, slug: str) -> HttpResponse:
    """For those who plan it; admins find here what they can do."""
    return show(request, cohort_or_404(request, slug), back="enrollment:plan")


def show(request: HttpRequest, cohort: Cohort, *, back: str) -> HttpResponse:
    now = timezone.now()
    context = {
        "cohort": cohort,
        "lines": waiting_desk.lines(cohort=cohort, now=now),
        "takes": waitlist.takes(cohort, now),
        "back": back,
        "acts": back == "enrollment:plan" and member_of(request).role == Role.ADMIN,
        "now": now,
    }
    return render(request, "enrollment/desk/waitlist.html", context)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def offer(request: HttpRequest, slug: str, public_id: uuid.UUID) -> HttpResponse:
    """Offer a free seat to one person now, whoever is before them."""
    enrollment = waiting_or_404(request, slug, public_id)
    form = ReasonForm(posted(request), initial={"seen": enrollment.status})
    if request.method == "POST" and form.is_valid():
        now, actor = timezone.now(), member_of(request)
        reason = form.cleaned_data["reason"]
        done = form.cleaned_data["seen"] == enrollment.status and waitlist.offer_out_of_turn(
            enrollment=enrollment, now=now, reason=reason, actor=actor
        )
        return told(request, slug, f"A seat is offered to {name_of(enrollment)}." if done else "")
    now = timezone.now()
    context = {
        "terms": waitlist.terms(cohort=enrollment.cohort, now=now),
        "before": waitlist.place(enrollment) - 1,
        "free": waiting_desk.seats_to_offer(cohort=enrollment.cohort, now=now),
    }
    return ask(request, enrollment, form, "enrollment/desk/waitlist_offer.html", context)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, slug: str, public_id: uuid.UUID) -> HttpResponse:
    """Take somebody off the list; an offer that runs goes to the next in line."""
    enrollment = waiting_or_404(request, slug, public_id)
    form = ReasonForm(posted(request), initial={"seen": enrollment.status})
    if request.method == "POST" and form.is_valid():
        seen = Status(enrollment.status)
        done = form.cleaned_data["seen"] == seen and waitlist.leave(
            enrollment_id=enrollment.pk,
            seen=seen,
            now=timezone.now(),
            reason=form.cleaned_data["reason"],
            actor=member_of(request),
        )
        words = f"{name_of(enrollment)} is not on the waitlist any more, and is told by email."
        return told(request, slug, words if done else "")
    following = waitlist.next_in_line(cohort_id=enrollment.cohort_id)
    context = {"following": following and name_of(following)}
    return ask(request, enrollment, form, "enrollment/desk/waitlist_remove.html", context)


def waiting_or_404(request: HttpRequest, slug: str, public_id: uuid.UUID) -> Enrollment:
    """For admins, in every state: what has changed meanwhile is said, and no error."""
    if member_of(request).role != Role.ADMIN:
        raise Http404
    return get_object_or_404(
        Enrollment.objects.select_related("member", "cohort__programme"),
        cohort__slug=slug,
        public_id=public_id,
        waiting_since__isnull=False,
    )


def ask(
    request: HttpRequest,
    enrollment: Enrollment,
    form: ReasonForm,
    template: str,
    more: Mapping[str, object],
) -> HttpResponse:
    """The page before: what it does to whom. Only while it still can be done."""
    offered = enrollment.status == Status.OFFERED
    if enrollment.status != Status.WAITLISTED and not (offered and "remove" in template):
        return told(request, enrollment.cohort.slug, "")
    context = {
        **more,
        "cohort": enrollment.cohort,
        "enrollment": enrollment,
        "name": name_of(enrollment),
        "form": form,
    }
    return render(request, template, context, status=form_status(form))


def told(request: HttpRequest, slug: str, done: str) -> HttpResponse:
    """Back to the list, with what was done, or that nothing was."""
    if done:
        kick()
        messages.success(request, done)
    else:
        messages.warning(request, CHANGED)
    return redirect("enrollment:plan_waitlist", slug)
