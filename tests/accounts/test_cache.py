"""Redis counts sign-in attempts; nobody is locked out when it is away."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.accounts.people import PASSWORD, make_person

SIGN_IN = reverse("account_login")


def use_redis(settings: Settings, url: str) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "accounts.cache.ForgivingRedisCache",
            "LOCATION": url,
            "OPTIONS": {"socket_connect_timeout": 1},
        }
    }


@pytest.mark.django_db
def test_people_sign_in_while_redis_is_away(client: Client, settings: Settings) -> None:
    use_redis(settings, "redis://127.0.0.1:1/0")
    person = make_person()
    client.post(SIGN_IN, {"login": "sam@example.org", "password": "wrong-horse-battery"})
    client.post(SIGN_IN, {"login": "sam@example.org", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(person.pk)


def test_a_cache_that_is_away_is_empty_and_takes_everything(settings: Settings) -> None:
    use_redis(settings, "redis://127.0.0.1:1/0")
    assert cache.add("attempts", 1)
    cache.set("attempts", 2)
    assert cache.get("attempts", 0) == 0
    assert not cache.delete("attempts")


@pytest.mark.django_db
def test_attempts_are_counted_in_redis(client: Client, settings: Settings, redis_url: str) -> None:
    use_redis(settings, redis_url)
    cache.clear()
    make_person()
    for _ in range(5):
        client.post(SIGN_IN, {"login": "sam@example.org", "password": "wrong-horse-battery"})
    response = client.post(SIGN_IN, {"login": "sam@example.org", "password": PASSWORD})
    assert "Too many tries with a password." in str(response.context["form"].errors)
