"""The worker and the clock: `celery -A grouport worker`, `celery -A grouport beat`."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grouport.settings")

app = Celery("grouport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def refuse_incomplete_settings(**kwargs: Any) -> None:
    from grouport import checks  # settings are loaded by now, not when this module is

    checks.refuse_incomplete_settings()
