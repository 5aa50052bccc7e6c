"""What the money desk's queue shows of one thing that waits for a person."""

import dataclasses
import datetime as dt

from accounts.models import User


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """`cents` may be unknown; `who` is None where no member is known."""

    who: User | None
    what: str
    cents: int | None
    currency: str
    since: dt.datetime
    url: str
