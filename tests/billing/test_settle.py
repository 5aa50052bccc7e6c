"""Stripe's word about a payment becomes ours, once."""

import datetime as dt

import pytest
from django.db.models import Q
from django.test import override_settings

from billing import checkout, gateway, settlement, sweeps
from billing.models import CheckoutAttempt, Payment, Refund
from enrollment.models import EnrollmentMove
from sandbox.stripe_standin.process import Standin
from sessions.models import Cohort
from tests.billing.builders import (
    CREATE,
    PRICE,
    a_group,
    a_seat,
    at_the_page,
    checkout_state,
    expired_and_gone,
    mails,
    now,
    paid_at_stripe,
    refreshed,
    seat_of,
    stripe_is_away,
)
from tests.enrollment.builders import a_member

pytestmark = pytest.mark.django_db


def settle(attempt: CheckoutAttempt) -> CheckoutAttempt:
    settlement.settle(attempt=attempt, now=now())
    return refreshed(attempt)


# --- Paid -------------------------------------------------------------------------------


def test_a_paid_page_confirms_the_seat(standin: Standin) -> None:
    attempt = settle(paid_at_stripe(standin))
    enrollment = refreshed(attempt.enrollment)
    assert attempt.status == "paid"
    assert (enrollment.status, enrollment.held_until) == ("active", None)
    assert seat_of(enrollment) is not None
    payment = Payment.objects.get()
    [row] = standin.books["rows"]
    assert (payment.enrollment_id, payment.amount_cents, payment.currency) == (
        enrollment.pk,
        PRICE,
        "usd",
    )
    assert (payment.stripe_payment_intent_id, payment.amount_cents) == (
        row["payment_intent"],
        row["charged"],
    )
    assert mails("seat-confirmed") == 1


def test_settling_again_changes_nothing(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    stale = CheckoutAttempt.objects.get(pk=attempt.pk)
    settle(attempt)
    history = EnrollmentMove.objects.count()
    settle(attempt)
    settle(stale)  # read before the payment was known
    assert Payment.objects.count() == 1
    assert mails("seat-confirmed") == 1
    assert EnrollmentMove.objects.count() == history
    assert Refund.objects.count() == 0


def test_a_page_that_waits_for_a_card_changes_nothing(standin: Standin) -> None:
    attempt = settle(at_the_page())
    assert (attempt.status, refreshed(attempt.enrollment).status) == ("open", "held")


def test_a_declined_card_leaves_the_page_open(standin: Standin) -> None:
    attempt = settle(paid_at_stripe(standin, outcome="declined"))
    assert (attempt.status, refreshed(attempt.enrollment).status) == ("open", "held")
    standin.control("pay", session=attempt.stripe_session_id)
    assert settle(attempt).status == "paid"


def test_without_an_answer_from_stripe_nothing_changes(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    stripe_is_away(standin, times=3)
    with pytest.raises(gateway.Unreachable):
        settle(attempt)
    assert (refreshed(attempt).status, Payment.objects.count()) == ("open", 0)
    assert settle(attempt).status == "paid"


# --- Not paid ---------------------------------------------------------------------------


def test_a_page_that_closed_unpaid_frees_the_seat(standin: Standin) -> None:
    attempt = at_the_page()
    standin.control("clock", advance=32 * 60)
    attempt = settle(attempt)
    assert (attempt.status, refreshed(attempt.enrollment).status) == ("expired", "expired")
    assert seat_of(attempt.enrollment) is None
    assert (mails("hold-expired"), mails("seat-confirmed")) == (1, 0)


def test_money_that_takes_days_keeps_the_seat_and_then_confirms_it(standin: Standin) -> None:
    attempt = settle(paid_at_stripe(standin, outcome="async"))
    assert (attempt.status, refreshed(attempt.enrollment).status) == ("open", "awaiting_funds")
    assert seat_of(attempt.enrollment) is not None
    assert (Payment.objects.count(), mails("seat-confirmed")) == (0, 0)
    standin.control("settle", session=attempt.stripe_session_id, paid=True)
    assert settle(attempt).status == "paid"
    assert refreshed(attempt.enrollment).status == "active"
    assert (Payment.objects.count(), mails("seat-confirmed")) == (1, 1)


def test_money_that_does_not_arrive_in_the_end_frees_the_seat(standin: Standin) -> None:
    attempt = settle(paid_at_stripe(standin, outcome="async"))
    standin.control("settle", session=attempt.stripe_session_id, paid=False)
    attempt = settle(attempt)
    assert (attempt.status, refreshed(attempt.enrollment).status) == ("expired", "expired")
    assert seat_of(attempt.enrollment) is None
    assert (Payment.objects.count(), mails("hold-expired")) == (0, 1)


# --- Money that is not what we asked for ------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "note"),
    [
        ({"amount_cents": 100}, f"amount 100, not {PRICE}"),
        ({"currency": "eur"}, "currency 'eur', not 'usd'"),
        ({"live": True}, "live mode True, not False"),
        ({"reference": "somebody-else"}, "reference 'somebody-else'"),
    ],
)
def test_a_payment_that_does_not_match_waits_for_a_person(
    standin: Standin, wrong: dict[str, object], note: str
) -> None:
    attempt = at_the_page()
    state = checkout_state(**{"reference": str(attempt.uuid), **wrong})
    settlement.apply_state(attempt=attempt, state=state, now=now())
    assert (refreshed(attempt).status, refreshed(attempt.enrollment).status) == ("review", "held")
    assert attempt.note.startswith(note)
    assert seat_of(attempt.enrollment) is not None
    payment = Payment.objects.get()
    assert (payment.amount_cents, payment.currency) == (state.amount_cents, state.currency)
    assert mails("seat-confirmed") == 0
    sweeps.release_overdue_holds(now=now() + dt.timedelta(days=60))
    assert seat_of(attempt.enrollment) is not None


def in_review(standin: Standin) -> CheckoutAttempt:
    attempt = paid_at_stripe(standin)
    with override_settings(STRIPE_LIVE_MODE=True):
        settle(attempt)
    return refreshed(attempt)


def test_a_person_accepts_the_money_and_the_seat_is_confirmed(standin: Standin) -> None:
    attempt, desk = in_review(standin), a_member()
    assert settlement.accept_reviewed(attempt=attempt, actor=desk, now=now()) is True
    assert settlement.accept_reviewed(attempt=attempt, actor=desk, now=now()) is False
    assert settlement.return_reviewed(attempt=attempt, actor=desk, now=now()) is False
    assert (refreshed(attempt).status, refreshed(attempt.enrollment).status) == ("paid", "active")
    assert attempt.enrollment.moves.filter(actor=desk).count() == 1
    assert (mails("seat-confirmed"), Refund.objects.count()) == (1, 0)


def test_a_person_gives_the_money_back_and_the_seat_is_free(standin: Standin) -> None:
    attempt, desk = in_review(standin), a_member()
    assert settlement.return_reviewed(attempt=attempt, actor=desk, now=now()) is True
    assert settlement.return_reviewed(attempt=attempt, actor=desk, now=now()) is False
    assert settlement.accept_reviewed(attempt=attempt, actor=desk, now=now()) is False
    assert refreshed(attempt).status == "returned"
    assert (refreshed(attempt.enrollment).status, seat_of(attempt.enrollment)) == (
        "cancelled",
        None,
    )
    assert Refund.objects.get().amount_cents == PRICE
    # "Nothing was charged" would be untrue: the refund's own mail tells what happens.
    assert mails("hold-expired") == 0


def test_late_money_of_which_a_part_went_back_while_it_waited_for_a_person(
    standin: Standin,
) -> None:
    attempt = expired_and_gone(standin, full=True)
    with override_settings(STRIPE_LIVE_MODE=True):
        settle(attempt)
    standin.control("refund", session=attempt.stripe_session_id, amount=1_000)
    sweeps.reconcile(now=now())
    assert settlement.accept_reviewed(attempt=attempt, actor=a_member(), now=now()) is True
    assert refreshed(attempt.enrollment).status == "late_paid"
    made = Refund.objects.order_by("pk").values_list("amount_cents", "reason")
    assert list(made) == [(1_000, "outside"), (PRICE - 1_000, "late")]


def test_the_state_that_the_others_bend_would_have_been_accepted(standin: Standin) -> None:
    attempt = at_the_page()
    state = checkout_state(reference=str(attempt.uuid))
    settlement.apply_state(attempt=attempt, state=state, now=now())
    assert (refreshed(attempt).status, refreshed(attempt.enrollment).status) == ("paid", "active")


@override_settings(STRIPE_LIVE_MODE=True)
def test_a_test_payment_confirms_nothing_in_live_mode(standin: Standin) -> None:
    attempt = settle(paid_at_stripe(standin))
    assert (attempt.status, attempt.note) == ("review", "live mode False, not True")
    assert refreshed(attempt.enrollment).status == "held"


def test_what_waits_for_a_person_stays_so_however_often_stripe_speaks(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    with override_settings(STRIPE_LIVE_MODE=True):
        settle(attempt)
    settle(attempt)
    assert (attempt.status, Payment.objects.count()) == ("review", 1)


# --- Late, and twice --------------------------------------------------------------------


def test_a_late_payer_gets_a_seat_that_is_still_free(standin: Standin) -> None:
    attempt = settle(expired_and_gone(standin, full=False))
    enrollment = refreshed(attempt.enrollment)
    assert (attempt.status, enrollment.status) == ("paid", "active")
    assert seat_of(enrollment) is not None
    assert (Refund.objects.count(), mails("seat-confirmed")) == (0, 1)


def test_a_late_payment_is_refunded_when_the_group_is_full(standin: Standin) -> None:
    attempt = settle(expired_and_gone(standin, full=True))
    enrollment = refreshed(attempt.enrollment)
    assert (attempt.status, enrollment.status) == ("paid", "late_paid")
    assert seat_of(enrollment) is None
    refund = Refund.objects.get()
    assert (refund.amount_cents, refund.reason, refund.status) == (PRICE, "late", "requested")
    assert refund.payment.refund_reserved_cents == PRICE
    assert mails("seat-confirmed") == 0
    settle(attempt)
    assert Refund.objects.count() == 1


def test_whoever_reserved_again_gets_the_first_money_back(standin: Standin) -> None:
    attempt = expired_and_gone(standin, full=False)
    again = a_seat(attempt.enrollment.cohort, attempt.enrollment.member)
    settle(attempt)
    assert refreshed(attempt.enrollment).status == "late_paid"
    assert Refund.objects.get().reason == "late"
    assert (refreshed(again).status, seat_of(again) is not None) == ("held", True)


def test_paid_twice_through_two_pages_the_second_goes_back(standin: Standin) -> None:
    enrollment = a_seat()
    # The first page is made, but Stripe says 500: nobody here has its address.
    standin.control("fault", route=CREATE, kind="500", when="after")
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    lost = enrollment.attempts.get()
    second = settle(paid_at_stripe(standin, enrollment))
    [page] = [
        row
        for row in standin.world.store.newest_first("checkout.session")
        if row["client_reference_id"] == str(lost.uuid)
    ]
    standin.control("pay", session=page["id"])
    found = settlement.attempt_for(reference=str(lost.uuid), session_id=page["id"])
    assert found == lost
    settle(found)
    assert refreshed(enrollment).status == "active"
    assert [second.status, found.status] == ["paid", "paid"]
    refund = Refund.objects.get()
    assert (refund.payment.attempt, refund.amount_cents, refund.reason) == (lost, PRICE, "twice")
    assert mails("seat-confirmed") == 1


def a_page_for_nothing(cohort: Cohort) -> CheckoutAttempt:
    """As it was made before free seats were confirmed without Stripe."""
    attempt = checkout.new_attempt(a_seat(cohort), 0, now())
    attempt.save()
    checkout.create_page(attempt=attempt)
    attempt.refresh_from_db()
    return attempt


def test_a_group_that_costs_nothing_is_confirmed_and_owes_nothing_back(standin: Standin) -> None:
    cohort = a_group(price_cents=0)
    early = a_page_for_nothing(cohort)
    standin.control("pay", session=early.stripe_session_id)
    first = settle(early)
    assert (first.status, refreshed(first.enrollment).status) == ("paid", "active")
    late = a_page_for_nothing(cohort)
    late.enrollment.status = "cancelled"
    late.enrollment.save(update_fields=["status"])
    standin.control("pay", session=late.stripe_session_id)
    assert settle(late).status == "paid"
    assert Refund.objects.count() == 0


@pytest.mark.parametrize("reference", ["", "not-a-uuid", "7d9ee9a8-2c6e-4b40-9a3b-111111111111"])
def test_a_reference_that_is_not_ours_names_no_attempt(reference: str) -> None:
    assert settlement.attempt_for(reference=reference, session_id="cs_test_1") is None


def test_a_second_page_that_closes_does_not_free_a_seat_whose_money_is_looked_at(
    standin: Standin,
) -> None:
    enrollment = a_seat()
    lost = at_the_page(enrollment)
    CheckoutAttempt.objects.filter(pk=lost.pk).update(status="failed")  # its answer was a 500
    second = at_the_page(enrollment)
    odd = checkout_state(session_id=lost.stripe_session_id, amount_cents=PRICE + 1)
    settlement.apply_state(attempt=refreshed(lost), state=odd, now=now())
    closed = checkout_state(session_id=second.stripe_session_id, paid=False, expired=True)
    settlement.apply_state(attempt=second, state=closed, now=now())
    assert (refreshed(lost).status, refreshed(second).status) == ("review", "expired")
    assert refreshed(enrollment).status == "held"
    assert seat_of(enrollment) is not None
