"""Parts beside what people do meanwhile: a dispute, a page that is still open, a wrong amount."""

import datetime as dt

import pytest
from django.db.models import Q

from billing import (
    charging,
    checkout,
    dispute_seats,
    disputes,
    part_checkout,
    plans,
    reviews,
    settlement,
    sweeps,
)
from billing.models import CheckoutAttempt, Dispute, Payment, PaymentPlan, Refund
from enrollment.models import Enrollment
from enrollment.states import Status
from outbox.models import Message
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import a_seat, calls, mails, now, refreshed, stripe_is_away
from tests.billing.instalments import (
    AMOUNTS,
    CHARGE,
    DAY,
    a_plan,
    at,
    card_does,
    part,
    plan_of,
    received,
    statuses,
    tries,
    when_due,
)
from tests.billing.people import a_billing_admin, at_the_desk
from tests.billing.test_pay_page import signed_in

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
Seat = Dispute.Seat


def run(when: dt.datetime) -> int:
    """What beat asks for each minute."""
    return charging.charge_due(now=when) + plans.watch_overdue(now=when)


def disputed(standin: Standin, payment: Payment | None, when: dt.datetime) -> Dispute:
    """The dispute of a part's payment."""
    assert payment is not None
    made = standin.control("dispute", payment_intent=payment.stripe_payment_intent_id)
    dispute = disputes.refresh(dispute_id=made["id"], now=when)
    assert dispute is not None
    return dispute


def rehearsed(dispute: Dispute, what: Dispute.Seat, when: dt.datetime) -> dispute_seats.Rehearsal:
    found = Dispute.objects.select_related("payment__enrollment__member").get(pk=dispute.pk)
    return dispute_seats.rehearse(dispute=found, what=what, now=when)


def decide(dispute: Dispute, what: Dispute.Seat, when: dt.datetime) -> None:
    dispute_seats.decide(
        dispute_id=dispute.pk,
        what=what,
        reason="Talked on the phone",
        seen=rehearsed(dispute, what, when).seen,
        actor=a_billing_admin(),
        now=when,
    )


# --- A person ends a pause while a part is unpaid -------------------------------------------


def kept_while_behind(standin: Standin) -> tuple[Enrollment, Dispute, dt.datetime]:
    """A part is unpaid and warned of, a dispute paused the seat, and a person keeps it."""
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "authentication_required")
    due = when_due(standin, enrollment)
    run(due)
    run(at(standin, due + 6 * DAY))
    assert mails(plans.PAUSE_AHEAD) == 1
    dispute = disputed(standin, part(enrollment, 1).payment, due + 6 * DAY)
    decide(dispute, Seat.PAUSE, due + 6 * DAY)
    return enrollment, dispute, due + 8 * DAY


def test_keeping_the_seat_while_a_part_is_unpaid_begins_seven_days_of_grace(
    standin: Standin,
) -> None:
    enrollment, dispute, kept = kept_while_behind(standin)
    words = rehearsed(dispute, Seat.KEEP, kept).seat
    assert words == "The pause ends. A part is still unpaid: they have seven days to pay it."
    decide(dispute, Seat.KEEP, kept)
    assert refreshed(enrollment).status == Status.GRACE
    plan = plan_of(enrollment)
    assert (plan.overdue_since, plan.warned_at) == (kept, None)
    for day, status, warned in (
        (5, Status.GRACE, 1),
        (6, Status.GRACE, 2),
        (7, Status.SUSPENDED, 2),
    ):
        run(kept + day * DAY)
        assert (refreshed(enrollment).status, mails(plans.PAUSE_AHEAD)) == (status, warned), day
    occasions = Message.objects.filter(kind=plans.PAUSE_AHEAD).values_list("occasion_id", flat=True)
    assert len(set(occasions)) == 2


def test_keeping_the_seat_when_the_part_was_paid_meanwhile_makes_it_active(
    standin: Standin,
) -> None:
    enrollment, dispute, kept = kept_while_behind(standin)
    part_checkout.start_part_checkout(whose=Q(pk=enrollment.pk), number=2, now=at(standin, kept))
    attempt = enrollment.attempts.get(status="open")
    standin.control("pay", session=attempt.stripe_session_id)
    settlement.settle(attempt=attempt, now=kept)
    assert refreshed(enrollment).status == Status.SUSPENDED
    decide(dispute, Seat.KEEP, kept)
    assert refreshed(enrollment).status == Status.ACTIVE


# --- A page that took the money, and the card ------------------------------------------------


def paid_but_not_heard_of(standin: Standin) -> tuple[Enrollment, CheckoutAttempt]:
    """Part 2 is paid on a page that has closed since; no event of Stripe's reached us."""
    enrollment = a_plan(standin)
    early = at(standin, part(enrollment, 2).due_at - 20 * MINUTE)
    part_checkout.start_part_checkout(whose=Q(pk=enrollment.pk), number=2, now=early)
    attempt = enrollment.attempts.get(status="open")
    standin.control("pay", session=attempt.stripe_session_id)
    return enrollment, attempt


def test_a_part_paid_on_a_page_that_has_closed_is_not_charged_to_the_card_as_well(
    standin: Standin,
) -> None:
    enrollment, attempt = paid_but_not_heard_of(standin)
    after = at(standin, attempt.expires_at + MINUTE)
    run(after)
    assert tries(enrollment) == []
    settlement.settle(attempt=attempt, now=after)
    run(after)
    assert statuses(enrollment) == ["paid", "paid", "due"]
    assert received(standin) == AMOUNTS[0] + AMOUNTS[1]
    assert not Refund.objects.exists()


def odd_part(standin: Standin) -> tuple[Enrollment, CheckoutAttempt]:
    """Part 2 was paid, but a dollar less than asked for: it waits for a person."""
    enrollment, attempt = paid_but_not_heard_of(standin)
    attempt.amount_cents += 100
    attempt.save(update_fields=["amount_cents"])
    settlement.settle(attempt=attempt, now=attempt.created_at)
    attempt = refreshed(attempt)
    assert attempt.status == CheckoutAttempt.Status.REVIEW
    return enrollment, attempt


def test_a_part_whose_payment_a_person_looks_at_is_not_charged_meanwhile(
    standin: Standin,
) -> None:
    enrollment, _ = odd_part(standin)
    run(when_due(standin, enrollment))
    assert tries(enrollment) == []
    assert received(standin) == AMOUNTS[0] + AMOUNTS[1]


def test_a_page_that_was_never_made_keeps_no_card_from_being_charged(standin: Standin) -> None:
    enrollment = a_plan(standin)
    stripe_is_away(standin)
    due = when_due(standin, enrollment)
    with pytest.raises(checkout.CheckoutUnavailable):
        part_checkout.start_part_checkout(whose=Q(pk=enrollment.pk), number=2, now=due)
    standin.control("clear_faults")
    run(due)
    assert tries(enrollment) == []
    run(at(standin, due + checkout.PAGE_LIFE))
    assert tries(enrollment) == ["succeeded"]


# --- A page of another purpose is open ------------------------------------------------------


def test_a_part_can_be_paid_while_the_first_page_in_full_is_still_open(standin: Standin) -> None:
    enrollment = a_seat()
    whose = Q(pk=enrollment.pk)
    checkout.start_checkout(whose=whose, now=now(), choice=checkout.Choice(in_parts=True))
    first = enrollment.attempts.get()
    checkout.start_checkout(whose=whose, now=now())
    in_full = enrollment.attempts.get(status="open")
    standin.control("pay", session=first.stripe_session_id)
    settlement.settle(attempt=refreshed(first), now=now())
    assert statuses(enrollment) == ["paid", "due", "due"]
    address = part_checkout.start_part_checkout(whose=whose, number=2, now=now())
    attempt = enrollment.attempts.get(status="open")
    assert (attempt.instalment, attempt.checkout_url) == (part(enrollment, 2), address)
    assert refreshed(in_full).status == CheckoutAttempt.Status.EXPIRED
    for page in (attempt, in_full):
        standin.control("pay", session=page.stripe_session_id)
        settlement.settle(attempt=refreshed(page), now=now())
    assert Refund.objects.get().payment.attempt == in_full
    sweeps.submit_open_refunds(now=now())
    assert statuses(enrollment) == ["paid", "paid", "due"]
    assert received(standin) == AMOUNTS[0] + AMOUNTS[1]


# --- A part's payment that a person decides about --------------------------------------------


def accept(attempt: CheckoutAttempt, when: dt.datetime) -> None:
    reviews.decide(
        attempt=attempt,
        decision=reviews.Decision.ACCEPT,
        seen=reviews.review(refreshed(attempt)).seen,
        actor=a_billing_admin(),
        now=when,
    )


def test_the_rehearsal_of_a_part_says_that_it_pays_the_part_and_so_it_does(
    standin: Standin,
) -> None:
    enrollment, attempt = odd_part(standin)
    review = reviews.review(attempt)
    assert review.outcome == reviews.Outcome.PAYS_PART
    page = at_the_desk(a_billing_admin()).get(
        f"/money/payments/{attempt.uuid}/", {"decision": "accept"}
    )
    assert "Part 2 of 3 is paid." in page.content.decode()
    accept(attempt, now())
    assert statuses(enrollment) == ["paid", "paid", "due"]
    assert not Refund.objects.exists()


def test_the_rehearsal_of_a_part_that_is_not_asked_for_any_more_says_that_it_goes_back(
    standin: Standin,
) -> None:
    enrollment, attempt = odd_part(standin)
    seen = reviews.review(attempt).seen
    plans.end_plan(enrollment_id=enrollment.pk, now=now(), why="Free from now on")
    review = reviews.review(refreshed(attempt))
    assert (review.outcome, review.seen != seen) == (reviews.Outcome.PART_GOES_BACK, True)
    accept(attempt, now())
    assert Refund.objects.get().amount_cents == AMOUNTS[1]


def odd_first_part(standin: Standin) -> tuple[Enrollment, CheckoutAttempt]:
    enrollment = a_seat()
    checkout.start_checkout(
        whose=Q(pk=enrollment.pk), now=now(), choice=checkout.Choice(in_parts=True)
    )
    attempt = enrollment.attempts.get(status="open")
    standin.control("pay", session=attempt.stripe_session_id)
    attempt.amount_cents += 100
    attempt.save(update_fields=["amount_cents"])
    settlement.settle(attempt=attempt, now=now())
    return enrollment, refreshed(attempt)


def test_a_first_part_that_a_person_accepts_keeps_its_card_for_the_others(
    standin: Standin,
) -> None:
    enrollment, attempt = odd_first_part(standin)
    accept(attempt, now())
    assert plan_of(enrollment).stripe_payment_method_id.startswith("pm_")
    run(when_due(standin, enrollment))
    assert (tries(enrollment), statuses(enrollment)) == (["succeeded"], ["paid", "paid", "due"])


def test_a_part_paid_in_review_brings_its_card_too(standin: Standin) -> None:
    enrollment, attempt = odd_part(standin)
    old = plan_of(enrollment).stripe_payment_method_id
    accept(attempt, now())
    assert plan_of(enrollment).stripe_payment_method_id not in ("", old)


def test_without_a_card_the_member_is_asked_at_once_and_stripe_is_not(standin: Standin) -> None:
    enrollment = a_plan(standin)
    PaymentPlan.objects.update(stripe_payment_method_id="")
    run(when_due(standin, enrollment))
    assert calls(standin, CHARGE) == []
    assert (tries(enrollment), part(enrollment, 2).needs_member) == (["declined"], True)
    assert refreshed(enrollment).status == Status.GRACE
    assert mails(plans.PART_OPEN) == 1


# --- A dispute, and the parts that are still to come -----------------------------------------


def test_no_part_is_charged_while_the_bank_holds_money_in_a_dispute(standin: Standin) -> None:
    enrollment = a_plan(standin)
    dispute = disputed(standin, part(enrollment, 1).payment, now())
    waits = "No part of the price is charged while the bank decides or the seat is paused."
    assert rehearsed(dispute, Seat.PAUSE, now()).money.endswith(waits)
    due = when_due(standin, enrollment)
    run(due)
    assert tries(enrollment) == []
    standin.control("close_dispute", dispute=dispute.stripe_dispute_id, won=True)
    disputes.refresh(dispute_id=dispute.stripe_dispute_id, now=due)
    run(due)
    assert tries(enrollment) == ["succeeded"]


def test_no_part_is_charged_while_a_person_has_paused_the_seat(standin: Standin) -> None:
    enrollment = a_plan(standin)
    dispute = disputed(standin, part(enrollment, 1).payment, now())
    decide(dispute, Seat.PAUSE, now())
    due = when_due(standin, enrollment)
    Dispute.objects.update(status=Dispute.Status.LOST, closed_at=due)
    run(due)
    assert tries(enrollment) == []
    decide(dispute, Seat.KEEP, due)
    run(due)
    assert tries(enrollment) == ["succeeded"]


# --- A seat that is freed after a refund of the dashboard -------------------------------------


# --- Choosing too often ------------------------------------------------------------------------


def test_whoever_chose_too_often_never_gets_the_page_of_the_other_way(standin: Standin) -> None:
    enrollment = a_seat()
    whose = Q(pk=enrollment.pk)
    for number in range(checkout.MOST_PAGES):
        choice = checkout.Choice(in_parts=number % 2 == 0)
        checkout.start_checkout(whose=whose, now=now(), choice=choice)
    last = enrollment.attempts.get(status="open")
    assert not last.in_parts
    with pytest.raises(checkout.TooManyPages):
        checkout.start_checkout(whose=whose, now=now(), choice=checkout.Choice(in_parts=True))
    assert checkout.start_checkout(whose=whose, now=now()) == last.checkout_url
    pressed = signed_in(enrollment.member).post(f"/pay/{enrollment.public_id}/", {"way": "parts"})
    assert pressed.status_code == 422
    assert "You changed the way to pay several times" in pressed.content.decode()
