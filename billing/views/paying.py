"""Paying: the last page before Stripe, the way back, and Stripe's webhook."""

import datetime as dt
import uuid

import structlog
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from billing import checkout, events, gateway, parts, prices, settlement
from billing.models import CheckoutAttempt
from billing.part_forms import PARTS, WayForm
from billing.standing import PaymentState, payment_state
from billing.tasks import apply_event
from enrollment import catalogue
from enrollment import services as enrollment_services
from enrollment.models import Enrollment
from enrollment.portal import my_group
from enrollment.states import Status
from enrollment.steps import steps
from enrollment.views.asking import fresh, member_of, own_enrollment_or_404
from outbox.broker import kick_on_commit
from outbox.tasks import kick

log = structlog.get_logger("grouport.billing")

# Pages that wait look at our own rows every 2 seconds, and at Stripe's this often.
BETWEEN_QUESTIONS = dt.timedelta(seconds=5)
PARTS_CHANGED = (
    "The three parts are not offered as this page showed them. Nothing was charged. Please look "
    "at the dates once more."
)
CHANGED_TOO_OFTEN = (
    "You changed the way to pay several times, so it stays as you chose it last. Nothing was "
    "charged. Please choose that way to go on, or write to us."
)
NO_PAGE = (
    "The payment page could not be opened just now. Nothing was charged and your seat is still "
    "kept. Please try again in a minute."
)
NO_MORE_PAGES = (
    "No other payment page can be opened for this seat: the time that it was kept for you is "
    "over, or several pages closed unpaid. Nothing was charged. If you would still like to join, "
    "please write to us."
)


@login_required
@fresh
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The kept seat and its price; pressing the button leads to Stripe's page."""
    now = timezone.now()
    mine = Q(member=member_of(request), public_id=public_id)
    if request.method != "POST":
        return pay_page(request, public_id, came_back="back" in request.GET)
    choice = chosen(request)
    try:
        address = checkout.start_checkout(whose=mine, now=now, choice=choice)
    except Enrollment.DoesNotExist:
        raise Http404 from None
    except checkout.NoMorePages:
        return pay_page(request, public_id, status=409, trouble=NO_MORE_PAGES)
    except checkout.HoldOver:
        return redirect("billing:return", public_id)
    except prices.PriceChanged as changed:
        shown = choice.shown_cents
        return pay_page(request, public_id, status=409, changed=changed.price, was_cents=shown)
    except checkout.PartsChanged:
        return pay_page(request, public_id, status=422, trouble=PARTS_CHANGED)
    except checkout.TooManyPages:
        return pay_page(request, public_id, status=422, trouble=CHANGED_TOO_OFTEN)
    except checkout.CheckoutUnavailable as error:
        log.warning("checkout_unavailable", error=str(error))
        return pay_page(request, public_id, status=503, trouble=NO_PAGE)
    if address is None:
        kick()
        return redirect("billing:return", public_id)
    return redirect(address)


def chosen(request: HttpRequest) -> checkout.Choice:
    """What was pressed, and what the page showed of it."""
    in_parts = request.POST.get("way") == PARTS
    return checkout.Choice(
        in_parts=in_parts,
        shown_cents=shown_cents(request),
        seen=request.POST.get("seen", "") if in_parts else None,
    )


def shown_cents(request: HttpRequest) -> int | None:
    """The price that the page showed; none that could be, if somebody made one up."""
    typed = request.POST.get("shown_cents")
    if typed is None:
        return None
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else -1


def pay_page(
    request: HttpRequest, public_id: uuid.UUID, *, status: int = 200, **more: object
) -> HttpResponse:
    """The page as it stands now, with `more` to say about what was just pressed."""
    now = timezone.now()
    mine = Q(member=member_of(request), public_id=public_id)
    whole = Enrollment.objects.select_related("cohort__programme", "member")
    enrollment = get_object_or_404(whole, mine)
    payable = enrollment.held_at(now) and payment_state(enrollment) == PaymentState.CONFIRMING
    if not payable:
        return redirect("billing:return", public_id)
    price = prices.standing_price(enrollment, now)
    transfer = prices.moving_to(enrollment)
    context = {
        "transfer": transfer,
        "due_cents": transfer.due_cents if transfer else price.cents,
        "enrollment": enrollment,
        "cohort": enrollment.cohort,
        "card": catalogue.group_card(pk=enrollment.cohort_id, now=now),
        "steps": steps("payment"),
        "kept_until": enrollment.held_until,
        "price": price,
        "ways": None if transfer else ways(enrollment, price.cents, now),
        **more,
    }
    return render(request, "billing/pay.html", context, status=status)


def ways(enrollment: Enrollment, total_cents: int, now: dt.datetime) -> WayForm | None:
    """The choice between all at once and three parts, where there is one."""
    calendar = parts.offered(enrollment=enrollment, total_cents=total_cents, now=now)
    if calendar is None:
        return None
    zone = enrollment.member.time_zone
    return WayForm(parts=calendar, total_cents=total_cents, currency=enrollment.currency, zone=zone)


@login_required
@never_cache
@require_safe
def payment_return(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Back from Stripe: ask for the truth once, and say "confirming" until it is known."""
    enrollment = own_enrollment_or_404(request, public_id)
    elsewhere = (Status.SUSPENDED, Status.WITHDRAWN, Status.CANCELLED)
    if enrollment.status in (*elsewhere, Status.WAITLISTED, Status.OFFERED):
        return go(request, enrollment.get_absolute_url())
    state = payment_state(enrollment)
    if state == PaymentState.CONFIRMING:
        paying = went_through(enrollment)
        enrollment.refresh_from_db(fields=["status", "held_until", "confirmed_at"])
        if not paying and enrollment.held_at(timezone.now()):
            return go(request, reverse("billing:pay", args=[public_id]))
        # Asked anew: the webhook's worker may have been faster than this page.
        state = payment_state(enrollment)
        if state == PaymentState.CONFIRMING and not paying:
            state = PaymentState.EXPIRED
    if is_poll(request) and state != PaymentState.CONFIRMING:
        return go(request, reverse("billing:return", args=[public_id]))
    context: dict[str, object] = {
        "enrollment": enrollment,
        "cohort": enrollment.cohort,
        "state": state.value,
        "steps": steps("done" if state == PaymentState.CONFIRMED else "payment"),
    }
    if state == PaymentState.CONFIRMED:
        mine = my_group(enrollment=enrollment, now=timezone.now())
        context |= {
            "next_session": mine.next_session,
            "sessions": [row for row in mine.sessions if row.included],
            "door_opens_at": mine.door_opens_at,
            "calendar_url": reverse("enrollment:calendar", args=[public_id]),
        }
        return render(request, "billing/confirmed.html", context)
    template = "billing/_confirming.html" if is_poll(request) else "billing/confirming.html"
    return render(request, template, context)


def first_to_ask(attempt: CheckoutAttempt, now: dt.datetime) -> bool:
    """Whether this page may ask Stripe now: one of all that wait, every few seconds."""
    rested = Q(asked_at=None) | Q(asked_at__lte=now - BETWEEN_QUESTIONS)
    return bool(CheckoutAttempt.objects.filter(rested, pk=attempt.pk).update(asked_at=now))


def is_poll(request: HttpRequest) -> bool:
    """Whether htmx asks for the waiting fragment only."""
    return bool(request.htmx)  # type: ignore[attr-defined]  # set by django-htmx


def go(request: HttpRequest, url: str) -> HttpResponse:
    """A redirect of the whole page, also when only the fragment was asked for."""
    return HttpResponseClientRedirect(url) if is_poll(request) else redirect(url)


def went_through(enrollment: Enrollment) -> bool:
    """Settle the open attempt; False when Stripe says that its page still waits for a card.

    Without an attempt there is nothing to wait for: a hold that is over ends now.
    If Stripe does not answer, the webhook or the sweep will bring the truth.
    """
    now = timezone.now()
    attempt = enrollment.attempts.filter(status=CheckoutAttempt.Status.OPEN).first()
    if attempt is None:
        return enrollment.status != Status.HELD or enrollment_services.expire_hold(
            enrollment_id=enrollment.pk, now=now, reason="Not paid in time"
        )
    if not first_to_ask(attempt, now):
        return True
    try:
        settled = settlement.settle(attempt=attempt, now=now, hurried=True)
    except gateway.GatewayError as error:
        log.warning("return_page_without_stripe", error=str(error))
        return True
    kick()
    return settled is None or not settled.state.open


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Store the event, then say 200: from then on it is ours to apply, whatever happens.

    What can change nothing here is answered with 200 and forgotten.
    A forged, altered or old request gets 400 and leaves no trace but a log line.
    """
    try:
        facts = gateway.read_event(
            body=request.body, signature=request.headers.get("Stripe-Signature", "")
        )
    except gateway.BadSignature as error:
        log.warning("webhook_refused", error=str(error))
        return HttpResponseBadRequest("This is not a signed event.")
    if events.concerns_us(facts.type, facts.payload["data"]["object"]):
        event_pk = events.store_event(facts=facts, now=timezone.now())
        if event_pk is not None:
            kick_on_commit(apply_event, event_pk=event_pk)
    return HttpResponse(status=200)
