"""A member's page about one suggestion of a practitioner: what it would change, then yes or no."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from enrollment.views.asking import fresh
from practice import proposals, week_plans
from practice.care_forms import DecideForm
from practice.models import Proposal
from practice.own import OwnPractice
from practice.views.asking import own_practice_or_404
from practice.views.sharing import base


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def proposal(request: HttpRequest, public_id: uuid.UUID, proposal: uuid.UUID) -> HttpResponse:
    """One suggestion: what it would change in the plan, then yes or no."""
    practice = own_practice_or_404(request, public_id)
    enrollment = practice.enrollment
    found = (
        Proposal.objects.select_related("share")
        .filter(share__enrollment=enrollment, public_id=proposal)
        .exclude(kind=Proposal.Kind.COMMENT)
        .first()
    )
    if found is None:
        raise Http404
    if request.method == "POST":
        return decide(request, practice, found)
    seen = proposals.suggestion(found, practice.now)
    context = {**base(practice), "suggestion": seen, "week": practice.week(found.week)}
    if seen.asks:
        kept = week_plans.plan_of(enrollment=enrollment, week=found.week)
        context["effect"] = proposals.effect(words=seen.words, kind=found.kind, kept=kept)
    return render(request, "practice/proposal.html", context)


def decide(request: HttpRequest, practice: OwnPractice, found: Proposal) -> HttpResponse:
    public_id = practice.enrollment.public_id
    form = DecideForm(request.POST)
    accept = "accept" in request.POST
    if not form.is_valid() or (not accept and "decline" not in request.POST):
        messages.warning(request, proposals.CHANGED)
        return redirect("practice:proposal", public_id, found.public_id)
    try:
        proposals.decide(
            enrollment=practice.enrollment,
            public_id=found.public_id,
            accept=accept,
            seen=form.cleaned_data["seen"],
            now=timezone.now(),
        )
    except Proposal.DoesNotExist:  # erased meanwhile
        raise Http404 from None
    except proposals.NotPossible as refused:
        messages.warning(request, str(refused))
        return redirect("practice:proposal", public_id, found.public_id)
    words = "It is in your plan now." if accept else "Thank you. Your plan stays as it is."
    messages.success(request, words)
    if accept and practice.week(found.week):
        return redirect("practice:week", public_id, found.week)
    return redirect("practice:sharing", public_id)
