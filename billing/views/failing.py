"""A refund that failed: why, and the ways on, each looked at before it is pressed."""

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing import failed_refunds, mails
from billing.failed_refunds import AlreadySettled, ChangedMeanwhile, Way
from billing.models import Refund
from billing.refund_forms import NotOwedForm, SeenForm, SettledForm
from billing.refunds import NotRefundable
from billing.seat_mails import settled_mail
from billing.tasks import submit_open_refunds
from billing.views.gate import code_first, money_desk
from enrollment.views.asking import form_status, fresh, member_of, posted
from outbox.broker import kick_on_commit

FORMS: dict[Way, type[SeenForm]] = {
    Way.AGAIN: SeenForm,
    Way.PAID: SettledForm,
    Way.NOT_OWED: NotOwedForm,
}
MEANWHILE = "Something changed since you looked. Here is how it stands now."
DONE = {
    Way.AGAIN: "Stripe is asked for it again.",
    Way.PAID: "It is noted, and owed no more.",
    Way.NOT_OWED: "It is noted, and owed no more.",
}


def failed_ones() -> "QuerySet[Refund]":
    people = ("payment__enrollment__member", "payment__attempt", "resolved_by", "decision")
    theirs = ("enrollment__member", "enrollment__cohort__programme")
    return Refund.objects.select_related(*people, *theirs).filter(status=Refund.Status.FAILED)


@money_desk
@code_first
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def failed(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """GET says why it failed, GET with a way what that would do, POST does it."""
    found = get_object_or_404(failed_ones(), uuid=key)
    typed = request.POST if request.method == "POST" else request.GET
    name = typed.get("way", "")
    way = Way(name) if name in list(Way) else None
    if way is None:
        return overview_page(request, found)
    form = FORMS[way](posted(request))
    if not form.is_bound or not form.is_valid():
        return preview_page(request, found, way, form)
    try:
        failed_refunds.press(
            refund_uuid=key,
            way=way,
            words=form.words(),
            seen=form.cleaned_data["seen"],
            actor=member_of(request),
            now=timezone.now(),
        )
    except ChangedMeanwhile:
        again = get_object_or_404(failed_ones(), uuid=key)
        kept = FORMS[way](initial=form.cleaned_data)
        return preview_page(request, again, way, kept, trouble=MEANWHILE)
    except (AlreadySettled, NotRefundable) as error:
        return overview_page(request, get_object_or_404(failed_ones(), uuid=key), str(error))
    except Refund.DoesNotExist:
        raise Http404 from None
    if way == Way.AGAIN:
        kick_on_commit(submit_open_refunds)
    messages.success(request, DONE[way])
    return redirect("billing:enrollment", found.enrollment.public_id)


def overview_page(request: HttpRequest, found: Refund, trouble: str = "") -> HttpResponse:
    context = base(found) | {"trouble": trouble}
    status = 409 if trouble else 200
    return render(request, "billing/desk/failed_refund.html", context, status=status)


def preview_page(
    request: HttpRequest, found: Refund, way: Way, form: Form, trouble: str = ""
) -> HttpResponse:
    context = base(found)
    if not context["open"]:
        return overview_page(request, found)
    shown = failed_refunds.preview(refund=found, way=way)
    if not form.is_bound:
        form.initial["seen"] = shown.seen
    context |= {"preview": shown, "form": form, "trouble": trouble}
    if way == Way.AGAIN:
        context["mail"] = mails.sent_mail(found, failed_refunds.reason_again(found))
    if way == Way.PAID:
        context["mail"] = settled_mail(found)
    status = 409 if trouble else form_status(form)
    return render(request, "billing/desk/failed_refund_preview.html", context, status=status)


def base(found: Refund) -> dict[str, Any]:
    return {
        "refund": found,
        "enrollment": found.enrollment,
        "open": failed_refunds.waiting().filter(pk=found.pk).exists(),
        "again": Refund.objects.filter(retry_of=found).first(),
    }
