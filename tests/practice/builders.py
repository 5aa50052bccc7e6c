"""Members in the middle of their weeks, made the way the application makes them."""

import datetime as dt
from typing import Any

from enrollment.models import Enrollment
from tests.enrollment.builders import FIRST_SESSION, a_cohort, a_confirmed_seat, a_member

# Wednesday of week 2: the second session was yesterday evening in New York.
IN_WEEK_2 = FIRST_SESSION + dt.timedelta(days=7, hours=18)


def a_practising_member(**fields: Any) -> Enrollment:
    """A confirmed seat of somebody in New York, in a group that began on October 6."""
    member = a_member(**{"time_zone": "America/New_York", **fields})
    return a_confirmed_seat(cohort=a_cohort(), member=member)
