"""The whole life of a plan of three parts, by the clock."""

import datetime as dt

import pytest
from django.db.models import Q

from billing import charging, checkout, gateway, ledger, part_checkout, plans, settlement, sweeps
from billing.models import (
    Instalment,
    InstalmentTry,
    Payment,
    PaymentPlan,
    Refund,
    StripeEvent,
)
from enrollment import services as enrollment_services
from enrollment.models import Absence, Enrollment, Visit
from enrollment.seats import empty_chairs
from enrollment.states import Status
from outbox.models import Message
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    PRICE,
    a_group,
    a_seat,
    apply_all,
    at_the_page,
    calls,
    lose_the_reply,
    mails,
    now,
    post_event,
    refreshed,
    seat_of,
    stripe_is_away,
)
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
from tests.billing.test_pay_page import signed_in
from tests.enrollment.builders import a_member, session

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)


def run(when: dt.datetime) -> int:
    """What beat asks for each minute."""
    return charging.charge_due(now=when) + plans.watch_overdue(now=when)


def pay_on_the_page(
    standin: Standin, enrollment: Enrollment, number: int, when: dt.datetime
) -> str:
    """Pay a part on Stripe's page; the new card's id."""
    part_checkout.start_part_checkout(whose=Q(pk=enrollment.pk), number=number, now=when)
    attempt = enrollment.attempts.get(status="open")
    standin.control("pay", session=attempt.stripe_session_id)
    settlement.settle(attempt=attempt, now=when)
    return plan_of(enrollment).stripe_payment_method_id


# --- A good life ----------------------------------------------------------------------------


def test_the_first_part_confirms_the_seat_and_writes_the_plan(standin: Standin) -> None:
    enrollment = a_plan(standin)
    assert (enrollment.status, received(standin)) == (Status.ACTIVE, AMOUNTS[0])
    parts = Instalment.objects.filter(enrollment=enrollment)
    assert [one.amount_cents for one in parts] == AMOUNTS
    assert statuses(enrollment) == ["paid", "due", "due"]
    plan = plan_of(enrollment)
    assert plan.stripe_customer_id.startswith("cus_")
    assert plan.stripe_payment_method_id.startswith("pm_")
    assert ledger.balance(enrollment) == AMOUNTS[0]


def test_the_customer_at_stripe_has_an_opaque_reference_and_nothing_else(standin: Standin) -> None:
    enrollment = a_plan(standin)
    [asked] = calls(standin, "POST /v1/customers")
    assert asked["params"] == {"metadata": {"attempt": str(enrollment.attempts.get().uuid)}}


def test_all_three_parts_are_charged_when_they_are_due_and_not_before(standin: Standin) -> None:
    enrollment = a_plan(standin)
    early = part(enrollment, 2).due_at - MINUTE
    assert run(at(standin, early)) == 0
    run(when_due(standin, enrollment, 2))
    assert statuses(enrollment) == ["paid", "paid", "due"]
    run(when_due(standin, enrollment, 3))
    assert statuses(enrollment) == ["paid", "paid", "paid"]
    assert received(standin) == ledger.balance(enrollment) == PRICE
    assert refreshed(enrollment).status == Status.ACTIVE
    assert mails(plans.PART_PAID) == 2
    [first, second] = calls(standin, CHARGE)
    keys = [row["headers"]["idempotency-key"] for row in (first, second)]
    assert keys == [f"inst:{part(enrollment, number).uuid}:1" for number in (2, 3)]
    payment = Payment.objects.filter(enrollment=enrollment).last()
    assert payment is not None
    assert (payment.attempt, payment.instalment.number) == (None, 3)


def test_charging_again_and_again_charges_once(standin: Standin) -> None:
    enrollment = a_plan(standin)
    when = when_due(standin, enrollment)
    for _ in range(3):
        run(when)
    assert received(standin) == AMOUNTS[0] + AMOUNTS[1]


def test_the_next_part_may_be_paid_early_and_is_not_charged_again(standin: Standin) -> None:
    enrollment = a_plan(standin)
    old = plan_of(enrollment).stripe_payment_method_id
    card = pay_on_the_page(standin, enrollment, 2, now())
    assert card != old
    run(when_due(standin, enrollment))
    assert statuses(enrollment) == ["paid", "paid", "due"]
    assert received(standin) == AMOUNTS[0] + AMOUNTS[1]
    run(when_due(standin, enrollment, 3))
    assert calls(standin, CHARGE)[-1]["params"]["payment_method"] == card


def test_the_card_is_left_alone_while_its_owner_is_at_the_page(standin: Standin) -> None:
    enrollment = a_plan(standin)
    due = when_due(standin, enrollment)
    part_checkout.start_part_checkout(whose=Q(pk=enrollment.pk), number=2, now=due)
    assert charging.claim(instalment=part(enrollment, 2), now=due) is None
    run(due)
    assert tries(enrollment) == []
    closed = at(standin, due + checkout.PAGE_LIFE)
    run(closed)
    assert tries(enrollment) == []  # nobody knows yet whether the page took money
    sweeps.reconcile(now=closed)
    run(closed)
    assert tries(enrollment) == ["succeeded"]


def test_only_the_next_part_is_paid_on_a_page(standin: Standin) -> None:
    enrollment = a_plan(standin)
    for number in (1, 3, 4):
        with pytest.raises(part_checkout.NothingToPay):
            part_checkout.start_part_checkout(whose=Q(pk=enrollment.pk), number=number, now=now())


# --- A declined card ------------------------------------------------------------------------


def test_a_declined_card_is_tried_on_day_one_three_and_five_and_then_not_again(
    standin: Standin,
) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "declined")
    due = when_due(standin, enrollment)
    tried = []
    for hours in range(0, 24 * 9, 6):
        before = len(tries(enrollment))
        charging.charge_due(now=at(standin, due + dt.timedelta(hours=hours)))
        if len(tries(enrollment)) > before:
            tried.append(hours)
    assert tried == [0, 24, 72, 120]
    assert tries(enrollment) == ["declined"] * 4
    assert part(enrollment, 2).needs_member
    assert [one.pk for one in plans.in_trouble(due)] == [part(enrollment, 2).pk]
    assert received(standin) == AMOUNTS[0]


def test_the_first_failure_begins_grace_with_a_mail_and_links_stay_on(standin: Standin) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "declined")
    due = when_due(standin, enrollment)
    run(due)
    assert refreshed(enrollment).status == Status.GRACE
    assert plan_of(enrollment).overdue_since == due
    assert mails(plans.PART_OPEN) == 1
    run(at(standin, due + DAY))
    assert mails(plans.PART_OPEN) == 1
    assert list(plans.in_trouble(due)) == []


def test_a_retry_on_the_next_day_that_succeeds_ends_grace(standin: Standin) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "insufficient_funds")
    due = when_due(standin, enrollment)
    run(due)
    card_does(standin, enrollment, "paid")
    run(at(standin, due + DAY))
    assert refreshed(enrollment).status == Status.ACTIVE
    assert statuses(enrollment) == ["paid", "paid", "due"]
    assert plan_of(enrollment).overdue_since is None
    assert Message.objects.get(kind=plans.PART_PAID).occasion_id == plans.CAUGHT_UP
    moves = list(enrollment.moves.values_list("target", flat=True))
    assert moves == ["held", "active", "grace", "active"]


@pytest.mark.parametrize("behaviour", ["expired_card", "closed_account", "removed"])
def test_a_card_that_is_gone_is_tried_again_all_the_same(standin: Standin, behaviour: str) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, behaviour)
    due = when_due(standin, enrollment)
    run(due)
    assert tries(enrollment) == ["declined"]
    assert part(enrollment, 2).next_try_at == due + DAY
    assert refreshed(enrollment).status == Status.GRACE


def test_a_bank_that_wants_the_member_is_not_asked_again_without_them(standin: Standin) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "authentication_required")
    due = when_due(standin, enrollment)
    run(due)
    assert (tries(enrollment), part(enrollment, 2).needs_member) == (["needs_member"], True)
    assert part(enrollment, 2).next_try_at is None
    run(at(standin, due + 6 * DAY))
    assert len(tries(enrollment)) == 1
    pay_on_the_page(standin, enrollment, 2, due + 6 * DAY)
    assert refreshed(enrollment).status == Status.ACTIVE
    assert not part(enrollment, 2).needs_member


# --- Paused, and back -----------------------------------------------------------------------


def in_grace(standin: Standin) -> tuple[Enrollment, dt.datetime]:
    """A member whose card only their bank can help, and when that began."""
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "authentication_required")
    due = when_due(standin, enrollment)
    run(due)
    return enrollment, due


def a_paused_member(standin: Standin) -> tuple[Enrollment, dt.datetime]:
    enrollment, due = in_grace(standin)
    run(at(standin, due + 6 * DAY))
    run(at(standin, due + 7 * DAY))
    assert refreshed(enrollment).status == Status.SUSPENDED
    return enrollment, due + 7 * DAY


def test_after_seven_days_and_a_warning_the_links_pause_and_the_seat_stays(
    standin: Standin,
) -> None:
    enrollment, due = in_grace(standin)
    for day, status, warned, told in (
        (5, Status.GRACE, 0, 0),
        (6, Status.GRACE, 1, 0),
        (7, Status.SUSPENDED, 1, 1),
        (8, Status.SUSPENDED, 1, 1),
    ):
        run(due + day * DAY)
        found = (refreshed(enrollment).status, mails(plans.PAUSE_AHEAD), mails(plans.PAUSED))
        assert found == (status, warned, told), day
    assert seat_of(enrollment) is not None
    assert [one.enrollment_id for one in plans.in_trouble(due)] == [enrollment.pk]


def test_nobody_is_paused_without_a_days_notice_however_late_the_sweep(standin: Standin) -> None:
    enrollment, due = in_grace(standin)
    run(due + 20 * DAY)
    assert (refreshed(enrollment).status, mails(plans.PAUSE_AHEAD)) == (Status.GRACE, 1)
    run(due + 20 * DAY + 23 * dt.timedelta(hours=1))
    assert refreshed(enrollment).status == Status.GRACE
    run(due + 21 * DAY)
    assert refreshed(enrollment).status == Status.SUSPENDED


def test_a_sweep_that_looked_before_it_was_paid_pauses_nobody(standin: Standin) -> None:
    """Part 2 was paid meanwhile and part 3 failed: that is another time of grace."""
    enrollment, due = in_grace(standin)
    run(due + 6 * DAY)
    looked_at = plan_of(enrollment)
    PaymentPlan.objects.filter(pk=looked_at.pk).update(overdue_since=due + 6 * DAY)
    assert not plans._pause(looked_at, due + 7 * DAY)
    assert refreshed(enrollment).status == Status.GRACE


def test_paying_ends_the_pause_at_once_and_promises_a_link_that_is_near(standin: Standin) -> None:
    enrollment, paused_at = a_paused_member(standin)
    coming = (
        enrollment.cohort.group_sessions.filter(starts_at__gt=paused_at)
        .order_by("starts_at")
        .first()
    )
    assert coming is not None
    near = at(standin, coming.starts_at - dt.timedelta(hours=3))
    assert mails("session-link") == 0
    pay_on_the_page(standin, enrollment, 2, near)
    assert refreshed(enrollment).status == Status.ACTIVE
    assert mails("session-link") == 1
    assert Message.objects.get(kind=plans.PART_PAID).occasion_id == plans.RESUMED
    assert list(plans.in_trouble(near)) == []


def test_a_link_that_was_not_owed_during_the_pause_is_owed_after_it(standin: Standin) -> None:
    enrollment, due = in_grace(standin)
    coming = (
        enrollment.cohort.group_sessions.filter(starts_at__gt=due + 7 * DAY)
        .order_by("starts_at")
        .first()
    )
    assert coming is not None
    near = coming.starts_at - dt.timedelta(hours=3)
    Message.objects.create(
        kind="session-link",
        recipient=enrollment.member,
        subject_id=enrollment.pk,
        occasion_id=int(coming.starts_at.timestamp()) // 60,
        state="not_owed",
        next_try_at=near,
        created_at=near,
    )
    run(due + 6 * DAY)
    run(due + 7 * DAY)
    pay_on_the_page(standin, enrollment, 2, at(standin, near))
    assert Message.objects.get(kind="session-link").state == "queued"


def test_a_pause_gives_back_a_chair_in_another_group(standin: Standin) -> None:
    enrollment, due = in_grace(standin)
    host = a_group(capacity=1)
    own, theirs = session(enrollment.cohort, 12), session(host, 12)
    visit = Visit.objects.create(
        enrollment=enrollment,
        instead_of=own,
        session=theirs,
        seat=host.seats.get(),
        taken_at=due,
    )
    Absence.objects.create(enrollment=enrollment, session=own, starts_at=own.starts_at, said_at=due)
    assert not empty_chairs(session=theirs).exists()
    run(due + 6 * DAY)
    run(due + 7 * DAY)
    assert refreshed(enrollment).status == Status.SUSPENDED
    assert Visit.objects.get(pk=visit.pk).given_back_at == due + 7 * DAY
    assert empty_chairs(session=theirs).exists()
    assert not Absence.objects.filter(enrollment=enrollment).exists()


def test_the_door_says_kindly_that_the_seat_is_kept(standin: Standin) -> None:
    enrollment, _ = a_paused_member(standin)
    page = signed_in(enrollment.member).get(enrollment.door_url).content.decode()
    assert "Your seat is kept, and the door is closed for now" in page
    assert f"/my/{enrollment.public_id}/payments/" in page


def test_another_part_that_is_overdue_keeps_grace(standin: Standin) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "authentication_required")
    run(when_due(standin, enrollment, 2))
    plans_off = when_due(standin, enrollment, 3)
    charging.charge_due(now=plans_off)
    assert tries(enrollment) == ["needs_member"] * 2
    pay_on_the_page(standin, enrollment, 2, plans_off)
    assert refreshed(enrollment).status == Status.GRACE
    pay_on_the_page(standin, enrollment, 3, plans_off)
    assert refreshed(enrollment).status == Status.ACTIVE
    assert received(standin) == PRICE


# --- Leaving in between ---------------------------------------------------------------------


def leave(enrollment: Enrollment, when: dt.datetime) -> None:
    assert enrollment_services.withdraw(
        enrollment_id=enrollment.pk, actor=a_member(), reason="They asked", now=when
    )


def test_whoever_has_left_is_charged_for_nothing(standin: Standin) -> None:
    enrollment = a_plan(standin)
    leave(enrollment, now())
    run(when_due(standin, enrollment))
    assert (tries(enrollment), received(standin)) == ([], AMOUNTS[0])
    assert statuses(enrollment) == ["paid", "cancelled", "cancelled"]
    assert plan_of(enrollment).ended_at is not None


def test_a_plan_that_ends_asks_for_nothing_more(standin: Standin) -> None:
    enrollment = a_plan(standin)
    assert plans.end_plan(enrollment_id=enrollment.pk, now=now(), why="Free from now on") == 2
    assert plans.end_plan(enrollment_id=enrollment.pk, now=now(), why="Again") == 0
    run(when_due(standin, enrollment))
    assert received(standin) == AMOUNTS[0]
    assert plan_of(enrollment).ended_why == "Free from now on"


def test_a_member_who_left_in_grace_is_not_warned_nor_paused(standin: Standin) -> None:
    enrollment, due = in_grace(standin)
    leave(enrollment, due)
    run(due + 6 * DAY)
    run(due + 7 * DAY)
    assert (mails(plans.PAUSE_AHEAD), mails(plans.PAUSED)) == (0, 0)
    assert refreshed(enrollment).status == Status.WITHDRAWN
    assert statuses(enrollment) == ["paid", "cancelled", "cancelled"]


def test_money_of_somebody_who_left_goes_back_by_itself(standin: Standin) -> None:
    enrollment = a_plan(standin)
    part_checkout.start_part_checkout(whose=Q(pk=enrollment.pk), number=2, now=now())
    attempt = enrollment.attempts.get(status="open")
    leave(enrollment, now())
    standin.control("pay", session=attempt.stripe_session_id)
    settled = settlement.settle(attempt=attempt, now=now())
    assert settled is not None
    assert settled.refund_owed
    assert Refund.objects.get().reason == Refund.Reason.LATE
    sweeps.submit_open_refunds(now=now())
    assert received(standin) == ledger.balance(enrollment) == AMOUNTS[0]


# --- Bad days -------------------------------------------------------------------------------


def test_a_lost_answer_is_found_in_stripes_books(standin: Standin) -> None:
    enrollment = a_plan(standin)
    due = when_due(standin, enrollment)
    lose_the_reply(standin, CHARGE)
    run(due)
    assert tries(enrollment) == ["open"]
    assert charging.settle_open(now=due + MINUTE) == 0
    assert charging.settle_open(now=due + 6 * MINUTE) == 1
    assert (tries(enrollment), received(standin)) == (["succeeded"], AMOUNTS[0] + AMOUNTS[1])


def test_stripe_away_charges_nothing_and_the_sweep_asks_with_the_same_key(
    standin: Standin,
) -> None:
    enrollment = a_plan(standin)
    due = when_due(standin, enrollment)
    stripe_is_away(standin)
    run(due)
    with pytest.raises(gateway.Unreachable):
        charging.settle_open(now=due + 6 * MINUTE)
    standin.control("clear_faults")
    assert charging.settle_open(now=due + 12 * MINUTE) == 1
    [asked] = calls(standin, CHARGE)
    assert asked["headers"]["idempotency-key"] == f"inst:{part(enrollment, 2).uuid}:1"
    assert received(standin) == AMOUNTS[0] + AMOUNTS[1]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_500_that_its_key_replays_is_passed_by_with_the_next_one(
    standin: Standin, when: str
) -> None:
    enrollment = a_plan(standin)
    due = when_due(standin, enrollment)
    standin.control("fault", route=CHARGE, kind="500", when=when, saved=True)
    run(due)
    assert tries(enrollment) == ["open"]
    assert charging.settle_open(now=due + 6 * MINUTE) == 1
    assert received(standin) == AMOUNTS[0] + AMOUNTS[1]
    assert InstalmentTry.objects.get().idempotency_key.endswith(":1:2")


def test_a_try_whose_answer_was_lost_is_dropped_when_the_member_has_left(
    standin: Standin,
) -> None:
    enrollment = a_plan(standin)
    due = when_due(standin, enrollment)
    stripe_is_away(standin)
    run(due)
    standin.control("clear_faults")
    leave(enrollment, due)
    assert charging.settle_open(now=due + 6 * MINUTE) == 1
    assert (tries(enrollment), received(standin)) == (["dropped"], AMOUNTS[0])


@pytest.mark.parametrize("behaviour", ["paid", "declined"])
def test_stripes_events_about_a_part_settle_it_however_often_they_come(
    standin: Standin, behaviour: str
) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, behaviour)
    due = when_due(standin, enrollment)
    lose_the_reply(standin, CHARGE)
    run(due)
    kind = "succeeded" if behaviour == "paid" else "payment_failed"
    event = standin.events(f"payment_intent.{kind}")[-1]
    # Stripe's events are younger than five minutes on the real clock.
    for number in range(2):
        assert post_event({**event, "id": f"evt_{number}"}) == 200
    apply_all()
    assert StripeEvent.objects.filter(type=event["type"], status="applied").count() == 2
    assert tries(enrollment) == ["succeeded" if behaviour == "paid" else "declined"]
    booked = Payment.objects.filter(enrollment=enrollment).count()
    assert booked == (2 if behaviour == "paid" else 1)


def test_the_first_parts_own_payment_is_still_a_companion(standin: Standin) -> None:
    a_plan(standin)
    assert post_event(standin.events("payment_intent.succeeded")[-1]) == 200
    assert not StripeEvent.objects.exists()


# --- Choosing -------------------------------------------------------------------------------


def test_choosing_another_way_opens_another_page_and_keeps_the_seat(standin: Standin) -> None:
    enrollment = a_seat()
    first = at_the_page(enrollment)
    checkout.start_checkout(
        whose=Q(pk=enrollment.pk), now=now(), choice=checkout.Choice(in_parts=True)
    )
    second = enrollment.attempts.get(status="open")
    assert (refreshed(first).status, second.amount_cents) == ("expired", AMOUNTS[0])
    assert refreshed(enrollment).status == Status.HELD
    for attempt in (first, second):
        standin.control("pay", session=attempt.stripe_session_id)
        settlement.settle(attempt=attempt, now=now())
    assert Refund.objects.get().reason == Refund.Reason.TWICE
    assert refreshed(enrollment).status == Status.ACTIVE
    assert not Instalment.objects.exists()  # what was paid first counts: everything at once


def test_dates_that_have_changed_since_are_not_agreed_to(standin: Standin) -> None:
    enrollment = a_seat()
    with pytest.raises(checkout.PartsChanged):
        checkout.start_checkout(
            whose=Q(pk=enrollment.pk),
            now=now(),
            choice=checkout.Choice(in_parts=True, seen="9967@2020-01-01"),
        )
    assert not enrollment.attempts.exists()
