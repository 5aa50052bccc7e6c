"""Disputes for the money desk: what the bank says, what may be shared, and the seat."""

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from billing import dispute_facts, dispute_seats, disputes
from billing.book_forms import ReasonForm
from billing.holders import holder
from billing.models import Dispute
from billing.views.gate import code_first, money_desk
from enrollment.views.asking import form_status, fresh, member_of
from outbox.tasks import kick

PAGE_SIZE = 50
MEANWHILE = (
    "Something changed meanwhile, so nothing was done: here is how it stands now. What you typed "
    "is still here."
)


def with_people() -> "QuerySet[Dispute]":
    return Dispute.objects.select_related(
        "payment__enrollment__member",
        "payment__enrollment__cohort__programme",
        "seat_decided_by",
    )


@money_desk
@never_cache
@require_safe
def dispute_list(request: HttpRequest) -> HttpResponse:
    """All disputes, newest first."""
    rows = with_people().order_by("-opened_at", "-pk")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    withdrawn = disputes.withdrawn_cents(shown)
    context = {
        "page": page,
        "rows": [(one, withdrawn[one.stripe_dispute_id]) for one in shown],
        "answer_due": disputes.ANSWER_DUE,
    }
    return render(request, "billing/desk/disputes.html", context)


@money_desk
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def dispute(request: HttpRequest, dispute_id: str) -> HttpResponse:
    """One dispute with the facts that may be shared; a press writes down a look at more.

    The press leads back here with the entry's number, so that attendance is never part of an
    answer to a POST.
    """
    found = get_object_or_404(with_people(), stripe_dispute_id=dispute_id)
    reader, now = member_of(request), timezone.now()
    if request.method == "POST":
        ip = get_adapter().get_client_ip(request)
        entry = dispute_facts.look(dispute=found, reader=reader, now=now, ip=ip)
        return HttpResponseRedirect(f"{request.path}?look={entry.pk}#attendance")
    facts = dispute_facts.facts(dispute=found, now=now)
    context = {
        "dispute": found,
        "enrollment": holder(found.payment),
        "reason": dispute_facts.reason_words(found),
        "withdrawn": disputes.withdrawn_cents([found])[found.stripe_dispute_id],
        "answer_due": found.status in disputes.ANSWER_DUE,
        "overdue": found.evidence_due_by is not None and found.evidence_due_by <= now,
        "facts": facts,
        "text": dispute_facts.text_block(dispute=found, found=facts),
        "attendance": dispute_facts.attendance(
            dispute=found, reader=reader, entry=_number(request.GET.get("look", "")), now=now
        ),
        "choices": [
            (what.value, dispute_seats.label(found, what)) for what in dispute_seats.choices(found)
        ],
        "still_paused": dispute_seats.still_paused(found),
    }
    return render(request, "billing/desk/dispute.html", context)


def _number(text: str) -> int | None:
    """What an address says after `look=`; None for what is no entry's number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


@money_desk
@code_first
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def dispute_seat(request: HttpRequest, dispute_id: str, what: str) -> HttpResponse:
    """The rehearsal of a decision about the seat; the press on it makes the decision."""
    found = get_object_or_404(with_people(), stripe_dispute_id=dispute_id)
    if what not in Dispute.Seat.values:
        raise Http404
    wanted = Dispute.Seat(what)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            return _decided(request, found, wanted, form)
        except dispute_seats.ChangedMeanwhile:
            messages.warning(request, MEANWHILE)
            found.refresh_from_db()
            typed = form.cleaned_data["reason"]
            form = ReasonForm(initial={"reason": typed})
            return _rehearsed(request, found, wanted, form, status=409)
        except dispute_seats.NotPossible as error:
            messages.warning(request, str(error))
            return redirect(found)
    return _rehearsed(request, found, wanted, form, status=form_status(form))


def _rehearsed(
    request: HttpRequest, found: Dispute, what: Dispute.Seat, form: ReasonForm, status: int
) -> HttpResponse:
    try:
        rehearsal = dispute_seats.rehearse(dispute=found, what=what, now=timezone.now())
    except dispute_seats.NotPossible as error:
        messages.warning(request, str(error))
        return redirect(found)
    if not form.is_bound:
        form.initial["seen"] = rehearsal.seen
    context = {
        "dispute": found,
        "enrollment": holder(found.payment),
        "rehearsal": rehearsal,
        "form": form,
    }
    return render(request, "billing/desk/dispute_seat.html", context, status=status)


def _decided(
    request: HttpRequest, found: Dispute, what: Dispute.Seat, form: ReasonForm
) -> HttpResponse:
    label = dispute_seats.label(found, what)
    dispute_seats.decide(
        dispute_id=found.pk,
        what=what,
        reason=form.cleaned_data["reason"],
        seen=form.cleaned_data["seen"],
        actor=member_of(request),
        now=timezone.now(),
        ip=get_adapter().get_client_ip(request),
    )
    kick()
    messages.success(request, DONE[label])
    return redirect(found)


DONE = {
    Dispute.Seat.KEEP.label: "The seat is kept.",
    Dispute.Seat.PAUSE.label: "The seat is paused, and the member is told by email.",
    dispute_seats.END_PAUSE: "The pause is over, and the member is told by email.",
    dispute_seats.STAY_PAUSED: "The seat stays paused.",
    dispute_seats.THEY_LEFT: "Noted: nothing more goes back.",
    Dispute.Seat.END.label: "The seat is free again, and the member is told by email.",
}
