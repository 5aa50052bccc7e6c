"""Business days: Monday to Friday, without the federal holidays of the United States."""

import datetime as dt

from sessions import public_holidays

DAY = dt.timedelta(days=1)
UNITED_STATES = "America/New_York"


def is_business_day(day: dt.date) -> bool:
    return day.weekday() < 5 and not public_holidays.among([day], zone=UNITED_STATES)


def business_days_after(day: dt.date, count: int) -> dt.date:
    """The `count`-th business day after a day."""
    while count:
        day += DAY
        count -= is_business_day(day)
    return day


def business_days_until(start: dt.date, end: dt.date) -> int:
    """How many business days ahead of `start` the day `end` is."""
    days = (start + DAY * offset for offset in range(1, (end - start).days + 1))
    return sum(map(is_business_day, days))


def estimate_due(*, scheduled: dt.date, first_session: dt.date) -> dt.date | None:
    """By when the law wants the good-faith estimate; None where it does so on request only.

    45 CFR 149.610: within 3 business days where the session is 10 or more ahead, within 1 where
    it is 3 to 9.
    """
    # Fourteen calendar days and a holiday are the most that ten business days take; no need to
    # count a year.
    ahead = business_days_until(scheduled, min(first_session, scheduled + 30 * DAY))
    if ahead >= 10:
        return business_days_after(scheduled, 3)
    return business_days_after(scheduled, 1) if ahead >= 3 else None
