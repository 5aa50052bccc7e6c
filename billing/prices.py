"""What an enrolment costs its member, and why: the one place that reckons it.

A code and a personal price do not add up: the lowest total wins. What is agreed stands in the
enrolment from the moment when the payment is begun; until then it is reckoned anew each time.
"""

import dataclasses
import datetime as dt
from enum import StrEnum

from django.db.models import OuterRef, Q, Subquery

from accounts.models import User
from billing.models import CheckoutAttempt, PersonalPrice, PromotionCode, Redemption, Transfer
from enrollment import services as enrollment_services
from enrollment.models import Enrollment
from enrollment.states import Status
from sessions.models import Cohort
from sessions.pricing import LEAST_CENTS, format_money, price_from_week


class Source(StrEnum):
    LIST = "list"
    CODE = "code"
    PERSONAL = "personal"


@dataclasses.dataclass(frozen=True, slots=True)
class Price:
    """Cents for the sessions from the first week on, and in words for the member why.

    `code` is the code in use, `lapsed` one that was used and does not count any more. `fixed`
    means that a payment page with this price is open, or that it was agreed already.
    """

    list_cents: int
    cents: int
    words: str
    source: Source
    code: str = ""
    lapsed: str = ""
    fixed: bool = False

    @property
    def off_cents(self) -> int:
        return self.list_cents - self.cents


class PriceChanged(Exception):
    """The page showed another price than the one that holds now. Nothing was charged."""

    def __init__(self, price: Price) -> None:
        super().__init__(str(price.cents))
        self.price = price


def percent_of(cents: int, percent: int) -> int:
    """That many hundredths of an amount, rounded half up to the cent."""
    return (cents * percent + 50) // 100


def after_code(list_cents: int, code: PromotionCode) -> int:
    """The cents that are left when a code has taken off what it can."""
    if code.percent_off is not None:
        return list_cents - percent_of(list_cents, code.percent_off)
    return max(list_cents - (code.amount_off_cents or 0), 0)


def reckon(
    *,
    list_cents: int,
    currency: str,
    code: PromotionCode | None,
    personal_cents: int | None,
) -> Price:
    """The lowest of the list price, the price with a code that counts, and the personal price.

    Pure. What a card cannot pay, below `LEAST_CENTS`, costs nothing.
    """
    cents, source, words = list_cents, Source.LIST, ""
    if code is not None and after_code(list_cents, code) < cents:
        cents, source = after_code(list_cents, code), Source.CODE
        words = f"Code {code.code}: {code.takes_off}."
    if personal_cents is not None and personal_cents < list_cents:
        if source == Source.CODE and cents < personal_cents:
            words += " It is lower than your own price, and the two do not add up."
        else:
            cents, source, words = personal_cents, Source.PERSONAL, "A price of your own."
            if code is not None:
                words += f" The code {code} would not make it lower, and the two do not add up."
    if 0 < cents < LEAST_CENTS:
        left = f"{format_money(cents, currency)} would be left, less than a card can pay"
        cents, words = 0, f"{words} {left}: so it is free.".strip()
    return Price(list_cents, cents, words, source, code=code.code if code else "")


def offer(enrollment: Enrollment, now: dt.datetime) -> Price:
    """What the enrolment would cost if its payment began now. One query, no lock.

    For what somebody agrees to, call it under the enrolment's lock.
    """
    personal = (
        PersonalPrice.objects.filter(
            Q(cohort=None) | Q(cohort=OuterRef("cohort")), member=OuterRef("member"), ended_at=None
        )
        .order_by("price_cents")
        .values("price_cents")[:1]
    )
    facts = (
        Enrollment.objects.select_related("redemption__code")
        .annotate(personal_cents=Subquery(personal))
        .get(pk=enrollment.pk)
    )
    redemption: Redemption | None = getattr(facts, "redemption", None)
    code = redemption.code if redemption else None
    counts = code is not None and code.counts_at(now)
    whole: int | None = facts.personal_cents
    price = reckon(
        list_cents=facts.list_price_cents,
        currency=facts.currency,
        code=code if counts else None,
        personal_cents=None if whole is None else price_from_week(whole, facts.first_week),
    )
    lapsed = code.code if code is not None and not counts else ""
    return dataclasses.replace(price, lapsed=lapsed)


def quote(*, member: User, cohort: Cohort, first_week: int) -> Price:
    """What a seat would cost this member, who has none there yet. One query."""
    personal = PersonalPrice.objects.filter(
        Q(cohort=None) | Q(cohort=cohort), member=member, ended_at=None
    ).order_by("price_cents")
    whole = personal.values_list("price_cents", flat=True).first()
    return reckon(
        list_cents=price_from_week(cohort.price_cents, first_week),
        currency=cohort.currency,
        code=None,
        personal_cents=None if whole is None else price_from_week(whole, first_week),
    )


def standing_price(enrollment: Enrollment, now: dt.datetime) -> Price:
    """What a page shows: the agreed price once a payment has begun, else the offer."""
    open_yet = enrollment.status in (Status.HELD, Status.OFFERED)
    fixed = not open_yet or moving_to(enrollment) is not None or is_asked_for(enrollment, now)
    return agreed(enrollment) if fixed else offer(enrollment, now)


def asking(now: dt.datetime) -> Q:
    """Which attempts ask for the agreed price at this moment, so that it must not change.

    A page that gave way to another way of paying can be paid until Stripe closes it: its money
    buys the seat too, whatever became of the page after it.
    """
    replaced = Q(status=CheckoutAttempt.Status.EXPIRED, expires_at__gt=now) & ~Q(checkout_url="")
    begun = (CheckoutAttempt.Status.OPEN, CheckoutAttempt.Status.REVIEW)
    return Q(status__in=begun) | replaced


def asks(attempt: CheckoutAttempt, now: dt.datetime) -> bool:
    """`asking`, of an attempt that was read already."""
    if attempt.status == CheckoutAttempt.Status.EXPIRED:
        return bool(attempt.checkout_url) and attempt.expires_at > now
    return attempt.status in (CheckoutAttempt.Status.OPEN, CheckoutAttempt.Status.REVIEW)


def is_asked_for(enrollment: Enrollment, now: dt.datetime) -> bool:
    """Whether somebody can still pay, or has paid, on a page with the agreed price. One query."""
    return enrollment.attempts.filter(asking(now)).exists()


def moving_to(enrollment: Enrollment) -> Transfer | None:
    """The move that a kept seat is for: its price was agreed when the move began."""
    transfer: Transfer | None = getattr(enrollment, "came_by", None)
    return transfer if transfer is not None and transfer.state == Transfer.State.OPEN else None


def agreed(enrollment: Enrollment) -> Price:
    """The price that stands in the enrolment. No query."""
    return Price(
        list_cents=enrollment.list_price_cents,
        cents=enrollment.price_cents,
        words=enrollment.price_words,
        source=Source.LIST,
        fixed=True,
    )


def must_be_shown(price: Price, shown_cents: int | None) -> None:
    """Raises PriceChanged unless the page showed this price; None is a press that showed none."""
    if shown_cents is not None and shown_cents != price.cents:
        raise PriceChanged(price)


def agree_on(*, enrollment: Enrollment, now: dt.datetime, shown_cents: int | None) -> Price:
    """Write the price that holds now into a held enrolment; a code that did nothing is given back.

    Call it under the enrolment's lock while no payment page is open. Raises PriceChanged.
    """
    price = offer(enrollment, now)
    must_be_shown(price, shown_cents)
    if (price.code or price.lapsed) and price.source != Source.CODE:
        Redemption.objects.filter(enrollment=enrollment).delete()
    if (price.cents, price.words) != (enrollment.price_cents, enrollment.price_words):
        enrollment_services.set_price(
            enrollment_id=enrollment.pk,
            price_cents=price.cents,
            off_cents=price.off_cents,
            words=price.words,
        )
        enrollment.price_cents, enrollment.off_cents = price.cents, price.off_cents
    return price
