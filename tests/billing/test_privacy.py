"""What the payment processor learns: an opaque number and a neutral product, nothing else."""

from typing import Any

import pytest

from billing import settlement, sweeps
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    CREATE,
    a_refund,
    at_the_page,
    calls,
    expired_and_gone,
    now,
    paid_at_stripe,
)
from tests.billing.privacy import leaks


def said(**params: Any) -> list[str]:
    request = {"path": "/v1/refunds", "route": "POST /v1/refunds", "params": params, "headers": {}}
    return leaks([request])


@pytest.mark.parametrize(
    ("params", "leak"),
    [
        ({"customer_email": "sam@example.org"}, "an e-mail address"),
        ({"metadata": {"member": "Sam Rivers"}}, "a person's name"),
        ({"metadata": {"phone": "212 555 0134"}}, "a phone number"),
        ({"line_items": [{"name": "DBT group"}]}, "a clinical word"),
        ({"description": "Emotion regulation"}, "a clinical word"),
        ({"description": "12-week skills group"}, "a clinical word"),
        ({"success_url": "http://testserver/join/abc/"}, "a meeting address"),
        ({"description": f"g-{'0a' * 18}"}, "a meeting address"),
        ({"description": "Tuesdays"}, "a group's name"),
    ],
)
def test_the_judge_sees_what_must_not_be_said(params: dict[str, Any], leak: str) -> None:
    assert [found.partition(" in POST")[0] for found in said(**params)] == [leak]


def test_the_judge_lets_pass_what_may_be_said() -> None:
    assert said(metadata={"refund": "7d9ee9a8"}, amount="29900") == []


@pytest.mark.django_db
def test_nothing_personal_is_said_on_the_whole_way(standin: Standin) -> None:
    """Pay, pay late, expire, refund, reconcile; the fixture judges every other test as well."""
    settlement.settle(attempt=paid_at_stripe(standin), now=now())
    settlement.settle(attempt=expired_and_gone(standin, full=True), now=now())
    a_refund(standin, 5_000)
    sweeps.submit_open_refunds(now=now())
    sweeps.reconcile(now=now())
    routes = {row["route"] for row in standin.requests}
    assert routes == {
        "POST /v1/checkout/sessions",
        "GET /v1/checkout/sessions/:id",
        "GET /v1/checkout/sessions",
        "POST /v1/refunds",
        "GET /v1/refunds",
        "GET /v1/events",
        "GET /v1/disputes",
    }
    assert leaks(standin.requests) == []


@pytest.mark.django_db
def test_stripe_is_told_these_parameters_and_no_others(standin: Standin) -> None:
    at_the_page()
    [request] = calls(standin, CREATE)
    assert set(request["params"]) == {
        "mode",
        "ui_mode",
        "submit_type",
        "allowed_payment_method_types",
        "adaptive_pricing",
        "client_reference_id",
        "metadata",
        "payment_intent_data",
        "line_items",
        "expires_at",
        "success_url",
        "cancel_url",
    }
    assert set(request["params"]["metadata"]) == {"attempt"}


@pytest.mark.django_db
def test_the_sdk_tells_nothing_about_this_machine(standin: Standin) -> None:
    at_the_page()
    at_the_page()
    assert all("telemetry" not in name for row in standin.requests for name in row["headers"])
