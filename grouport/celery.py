"""The worker and the clock: `celery -A grouport worker`, `celery -A grouport beat`."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grouport.settings")

app = Celery("grouport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def refuse_incomplete_settings(**kwargs: Any) -> None:
    from grouport import checks  # settings are loaded by now, not when this module is

    try:
        checks.refuse_incomplete_settings()
    except ImproperlyConfigured as error:
        # Celery logs any other exception of a signal's receiver, and starts all the same.
        raise SystemExit(str(error)) from error
