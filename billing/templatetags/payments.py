"""`{% payment_lines enrollment as lines %}`: a page below billing shows money without an import."""

from django import template
from django.utils import timezone

from billing import bank_words, facts, policy, prices, requests, standing, transfers, words
from billing.models import Instalment, MemberRequest, Transfer
from billing.prices import Price
from enrollment.models import Enrollment

register = template.Library()


@register.simple_tag
def payment_lines(enrollment: Enrollment) -> list[standing.PaymentLine]:
    return standing.payment_lines(enrollment, timezone.now())


@register.simple_tag
def price_now(enrollment: Enrollment) -> Price:
    """What is asked if they go to pay now: a price of their own and a free place among it."""
    return prices.standing_price(enrollment, timezone.now())


@register.simple_tag
def pause_words(enrollment: Enrollment) -> str:
    return bank_words.pause_words(enrollment)


@register.simple_tag
def with_bank(enrollment: Enrollment, *, moves: bool = False) -> list[str]:
    """What of this seat's money their bank has, as sentences."""
    return bank_words.with_bank(enrollment, moves=moves)


@register.simple_tag
def refund_terms(enrollment: Enrollment) -> list[tuple[str, str]]:
    """What comes back by the terms that this member agreed to, as (when, what)."""
    return policy.in_words(facts.agreed_terms(enrollment).terms)


@register.simple_tag
def asked(enrollment: Enrollment) -> MemberRequest | None:
    """The last thing that they asked a person for."""
    return requests.latest(enrollment)


@register.simple_tag
def may_ask(enrollment: Enrollment) -> bool:
    return enrollment.status in requests.MAY_ASK


@register.simple_tag
def moving(enrollment: Enrollment) -> Transfer | None:
    """The move to another group whose rest is still to be paid."""
    return transfers.under_way(enrollment)


@register.simple_tag
def answered_within() -> str:
    return requests.ANSWERED_WITHIN


@register.simple_tag
def paid_in_parts(enrollment: Enrollment) -> bool:
    return Instalment.objects.filter(enrollment=enrollment).exists()


@register.filter
def failure_words(note: str) -> str:
    """Why a refund failed, without Stripe's codes."""
    return words.failure(note)


@register.filter
def for_support(note: str) -> str:
    """Stripe's own word for it, empty without one."""
    return words.for_support(note)


@register.filter
def standing_words(said: str) -> str:
    """How one side of a comparison has an object."""
    return words.standing(said)
