"""The raw limit: a bare Django under the same server and database, with nothing around it.

No middleware, no sessions, no templates, no ORM: the least that a view with one query
(`/one/`) or one claim (`/claim/`) can be.
"""

import os

import django
import environ
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from bench.claims import CLAIM

if not settings.configured:
    settings.configure(
        SECRET_KEY=os.environ["SECRET_KEY"],
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="bench.raw",
        DATABASES={
            "default": {
                **environ.Env.db_url_config(os.environ["DATABASE_URL"]),
                "CONN_MAX_AGE": 60,
            }
        },
        MIDDLEWARE=[],
        USE_TZ=True,
    )
    django.setup()


def _answer(words: str, status: int = 200) -> HttpResponse:
    # gunicorn would send it in chunks without its length.
    body = words.encode()
    return HttpResponse(body, status=status, headers={"Content-Length": str(len(body))})


def one(request: HttpRequest) -> HttpResponse:
    """One query, one line."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT words FROM raw_row WHERE id = %s", [7])
        return _answer(cursor.fetchone()[0])


def claim(request: HttpRequest) -> HttpResponse:
    """A conditional UPDATE and, for whoever won, an INSERT, in one transaction."""
    club, buyer = int(request.GET["club"]), int(request.GET["buyer"])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, [buyer, club])
        if not cursor.rowcount:
            return _answer("full", 409)
        cursor.execute("INSERT INTO raw_order (club, buyer) VALUES (%s, %s)", [club, buyer])
    return _answer("yours")


urlpatterns = [path("one/", one), path("claim/", claim)]
application = get_wsgi_application()
