"""The settings of the processes under test: production's own, with short waits.

`DJANGO_SETTINGS_MODULE=tests.faults.settings` for a child; the test's process has tests.settings.
"""

import os
from typing import Any

import structlog

from grouport.settings import *  # noqa: F403  all of them
from grouport.settings import CELERY_BEAT_SCHEDULE, LOGGING

# Production waits 15 seconds for each reply of the mail server.
EMAIL_TIMEOUT = int(os.environ.get("EMAIL_SECONDS", "1"))
# What production asks for each minute. Unset: each minute.
if "BEAT_SECONDS" in os.environ:
    for _entry in CELERY_BEAT_SCHEDULE.values():
        if _entry["schedule"] == 60.0:
            _entry["schedule"] = float(os.environ["BEAT_SECONDS"])
# As in production: drawing a traceback for a terminal takes a good part of a second.
_logging: dict[str, Any] = LOGGING
_logging["formatters"]["line"]["processor"] = structlog.processors.JSONRenderer()
