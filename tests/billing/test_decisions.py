"""Deciding about a refund: what a rehearsal shows is what a press does, once, or nothing is."""

import dataclasses
import datetime as dt
import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from billing import decisions, facts, ledger, refunds, rehearsals
from billing.decisions import AlreadyDecided, ChangedMeanwhile
from billing.models import CheckoutAttempt, LedgerEntry, Payment, Refund, RefundDecision
from billing.policy import TERMS, Basis, Line
from billing.rehearsals import Impossible, Wish
from enrollment import attendance, rescheduling
from enrollment import services as enrollment_services
from enrollment.changes import Kind
from enrollment.changes import Wish as Change
from enrollment.models import Attendance, AttendanceNote, Consent, Enrollment, Seat
from outbox.models import Message
from sandbox.stripe_standin.process import Standin
from sessions.models import Cohort
from tests.billing.builders import a_payment, refreshed
from tests.billing.decided import (
    PRICE,
    a_paid_seat,
    after,
    approve,
    decide,
    fail,
    look,
    paid,
    parts,
    session,
)
from tests.billing.moving import a_group_for
from tests.billing.moving import start as start_move
from tests.billing.people import a_billing_admin
from tests.enrollment.builders import (
    HOUR,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    a_place_in_line,
)

pytestmark = pytest.mark.django_db

BY_POLICY = Wish(Basis.POLICY)
EVERYTHING = Wish(Basis.FULL)


def some(cents: int, *, frees: bool = False) -> Wish:
    return Wish(Basis.AMOUNT, cents, frees)


def refusal(enrollment: Enrollment, wish: Wish, now: dt.datetime | None = None) -> tuple[str, str]:
    """Where and why a wish is refused."""
    with pytest.raises(Impossible) as refused:
        look(enrollment, wish, now or after(3))
    return refused.value.field, refused.value.message


# --- The rehearsal ----------------------------------------------------------------------


def test_it_shows_the_cents_the_steps_and_the_version_that_was_agreed_to() -> None:
    enrollment = a_paid_seat()
    shown = look(enrollment, BY_POLICY, after(3))
    assert shown.cents == 22_425
    assert shown.computed.lines == (
        Line("Paid", 29_900),
        Line("3 of 12 sessions were held", -7_475),
    )
    assert (shown.agreed.terms, shown.agreed.at) == (TERMS["2026-11"], NOW)


def test_the_terms_are_those_of_the_purchase_not_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = dataclasses.replace(TERMS["2026-11"], version="2026-09", fee_cents=2_500)
    monkeypatch.setitem(TERMS, "2026-09", strict)
    enrollment = a_paid_seat()
    Consent.objects.filter(enrollment=enrollment, kind="refunds").update(version="2026-09")
    assert look(enrollment, BY_POLICY, after(3)).cents == 22_425 - 2_500


def test_money_goes_back_to_the_newest_payment_first() -> None:
    enrollment = a_paid_seat(9_967, 9_967, 9_966)
    first, second, third = Payment.objects.order_by("paid_at")
    shown = look(enrollment, BY_POLICY, after(3))
    assert [(take.payment, take.cents) for take in shown.takes] == [
        (third, 9_966),
        (second, 9_967),
        (first, 2_492),
    ]


def test_payments_that_are_refunded_already_are_passed_over() -> None:
    enrollment = a_paid_seat(10_000, 19_900)
    older = Payment.objects.earliest("paid_at")
    decide(enrollment, basis=Basis.AMOUNT, amount=19_900)
    shown = look(enrollment, some(2_525), after(3))
    assert [(take.payment, take.cents) for take in shown.takes] == [(older, 2_525)]


def test_a_payment_that_cannot_go_back_is_passed_over() -> None:
    enrollment = a_paid_seat(19_900)
    older = Payment.objects.get()
    paid(enrollment, 10_000, at=NOW + HOUR, stripe_payment_intent_id=None)
    shown = look(enrollment, some(2_525), after(3))
    assert [(take.payment, take.cents) for take in shown.takes] == [(older, 2_525)]


def test_it_says_what_becomes_of_the_seat_and_the_links() -> None:
    enrollment = a_paid_seat()
    kept, freed = (
        look(enrollment, Wish(Basis.POLICY, frees_seat=frees), after(3)).seat
        for frees in (False, True)
    )
    assert (kept.has_seat, kept.frees, freed.frees) == (True, False, True)
    assert freed.sessions_ahead == 9
    # This group is joined at its start only.
    assert (freed.next_in_line, freed.open_to_all) == (None, False)


def test_it_says_who_is_offered_the_seat_and_on_which_terms() -> None:
    group = a_cohort(capacity=1, admission=Cohort.Admission.MODULE_STARTS)
    enrollment = a_confirmed_seat(cohort=group)
    paid(enrollment, PRICE)
    wish, now = Wish(Basis.POLICY, frees_seat=True), after(3)
    nobody = look(enrollment, wish, now).seat
    assert (nobody.next_in_line, nobody.open_to_all) == (None, True)

    first, _ = (
        a_place_in_line(cohort=group, member=a_member(display_name=name))
        for name in ("Cleo", "Dora")
    )
    found = look(enrollment, wish, now).seat.next_in_line
    assert found is not None
    assert (found.enrollment, found.name) == (first, "Cleo")
    decide(enrollment, frees=True)
    first.refresh_from_db()
    assert first.status == "offered"
    got = (first.first_week, first.price_cents, first.held_until)
    assert got == (found.terms.first_week, found.terms.price_cents, found.terms.until)


def test_each_way_of_computing_is_shown_for_the_choice() -> None:
    enrollment = a_paid_seat()
    came_to(enrollment, 2)
    found = rehearsals.computed_by(enrollment=enrollment, now=after(3))
    assert {basis.value: computed.cents for basis, computed in found.items()} == {
        "policy": 22_425,
        "attended": 27_409,
        "cancelled": 0,
        "full": 29_900,
    }


def test_a_look_writes_nothing_and_costs_the_same_however_much_there_is() -> None:
    counts = []
    for payments in (1, 3):
        enrollment = a_paid_seat(*[9_000] * payments)
        for _ in range(payments):
            decide(enrollment, basis=Basis.AMOUNT, amount=100)
        for number in range(1, payments + 1):
            came_to(enrollment, number)
        enrollment = Enrollment.objects.select_related("cohort", "member").get(pk=enrollment.pk)
        before = RefundDecision.objects.count(), Refund.objects.count()
        with CaptureQueriesContext(connection) as queries:
            rehearsals.rehearse(enrollment=enrollment, wish=BY_POLICY, now=after(3))
        assert (RefundDecision.objects.count(), Refund.objects.count()) == before
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- What counts as attended ------------------------------------------------------------


def came_to(enrollment: Enrollment, number: int, late: dt.timedelta = dt.timedelta(0)) -> None:
    meeting = session(enrollment.cohort, number)
    Attendance.objects.create(
        enrollment=enrollment,
        session=meeting,
        arrived_at=meeting.starts_at + late,
        location="NY",
    )


def noted(enrollment: Enrollment, number: int, mark: str) -> None:
    AttendanceNote.objects.create(
        enrollment=enrollment,
        session=session(enrollment.cohort, number),
        mark=mark,
        noted_by=a_member(),
        noted_at=NOW,
    )


def test_a_note_counts_and_without_one_the_door() -> None:
    enrollment = a_paid_seat()
    came_to(enrollment, 1)
    came_to(enrollment, 2, late=attendance.LATEST + dt.timedelta(minutes=1))
    came_to(enrollment, 3)
    noted(enrollment, 3, "absent")
    noted(enrollment, 4, "present")
    assert facts.attended(enrollment, after(5)) == {1, 4}


# --- Who has left ------------------------------------------------------------------------


def test_what_was_held_after_they_left_is_not_charged() -> None:
    enrollment = a_paid_seat()
    decide(enrollment, basis=Basis.AMOUNT, frees=True, now=after(3))
    shown = look(enrollment, BY_POLICY, after(8))
    assert (shown.cents, shown.left_at) == (22_425, after(3))


def test_a_seat_that_lapsed_and_was_taken_again_did_not_end_then() -> None:
    enrollment = a_held_seat(now=NOW)
    enrollment_services.expire_hold(
        enrollment_id=enrollment.pk, now=NOW, reason="Too early", overdue_only=False
    )
    paid(enrollment, PRICE)
    enrollment_services.confirm_seat(enrollment_id=enrollment.pk, now=NOW, reason="Paid")
    decide(enrollment, basis=Basis.AMOUNT, frees=True, now=after(3))
    assert look(enrollment, BY_POLICY, after(8)).left_at == after(3)


# --- Deciding ----------------------------------------------------------------------------


def test_a_press_reserves_what_was_shown_and_keeps_the_seat() -> None:
    enrollment = a_paid_seat(10_000, 19_900)
    older, newer = Payment.objects.order_by("paid_at")
    kim = a_billing_admin()
    decision = decide(enrollment, actor=kim)
    assert parts(decision) == [(newer.pk, 19_900), (older.pk, 2_525)]
    assert (refreshed(older).refund_reserved_cents, refreshed(newer).refund_reserved_cents) == (
        2_525,
        19_900,
    )
    assert (decision.status, decision.made_by, decision.decided_by) == ("done", kim, kim)
    assert decision.computed == [["Paid", 29_900], ["3 of 12 sessions were held", -7_475]]
    assert (decision.policy_version, decision.reason) == ("2026-11", "They moved away")
    assert {refund.actor for refund in Refund.objects.all()} == {kim}
    assert refreshed(enrollment).status == "active"
    assert Message.objects.filter(kind="seat-freed").count() == 0


def test_money_and_seat_are_two_choices() -> None:
    enrollment = a_paid_seat()
    decision = decide(enrollment, basis=Basis.AMOUNT, amount=0, frees=True)
    assert (parts(decision), refreshed(enrollment).status) == ([], "withdrawn")
    assert Seat.objects.filter(enrollment=enrollment).exists() is False
    [message] = Message.objects.filter(kind="seat-freed")
    assert (message.recipient_id, message.subject_id) == (enrollment.member_id, decision.pk)
    later = decide(enrollment, now=after(4))
    assert later.amount_cents == 22_425


def test_a_refund_that_frees_the_seat_needs_no_second_mail_about_it() -> None:
    enrollment = a_paid_seat()
    decide(enrollment, frees=True)
    assert refreshed(enrollment).status == "withdrawn"
    assert [move.reason for move in enrollment.moves.all()][-1] == (
        "Left the group, decided at the money desk"
    )
    assert Message.objects.filter(kind="seat-freed").count() == 0


def test_pressing_twice_is_one_decision() -> None:
    enrollment, key, kim = a_paid_seat(), uuid.uuid4(), a_billing_admin()
    shown = look(enrollment, some(5_000), after(3))
    first, second = (
        decide(enrollment, basis=Basis.AMOUNT, amount=5_000, seen=shown, key=key, actor=kim)
        for _ in range(2)
    )
    assert first == second
    assert Refund.objects.count() == 1


def test_the_key_of_another_persons_refund_is_refused() -> None:
    key = uuid.uuid4()
    decide(a_paid_seat(), key=key)
    with pytest.raises(ChangedMeanwhile):
        decide(a_paid_seat(), key=key)
    assert RefundDecision.objects.count() == 1


def test_several_times_over_until_nothing_is_left() -> None:
    enrollment = a_paid_seat(9_967, 9_967, 9_966)
    for amount in (1, 9_966, 12_458):
        decide(enrollment, basis=Basis.AMOUNT, amount=amount)
    assert facts.money_of(enrollment).left == 29_900 - 22_425
    assert refusal(enrollment, BY_POLICY) == (
        "basis",
        "By this nothing goes back. Choose another way, or free the seat only.",
    )
    decide(enrollment, basis=Basis.FULL)
    assert facts.money_of(enrollment).left == 0
    assert refusal(enrollment, EVERYTHING) == (
        "basis",
        "Everything that was paid has gone back already, or is on its way.",
    )
    assert sum(Payment.objects.values_list("refund_reserved_cents", flat=True)) == 29_900


def test_a_cancelled_session_is_paid_back_to_somebody_who_stays() -> None:
    enrollment = a_paid_seat()
    cohort = enrollment.cohort
    rescheduling.apply(
        cohort_id=cohort.pk,
        wish=Change(kind=Kind.CANCEL, number=5, day=None, wall_time=None),
        version=cohort.version,
        actor=a_member(),
        reason="",
        now=after(3),
    )
    decision = decide(enrollment, basis=Basis.CANCELLED)
    assert (decision.amount_cents, refreshed(enrollment).status) == (2_491, "active")
    # It is part of what comes back when they leave, not more.
    shown = look(enrollment, BY_POLICY, after(4))
    assert shown.cents == 29_900 - 4 * 2_492 + 1 - 2_491


# --- Stale pages --------------------------------------------------------------------------


def stale(enrollment: Enrollment, wish: Wish, change: object, now: dt.datetime) -> list[str]:
    """What somebody is told who looked at it before `change` happened."""
    shown = look(enrollment, wish, after(3))
    assert callable(change)
    change()
    before = RefundDecision.objects.count()
    with pytest.raises(ChangedMeanwhile) as refused:
        decide(
            enrollment,
            basis=wish.basis,
            amount=wish.amount_cents,
            frees=wish.frees_seat,
            seen=shown,
            now=now,
        )
    assert RefundDecision.objects.count() == before
    return refused.value.words


def test_a_session_that_ended_meanwhile_is_said() -> None:
    words = stale(a_paid_seat(), BY_POLICY, lambda: None, after(4))
    assert words == [
        "4 sessions were held by now, not 3.",
        "It comes to $199.33, not $224.25.",
    ]


def test_a_refund_of_somebody_else_is_said() -> None:
    enrollment = a_paid_seat()
    words = stale(
        enrollment,
        some(5_000),
        lambda: decide(enrollment, basis=Basis.AMOUNT, amount=5_000),
        after(3),
    )
    assert words == ["$50.00 is given back or on its way, not $0.00."]


def test_a_seat_that_was_given_up_meanwhile_is_said() -> None:
    enrollment = a_paid_seat()

    def leave() -> None:
        enrollment_services.withdraw(
            enrollment_id=enrollment.pk, actor=enrollment.member, reason="Left", now=after(3)
        )

    words = stale(enrollment, some(5_000), leave, after(3))
    assert words == ["The seat was “Confirmed” and is “Withdrawn” now."]


def test_another_choice_than_the_one_that_was_looked_at_is_not_carried_out() -> None:
    enrollment = a_paid_seat()
    shown = look(enrollment, some(5_000), after(3))
    with pytest.raises(ChangedMeanwhile):
        decide(enrollment, basis=Basis.AMOUNT, amount=5_000, frees=True, seen=shown)
    assert refreshed(enrollment).status == "active"


# --- What cannot be ------------------------------------------------------------------------


def test_more_than_is_left_is_refused_at_the_amount() -> None:
    enrollment = a_paid_seat()
    decide(enrollment, basis=Basis.AMOUNT, amount=9_900)
    assert refusal(enrollment, some(20_001)) == (
        "amount",
        "That is more than what can go back now, which is $200.00.",
    )


@pytest.mark.parametrize(
    ("cents", "words"),
    [
        (0, "Type the amount that goes back, for example 24.92."),
        (-1, "An amount cannot be less than nothing."),
    ],
)
def test_no_amount_is_refused_unless_the_seat_is_freed(cents: int, words: str) -> None:
    assert refusal(a_paid_seat(), some(cents)) == ("amount", words)


def test_a_place_that_cost_nothing_gives_nothing_back_but_can_be_freed() -> None:
    enrollment = a_confirmed_seat()
    nothing = "Nothing was paid for this seat, so there is nothing to give back."
    assert refusal(enrollment, EVERYTHING) == ("basis", nothing)
    assert refusal(enrollment, some(5_000)) == ("amount", nothing)
    decision = decide(enrollment, basis=Basis.FULL, frees=True)
    assert (decision.amount_cents, refreshed(enrollment).status) == (0, "withdrawn")


def test_a_payment_in_another_currency_is_left_alone() -> None:
    enrollment = a_paid_seat(10_000)
    paid(enrollment, 10_000, currency="eur")
    field, words = refusal(enrollment, some(15_000))
    assert field == "amount"
    assert words.startswith("That is more than what can go back now, which is $100.00. $100.00:")
    assert "It was paid in EUR, and the price is in USD" in words


def test_money_that_waits_for_a_check_is_left_alone(standin: Standin) -> None:
    payment = a_payment(standin)
    CheckoutAttempt.objects.update(status="review")
    [source] = facts.refundable_payments(payment.enrollment)
    assert source.obstacle == "It waits for a check: decide first whether it is accepted."


def test_a_payment_without_a_charge_is_left_alone() -> None:
    enrollment = a_paid_seat(10_000)
    Payment.objects.update(stripe_payment_intent_id=None)
    assert "It has no charge at Stripe" in refusal(enrollment, EVERYTHING)[1]


def test_a_seat_that_is_not_theirs_any_more_cannot_be_freed() -> None:
    enrollment = a_paid_seat()
    decide(enrollment, basis=Basis.AMOUNT, frees=True)
    assert refusal(enrollment, some(5_000, frees=True)) == (
        "seat",
        "They have no confirmed seat, so there is none to free.",
    )


def test_the_fees_of_the_processor_are_not_the_members() -> None:
    enrollment = a_paid_seat()
    ledger.post(
        enrollment_id=enrollment.pk,
        kind=LedgerEntry.Kind.FEE,
        amount_cents=-897,
        currency="usd",
        key="fee:1",
        at=NOW,
    )
    assert look(enrollment, EVERYTHING, NOW).cents == 29_900


def test_what_the_bank_took_back_cannot_be_given_back() -> None:
    enrollment = a_paid_seat()
    ledger.post(
        enrollment_id=enrollment.pk,
        kind=LedgerEntry.Kind.DISPUTE,
        amount_cents=-29_900,
        currency="usd",
        key="dispute:1",
        at=NOW,
    )
    assert refusal(enrollment, some(1))[0] == "amount"


def test_a_refund_that_failed_is_spoken_for_until_somebody_deals_with_it() -> None:
    enrollment = a_paid_seat()
    decide(enrollment)
    fail(Refund.objects.get())
    money = facts.money_of(enrollment)
    assert (money.paid, money.back, money.failed, money.left) == (29_900, 0, 22_425, 7_475)
    assert ledger.balance(enrollment) == 29_900


# --- A second person -------------------------------------------------------------------------


def test_above_the_limit_a_second_person_decides() -> None:
    enrollment = a_paid_seat(40_000)
    kim, lee = a_billing_admin("Kim"), a_billing_admin("Lee")
    decision = decide(enrollment, basis=Basis.AMOUNT, amount=30_001, frees=True, actor=kim)
    assert (decision.status, decision.needs_second, decision.decided_by) == ("waiting", True, None)
    assert (Refund.objects.count(), refreshed(enrollment).status) == (0, "active")
    approve(decision, actor=lee)
    assert (decision.status, decision.decided_by, decision.decided_at) == ("done", lee, after(3))
    assert (len(parts(decision)), refreshed(enrollment).status) == (1, "withdrawn")
    with pytest.raises(AlreadyDecided):
        decisions.approve(decision=decision, seen=None, actor=a_billing_admin(), now=after(3))
    assert Refund.objects.count() == 1


@pytest.mark.parametrize(
    ("limit", "cents", "waits"),
    [
        (30_000, 30_000, False),
        (30_000, 30_001, True),
        (0, 1, True),
        (None, 40_000, False),
    ],
)
def test_the_limit_is_a_setting(
    settings: Settings, limit: int | None, cents: int, waits: bool
) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = limit
    shown = look(a_paid_seat(40_000), some(cents), after(3))
    assert shown.needs_second is waits


def test_freeing_a_seat_alone_needs_one_person(settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = 0
    assert decide(a_paid_seat(), basis=Basis.AMOUNT, frees=True).status == "done"


def test_the_limit_is_not_passed_in_small_pieces() -> None:
    enrollment = a_paid_seat(40_000)
    assert decide(enrollment, basis=Basis.AMOUNT, amount=20_000).status == "done"
    assert decide(enrollment, basis=Basis.AMOUNT, amount=10_001).status == "waiting"


def test_the_limit_is_not_passed_by_a_move_in_between() -> None:
    source = a_paid_seat(40_000)
    assert decide(source, basis=Basis.AMOUNT, amount=10_000).status == "done"
    other = start_move(source, a_group_for(1_000))
    target = refreshed(other.target)
    paid(target, 40_000)
    assert decide(target, basis=Basis.AMOUNT, amount=20_001).status == "waiting"


def test_nobody_is_their_own_second_person() -> None:
    kim = a_billing_admin()
    decision = decide(a_paid_seat(40_000), basis=Basis.FULL, actor=kim)
    with pytest.raises(Impossible, match="somebody else has to agree"):
        approve(decision, actor=kim)
    assert RefundDecision.objects.get().status == "waiting"
    with pytest.raises(IntegrityError), transaction.atomic():
        RefundDecision.objects.update(status="done", decided_by=kim, decided_at=NOW)


def test_when_the_money_is_gone_it_goes_on_waiting_and_says_so() -> None:
    enrollment = a_paid_seat(40_000)
    decision = decide(enrollment, basis=Basis.FULL)
    refunds.request_refund(
        payment_id=Payment.objects.get().pk,
        amount_cents=1,
        reason=Refund.Reason.OUTSIDE,
        now=after(3),
    )
    with pytest.raises(Impossible, match=r"more than what can go back now, which is \$399\.99"):
        approve(decision)
    assert RefundDecision.objects.get().status == "waiting"


def test_the_amount_that_was_decided_stands_though_a_session_was_held_since() -> None:
    enrollment = a_paid_seat(40_000)
    decision = decide(enrollment, basis=Basis.POLICY)
    assert decision.amount_cents == 32_525
    approve(decision, now=after(5))
    assert sum(cents for _, cents in parts(decision)) == 32_525


def test_declined_it_does_nothing_and_another_can_be_made() -> None:
    enrollment, kim = a_paid_seat(40_000), a_billing_admin()
    decision = decide(enrollment, basis=Basis.FULL, actor=kim)
    assert refusal(enrollment, some(1)) == (
        "",
        "A decision about this seat waits for a second person already.",
    )
    decisions.decline(decision=decision, actor=kim, now=after(3))
    assert (decision.status, decision.decided_by, Refund.objects.count()) == ("declined", kim, 0)
    with pytest.raises(AlreadyDecided):
        decisions.decline(decision=decision, actor=kim, now=after(3))
    assert decide(enrollment, basis=Basis.AMOUNT, amount=100).status == "done"


def test_the_database_knows_what_a_decision_is() -> None:
    decision = decide(a_paid_seat(40_000), basis=Basis.FULL)
    for broken in (
        {"amount_cents": 0, "frees_seat": False},
        {"status": "done"},
        {"needs_second": False},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            RefundDecision.objects.filter(pk=decision.pk).update(**broken)
