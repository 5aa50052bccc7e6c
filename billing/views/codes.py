"""Promotion codes: a member uses one on the pay page, staff make and end them."""

import uuid

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing import checkout, codes
from billing.models import PromotionCode
from billing.price_forms import CodeForm
from billing.views.gate import code_first, fresh_factor, money_desk
from billing.views.paying import pay_page
from enrollment.models import Enrollment
from enrollment.views.asking import form_status, fresh, member_of, posted

TOO_MANY = "Several codes were tried in a short time. Wait a quarter of an hour, then try again."
NOTHING_TYPED = "Type the code first."
ON_A_PAGE = 50


@login_required
@fresh
@require_POST
def use(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Use the code that was typed for this seat, or with `remove` give it back."""
    member, now = member_of(request), timezone.now()
    mine = Q(member=member, public_id=public_id)
    typed = request.POST.get("code", "")
    try:
        if "remove" in request.POST:
            codes.give_back(whose=mine, now=now)
            return redirect("billing:pay", public_id)
        refusal = refused_unread(request, typed) if owns(mine) else ""
        if not refusal:
            codes.redeem(whose=mine, typed=typed, now=now)
    except Enrollment.DoesNotExist:
        raise Http404 from None
    except checkout.HoldOver:
        return redirect("billing:return", public_id)
    except codes.PageIsOpen as error:
        return pay_page(request, public_id, status=409, page_open_until=error.until)
    except codes.CodeRefused as error:
        refusal = str(error)
    if refusal:
        return pay_page(request, public_id, status=422, code_error=refusal, typed=typed[:40])
    return redirect("billing:pay", public_id)


def owns(mine: Q) -> bool:
    """Tries on a seat that is not theirs are a 404, and are not counted."""
    return Enrollment.objects.filter(mine).exists()


def refused_unread(request: HttpRequest, typed: str) -> str:
    """Why this try is not even looked up; empty when it is."""
    if not codes.normal(typed):
        return NOTHING_TYPED
    key = str(member_of(request).pk)
    counted = ratelimit.consume(request, action="promotion_code", key=key)
    return "" if counted else TOO_MANY


def address(request: HttpRequest) -> str:
    """The network address, for the audit log."""
    ip: str = get_adapter().get_client_ip(request)
    return ip


# --- For staff --------------------------------------------------------------------------


@money_desk
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    page = Paginator(codes.codes(), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "now": timezone.now()}
    return render(request, "billing/desk/codes.html", context)


@money_desk
@code_first
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """GET asks, POST shows what it would do, POST with `confirm` makes it."""
    now, zone = timezone.now(), member_of(request).time_zone
    if "back" in request.POST:
        form = CodeForm(initial=request.POST.dict(), zone=zone, now=now)
        return ask(request, form)
    form = CodeForm(posted(request), zone=zone, now=now)
    if not form.is_bound or not form.is_valid():
        return ask(request, form, status=form_status(form))
    code = form.wish()
    if "confirm" in request.POST:
        try:
            codes.make_code(code=code, actor=member_of(request), now=now, ip=address(request))
        except codes.CodeTaken:
            messages.warning(request, f"There is a code {code} already: here it is.")
        else:
            messages.success(request, f"The code {code} is made.")
        return redirect("billing:codes")
    price_cents = example_price(code)
    context = {
        "form": form,
        "code": code,
        "price_cents": price_cents,
        "examples": codes.examples(code, price_cents),
    }
    return render(request, "billing/desk/code_preview.html", context)


def ask(request: HttpRequest, form: CodeForm, status: int = 200) -> HttpResponse:
    return render(request, "billing/desk/code_form.html", {"form": form}, status=status)


def example_price(code: PromotionCode) -> int:
    """The list price of what it is for, in cents; the usual one if it is for everything."""
    if code.cohort:
        return code.cohort.price_cents
    return code.programme.list_price_cents if code.programme else 29_900


@money_desk
@fresh_factor
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """GET says what ending it does, POST ends it if that is still what was read."""
    code = get_object_or_404(codes.codes(), pk=pk)
    if code.ended_at is not None:
        messages.info(request, f"The code {code} is ended.")
        return redirect("billing:codes")
    seen = f"{code.uses}-{code.unpaid}"  # type: ignore[attr-defined]  # annotated
    stale = request.method == "POST" and request.POST.get("seen") != seen
    if request.method == "POST" and not stale:
        if codes.end_code(
            code=code, actor=member_of(request), now=timezone.now(), ip=address(request)
        ):
            messages.success(request, f"The code {code} is ended.")
        return redirect("billing:codes")
    context = {"code": code, "seen": seen, "stale": stale}
    return render(request, "billing/desk/code_end.html", context, status=409 if stale else 200)
