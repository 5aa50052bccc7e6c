"""Going to Stripe's payment page: commit the attempt, then ask Stripe, then store its answer.

The hold outlives Stripe's page, never the other way round: a seat must not be given away
while somebody can still pay for it.
"""

import datetime as dt

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse

from billing import gateway, prices
from billing.models import CheckoutAttempt
from enrollment import services as enrollment_services
from enrollment.models import Enrollment
from enrollment.states import Status

# Stripe wants at least 30 minutes; a minute more survives a slow request.
PAGE_LIFE = dt.timedelta(minutes=31)
# How much longer than Stripe's page the seat is held.
HOLD_MARGIN = dt.timedelta(minutes=5)
# What an attempt is made of.
READ = (
    "public_id",
    "status",
    "price_cents",
    "off_cents",
    "price_words",
    "currency",
    "held_until",
)


class HoldOver(Exception):
    """There is nothing to pay for, or not now: the seat's time is over, or money came already."""


class CheckoutUnavailable(Exception):
    """Stripe's page could not be made just now. Nothing was charged; trying again is safe."""


def start_checkout(
    *, whose: models.Q, now: dt.datetime, shown_cents: int | None = None
) -> str | None:
    """The address of Stripe's page for an enrolment; the same one when asked twice.

    None for a free place: its seat is confirmed, and Stripe hears nothing of it. `whose` names
    the enrolment, and in a view its member too; `shown_cents` is the price that the page showed.
    Network: one request to Stripe, outside any transaction. Raises Enrollment.DoesNotExist,
    HoldOver, prices.PriceChanged or CheckoutUnavailable.
    """
    attempt = open_attempt(whose=whose, now=now, shown_cents=shown_cents)
    if attempt is None:
        return None
    if attempt.checkout_url:
        return attempt.checkout_url
    return create_page(attempt=attempt, hurried=True).url


@transaction.atomic
def open_attempt(
    *, whose: models.Q, now: dt.datetime, shown_cents: int | None = None
) -> CheckoutAttempt | None:
    """The enrolment's open attempt, or a new one; the hold then outlives its page.

    None when there is nothing to pay: then the seat is confirmed.
    """
    enrollment = (
        Enrollment.objects.select_for_update(of=("self",))
        .select_related("cohort__programme")
        .only(*READ, "cohort__programme__public_name")
        .get(whose)
    )
    if enrollment.status != Status.HELD:
        raise HoldOver
    attempts = {attempt.status: attempt for attempt in enrollment.attempts.all()}
    if CheckoutAttempt.Status.REVIEW in attempts:
        raise HoldOver
    existing = attempts.get(CheckoutAttempt.Status.OPEN)
    # The end of Stripe's page or, where there is none yet, of the hold itself.
    ends_at = existing.expires_at if existing else enrollment.held_until
    if ends_at is None or ends_at <= now:
        raise HoldOver
    if existing is not None:
        prices.must_be_shown(prices.agreed(enrollment), shown_cents)
        return existing
    price = prices.agree_on(enrollment=enrollment, now=now, shown_cents=shown_cents)
    if price.cents == 0:
        enrollment_services.confirm_seat(enrollment_id=enrollment.pk, now=now, reason="Free place")
        return None
    attempt = new_attempt(enrollment, price.cents, now)
    attempt.save()
    enrollment_services.extend_hold(
        enrollment_id=enrollment.pk, until=attempt.expires_at + HOLD_MARGIN
    )
    return attempt


def new_attempt(enrollment: Enrollment, amount_cents: int, now: dt.datetime) -> CheckoutAttempt:
    attempt = CheckoutAttempt(
        enrollment=enrollment,
        amount_cents=amount_cents,
        currency=enrollment.currency,
        created_at=now,
        expires_at=now + PAGE_LIFE,
    )
    attempt.params = gateway.checkout_params(
        attempt=attempt.uuid,
        amount_cents=attempt.amount_cents,
        currency=attempt.currency,
        product=enrollment.cohort.programme.public_name,
        expires_at=attempt.expires_at,
        success_url=settings.SITE_URL + reverse("billing:return", args=[enrollment.public_id]),
        cancel_url=settings.SITE_URL
        + reverse("billing:pay", args=[enrollment.public_id])
        + "?back=1",
    )
    return attempt


def create_page(*, attempt: CheckoutAttempt, hurried: bool = False) -> gateway.CheckoutState:
    """Ask Stripe for the attempt's page and store its id. Raises CheckoutUnavailable.

    A lost answer is asked for again with the same key. After a refusal or a 5xx that key is
    of no use: the attempt ends. Nobody has the address of a page that may exist all the
    same, so nobody can pay there.
    """
    try:
        state = gateway.create_checkout(params=attempt.params, key=attempt.uuid, hurried=hurried)
    except gateway.Unreachable as error:
        raise CheckoutUnavailable(str(error)) from error
    except gateway.GatewayError as error:
        _open(attempt).filter(stripe_session_id=None).update(
            status=CheckoutAttempt.Status.FAILED, note=str(error)[:300]
        )
        raise CheckoutUnavailable(str(error)) from error
    stored = _open(attempt).update(stripe_session_id=state.session_id, checkout_url=state.url)
    if not stored:
        # Another request gave this attempt up meanwhile; its page must not be paid.
        raise CheckoutUnavailable("The attempt has ended.")
    return state


def _open(attempt: CheckoutAttempt) -> "models.QuerySet[CheckoutAttempt]":
    return CheckoutAttempt.objects.filter(pk=attempt.pk, status=CheckoutAttempt.Status.OPEN)
