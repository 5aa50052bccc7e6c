"""What part of a cohort's price belongs to which sessions, in integer cents.

$299.00 does not divide by 12. The value of the first k sessions is rounded once from the
whole price, and every other amount is a difference of two such sums, so any split of the
twelve adds up to the cent.
"""

from collections.abc import Iterable

from sessions.schedule import WEEKS

# The payment processor takes no less (docs.stripe.com/currencies, "minimum charge amounts").
LEAST_CENTS = 50


def value_through(price_cents: int, sessions: int) -> int:
    """Cents for the first `sessions` of the twelve, rounded half up."""
    if not 0 <= sessions <= WEEKS:
        raise ValueError(f"A programme has {WEEKS} sessions, not {sessions}.")
    return (2 * price_cents * sessions + WEEKS) // (2 * WEEKS)


def price_from_week(price_cents: int, first_week: int) -> int:
    """Cents for joining at `first_week`: that session and all after it."""
    return price_cents - value_through(price_cents, first_week - 1)


def too_little_to_pay(price_cents: int, last_entry: int) -> str:
    """Why somebody could not pay by card; empty when everybody can, up to those who join at week
    `last_entry`, the latest that is possible."""
    if price_cents == 0:
        return ""  # a free group: no card is asked for
    least = format_money(LEAST_CENTS)
    if price_cents < LEAST_CENTS:
        return f"The price is too low: {least} is the least that can be paid by card."
    part = price_from_week(price_cents, last_entry)
    if part < LEAST_CENTS:
        return (
            f"The price is too low: from week {last_entry} on a seat would cost "
            f"{format_money(part)}, and {least} is the least that can be paid by card."
        )
    return ""


def share_of_session(price_cents: int, first_week: int, number: int) -> int:
    """Cents of `price_cents`, paid for `first_week` to the last, that belong to one session.

    The shares of all those sessions add up to the price.
    """
    count, place = WEEKS - first_week + 1, number - first_week + 1
    if not 1 <= place <= count:
        raise ValueError(f"Week {number} is not among those from week {first_week} on.")

    def through(sessions: int) -> int:
        return (2 * price_cents * sessions + count) // (2 * count)

    return through(place) - through(place - 1)


def value_of_sessions(price_cents: int, first_week: int, numbers: Iterable[int]) -> int:
    """Cents of `price_cents`, paid for `first_week` to the last, for any of those sessions."""
    return sum(share_of_session(price_cents, first_week, number) for number in numbers)


def format_money(cents: int, currency: str = "usd") -> str:
    """As in "$1,299.00"; other currencies by their code: "299.00 EUR"."""
    whole, rest = divmod(abs(cents), 100)
    amount = f"{whole:,}.{rest:02}"
    sign = "-" if cents < 0 else ""
    return f"{sign}${amount}" if currency == "usd" else f"{sign}{amount} {currency.upper()}"
