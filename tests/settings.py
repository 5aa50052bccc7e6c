"""Development settings, on PostgreSQL, with nothing of the caller's environment in them."""

import os

from tests.postgres import server_url

os.environ.update(
    GROUPORT_MODE="development",
    DATABASE_URL=server_url(),
    # Port 1 answers nobody: a test that needs a real part asks for its fixture.
    REDIS_URL="redis://127.0.0.1:1/0",
    EMAIL_URL="smtp://127.0.0.1:1",
    SITE_URL="http://testserver",
    STRIPE_SECRET_KEY="sk_test_standin",
    STRIPE_WEBHOOK_SECRET="whsec_standin",
    STRIPE_API_BASE="http://127.0.0.1:1",
    STRIPE_CHECKOUT_ORIGIN="http://127.0.0.1:1",
    # Playwright keeps an event loop in the thread of the tests that also use the database.
    DJANGO_ALLOW_ASYNC_UNSAFE="true",
)
for name in ("INTAKE_KEYS", "SECRET_KEY", "PRACTICE_NAME", "SUPPORT_EMAIL", "MEETING_BASE_URL"):
    os.environ.pop(name, None)

from grouport.settings import *  # noqa: E402, F403  reads the environment that was set above
from grouport.settings import DATABASES  # noqa: E402

DATABASES["default"]["CONN_MAX_AGE"] = 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # A test sees at once what it has changed.
    "pages": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
}
CELERY_BROKER_URL = "memory://"
