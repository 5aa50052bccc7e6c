"""What members ask for, at the money desk."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing import requests
from billing.models import MemberRequest
from billing.selfservice_forms import AnswerForm
from billing.views.gate import money_desk
from enrollment.roster import name_of
from enrollment.views.asking import form_status, fresh, member_of, posted
from outbox.tasks import kick
from sessions.pricing import format_money


@money_desk
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def request(http: HttpRequest, pk: int) -> HttpResponse:
    """Read it, decide about money on the refund's own page, and answer."""
    known = MemberRequest.objects.select_related(
        "enrollment__member", "enrollment__cohort", "decided_by", "decision"
    )
    found = get_object_or_404(known, pk=pk)
    decided = list(requests.refunds_since(found))
    form = AnswerForm(
        posted(http),
        refunds=[
            (
                str(one.uuid),
                f"{format_money(one.amount_cents, one.currency)}, {one.get_status_display()}",
            )
            for one in decided
        ],
    )
    status = form_status(form)
    if form.is_bound and form.is_valid():
        try:
            requests.answer(
                request=found,
                words=form.cleaned_data["answer"],
                decision=form.decision(),
                actor=member_of(http),
                now=timezone.now(),
            )
            kick()
            messages.success(http, "The answer is on its way.")
            return redirect("billing:money")
        except requests.AnsweredAlready:
            found, status = known.get(pk=pk), 409
            messages.warning(http, "Somebody else has answered this meanwhile.")
    context = {
        "asked": found,
        "enrollment": found.enrollment,
        "name": name_of(found.enrollment),
        "form": form,
    }
    return render(http, "billing/desk/request.html", context, status=status)
