"""The money desk's first page: what waits for a person, and the two decisions made right here."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from billing import queue as queues
from billing import reviews
from billing.forms import OutsideRefundForm
from billing.models import CheckoutAttempt, Refund
from billing.refunds import NotRefundable
from billing.reviews import ChangedMeanwhile, Decision
from billing.tasks import submit_open_refunds
from billing.views.gate import code_first, fresh_factor, money_desk
from enrollment.roster import name_of
from enrollment.views.asking import form_status, fresh, member_of, posted
from outbox.broker import kick_on_commit
from outbox.tasks import kick

CHANGED = (
    "Something changed since you opened this page, so nothing was done: here is what stands now."
)
DONE = {
    Decision.ACCEPT: "The payment is accepted.",
    Decision.GIVE_BACK: "The money is on its way back.",
}


@money_desk
@never_cache
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    groups = queues.waiting(now=now)
    context = {"groups": groups, "total": queues.total(groups), "now": now, "shown": queues.SHOWN}
    return render(request, "billing/desk/queue.html", context)


@money_desk
@fresh_factor
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def payment(request: HttpRequest, attempt: uuid.UUID) -> HttpResponse:
    """A payment that does not match: look at both ways, rehearse one, confirm it."""
    known = CheckoutAttempt.objects.select_related("enrollment__member", "enrollment__cohort")
    found = get_object_or_404(known.filter(payment__isnull=False), uuid=attempt)
    typed = request.POST if request.method == "POST" else request.GET
    decision = _decision(typed.get("decision", ""))
    if request.method == "POST" and decision:
        try:
            reviews.decide(
                attempt=found,
                decision=decision,
                seen=request.POST.get("seen", ""),
                actor=member_of(request),
                now=timezone.now(),
            )
        except ChangedMeanwhile:
            messages.warning(request, CHANGED)
            found.refresh_from_db()
            return _payment_page(request, found, decision, status=409)
        except NotRefundable as error:
            messages.warning(request, str(error))
            found.refresh_from_db()
            return _payment_page(request, found, None, status=409)
        kick_on_commit(submit_open_refunds)
        kick()
        messages.success(request, DONE[decision])
        return redirect("billing:enrollment", found.enrollment.public_id)
    status = 422 if request.method == "POST" else 200
    return _payment_page(request, found, decision, status=status)


def _decision(text: str) -> Decision | None:
    return Decision(text) if text in list(Decision) else None


def _payment_page(
    request: HttpRequest, attempt: CheckoutAttempt, decision: Decision | None, *, status: int
) -> HttpResponse:
    review = reviews.review(attempt)
    context = {
        "review": review,
        "decision": decision if decision in review.ways else None,
        "enrollment": attempt.enrollment,
        "name": name_of(attempt.enrollment),
    }
    return render(request, "billing/desk/payment.html", context, status=status)


@money_desk
@code_first
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def outside_refund(request: HttpRequest, refund: uuid.UUID) -> HttpResponse:
    """A refund that was made in Stripe's dashboard: "Seen", and what becomes of the seat."""
    known = Refund.objects.select_related(
        "enrollment__member", "enrollment__cohort", "payment__enrollment__cohort", "seen_by"
    )
    found = get_object_or_404(known, uuid=refund, reason=Refund.Reason.OUTSIDE)
    form = _outside_form(request, found)
    if not form.is_bound or not form.is_valid():
        return _outside_page(request, found, form, status=form_status(form))
    try:
        reviews.acknowledge(
            refund=found,
            seen=form.cleaned_data["seen"],
            actor=member_of(request),
            now=timezone.now(),
        )
    except ChangedMeanwhile:
        messages.warning(request, CHANGED)
        found = known.get(pk=found.pk)
        form = OutsideRefundForm(
            seat_is_there=reviews.can_be_freed(found),
            initial={"seen": reviews.looked_at(found), "seat": request.POST.get("seat")},
        )
        return _outside_page(request, found, form, status=409)
    if form.frees_seat():
        messages.success(request, "The refund is noted. The seat stays until you confirm this.")
        seat = reviews.seat_of(found).public_id
        return redirect(f"{reverse('billing:refund', args=[seat])}?basis=nothing&seat=free")
    messages.success(request, "The refund is noted.")
    return redirect("billing:money")


def _outside_form(request: HttpRequest, refund: Refund) -> OutsideRefundForm:
    return OutsideRefundForm(
        posted(request),
        seat_is_there=reviews.can_be_freed(refund),
        initial={"seen": reviews.looked_at(refund)},
    )


def _outside_page(
    request: HttpRequest, refund: Refund, form: OutsideRefundForm, *, status: int
) -> HttpResponse:
    context = {
        "refund": refund,
        "enrollment": reviews.seat_of(refund),
        "name": name_of(refund.enrollment),
        "form": form,
    }
    return render(request, "billing/desk/outside_refund.html", context, status=status)
