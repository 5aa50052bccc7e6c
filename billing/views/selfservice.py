"""What members do for themselves: leave, move to another group, ask a person."""

import uuid
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing import leaving, mails, rehearsals, requests, transfers
from billing.decisions import ChangedMeanwhile
from billing.models import CheckoutAttempt, MemberRequest, RefundDecision
from billing.rehearsals import Impossible
from billing.selfservice_forms import AskForm
from billing.tasks import submit_open_refunds
from enrollment.agreements import CURRENT
from enrollment.forms import AgreementsForm
from enrollment.models import Enrollment
from enrollment.refusals import Refused
from enrollment.views.asking import form_status, fresh, member_of, own_enrollment_or_404
from outbox.broker import kick_on_commit
from outbox.tasks import kick
from sessions.models import Cohort
from sessions.pricing import format_money
from sessions.us_states import US_STATES

LEFT = "left the group: what was shown"
MOVED = "moved to another group: what was shown"


def sealed(seen: object, salt: str) -> str:
    return signing.dumps(seen, salt=salt)


def opened(request: HttpRequest, salt: str, kind: Any) -> Any:
    """What the page showed that was pressed; None when it is none of ours."""
    try:
        return kind(**signing.loads(request.POST.get("seen", ""), salt=salt))
    except (signing.BadSignature, TypeError):
        return None


def key_of(request: HttpRequest) -> uuid.UUID | None:
    """That of the page that was pressed; None for a press that no page of ours makes."""
    try:
        return uuid.UUID(request.POST.get("confirm", ""))
    except ValueError:
        return None


# --- Leaving ----------------------------------------------------------------------------


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """All that leaving now would do; POST does it."""
    enrollment = own_enrollment_or_404(request, public_id)
    key = key_of(request)
    if request.method != "POST" or key is None:
        return leave_page(request, enrollment)
    # Pressed twice, or come back to with "Back": it was done once.
    done = RefundDecision.objects.filter(uuid=key, enrollment=enrollment).first()
    if done is not None:
        return redirect(enrollment)
    try:
        decision = leaving.leave(
            enrollment_id=enrollment.pk,
            seen=opened(request, LEFT, rehearsals.Seen),
            key=key,
            member=member_of(request),
            now=timezone.now(),
        )
    except ChangedMeanwhile as error:
        fresh_look = own_enrollment_or_404(request, public_id)
        return leave_page(request, fresh_look, changed=error.words)
    except Impossible as error:
        again = own_enrollment_or_404(request, public_id)
        return leave_page(request, again, refused=error.message, status=409)
    amount = format_money(decision.amount_cents, decision.currency)
    words = f" {amount} is on its way back to you." if decision.amount_cents else ""
    messages.success(request, f"You have left the group.{words}")
    if decision.amount_cents:
        kick_on_commit(submit_open_refunds)
    kick()
    return redirect(enrollment)


def leave_page(
    request: HttpRequest,
    enrollment: Enrollment,
    *,
    changed: list[str] | None = None,
    refused: str = "",
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "enrollment": enrollment,
        "cohort": enrollment.cohort,
        "changed": changed,
        "obstacle": refused,
        "key": uuid.uuid4(),
    }
    try:
        found = leaving.rehearse(enrollment=enrollment, now=timezone.now())
    except Impossible as error:
        if enrollment.status not in rehearsals.CONFIRMED:
            return redirect(enrollment)
        context["obstacle"] = error.message
        return render(request, "billing/leave.html", context, status=status)
    context |= {
        "rehearsal": found,
        "mails": mails.previews(found),
        "seen": sealed(rehearsals.as_dict(found.seen), LEFT),
    }
    return render(request, "billing/leave.html", context, status=409 if changed else status)


# --- Moving -----------------------------------------------------------------------------


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The groups to which this member could go; POST with `stop` ends a move that waits."""
    enrollment, now = own_enrollment_or_404(request, public_id), timezone.now()
    under_way = transfers.under_way(enrollment)
    if "stop" in request.POST and under_way is not None:
        stopped = transfers.stop(transfer=under_way, actor=member_of(request), now=now)
        if stopped:
            messages.success(request, "You stay in your group. Nothing was charged.")
            return redirect(enrollment)
    obstacle = transfers.obstacle(enrollment, now)
    context = {
        "enrollment": enrollment,
        "cohort": enrollment.cohort,
        "obstacle": obstacle,
        "under_way": under_way,
        "page_open": under_way and page_open(under_way.target),
        "groups": [] if obstacle else transfers.groups(enrollment, now),
        "credit": None if obstacle else transfers.credit(enrollment, now),
    }
    return render(request, "billing/move.html", context)


def page_open(target: Enrollment) -> CheckoutAttempt | None:
    begun = (CheckoutAttempt.Status.OPEN, CheckoutAttempt.Status.REVIEW)
    return target.attempts.filter(status__in=begun).first()


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def move_to(request: HttpRequest, public_id: uuid.UUID, slug: str) -> HttpResponse:
    """All that moving there would do; POST does it, or leads on to pay the rest."""
    enrollment = own_enrollment_or_404(request, public_id)
    cohort = get_object_or_404(Cohort.objects.exclude(status=Cohort.Status.DRAFT), slug=slug)
    if cohort.pk == enrollment.cohort_id:
        raise Http404
    asks = not transfers.agreed_already(enrollment)
    form = AgreementsForm(request.POST if request.method == "POST" and asks else None)
    key = key_of(request)
    if request.method != "POST" or key is None or (asks and not form.is_valid()):
        return move_page(request, enrollment, cohort, form if asks else None)
    try:
        transfer = transfers.start(
            source_id=enrollment.pk,
            cohort=cohort,
            seen=opened(request, MOVED, transfers.Seen),
            key=key,
            actor=member_of(request),
            now=timezone.now(),
            ip=get_adapter().get_client_ip(request),
        )
    except ChangedMeanwhile as error:
        again = own_enrollment_or_404(request, public_id)
        return move_page(request, again, cohort, form if asks else None, changed=error.words)
    except Impossible as error:
        messages.warning(request, error.message)
        return redirect("billing:move", public_id)
    except Refused as refusal:
        return refused(request, enrollment, refusal)
    if transfer.state == transfers.State.OPEN:
        return redirect("billing:pay", transfer.target.public_id)
    if transfer.back_cents:
        kick_on_commit(submit_open_refunds)
    kick()
    messages.success(request, "You have moved. Your new seat is confirmed.")
    return redirect(transfer.target)


def move_page(
    request: HttpRequest,
    enrollment: Enrollment,
    cohort: Cohort,
    form: AgreementsForm | None,
    *,
    changed: list[str] | None = None,
) -> HttpResponse:
    try:
        found = transfers.rehearse(source=enrollment, cohort=cohort, now=timezone.now())
    except Impossible:
        return redirect("billing:move", enrollment.public_id)
    if not found.card.open or not found.card.seats_left:
        messages.warning(request, "Every seat of that group is taken now.")
        return redirect("billing:move", enrollment.public_id)
    context = {
        "enrollment": enrollment,
        "cohort": enrollment.cohort,
        "rehearsal": found,
        "form": form,
        "consents": form.with_texts() if form else [],
        "agreements": CURRENT,
        "changed": changed,
        "seen": sealed(transfers.as_dict(found.seen), MOVED),
        "key": uuid.uuid4(),
    }
    status = 409 if changed else form_status(form) if form else 200
    return render(request, "billing/move_to.html", context, status=status)


def refused(request: HttpRequest, enrollment: Enrollment, refusal: Refused) -> HttpResponse:
    """There is no seat for them; they keep the one that they have."""
    state = US_STATES.get(refusal.state, "your state")
    context = {
        "enrollment": enrollment,
        "cohort": enrollment.cohort,
        "refusal": {"title": refusal.title.format(state=state), "message": refusal.message},
        "groups": transfers.groups(enrollment, timezone.now()),
    }
    return render(request, "billing/move.html", context, status=409)


# --- Asking -----------------------------------------------------------------------------


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Ask a person for what no rule decides."""
    enrollment = own_enrollment_or_404(request, public_id)
    if enrollment.status not in requests.MAY_ASK:
        return redirect(enrollment)
    latest = requests.latest(enrollment)
    key = key_of(request)
    form = AskForm(request.POST if key else None, initial={"wish": request.GET.get("wish")})
    if form.is_bound and form.is_valid() and key:
        try:
            requests.ask(
                enrollment=enrollment,
                wish=MemberRequest.Wish(form.cleaned_data["wish"]),
                words=form.cleaned_data["words"],
                key=key,
                now=timezone.now(),
            )
        except requests.AskedAlready:
            messages.warning(request, "You have asked us something already: we answer that first.")
            return redirect("billing:ask", public_id)
        messages.success(request, f"Thank you. We answer within {requests.ANSWERED_WITHIN}.")
        return redirect(enrollment)
    context = {
        "enrollment": enrollment,
        "cohort": enrollment.cohort,
        "form": form,
        "latest": latest,
        "waits": latest is not None and latest.decided_at is None,
        "within": requests.ANSWERED_WITHIN,
        "key": key or uuid.uuid4(),
    }
    return render(request, "billing/ask.html", context, status=form_status(form))
