"""The states of an enrolment and the moves between them. Nothing else changes a status."""

from django.db import models


class Status(models.TextChoices):
    WAITLISTED = "waitlisted", "On the waitlist"
    OFFERED = "offered", "A seat is offered"
    HELD = "held", "Seat kept, waiting for payment"
    AWAITING_FUNDS = "awaiting_funds", "Payment on its way"
    ACTIVE = "active", "Confirmed"
    GRACE = "grace", "Confirmed, a payment is overdue"
    SUSPENDED = "suspended", "Paused"
    COMPLETED = "completed", "Completed"
    WITHDRAWN = "withdrawn", "Withdrawn"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "The seat was not paid in time"
    LATE_PAID = "late_paid", "Paid after the seat was gone"


# Has a seat, or is about to.
LIVE = (
    Status.OFFERED,
    Status.HELD,
    Status.AWAITING_FUNDS,
    Status.ACTIVE,
    Status.GRACE,
    Status.SUSPENDED,
)
# Has to do with the group now: one such enrolment per member and cohort.
ENTERED = (Status.WAITLISTED, *LIVE)
# Gets links and may pass the door.
IN_STANDING = (Status.ACTIVE, Status.GRACE)

MOVES: dict[Status, tuple[Status, ...]] = {
    Status.WAITLISTED: (Status.OFFERED, Status.EXPIRED, Status.CANCELLED),
    # Accepting leads on to paying, as for everybody.
    Status.OFFERED: (Status.HELD, Status.EXPIRED, Status.CANCELLED),
    Status.HELD: (
        Status.AWAITING_FUNDS,
        Status.ACTIVE,
        Status.EXPIRED,
        Status.CANCELLED,
    ),
    Status.AWAITING_FUNDS: (Status.ACTIVE, Status.EXPIRED, Status.CANCELLED),
    # Straight to a pause only when a person decides so, while a bank holds the money.
    Status.ACTIVE: (
        Status.GRACE,
        Status.SUSPENDED,
        Status.COMPLETED,
        Status.WITHDRAWN,
        Status.CANCELLED,
    ),
    Status.GRACE: (Status.ACTIVE, Status.SUSPENDED, Status.WITHDRAWN, Status.CANCELLED),
    Status.SUSPENDED: (Status.ACTIVE, Status.WITHDRAWN, Status.CANCELLED),
    Status.COMPLETED: (),
    # Late money: the seat is taken again if one is free, else the money goes back.
    Status.WITHDRAWN: (Status.LATE_PAID,),
    Status.CANCELLED: (Status.LATE_PAID,),
    Status.EXPIRED: (Status.ACTIVE, Status.LATE_PAID),
    Status.LATE_PAID: (),
}


class ForbiddenMove(ValueError):
    """A move that the table above does not list: an error in the program, never in the input."""


def check_move(source: Status, target: Status) -> None:
    if target not in MOVES[source]:
        raise ForbiddenMove(f"An enrolment does not go from {source} to {target}.")
