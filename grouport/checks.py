"""What production must be told before it starts."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.message import sanitize_address


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


@register()
def sender_is_an_address(**kwargs: Any) -> list[CheckMessage]:
    """Every mail would be refused, by ourselves, for a sender that cannot be written."""
    try:
        sanitize_address(settings.DEFAULT_FROM_EMAIL, "utf-8")
    except ValueError as error:
        return [
            Error(
                f"DEFAULT_FROM_EMAIL is no address: {error}",
                hint='Put a name with a comma in quotes: "Acme, Inc." <hello@example.com>',
                id="grouport.E002",
            )
        ]
    return []


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
