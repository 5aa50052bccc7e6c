"""The system's zone, in force: Django sets every process to UTC, and this sets it back.

Served by gunicorn, or included by a worker. What takes a naive time is then wrong by hours.
"""

import os
import time

from grouport.wsgi import application

__all__ = ["application"]

os.environ["TZ"] = os.environ["SYSTEM_ZONE"]
time.tzset()
