"""Staff look at money and change none of it; two buttons ask Stripe again."""

from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from billing import settlement
from billing.models import CheckoutAttempt, StripeEvent
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    a_refund,
    at_the_page,
    expired_and_gone,
    now,
    paid_at_stripe,
    post_event,
    refreshed,
    stripe_is_away,
)
from tests.billing.people import at_the_desk
from tests.billing.test_pay_page import signed_in
from tests.enrollment.builders import a_member

pytestmark = pytest.mark.django_db

MODELS = ("checkoutattempt", "payment", "refund", "stripeevent")


@pytest.fixture
def desk() -> Client:
    return at_the_desk(a_member(role=Role.ADMIN))


def run(desk: Client, model: str, action: str, pk: int) -> str:
    reply = desk.post(
        reverse(f"admin:billing_{model}_changelist"),
        {"action": action, "_selected_action": [pk]},
        follow=True,
    )
    assert reply.status_code == 200
    return reply.content.decode()


@pytest.fixture
def ledger(standin: Standin) -> Standin:
    """One row of each kind at least."""
    settlement.settle(attempt=expired_and_gone(standin, full=True), now=now())
    a_refund(standin, 5_000)
    post_event(standin.events("checkout.session.completed")[0])
    return standin


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("model", MODELS)
def test_the_pages_open_and_change_nothing(desk: Client, model: str) -> None:
    listing = reverse(f"admin:billing_{model}_changelist")
    assert desk.get(listing).status_code == 200
    assert desk.get(f"{listing}?{urlencode({'q': 'nothing'})}").status_code == 200
    assert desk.get(reverse(f"admin:billing_{model}_add")).status_code == 403
    pk = desk.get(listing).context["cl"].queryset[0].pk
    change = reverse(f"admin:billing_{model}_change", args=[pk])
    assert desk.get(change).status_code == 200
    assert desk.post(change, {}).status_code == 403
    assert desk.post(reverse(f"admin:billing_{model}_delete", args=[pk])).status_code == 403


@pytest.mark.parametrize("role", [Role.MEMBER, Role.FACILITATOR, Role.BILLING])
@pytest.mark.parametrize("model", MODELS)
def test_money_is_for_admins_alone(model: str, role: Role) -> None:
    reply = signed_in(a_member(role=role)).get(reverse(f"admin:billing_{model}_changelist"))
    assert reply.status_code in (302, 403)


def test_no_button_moves_money_without_a_look_beforehand() -> None:
    """The desk's pages show each cent first; Django's admin would act at once."""
    actions = {
        model.__name__: [getattr(action, "__name__", action) for action in registered.actions or ()]
        for model, registered in admin.site._registry.items()
        if model._meta.app_label == "billing"
    }
    assert {name: found for name, found in actions.items() if found} == {
        "CheckoutAttempt": ["ask_stripe"],
        "StripeEvent": ["apply_again"],
    }


def test_asking_stripe_settles_a_payment(desk: Client, standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    page = run(desk, "checkoutattempt", "ask_stripe", attempt.pk)
    assert f"{attempt}: Paid." in page
    assert refreshed(attempt.enrollment).status == "active"


def test_asking_an_absent_stripe_says_so(desk: Client, standin: Standin) -> None:
    attempt = at_the_page()
    stripe_is_away(standin)
    page = run(desk, "checkoutattempt", "ask_stripe", attempt.pk)
    assert "APIConnectionError" in page
    assert CheckoutAttempt.objects.get().status == "open"


def test_an_event_can_be_applied_by_hand(desk: Client, standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    post_event(standin.events("checkout.session.completed")[0])
    StripeEvent.objects.update(attempts=50)
    event = StripeEvent.objects.get()
    stripe_is_away(standin, times=3)
    assert "Stripe is away" in run(desk, "stripeevent", "apply_again", event.pk)
    assert "1 applied." in run(desk, "stripeevent", "apply_again", event.pk)
    assert refreshed(attempt).status == "paid"
    assert "0 applied." in run(desk, "stripeevent", "apply_again", event.pk)
