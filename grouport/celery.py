"""The worker and the clock: `celery -A grouport worker`, `celery -A grouport beat`."""

import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grouport.settings")

app = Celery("grouport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def log_as_django_does(**kwargs: Any) -> None:
    """A receiver of this signal keeps Celery from installing handlers of its own."""
    logging.config.dictConfig(settings.LOGGING)


@worker_init.connect
@beat_init.connect
def refuse_incomplete_settings(**kwargs: Any) -> None:
    from grouport import checks  # settings are loaded by now, not when this module is

    try:
        checks.refuse_incomplete_settings()
    except ImproperlyConfigured as error:
        # Celery logs any other exception of a signal's receiver, and starts all the same.
        raise SystemExit(str(error)) from error
