"""A deliberate break: nobody looks whether a kept database connection still works."""

from tests.faults.settings import *  # noqa: F403  all of them
from tests.faults.settings import DATABASES

DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
