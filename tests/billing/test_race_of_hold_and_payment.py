"""A hold ends in the same moment as its page is paid: never money without a seat or a refund."""

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from billing import settlement, sweeps
from billing.models import CheckoutAttempt, Payment, Refund
from enrollment import seats
from enrollment import services as enrollment_services
from enrollment.models import Enrollment, Seat
from enrollment.refusals import Refused
from enrollment.states import Status
from sandbox.stripe_standin.errors import Refusal
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import AFTER_THE_HOLD, PRICE, a_group, a_seat, at_the_page, now
from tests.enrollment.builders import a_member, an_intake
from tests.enrollment.crowd import at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

ROUNDS = 20
Action = Callable[[], bool]


def broken(attempt: CheckoutAttempt, standin: Standin) -> str:
    """What is wrong with how an attempt ended, or an empty string."""
    attempt.refresh_from_db()
    enrollment = Enrollment.objects.get(pk=attempt.enrollment_id)
    [charged] = [
        sum(row["charged"] for row in standin.books["rows"] if row["session"] == page)
        for page in [attempt.stripe_session_id]
    ]
    seated = Seat.objects.filter(enrollment=enrollment).exists()
    returned = sum(
        Refund.objects.filter(payment__attempt=attempt)
        .exclude(status=Refund.Status.FAILED)
        .values_list("amount_cents", flat=True)
    )
    if charged != sum(
        Payment.objects.filter(attempt=attempt).values_list("amount_cents", flat=True)
    ):
        return "the ledger differs from Stripe's books"
    if seated != (enrollment.status == Status.ACTIVE):
        return f"{enrollment.status}, seated: {seated}"
    if enrollment.status == Status.ACTIVE and (charged, returned) != (PRICE, 0):
        return f"active with {charged} paid and {returned} returned"
    if charged and not seated and returned != charged:
        return f"{charged} paid, no seat, {returned} returned"
    return ""


def pay(standin: Standin, attempt: CheckoutAttempt) -> bool:
    """The member presses "pay"; too late if the page has closed."""
    try:
        standin.control("pay", session=attempt.stripe_session_id)
    except Refusal:
        return False
    return True


def pay_and_tell(standin: Standin, attempt: CheckoutAttempt, wait: float) -> bool:
    time.sleep(wait)
    paid = pay(standin, attempt)
    settlement.settle(attempt=attempt, now=timezone.now())
    return paid


def sweep() -> bool:
    return bool(sweeps.release_overdue_holds(now=timezone.now() + AFTER_THE_HOLD))


def test_a_payment_and_the_sweep_at_once_leave_a_seat_or_nothing(standin: Standin) -> None:
    for number in range(ROUNDS):
        attempt = at_the_page(a_seat(a_group(capacity=1)))
        # Sooner or later by milliseconds, so that now one is first and now the other.
        payer: Action = partial(pay_and_tell, standin, attempt, number / 1000)
        results = at_once([payer, sweep])
        assert [one for one in results if isinstance(one, Exception)] == []
        paid = bool(results[0])
        settlement.settle(attempt=CheckoutAttempt.objects.get(pk=attempt.pk), now=now())
        assert broken(attempt, standin) == ""
        attempt.enrollment.refresh_from_db()
        assert attempt.enrollment.status == (Status.ACTIVE if paid else Status.EXPIRED)


def release_too_early(attempt: CheckoutAttempt) -> bool:
    return enrollment_services.expire_hold(
        enrollment_id=attempt.enrollment_id,
        now=timezone.now(),
        reason="Too early",
        overdue_only=False,
    )


def reserve_as_soon_as_possible(attempt: CheckoutAttempt, rival: User) -> bool:
    for _ in range(50):
        try:
            enrollment_services.reserve_seat(
                cohort=attempt.enrollment.cohort, member=rival, now=timezone.now()
            )
        except Refused:
            continue
        return True
    return False


def settle_after(attempt: CheckoutAttempt, wait: float) -> bool:
    time.sleep(wait)
    settlement.settle(attempt=attempt, now=timezone.now())
    return True


def test_with_a_rival_for_the_seat_late_money_goes_back(standin: Standin) -> None:
    """The seat was released too early; the payer and a rival want it in the same moment."""
    for number in range(ROUNDS):
        attempt = at_the_page(a_seat(a_group(capacity=1)))
        rival = a_member()
        an_intake(rival)
        assert pay(standin, attempt)
        actions: list[Action] = [
            partial(release_too_early, attempt),
            partial(reserve_as_soon_as_possible, attempt, rival),
            partial(settle_after, attempt, number / 1000),
        ]
        results = at_once(actions)
        assert [one for one in results if isinstance(one, Exception)] == []
        settlement.settle(attempt=CheckoutAttempt.objects.get(pk=attempt.pk), now=now())
        assert broken(attempt, standin) == ""


def test_control_reading_and_then_writing_keeps_money_without_a_seat(standin: Standin) -> None:
    """The same race against an expiry that reads first: the judge above must see it."""
    seen = []
    for _ in range(3):
        attempt = at_the_page(a_seat(a_group(capacity=1)))
        assert pay(standin, attempt)
        read = threading.Event()
        settled = threading.Event()

        def careless_expiry(
            attempt: CheckoutAttempt = attempt,
            read: threading.Event = read,
            settled: threading.Event = settled,
        ) -> None:
            with transaction.atomic():
                enrollment = Enrollment.objects.get(pk=attempt.enrollment_id)
                assert enrollment.status == Status.HELD
                read.set()
                settled.wait(timeout=30)
                enrollment.status = Status.EXPIRED
                enrollment.save(update_fields=["status"])
                seats.release_seat(enrollment_id=enrollment.pk)

        def settle(
            attempt: CheckoutAttempt = attempt,
            read: threading.Event = read,
            settled: threading.Event = settled,
        ) -> None:
            read.wait(timeout=30)
            settlement.settle(attempt=attempt, now=timezone.now())
            settled.set()

        assert at_once([careless_expiry, settle]) == [None, None]
        seen.append(broken(attempt, standin))
    assert seen == [f"{PRICE} paid, no seat, 0 returned"] * 3
