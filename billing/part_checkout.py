"""Paying a later part on a page of Stripe's: one that is overdue, or the next one early."""

import datetime as dt

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse

from billing import gateway, plans, settlement
from billing.checkout import PAGE_LIFE, create_page, replace
from billing.models import CheckoutAttempt, Instalment, InstalmentTry, PaymentPlan
from billing.parts import PARTS
from enrollment.models import Enrollment


class NothingToPay(Exception):
    """This part is paid already, is not the next one, or is not asked for any more."""


class BeingCharged(Exception):
    """The saved card is being charged, or another page can still be paid, at this moment."""


def start_part_checkout(*, whose: models.Q, number: int, now: dt.datetime) -> str:
    """The address of Stripe's page for part `number`; the same one when asked twice.

    Network: one request, and one more where an earlier page has run out. Raises
    Enrollment.DoesNotExist, NothingToPay, BeingCharged or checkout.CheckoutUnavailable.
    """
    _close_earlier(whose, now)
    attempt = open_part_attempt(whose=whose, number=number, now=now)
    return attempt.checkout_url or create_page(attempt=attempt, hurried=True).url


def _close_earlier(whose: models.Q, now: dt.datetime) -> None:
    """Write how a page ended whose time is over: the sweep may not have been here yet."""
    old = CheckoutAttempt.objects.filter(
        enrollment__in=Enrollment.objects.filter(whose),
        status=CheckoutAttempt.Status.OPEN,
        instalment__isnull=False,
        expires_at__lte=now,
    )
    for attempt in old:
        try:
            settlement.settle(attempt=attempt, now=now, hurried=True)
        except gateway.GatewayError as error:
            raise BeingCharged from error


@transaction.atomic
def open_part_attempt(*, whose: models.Q, number: int, now: dt.datetime) -> CheckoutAttempt:
    """The open attempt for this part, or a new one."""
    enrollment = (
        Enrollment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("cohort__programme")
        .get(whose)
    )
    if enrollment.status not in plans.CHARGED:
        raise NothingToPay
    part = Instalment.objects.filter(enrollment=enrollment, status=Instalment.Status.DUE).first()
    if part is None or part.number != number:
        raise NothingToPay
    if part.charges.filter(status=InstalmentTry.Status.OPEN).exists():
        raise BeingCharged
    pages = {one.status: one for one in enrollment.attempts.filter(instalment=part)}
    if CheckoutAttempt.Status.REVIEW in pages:
        raise BeingCharged
    existing = pages.get(CheckoutAttempt.Status.OPEN)
    if existing is not None:
        return existing
    # A page for everything at once, or for a part that was paid in another way.
    other = enrollment.attempts.filter(status=CheckoutAttempt.Status.OPEN).first()
    if other is not None:
        replace(attempt=other)
    return _new_attempt(enrollment, part, now)


def _new_attempt(enrollment: Enrollment, part: Instalment, now: dt.datetime) -> CheckoutAttempt:
    attempt = CheckoutAttempt(
        enrollment=enrollment,
        instalment=part,
        amount_cents=part.amount_cents,
        currency=part.currency,
        created_at=now,
        expires_at=now + PAGE_LIFE,
    )
    back = settings.SITE_URL + reverse("billing:payments", args=[enrollment.public_id])
    params = gateway.checkout_params(
        attempt=attempt.uuid,
        amount_cents=part.amount_cents,
        currency=part.currency,
        product=f"{enrollment.cohort.programme.public_name}, part {part.number} of {PARTS}",
        expires_at=attempt.expires_at,
        success_url=f"{back}?paid=1",
        cancel_url=f"{back}?back=1",
        keep_card=True,
    )
    plan = PaymentPlan.objects.get(enrollment=enrollment)
    attempt.params = {**params, "customer": plan.stripe_customer_id}
    attempt.save()
    return attempt
