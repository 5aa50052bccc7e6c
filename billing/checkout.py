"""Going to Stripe's payment page: commit the attempt, then ask Stripe, then store its answer.

The hold outlives Stripe's page, never the other way round: a seat must not be given away
while somebody can still pay for it.
"""

import dataclasses
import datetime as dt

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse

from billing import gateway, parts, prices
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
    "first_week",
)
OF_MOVES = ("came_by__state", "came_by__credit_cents", "came_by__price_cents", "came_by__target")
OF_OTHERS = ("programme__public_name", "programme__instalments")
# Choosing another way to pay opens another page, which keeps the seat longer: so often at most.
MOST_PAGES = 6


class HoldOver(Exception):
    """There is nothing to pay for, or not now: the seat's time is over, or money came already."""


class NoMorePages(HoldOver):
    """The seat is kept a little longer, but no other page opens for it."""


class CheckoutUnavailable(Exception):
    """Stripe's page could not be made just now. Nothing was charged; trying again is safe."""


class PartsChanged(Exception):
    """Three parts are not offered, or not as the page showed them. Nothing was charged."""


class TooManyPages(Exception):
    """The way to pay was changed too often: only the page that is open can be paid."""


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """What somebody pressed on the pay page, and what it showed them.

    `shown_cents` is the price, `seen` the fingerprint of the calendar of three parts; None
    for a press that showed none.
    """

    in_parts: bool = False
    shown_cents: int | None = None
    seen: str | None = None


IN_FULL = Choice()


def start_checkout(*, whose: models.Q, now: dt.datetime, choice: Choice = IN_FULL) -> str | None:
    """The address of Stripe's page for an enrolment; the same one when asked twice.

    None for a free place: its seat is confirmed, and Stripe hears nothing of it. `whose` names
    the enrolment, and in a view its member too. Network: one request to Stripe, outside any
    transaction, and in three parts one before it for the customer who keeps the card. Raises
    Enrollment.DoesNotExist, HoldOver, prices.PriceChanged, PartsChanged, TooManyPages
    or CheckoutUnavailable.
    """
    attempt = open_attempt(whose=whose, now=now, choice=choice)
    if attempt is None:
        return None
    if attempt.checkout_url:
        return attempt.checkout_url
    return create_page(attempt=attempt, hurried=True).url


@transaction.atomic
def open_attempt(
    *, whose: models.Q, now: dt.datetime, choice: Choice = IN_FULL
) -> CheckoutAttempt | None:
    """The enrolment's open attempt, or a new one; the hold then outlives its page.

    None when there is nothing to pay: then the seat is confirmed. For who has chosen another way
    to pay there is a new one. The earlier page closes by its own time; should both be paid, the
    second payment goes back by itself.
    """
    enrollment = (
        Enrollment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("cohort__programme", "member", "came_by")
        .only(*READ, "member__time_zone", *(f"cohort__{name}" for name in OF_OTHERS), *OF_MOVES)
        .get(whose)
    )
    existing, asked_for = _open_page(enrollment, now)
    transfer = prices.moving_to(enrollment)
    if transfer is not None and choice.in_parts:
        raise PartsChanged
    if existing is not None:
        price = prices.agreed(enrollment)
        prices.must_be_shown(price, choice.shown_cents)
        if existing.in_parts == choice.in_parts:
            return existing
        if enrollment.attempts.count() >= MOST_PAGES:
            raise TooManyPages
        replace(attempt=existing)
    elif transfer is not None or asked_for:
        price = prices.agreed(enrollment)
        prices.must_be_shown(price, choice.shown_cents)
    else:
        price = prices.agree_on(enrollment=enrollment, now=now, shown_cents=choice.shown_cents)
    cents = price.cents if transfer is None else transfer.due_cents
    if cents == 0:
        enrollment_services.confirm_seat(enrollment_id=enrollment.pk, now=now, reason="Free place")
        return None
    calendar = _chosen_parts(enrollment, price.cents, now, choice) if choice.in_parts else None
    attempt = new_attempt(enrollment, cents, now, calendar)
    attempt.save()
    enrollment_services.extend_hold(
        enrollment_id=enrollment.pk, until=attempt.expires_at + HOLD_MARGIN
    )
    return attempt


def _open_page(enrollment: Enrollment, now: dt.datetime) -> tuple[CheckoutAttempt | None, bool]:
    """The page that is open already, None where one may be made; and whether any asks for the
    agreed price. Raises HoldOver."""
    if enrollment.status != Status.HELD:
        raise HoldOver
    rows = list(enrollment.attempts.all())
    attempts = {attempt.status: attempt for attempt in rows}
    if CheckoutAttempt.Status.REVIEW in attempts:
        raise HoldOver
    existing = attempts.get(CheckoutAttempt.Status.OPEN)
    # The end of Stripe's page or, where there is none yet, of the hold itself.
    ends_at = existing.expires_at if existing else enrollment.held_until
    if ends_at is None or ends_at <= now:
        raise HoldOver
    if existing is None:
        _must_have_time_left(enrollment)
    return existing, any(prices.asks(one, now) for one in rows)


def _must_have_time_left(enrollment: Enrollment) -> None:
    """Raise NoMorePages for who would keep the seat by one page after the other, never paying.

    A page that closed ends the hold, but for who waited for the seat: the time that they were
    promised stays theirs. A hold that ends with an earlier page is longer than that already.
    Where Stripe made no page, nobody had one to pay on; they may try again, though not for ever.
    """
    earlier = enrollment.attempts.order_by("expires_at")
    made = [one for one in earlier if one.status != CheckoutAttempt.Status.FAILED]
    assert enrollment.held_until is not None
    stretched = [one for one in earlier if one.expires_at + HOLD_MARGIN >= enrollment.held_until]
    closed = any(one in made for one in stretched)
    if closed or len(made) >= MOST_PAGES or (stretched and len(earlier) >= MOST_PAGES):
        raise NoMorePages


def new_attempt(
    enrollment: Enrollment,
    total_cents: int,
    now: dt.datetime,
    calendar: list[parts.Part] | None = None,
) -> CheckoutAttempt:
    """An attempt to pay the whole, or the first part of a calendar. It is not saved."""
    attempt = CheckoutAttempt(
        enrollment=enrollment,
        amount_cents=calendar[0].amount_cents if calendar else total_cents,
        currency=enrollment.currency,
        calendar=[part.dump() for part in calendar] if calendar else None,
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
        keep_card=calendar is not None,
    )
    return attempt


def _chosen_parts(
    enrollment: Enrollment, total_cents: int, now: dt.datetime, choice: Choice
) -> list[parts.Part]:
    calendar = parts.offered(enrollment=enrollment, total_cents=total_cents, now=now)
    if calendar is None:
        raise PartsChanged
    now_seen = parts.fingerprint(calendar, enrollment.member.time_zone)
    if choice.seen is not None and choice.seen != now_seen:
        raise PartsChanged
    return calendar


def replace(*, attempt: CheckoutAttempt) -> None:
    """Not by the rules for a page that closed: the seat stays kept for the next one.

    Should the page be paid all the same, that money goes back by itself.
    """
    _open(attempt).update(
        status=CheckoutAttempt.Status.EXPIRED, note="Another way to pay was chosen."
    )


def create_page(*, attempt: CheckoutAttempt, hurried: bool = False) -> gateway.CheckoutState:
    """Ask Stripe for the attempt's page and store its id. Raises CheckoutUnavailable.

    A lost answer is asked for again with the same key. After a refusal or a 5xx that key is
    of no use: the attempt ends. Nobody has the address of a page that may exist all the
    same, so nobody can pay there.
    """
    try:
        if attempt.in_parts and "customer" not in attempt.params:
            _add_customer(attempt, hurried=hurried)
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


def _add_customer(attempt: CheckoutAttempt, *, hurried: bool) -> None:
    """The parameters are whole, and frozen, with the customer who keeps the card.

    Its key is the attempt's, so who asks at the same time or again gets the same one.
    """
    customer_id = gateway.create_customer(
        reference=str(attempt.uuid), key=f"{attempt.uuid}:customer", hurried=hurried
    )
    attempt.params = {**attempt.params, "customer": customer_id}
    _open(attempt).update(params=attempt.params)


def _open(attempt: CheckoutAttempt) -> "models.QuerySet[CheckoutAttempt]":
    return CheckoutAttempt.objects.filter(pk=attempt.pk, status=CheckoutAttempt.Status.OPEN)
