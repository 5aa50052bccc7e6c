"""Words for a place in line."""

from django import template

register = template.Library()


@register.filter
def ordinal(number: int) -> str:
    """As in "1st", "2nd", "11th"."""
    teens = 10 <= number % 100 <= 20
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
