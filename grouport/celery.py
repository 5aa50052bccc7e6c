"""The worker and the clock: `celery -A grouport worker`, `celery -A grouport beat`."""

import logging.config
import os
import sys
from typing import Any

from celery import Celery, Task
from celery.signals import beat_init, setup_logging, task_postrun, task_prerun, worker_init
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grouport.settings")

app = Celery("grouport")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery closes the database connection before and after every task, unless it may be used this
# often. Its age and health are Django's business (below), as between two requests.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize


@task_prerun.connect
@task_postrun.connect
def keep_sound_connections(sender: "Task[Any, Any]", **kwargs: Any) -> None:
    """Close this thread's connections that broke or exceeded CONN_MAX_AGE; keep the others.

    A kept one is checked at its first use in the task, so one that died meanwhile is replaced.
    """
    if not sender.request.is_eager:  # then it belongs to whoever called the task
        close_old_connections()


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
