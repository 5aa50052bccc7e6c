"""What every page may say about the practice and about its reader's clock."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts import clock
from accounts.middleware import reader_zone


def site(request: HttpRequest) -> dict[str, Any]:
    zone, known = reader_zone(request)
    return {
        "practice_name": settings.PRACTICE_NAME,
        "support_email": settings.SUPPORT_EMAIL,
        "site_url": settings.SITE_URL,
        "reader_zone": zone,
        "reader_zone_label": clock.zone_label(zone),
        "reader_zone_known": known,
        "development": settings.DEVELOPMENT,
    }
