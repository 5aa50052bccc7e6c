"""The parts of a price, as the story of an enrolment shows them."""

import dataclasses
import datetime as dt

from billing import words
from billing.models import Instalment, InstalmentTry
from enrollment.models import Enrollment

Status = Instalment.Status
Try = InstalmentTry.Status
FAILED = (Try.DECLINED, Try.NEEDS_MEMBER)


@dataclasses.dataclass(frozen=True, slots=True)
class TryLine:
    """One charge of the saved card: when it was asked for, and what came of it, in words."""

    at: dt.datetime
    words: str


@dataclasses.dataclass(frozen=True, slots=True)
class PartLine:
    """One part; `cents` whether paid or not."""

    part: Instalment
    tries: list[TryLine]


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """All parts of one enrolment, and what of them is still to be paid, in cents."""

    lines: list[PartLine]
    outstanding_cents: int
    outstanding: int


def parts_of(enrollment: Enrollment) -> Parts | None:
    """None for whoever pays at once. Two queries."""
    found = list(enrollment.instalments.order_by("number").prefetch_related("charges"))
    if not found:
        return None
    due = [one.amount_cents for one in found if one.status == Status.DUE]
    lines = [PartLine(one, [_try(charge) for charge in _in_order(one)]) for one in found]
    return Parts(lines=lines, outstanding_cents=sum(due), outstanding=len(due))


def _in_order(part: Instalment) -> list[InstalmentTry]:
    return sorted(part.charges.all(), key=lambda charge: charge.number)


def _try(charge: InstalmentTry) -> TryLine:
    said = charge.get_status_display()
    if charge.status in FAILED:
        said = f"{said}: {words.declined(charge.note)}"
    return TryLine(charge.asked_at or charge.created_at, f"{said}.")
