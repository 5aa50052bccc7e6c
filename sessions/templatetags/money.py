"""`{% load money %}`: integer cents in words."""

from django import template

from sessions.pricing import format_money

register = template.Library()


@register.filter
def money(cents: int | None, currency: str = "usd") -> str:
    return "" if cents is None else format_money(cents, currency)
