"""Webhook, return page and sweep at the same moment, and one event many times: one effect."""

import time
from collections.abc import Callable
from functools import partial

import pytest
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from billing import checkout, settlement, sweeps, tasks
from billing.models import CheckoutAttempt, Payment, StripeEvent
from enrollment import moves
from enrollment import services as enrollment_services
from enrollment.models import EnrollmentMove
from enrollment.states import Status
from outbox.models import Message
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    AFTER_THE_HOLD,
    MINUTE,
    PRICE,
    a_seat,
    mails,
    now,
    paid_at_stripe,
    post_event,
    refreshed,
)
from tests.billing.test_pay_page import signed_in, url
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

TIMES = 20


def confirmed_once(attempt: CheckoutAttempt) -> None:
    assert refreshed(attempt).status == "paid"
    assert refreshed(attempt.enrollment).status == "active"
    assert list(Payment.objects.values_list("attempt_id", "amount_cents")) == [(attempt.pk, PRICE)]
    assert EnrollmentMove.objects.filter(target="active").count() == 1
    assert (mails("seat-confirmed"), mails("refund-sent"), mails("hold-expired")) == (1, 0, 0)


def test_webhook_return_page_and_sweeps_at_once_confirm_once(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    event = standin.events("checkout.session.completed")[0]
    client = signed_in(attempt.enrollment.member)

    def webhook() -> int:
        status = post_event(event)
        tasks.apply_event(StripeEvent.objects.get().pk)
        return status

    def return_page() -> int:
        return client.get(url(attempt.enrollment, "return/")).status_code

    def ten_minutes() -> int:
        sweeps.reconcile(now=timezone.now() + 3 * MINUTE)
        return 200

    def minute() -> int:
        sweeps.release_overdue_holds(now=timezone.now() + AFTER_THE_HOLD)
        return 200

    actions: list[Callable[[], int]] = [webhook, return_page, ten_minutes, minute] * 3
    assert at_once(actions) == [200] * 12
    confirmed_once(attempt)


def test_the_same_event_20_times_at_once_has_one_row_and_one_effect(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    event = standin.events("checkout.session.completed")[0]

    def deliver() -> int:
        status = post_event(event, Client())
        tasks.apply_event(StripeEvent.objects.get(event_id=event["id"]).pk)
        return status

    assert at_once([deliver] * TIMES) == [200] * TIMES
    assert [stored.status for stored in StripeEvent.objects.all()] == ["applied"]
    confirmed_once(attempt)


def test_one_stored_event_applied_by_20_workers_at_once_has_one_effect(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    post_event(standin.events("checkout.session.completed")[0])
    pk = StripeEvent.objects.get().pk
    assert at_once([partial(tasks.apply_event, pk)] * TIMES) == [None] * TIMES
    confirmed_once(attempt)
    assert StripeEvent.objects.get().attempts == 1


def unguarded(attempt_pk: int) -> None:
    """`settle` as it would be with "if it is not there yet, write it"."""
    attempt = CheckoutAttempt.objects.get(pk=attempt_pk)
    if attempt.status != CheckoutAttempt.Status.OPEN:
        return
    time.sleep(0.02)
    CheckoutAttempt.objects.filter(pk=attempt_pk).update(status="paid")
    moves.record(
        enrollment_id=attempt.enrollment_id,
        source="held",
        target=Status.ACTIVE,
        now=timezone.now(),
        reason="Paid",
        actor=None,
    )


def test_control_without_its_guard_settling_confirms_more_than_once(standin: Standin) -> None:
    confirmations = []
    for _ in range(5):
        attempt = paid_at_stripe(standin)
        at_once([partial(unguarded, attempt.pk)] * TIMES)
        confirmations.append(
            EnrollmentMove.objects.filter(
                enrollment_id=attempt.enrollment_id, target="active"
            ).count()
        )
    assert max(confirmations) > 1


def test_two_presses_at_once_make_one_attempt_and_one_page(standin: Standin) -> None:
    for _ in range(5):
        enrollment = a_seat()
        standin.forget_requests()
        press = partial(checkout.start_checkout, whose=Q(pk=enrollment.pk), now=now())
        addresses = at_once([press] * 6)
        attempt = enrollment.attempts.get()
        # Whoever comes while the first is on its way is told to try again, never led elsewhere.
        assert {one for one in addresses if isinstance(one, str)} == {attempt.checkout_url}
        assert {type(one) for one in addresses} <= {str, checkout.CheckoutUnavailable}
        made = {
            row["reply"]["id"]
            for row in standin.requests
            if row["status"] == 200 and row["method"] == "POST"
        }
        assert made == {attempt.stripe_session_id}


def test_two_late_payments_and_one_free_seat(standin: Standin) -> None:
    """Both were released too early and both paid; the one seat left goes to one of them."""
    for _ in range(5):
        first = paid_at_stripe(standin, a_seat())
        cohort = first.enrollment.cohort
        second = paid_at_stripe(standin, a_seat(cohort))
        for attempt in (first, second):
            enrollment_services.expire_hold(
                enrollment_id=attempt.enrollment_id,
                now=now(),
                reason="Too early",
                overdue_only=False,
            )
        for _ in range(cohort.capacity - 1):
            a_seat(cohort)
        at = now()
        results = at_once(
            [partial(settlement.settle, attempt=one, now=at) for one in (first, second)]
        )
        assert [one for one in results if isinstance(one, Exception)] == []
        assert sorted(refreshed(one.enrollment).status for one in (first, second)) == [
            "active",
            "late_paid",
        ]
        assert cohort.seats.filter(enrollment=None).count() == 0
        [late] = [one for one in (first, second) if one.enrollment.status == "late_paid"]
        assert [r.amount_cents for r in late.payment.refunds.all()] == [PRICE]
    assert Message.objects.filter(kind="seat-confirmed").count() == 5
