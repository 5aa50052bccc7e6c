"""Receipt, superbill and estimate: a member's own, and what staff may see of them."""

import uuid
from collections.abc import Callable

from allauth.account.adapter import get_adapter
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit
from accounts.models import Action, Role, Subject
from billing.models import IssuedPaper, Payment
from billing.papers import issuing
from billing.papers.drafting import NotYet
from billing.papers.pdf import draw
from billing.views.gate import money_desk
from enrollment.models import Enrollment
from enrollment.views.asking import member_of

Kind = IssuedPaper.Kind


def _own(request: HttpRequest, public_id: uuid.UUID) -> Enrollment:
    try:
        return issuing.own(member_id=member_of(request).pk, public_id=public_id)
    except Enrollment.DoesNotExist:
        raise Http404 from None


def _payment(enrollment: Enrollment, payment_id: int | None) -> Payment | None:
    if payment_id is None:
        return None
    try:
        return issuing.payment_of(enrollment=enrollment, payment_id=payment_id)
    except Payment.DoesNotExist:
        raise Http404 from None


@login_required
@never_cache
@require_safe
def papers(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Which papers a member can have, and why another is not there yet."""
    enrollment = _own(request, public_id)
    payments = enrollment.payments.filter(amount_cents__gt=0).order_by("paid_at")
    context = {
        "enrollment": enrollment,
        "offers": issuing.offers(enrollment=enrollment, now=timezone.now()),
        "payments": payments,
    }
    return render(request, "billing/papers/list.html", context)


@login_required
@never_cache
@require_safe
def paper(
    request: HttpRequest, public_id: uuid.UUID, kind: str, payment_id: int | None = None
) -> HttpResponse:
    """One paper on a page, or in words why it is not there yet."""
    enrollment = _own(request, public_id)
    payment = _payment(enrollment, payment_id)
    back = reverse("billing:papers", args=[public_id])
    try:
        issued = _issued(kind, enrollment, payment)
    except NotYet as error:
        context = {"title": Kind(kind).label, "why_not": str(error), "back": back}
        return render(request, "billing/papers/not_yet.html", context)
    return _page(request, issued, back=back, pdf_url=_pdf_url(public_id, kind, payment_id))


@login_required
@never_cache
@require_safe
def paper_pdf(
    request: HttpRequest, public_id: uuid.UUID, kind: str, payment_id: int | None = None
) -> HttpResponse:
    """The same as a file; 404 while there is none."""
    enrollment = _own(request, public_id)
    try:
        return _file(_issued(kind, enrollment, _payment(enrollment, payment_id)), staff=False)
    except NotYet:
        raise Http404 from None


def _pdf_url(public_id: uuid.UUID, kind: str, payment_id: int | None) -> str:
    if payment_id is None:
        return reverse("billing:paper_pdf", args=[public_id, kind])
    return reverse("billing:payment_receipt_pdf", args=[public_id, payment_id])


# --- For staff ------------------------------------------------------------------------------


def _for_admins(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Who was there, and when somebody was born, is not the money desk's affair."""

    def guarded(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        if member_of(request).role != Role.ADMIN:
            raise Http404
        return view(request, public_id)

    return guarded


@money_desk
@never_cache
@require_safe
def desk_receipt(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    enrollment = get_object_or_404(issuing.enrollments(), public_id=public_id)
    story = reverse("billing:enrollment", args=[public_id])
    try:
        issued = _issued(Kind.RECEIPT, enrollment, None)
    except NotYet as error:
        context = {"title": "Receipt", "why_not": str(error), "back": story}
        return render(request, "billing/papers/not_yet.html", context)
    pdf_url = reverse("billing:desk_receipt_pdf", args=[public_id])
    return _page(request, issued, back=story, pdf_url=pdf_url, staff=True)


@money_desk
@never_cache
@require_safe
def desk_receipt_pdf(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    enrollment = get_object_or_404(issuing.enrollments(), public_id=public_id)
    try:
        return _file(_issued(Kind.RECEIPT, enrollment, None), staff=True)
    except NotYet:
        raise Http404 from None


@money_desk
@_for_admins
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def desk_superbill(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A press shows it, and is written down before anything is shown."""
    enrollment = get_object_or_404(issuing.enrollments(), public_id=public_id)
    if request.method != "POST":
        return render(request, "billing/papers/desk_superbill.html", {"enrollment": enrollment})
    try:
        issued = _issued(Kind.SUPERBILL, enrollment, None)
    except NotYet as error:
        back = reverse("billing:desk_superbill", args=[public_id])
        context = {"title": "Superbill", "why_not": str(error), "back": back}
        return render(request, "billing/papers/not_yet.html", context)
    audit.record(
        actor=member_of(request),
        action=Action.SUPERBILL_READ,
        subject_kind=Subject.USER,
        subject_id=enrollment.member_id,
        now=timezone.now(),
        ip=get_adapter().get_client_ip(request),
    )
    if "pdf" in request.POST:
        return _file(issued, staff=True)
    back = reverse("billing:desk_superbill", args=[public_id])
    return _page(request, issued, back=back, pdf_url="", staff=True)


# --- Showing ----------------------------------------------------------------------------


def _issued(kind: str, enrollment: Enrollment, payment: Payment | None) -> IssuedPaper:
    """Raises NotYet; a kind that there is not is no page."""
    if kind not in Kind:
        raise Http404
    return issuing.issue(
        kind=Kind(kind), enrollment=enrollment, payment=payment, now=timezone.now()
    )


def _page(
    request: HttpRequest, issued: IssuedPaper, *, back: str, pdf_url: str, staff: bool = False
) -> HttpResponse:
    shown = issuing.read(issued).for_reader(staff=staff)
    context = {
        "paper": shown,
        "sheet": f"billing/papers/paper_v{shown.version}.html",
        "back": back,
        "back_words": "The story" if staff and pdf_url else "",
        "pdf_url": pdf_url,
    }
    return render(request, "billing/papers/page.html", context)


def _file(issued: IssuedPaper, *, staff: bool) -> HttpResponse:
    shown = issuing.read(issued).for_reader(staff=staff)
    name = f"{shown.kind}-{shown.number}.pdf"
    return HttpResponse(
        draw(shown),
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
