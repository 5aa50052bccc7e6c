"""Personal prices: find somebody, see what a price means for them, give it, end it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Role, User
from billing import personal_prices
from billing.price_forms import HAS_ONE, PriceForm, cents
from billing.views.codes import address
from billing.views.gate import code_first, fresh_factor, money_desk
from enrollment.views.asking import form_status, fresh, member_of, posted

ON_A_PAGE = 50


@money_desk
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The prices that were given, and the people whom a search found."""
    words = request.GET.get("q", "").replace("\0", "").strip()[:100]
    prices = personal_prices.given_prices().order_by(
        F("ended_at").desc(nulls_first=True), "-given_at", "-pk"
    )
    context = {
        "page": Paginator(prices, ON_A_PAGE).get_page(request.GET.get("page")),
        "words": words,
        "people": personal_prices.find_members(words),
    }
    return render(request, "billing/desk/prices.html", context)


@money_desk
@code_first
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def give(request: HttpRequest, pk: int) -> HttpResponse:
    """GET asks, POST shows what it means, POST with `confirm` gives it."""
    member = get_object_or_404(User, pk=pk, is_active=True, role=Role.MEMBER)
    if "back" in request.POST:
        form = PriceForm(initial=request.POST.dict(), member_id=pk)
        return ask(request, member, form)
    form = PriceForm(posted(request), member_id=pk)
    if not form.is_bound or not form.is_valid():
        return ask(request, member, form, status=form_status(form))
    said = form.cleaned_data
    price_cents = cents(said["price"])
    if "confirm" not in request.POST:
        context = {
            "member": member,
            "form": form,
            "said": said,
            "price_cents": price_cents,
            "means": personal_prices.means(
                member=member, cohort=said["cohort"], price_cents=price_cents, now=timezone.now()
            ),
        }
        return render(request, "billing/desk/price_preview.html", context)
    try:
        personal_prices.give(
            member=member,
            cohort=said["cohort"],
            price_cents=price_cents,
            reason=said["reason"],
            actor=member_of(request),
            now=timezone.now(),
            ip=address(request),
        )
    except personal_prices.HasOne:
        form.add_error("cohort", HAS_ONE)
        return ask(request, member, form, status=form_status(form))
    messages.success(request, f"{member} has a price of their own.")
    return redirect("billing:prices")


def ask(request: HttpRequest, member: User, form: PriceForm, status: int = 200) -> HttpResponse:
    context = {"member": member, "form": form}
    return render(request, "billing/desk/price_form.html", context, status=status)


@money_desk
@fresh_factor
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """GET says what ending it does, POST ends it. It is never edited, so no page is stale."""
    price = get_object_or_404(personal_prices.given_prices(), pk=pk)
    if request.method == "POST" or price.ended_at is not None:
        ended = price.ended_at is None and personal_prices.end(
            price=price, actor=member_of(request), now=timezone.now(), ip=address(request)
        )
        words = f"The price of {price.member} {'is ended' if ended else 'was ended before'}."
        messages.success(request, words)
        return redirect("billing:prices")
    context = {
        "price": price,
        "means": personal_prices.means(
            member=price.member,
            cohort=price.cohort,
            price_cents=price.price_cents,
            now=timezone.now(),
        ),
    }
    return render(request, "billing/desk/price_end.html", context)
