"""Stripe's stand-in for every test that pays, and the judge of what was said to it."""

from collections.abc import Iterator

import pytest
import stripe
from pytest_django import Settings

from sandbox.stripe_standin.process import Standin, start
from tests.billing.privacy import leaks


@pytest.fixture(autouse=True)
def impatient_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK tries again as often as it would, only without the pauses."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.002)


@pytest.fixture
def standin(settings: Settings) -> Iterator[Standin]:
    """A stand-in of this test's own; afterwards every request to it is judged."""
    with start() as running:
        settings.STRIPE_API_BASE = running.url
        settings.STRIPE_CHECKOUT_ORIGIN = running.url
        yield running
        assert leaks(running.requests) == []
