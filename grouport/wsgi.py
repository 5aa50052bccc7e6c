"""The web process: `gunicorn grouport.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grouport.settings")
application = get_wsgi_application()

from grouport.checks import refuse_incomplete_settings  # noqa: E402  needs the settings above

refuse_incomplete_settings()
