"""A deliberate break, for gunicorn: a reservation that is not one transaction."""

import contextlib
from types import SimpleNamespace

from grouport.wsgi import application  # isort: skip  the models below need its settings

from enrollment import seats, services
from enrollment.models import Seat
from enrollment.seats import take_seat

__all__ = ["application"]


def any_free_seat(*, cohort_id: int, first_week: int | None = None) -> int | None:
    """Without its row lock, which only a transaction may ask for."""
    return Seat.objects.filter(cohort_id=cohort_id, enrollment=None).values_list("pk", flat=True)[0]


def take_one_of(*, seat_id: int, enrollment_id: int, first_week: int) -> bool:
    """The seat or another one of its group, since nothing keeps others from the same one."""
    others = Seat.objects.filter(cohort__seats=seat_id).values_list("pk", flat=True)
    wanted = {"enrollment_id": enrollment_id, "first_week": first_week}
    return any(take_seat(seat_id=pk, **wanted) for pk in others)


vars(services)["transaction"] = SimpleNamespace(atomic=contextlib.nullcontext)
seats.find_free_seat = any_free_seat
seats.take_seat = take_one_of
