"""The desk gives everything back and frees the seat, while a part is being charged.

Whoever is first: no cent of somebody who has left stays here, and nobody is charged afterwards.
"""

import uuid
from collections.abc import Callable
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone

from billing import charging, decisions, gateway, ledger, plans, rehearsals, sweeps
from billing.decisions import ChangedMeanwhile
from billing.models import Instalment, Payment, Refund, RefundDecision
from billing.policy import Basis
from billing.rehearsals import Rehearsal, Wish
from enrollment.models import Enrollment
from enrollment.states import Status
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import now, refreshed
from tests.billing.instalments import AMOUNTS, a_plan, part, received, statuses, when_due
from tests.billing.people import a_billing_admin
from tests.enrollment.builders import MINUTE
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

ALL_AND_THE_SEAT = Wish(Basis.FULL, frees_seat=True)
TWO_PARTS = AMOUNTS[0] + AMOUNTS[1]


def a_look(enrollment: Enrollment) -> Rehearsal:
    return rehearsals.rehearse(enrollment=enrollment, wish=ALL_AND_THE_SEAT, now=now())


def press(enrollment: Enrollment, shown: Rehearsal) -> RefundDecision:
    return decisions.decide(
        enrollment_id=enrollment.pk,
        wish=ALL_AND_THE_SEAT,
        seen=shown.seen,
        key=uuid.uuid4(),
        actor=a_billing_admin(),
        reason="They moved away",
        now=timezone.now(),
    )


def test_the_desk_and_a_charge_at_once_leave_nothing_of_who_left(standin: Standin) -> None:
    for _ in range(8):
        enrollment = a_plan(standin)
        Instalment.objects.filter(pk=part(enrollment, 2).pk).update(
            due_at=now() - MINUTE, next_try_at=now() - MINUTE
        )
        shown = a_look(enrollment)
        both: list[Callable[[], object]] = [
            partial(press, enrollment, shown),
            partial(charging.charge_due, now=now()),
        ]
        decided, charged = at_once(both)
        assert not isinstance(charged, Exception)
        sweeps.submit_open_refunds(now=now())
        if isinstance(decided, ChangedMeanwhile):  # the part was paid before the press
            assert refreshed(enrollment).status == Status.ACTIVE
            assert ledger.balance(enrollment) == TWO_PARTS
        else:
            assert isinstance(decided, RefundDecision)
            assert refreshed(enrollment).status == Status.WITHDRAWN
            assert ledger.balance(enrollment) == 0
            assert Instalment.Status.DUE not in statuses(enrollment)
    assert received(standin) == sum(ledger.balance(one) for one in Enrollment.objects.all())


def charged_while_the_desk_decides(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> Enrollment:
    """Stripe has taken the money, and before its answer is written the desk has decided."""
    enrollment = a_plan(standin)
    due, shown = when_due(standin, enrollment), a_look(enrollment)
    charge_saved_card = gateway.charge_saved_card

    def and_decide(**how: object) -> gateway.ChargeState:
        state = charge_saved_card(**how)  # type: ignore[arg-type]
        press(enrollment, shown)
        return state

    monkeypatch.setattr(gateway, "charge_saved_card", and_decide)
    charging.charge_due(now=due)
    sweeps.submit_open_refunds(now=due)
    return enrollment


def test_a_part_that_arrives_after_the_decision_goes_back(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrollment = charged_while_the_desk_decides(standin, monkeypatch)
    assert sorted(Refund.objects.values_list("reason", "amount_cents")) == [
        ("desk", AMOUNTS[0]),
        ("late", AMOUNTS[1]),
    ]
    assert received(standin) == ledger.balance(enrollment) == 0
    assert statuses(enrollment) == ["paid", "cancelled", "cancelled"]


@transaction.atomic
def careless_receive(*, instalment: Instalment, payment: Payment, now: object) -> bool:
    """It was due when it was asked for: so it is paid."""
    Instalment.objects.filter(pk=instalment.pk).update(
        status=Instalment.Status.PAID, payment=payment
    )
    return False


def test_control_without_a_second_look_we_keep_the_money_of_who_left(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "receive", careless_receive)
    enrollment = charged_while_the_desk_decides(standin, monkeypatch)
    assert refreshed(enrollment).status == Status.WITHDRAWN
    assert received(standin) == ledger.balance(enrollment) == AMOUNTS[1]
