"""What production must be told before it starts."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured


@register(Tags.security)
def required_settings(**kwargs: Any) -> list[CheckMessage]:
    """One error for each environment variable that production needs and does not have."""
    return [
        Error(
            f"The environment variable {name} is not set.",
            hint="Set it, or set GROUPORT_MODE=development to try Grouport on this machine.",
            id="grouport.E001",
        )
        for name in settings.MISSING_SETTINGS
    ]


def refuse_incomplete_settings() -> None:
    """Stop a web or worker process that would run half-configured.

    System checks run for `manage.py` commands only, so the processes ask here.
    """
    if settings.MISSING_SETTINGS:
        raise ImproperlyConfigured(
            "These environment variables are not set: "
            + ", ".join(settings.MISSING_SETTINGS)
            + ". Set them, or set GROUPORT_MODE=development to try Grouport on this machine."
        )
