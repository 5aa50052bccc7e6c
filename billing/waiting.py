"""What the money desk's queue shows of one thing that waits for a person."""

import dataclasses
import datetime as dt

from enrollment.models import Enrollment


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """`cents` may be unknown; `seat` is None where no member is known."""

    seat: Enrollment | None
    what: str
    cents: int | None
    currency: str
    since: dt.datetime
    url: str
