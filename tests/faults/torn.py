"""A deliberate break, for gunicorn: a reservation that is not one transaction."""

import contextlib
from types import SimpleNamespace

from grouport.wsgi import application  # isort: skip  the models below need its settings

from enrollment import services
from enrollment.models import Seat
from enrollment.services import take_seat

__all__ = ["application"]


def any_free_seat(*, cohort_id: int) -> int | None:
    """Without its row lock, which only a transaction may ask for."""
    return Seat.objects.filter(cohort_id=cohort_id, enrollment=None).values_list("pk", flat=True)[0]


def take_one_of(*, seat_id: int, enrollment_id: int) -> bool:
    """The seat or another one of its group, since nothing keeps others from the same one."""
    seats = Seat.objects.filter(cohort__seats=seat_id).values_list("pk", flat=True)
    return any(take_seat(seat_id=pk, enrollment_id=enrollment_id) for pk in seats)


vars(services)["transaction"] = SimpleNamespace(atomic=contextlib.nullcontext)
services.find_free_seat = any_free_seat
services.take_seat = take_one_of
