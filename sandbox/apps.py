import datetime as dt
import functools
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from sandbox.clock import seconds_ahead


class SandboxConfig(AppConfig):
    name = "sandbox"

    def ready(self) -> None:
        if settings.SANDBOX_CLOCK:
            follow(Path(settings.SANDBOX_CLOCK))


def follow(file: Path) -> None:
    """Let `timezone.now` in this process go by the sandbox's clock, for good.

    Raises ImproperlyConfigured anywhere but in development.
    """
    if not settings.DEVELOPMENT:
        raise ImproperlyConfigured("Time is not moved where real people are met.")
    real_now = timezone.now

    @functools.wraps(real_now)
    def now() -> dt.datetime:
        return real_now() + dt.timedelta(seconds=seconds_ahead(file))

    timezone.now = now
