"""How Stripe is reached."""

from functools import partial

import pytest
import requests

from billing import gateway
from billing.gateway.client import _session
from sandbox.stripe_standin.process import Standin
from tests.enrollment.crowd import at_once

HTTPS = "https://api.stripe.com"


@pytest.mark.parametrize(
    ("environment", "base", "proxies"),
    [
        ({}, "", {}),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "", {"https": "http://proxy:3128"}),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "api.stripe.com"}, "", {}),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "127.0.0.1"}, "http://127.0.0.1:1", {}),
    ],
)
def test_the_environments_proxies_are_used(
    environment: dict[str, str],
    base: str,
    proxies: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    session = _session(base)
    asked = requests.Request("GET", base or HTTPS).prepare()
    settings = session.merge_environment_settings(asked.url, {}, None, None, None)
    assert {name: url for name, url in settings["proxies"].items() if url} == proxies


@pytest.mark.django_db(transaction=True)
def test_threads_that_ask_at_once_get_their_own_answers(standin: Standin) -> None:
    def ask(number: int) -> str:
        try:
            gateway.retrieve_checkout(f"cs_test_{number}")
        except gateway.RefusedByStripe as error:
            return str(error)
        return ""

    answers = at_once([partial(ask, number) for number in range(12)])
    assert len(answers) == len(set(answers)) == 12  # each names its own request
    asked = {row["path"].rpartition("/")[2] for row in standin.requests}
    assert asked == {f"cs_test_{number}" for number in range(12)}
