"""Redis counts sign-in attempts; nobody is locked out when it is away."""

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from pytest_django import fixtures

from tests.accounts.people import PASSWORD, make_person

OURS = "accounts.cache.ForgivingRedisCache"


def cache_at(settings: "fixtures.Settings", url: str) -> None:
    settings.CACHES = {"default": {"BACKEND": OURS, "LOCATION": url}}
