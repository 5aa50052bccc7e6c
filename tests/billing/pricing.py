"""Codes and personal prices, made the way staff make them."""

import itertools
from typing import Any

from accounts.models import User
from billing import codes, personal_prices
from billing.models import PersonalPrice, PromotionCode
from sessions.models import Cohort
from tests.billing.builders import MINUTE, now
from tests.billing.people import a_billing_admin

_numbers = itertools.count(1)


def a_code(code: str = "", **fields: Any) -> PromotionCode:
    """A code for everything that takes off a quarter, unless told otherwise."""
    if "amount_off_cents" not in fields:
        fields.setdefault("percent_off", 25)
    return codes.make_code(
        code=PromotionCode(
            **{
                "code": code or f"SPRING-{next(_numbers)}",
                "starts_at": now() - MINUTE,
                **fields,
            }
        ),
        actor=a_billing_admin(),
        now=now() - MINUTE,
    )


def a_price(member: User, cents: int, cohort: Cohort | None = None) -> PersonalPrice:
    return personal_prices.give(
        member=member,
        cohort=cohort,
        price_cents=cents,
        reason="A hard year.",
        actor=a_billing_admin(),
        now=now(),
    )
