"""Refunds at the desk: choose, look at all that a press would do, press; and a second person."""

import uuid
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing import decisions, disputes, facts, failed_refunds, mails, rehearsals
from billing.decisions import AlreadyDecided, ChangedMeanwhile
from billing.models import Dispute, RefundDecision
from billing.refund_forms import RefundForm
from billing.rehearsals import Impossible, Rehearsal, Seen
from billing.tasks import submit_open_refunds
from billing.views.gate import code_first, fresh_factor, money_desk
from enrollment.models import Enrollment
from enrollment.views.asking import form_status, fresh, member_of, posted
from outbox.broker import kick_on_commit
from outbox.tasks import kick
from sessions.pricing import format_money

SALT = "what a rehearsal showed"
WITH_PEOPLE = ("member", "cohort__programme")


def enrollment_or_404(public_id: uuid.UUID) -> Enrollment:
    return get_object_or_404(Enrollment.objects.select_related(*WITH_PEOPLE), public_id=public_id)


# --- One person decides -----------------------------------------------------------------


@money_desk
@code_first
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def refund(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """GET asks, POST shows what would happen, POST with `confirm` does it."""
    enrollment = enrollment_or_404(public_id)
    if "back" in request.POST:
        return form_page(request, enrollment, refund_form(enrollment, initial=request.POST.dict()))
    form = refund_form(enrollment, data=posted(request), initial=request.GET.dict())
    if not form.is_bound or not form.is_valid():
        return form_page(request, enrollment, form)
    try:
        if "confirm" in request.POST:
            return decided(request, enrollment, form)
        return rehearsal_page(request, enrollment, form)
    except Impossible as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return form_page(request, enrollment, form)


def refund_form(enrollment: Enrollment, **how: Any) -> RefundForm:
    sources = facts.refundable_payments(enrollment)
    return RefundForm(
        most=rehearsals.most_cents(facts.money_of(enrollment), sources),
        computed=rehearsals.computed_by(enrollment=enrollment, now=timezone.now()),
        currency=enrollment.currency,
        has_seat=enrollment.status in rehearsals.CONFIRMED,
        **how,
    )


def form_page(request: HttpRequest, enrollment: Enrollment, form: RefundForm) -> HttpResponse:
    held = facts.held_by_bank(enrollment)
    # A refusal says it beside what was typed.
    sources = [] if form.is_bound else facts.refundable_payments(enrollment)
    context = {
        "enrollment": enrollment,
        "form": form,
        "blocked": [one for one in sources if one.obstacle not in ("", disputes.HELD)],
        "bank": rehearsals.bank_words(held, enrollment.currency) if held else "",
        "disputes": Dispute.objects.filter(payment__enrollment=enrollment).order_by("opened_at"),
        "waiting": enrollment.refund_decisions.filter(status="waiting").first(),
        "failed": failed_refunds.waiting().filter(enrollment=enrollment),
    }
    status = form_status(form)
    return render(request, "billing/desk/refund_form.html", context, status=status)


def rehearsal_page(
    request: HttpRequest, enrollment: Enrollment, form: RefundForm, changed: list[str] | None = None
) -> HttpResponse:
    """All that a press would do. `changed` says what is different from what was looked at."""
    found = rehearsals.rehearse(enrollment=enrollment, wish=form.wish(), now=timezone.now())
    context = shown(found) | {
        "form": form,
        "changed": changed,
        "reason": form.cleaned_data["reason"],
        # Of this rehearsal alone: pressed twice, it decides once.
        "key": uuid.uuid4(),
    }
    status = 409 if changed else 200
    return render(request, "billing/desk/refund_rehearsal.html", context, status=status)


def shown(found: Rehearsal, decision: RefundDecision | None = None) -> dict[str, Any]:
    """What the pages show of a rehearsal, with a sealed note of it for the press."""
    return {
        "rehearsal": found,
        "enrollment": found.enrollment,
        "mails": mails.previews(found, decision),
        "seen": signing.dumps(rehearsals.as_dict(found.seen), salt=SALT),
    }


def seen_in(request: HttpRequest) -> Seen | None:
    """What the page showed that was pressed; None when it is none of ours."""
    try:
        return Seen(**signing.loads(request.POST.get("seen", ""), salt=SALT))
    except signing.BadSignature:
        return None


def decided(request: HttpRequest, enrollment: Enrollment, form: RefundForm) -> HttpResponse:
    try:
        decision = decisions.decide(
            enrollment_id=enrollment.pk,
            wish=form.wish(),
            seen=seen_in(request),
            key=uuid.UUID(request.POST["confirm"]),
            actor=member_of(request),
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )
    except ValueError:
        return rehearsal_page(request, enrollment, form)  # a press that no page of ours makes
    except ChangedMeanwhile as error:
        return rehearsal_page(request, enrollment_or_404(enrollment.public_id), form, error.words)
    if decision.status == RefundDecision.Status.WAITING:
        return redirect(decision)
    return carried_out(request, decision)


def carried_out(request: HttpRequest, decision: RefundDecision) -> HttpResponse:
    """Start what follows at once, and say what was done."""
    done = decision.status == RefundDecision.Status.DONE
    if done and decision.amount_cents:
        kick_on_commit(submit_open_refunds)
    elif done:
        kick()
    if done:
        messages.success(request, in_words(decision))
    return redirect("billing:enrollment", decision.enrollment.public_id)


def in_words(decision: RefundDecision) -> str:
    amount = format_money(decision.amount_cents, decision.currency)
    if not decision.amount_cents:
        return "They are out of the group. No money goes back."
    seat = " They are out of the group." if decision.frees_seat else ""
    return f"{amount} is on its way back.{seat}"


# --- A second person --------------------------------------------------------------------


@money_desk
@fresh_factor
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def decision(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """What was decided and by whom; while it waits, all that it would do, looked at anew."""
    found = decision_or_404(key)
    if request.method != "POST" or found.status != RefundDecision.Status.WAITING:
        return decision_page(request, found)
    actor, now = member_of(request), timezone.now()
    try:
        if "approve" in request.POST:
            decisions.approve(decision=found, seen=seen_in(request), actor=actor, now=now)
            return carried_out(request, found)
        if "decline" in request.POST:
            decisions.decline(decision=found, actor=actor, now=now)
            messages.success(request, "It is declined. Nothing was done.")
            return redirect("billing:enrollment", found.enrollment.public_id)
    except AlreadyDecided:
        messages.warning(request, "Somebody else decided this meanwhile.")
        return redirect(found)
    except ChangedMeanwhile as error:
        return decision_page(request, decision_or_404(key), error.words)
    except Impossible as error:
        return decision_page(request, decision_or_404(key), [error.message])
    return decision_page(request, found)


def decision_or_404(key: uuid.UUID) -> RefundDecision:
    people = (f"enrollment__{one}" for one in WITH_PEOPLE)
    found = RefundDecision.objects.select_related("made_by", "decided_by", *people)
    return get_object_or_404(found, uuid=key)


def decision_page(
    request: HttpRequest, found: RefundDecision, changed: list[str] | None = None
) -> HttpResponse:
    context: dict[str, Any] = {
        "decision": found,
        "enrollment": found.enrollment,
        "refunds": found.refunds.select_related("payment").order_by("pk"),
        "changed": changed,
        "own": found.made_by_id == member_of(request).pk,
    }
    if found.status == RefundDecision.Status.WAITING:
        try:
            context |= shown(
                rehearsals.rehearse(
                    enrollment=found.enrollment,
                    wish=decisions.wish_of(found),
                    now=timezone.now(),
                    apart_from=found,
                ),
                found,
            )
        except Impossible as error:
            context["obstacle"] = error.message
    status = 409 if changed else 200
    return render(request, "billing/desk/decision.html", context, status=status)
