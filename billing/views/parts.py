"""A member's payments in parts: what is paid, what is due when, and paying a part now."""

import uuid

import structlog
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from billing import gateway, part_checkout, plans, settlement, words
from billing.checkout import CheckoutUnavailable
from billing.models import CheckoutAttempt, Instalment
from billing.views.paying import first_to_ask
from enrollment.models import Enrollment
from enrollment.portal import STATUS_WORDS
from enrollment.states import Status
from enrollment.views.asking import member_of, own_enrollment_or_404
from outbox.tasks import kick

log = structlog.get_logger("grouport.billing")

NO_PAGE = (
    "The payment page could not be opened just now. Nothing was charged. Please try again in a "
    "minute."
)
NOTHING = "There is nothing to pay for this part any more. This is how it stands now."
CHARGED_NOW = (
    "We are asking your bank about this part right now. Please look again in a few minutes, and "
    "don\u2019t pay a second time."
)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def payments(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The calendar of the three parts; pressing the button leads to Stripe's page.

    Whoever paid everything at once finds that on the group's page.
    """
    trouble = ""
    if request.method == "POST":
        address, trouble = _page_for(request, public_id)
        if address:
            return redirect(address)
        if not trouble:
            return redirect("billing:payments", public_id)
    enrollment = own_enrollment_or_404(request, public_id)
    if "paid" in request.GET:
        _ask_for_the_truth(enrollment)
        enrollment.refresh_from_db(fields=["status"])
    standing = plans.standing(enrollment)
    if standing is None:
        return redirect(enrollment)
    confirming = "paid" in request.GET and _open_pages(enrollment).exists()
    context = {
        "enrollment": enrollment,
        "cohort": enrollment.cohort,
        "status_label": STATUS_WORDS[enrollment.status],
        "standing": standing,
        "asked": enrollment.status in plans.CHARGED,
        "paused": enrollment.status == Status.SUSPENDED,
        "confirming": confirming,
        "why": _why_open(standing.overdue),
        "came_back": "back" in request.GET and not trouble,
        "trouble": trouble,
    }
    return render(request, "billing/payments.html", context, status=503 if trouble else 200)


def _why_open(part: Instalment | None) -> str:
    """What the bank said when the card was charged last, where it helps to know. One query."""
    charge = part.charges.order_by("number").last() if part else None
    return words.declined_to_member(charge.note) if charge else ""


def _page_for(request: HttpRequest, public_id: uuid.UUID) -> tuple[str, str]:
    """Stripe's address, or why there is none now; neither when the page was out of date."""
    try:
        number = int(request.POST.get("number", ""))
    except ValueError:
        raise Http404 from None
    mine = Q(member=member_of(request), public_id=public_id)
    try:
        now = timezone.now()
        return part_checkout.start_part_checkout(whose=mine, number=number, now=now), ""
    except Enrollment.DoesNotExist:
        raise Http404 from None
    except part_checkout.NothingToPay:
        messages.info(request, NOTHING)
    except part_checkout.BeingCharged:
        messages.info(request, CHARGED_NOW)
    except CheckoutUnavailable as error:
        log.warning("checkout_unavailable", error=str(error))
        return "", NO_PAGE
    return "", ""


def _open_pages(enrollment: Enrollment) -> "QuerySet[CheckoutAttempt]":
    return enrollment.attempts.filter(status=CheckoutAttempt.Status.OPEN, instalment__isnull=False)


def _ask_for_the_truth(enrollment: Enrollment) -> None:
    """Back from Stripe: settle the page once. The webhook or the sweep does so otherwise."""
    attempt = _open_pages(enrollment).first()
    if attempt is None or not first_to_ask(attempt, timezone.now()):
        return
    try:
        settlement.settle(attempt=attempt, now=timezone.now(), hurried=True)
    except gateway.GatewayError as error:
        log.warning("return_page_without_stripe", error=str(error))
    else:
        kick()
