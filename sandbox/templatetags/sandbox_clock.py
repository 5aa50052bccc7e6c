"""`{% load sandbox_clock %}`: what the development bar says about the time."""

import datetime as dt
from pathlib import Path

from django import template
from django.conf import settings
from django.utils import timezone

from sandbox.clock import seconds_ahead

register = template.Library()


@register.simple_tag
def can_move() -> bool:
    """Whether this installation has a clock to move: `make run` gives it one."""
    return bool(settings.SANDBOX_CLOCK)


@register.simple_tag
def moved_time() -> dt.datetime | None:
    """What time it is here, if that is not the real one."""
    moved = settings.SANDBOX_CLOCK and seconds_ahead(Path(settings.SANDBOX_CLOCK))
    return timezone.now() if moved else None
