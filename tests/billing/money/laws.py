"""What must hold after each step: the invariants of docs/architecture.md by their numbers.

6 (the door), 7 (no network in a transaction), 8 (a 200 is stored) and half of 5 (none to
somebody not entitled) are checked by the steps themselves, in test_money_machine.py; 9 by
`locks.py`.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from billing.models import CheckoutAttempt, Refund
from billing.refunds import REFUND_SENT
from billing.transfers import MOVED
from enrollment.links import (
    HOLD_EXPIRED,
    OFFER_LAPSED,
    SEAT_CONFIRMED,
    SEAT_OFFERED,
    WAITLIST_CLOSED,
    WAITLIST_JOINED,
)
from enrollment.models import Enrollment
from enrollment.states import IN_STANDING, LIVE, Status
from tests.billing.money.sight import Sight

MONEY_CAME = ("paid", "review", "returned")
OF_DISPUTES = ("dispute", "dispute_won")
ANOTHER_WAY = "Another way to pay was chosen."
# What a move of an enrolment owes its member.
BY_MOVE: dict[tuple[str, str], tuple[str, ...]] = {
    (Status.HELD, Status.EXPIRED): (HOLD_EXPIRED,),
    (Status.AWAITING_FUNDS, Status.EXPIRED): (HOLD_EXPIRED,),
    ("", Status.WAITLISTED): (WAITLIST_JOINED,),
    (Status.WAITLISTED, Status.OFFERED): (SEAT_OFFERED,),
    (Status.OFFERED, Status.EXPIRED): (OFFER_LAPSED,),
    (Status.WAITLISTED, Status.EXPIRED): (WAITLIST_CLOSED,),
}
Law = Callable[[Sight], None]


def law_1_taken_seats_never_exceed_capacity(sight: Sight, capacity: int) -> None:
    assert len(sight.seats) == capacity
    assert sum(seat.enrollment_id is not None for seat in sight.seats) <= capacity


def law_2_each_live_enrolment_has_one_seat_and_nobody_has_two(sight: Sight) -> None:
    live = [one for one in sight.enrollments if one.status in LIVE]
    taken = [seat.enrollment_id for seat in sight.seats if seat.enrollment_id]
    assert sorted(taken) == sorted(one.pk for one in live)
    assert max(Counter((one.member_id, one.cohort_id) for one in live).values(), default=0) <= 1


def law_3_active_means_paid_once_and_confirmed_once(sight: Sight) -> None:
    for one in sight.enrollments:
        payments = [each for each in sight.payments_of(one) if not sight.part_of(each)]
        kept = [
            each
            for each in payments
            if not sight.bought_nothing(each) and sight.of_a_page(each).status == "paid"
        ]
        moves = sight.moves[one.pk]
        confirmed = sum(
            move.target == Status.ACTIVE and move.source not in (Status.GRACE, Status.SUSPENDED)
            for move in moves
        )
        assert confirmed == (one.confirmed_at is not None)
        # Money that went back whole, by hand, may have bought the seat or not.
        certain = sum(each.refund_reserved_cents < each.amount_cents for each in kept)
        if is_free(sight, one) or (sight.came_by(one) and not kept):
            assert confirmed == (is_free(sight, one) or has_moved_here(sight, one))
        else:
            assert certain <= confirmed <= len(kept), one.status
        if one.status in IN_STANDING:
            assert confirmed
        if one.status == Status.LATE_PAID:
            assert payments


def has_moved_here(sight: Sight, one: Enrollment) -> bool:
    transfer = sight.came_by(one)
    return transfer is not None and transfer.state == "done"


def is_free(sight: Sight, one: Enrollment) -> bool:
    free = [move for move in sight.moves[one.pk] if move.reason == "Free place"]
    assert not free or one.price_cents == 0
    return bool(free)


def law_3_money_is_what_stripe_charged_for_that_page(sight: Sight) -> None:
    for payment in sight.page_payments:
        attempt = sight.of_a_page(payment)
        session = sight.session(attempt)
        assert session is not None
        assert session["client_reference_id"] == str(attempt.uuid)
        assert session["payment_intent"] == payment.stripe_payment_intent_id
        assert payment.enrollment_id == attempt.enrollment_id
    for payment in sight.payments:
        assert payment.stripe_payment_intent_id is not None
        assert sight.charged[payment.stripe_payment_intent_id] == payment.amount_cents


def law_3_every_attempt_says_what_became_of_its_page(sight: Sight) -> None:
    with_money = {payment.attempt_id for payment in sight.page_payments}
    in_review = {one.enrollment_id for one in sight.attempts if one.status == "review"}
    for attempt in sight.attempts:
        session = sight.session(attempt)
        assert (attempt.status in MONEY_CAME) == (attempt.pk in with_money)
        if attempt.status == "expired" and attempt.note != ANOTHER_WAY:
            assert session is not None
            assert session["status"] != "open"
            enrollment = sight.enrollment(attempt.enrollment_id)
            # Who waited for the seat keeps the time that they were promised, and a seat is kept
            # while a person looks at money that came through another page.
            if enrollment.waiting_since is None and enrollment.pk not in in_review:
                assert enrollment.status not in (Status.HELD, Status.AWAITING_FUNDS)
        if attempt.status == "failed":
            assert attempt.checkout_url == ""
    paid = Counter(payment.attempt_id for payment in sight.page_payments)
    assert max(paid.values(), default=0) <= 1


def law_3_a_page_that_can_be_paid_has_its_seat_and_its_price(sight: Sight, bent: set[str]) -> None:
    """The hold outlives the page: no seat is free while somebody can still pay for it."""
    for attempt in sight.attempts:
        session = sight.session(attempt)
        if session is None or not attempt.checkout_url:
            continue
        enrollment = sight.enrollment(attempt.enrollment_id)
        if session["id"] not in bent:
            assert session["amount_total"] == attempt.amount_cents
        if attempt.instalment_id or attempt.note == ANOTHER_WAY:
            continue
        # Money that came through another page of the same person's leaves this one open: what is
        # paid here then goes back. And money that is on its way there keeps the seat.
        if session["status"] == "open" and not sight.payments_of(enrollment):
            on_its_way = any(is_slow(sight, one) for one in sight.attempts_of(enrollment))
            kept = (Status.HELD, Status.AWAITING_FUNDS) if on_its_way else (Status.HELD,)
            assert attempt.status == "open"
            assert enrollment.status in kept
            assert enrollment.held_until is not None
            assert enrollment.held_until.timestamp() > session["expires_at"]


def is_slow(sight: Sight, attempt: CheckoutAttempt) -> bool:
    """Whether somebody paid there by a way that takes days."""
    return sight.session(attempt) in sight.slow_pages


def law_3_odd_money_is_taken_by_a_person_only(sight: Sight, accepted: set[int]) -> None:
    for payment in sight.page_payments:
        attempt = sight.of_a_page(payment)
        if payment.amount_cents != attempt.amount_cents and attempt.pk not in accepted:
            assert attempt.status in ("review", "returned")


def law_3_a_seat_is_kept_while_a_person_looks_at_its_money(sight: Sight) -> None:
    for payment in sight.page_payments:
        if sight.of_a_page(payment).status == CheckoutAttempt.Status.REVIEW:
            later = [m for m in sight.moves[payment.enrollment_id] if m.at > payment.paid_at]
            assert Status.EXPIRED not in {move.target for move in later}


def law_3_what_goes_back_by_itself_says_why(sight: Sight) -> None:
    for payment in sight.payments:
        enrollment = sight.enrollment(payment.enrollment_id)
        reasons = {refund.reason for refund in sight.refunds_of(payment)}
        if sight.part_of(payment):
            continue  # `laws_of_parts`
        if Refund.Reason.LATE in reasons:
            assert enrollment.status == Status.LATE_PAID
        if Refund.Reason.TWICE in reasons:
            assert enrollment.confirmed_at


def law_3_no_attempt_has_two_pages(sight: Sight) -> None:
    pages = Counter(one["client_reference_id"] for one in sight.sessions.values())
    assert max(pages.values(), default=0) <= 1
    open_attempts = Counter(
        one.enrollment_id for one in sight.attempts if one.status == CheckoutAttempt.Status.OPEN
    )
    assert max(open_attempts.values(), default=0) <= 1


def law_4_refunds_never_exceed_what_was_paid(sight: Sight) -> None:
    for payment in sight.payments:
        going_back = sum(
            refund.amount_cents
            for refund in sight.refunds_of(payment)
            if refund.status != Refund.Status.FAILED
        )
        assert payment.refund_reserved_cents == going_back
        assert 0 <= going_back <= payment.amount_cents


def law_4_each_refund_is_made_once_at_stripe(sight: Sight) -> None:
    theirs = [one for one in sight.their_refunds.values() if one["metadata"].get("refund")]
    made = Counter(one["metadata"]["refund"] for one in theirs)
    assert max(made.values(), default=0) <= 1
    ours = {str(refund.uuid): refund for refund in sight.refunds}
    for one in theirs:
        refund = ours[one["metadata"]["refund"]]
        assert refund.amount_cents == one["amount"]
        if refund.status == Refund.Status.FAILED:
            assert one["status"] == "failed"
    for refund in sight.refunds:
        if refund.status in (Refund.Status.PENDING, Refund.Status.SUCCEEDED):
            assert refund.stripe_refund_id in sight.their_refunds
        if refund.status == Refund.Status.SUCCEEDED:
            assert sight.their_refunds[str(refund.stripe_refund_id)]["status"] != "pending"
        assert (refund.settled_at is not None) == (refund.status in ("succeeded", "failed"))


def law_4_every_cent_stands_in_the_ledger_once(sight: Sight) -> None:
    owed = Counter(
        {("charge", one.stripe_payment_intent_id): one.amount_cents for one in sight.payments}
    )
    gone = (Refund.Status.PENDING, Refund.Status.SUCCEEDED)
    for refund in sight.refunds:
        if refund.status in gone:
            owed["refund", refund.stripe_refund_id] = -refund.amount_cents
    settled = {f"settled:{one.uuid}": one.amount_cents for one in sight.refunds if one.resolved_at}
    lines: Counter[tuple[str, str | None]] = Counter()
    came_back: Counter[tuple[str, str | None]] = Counter()
    for line in sight.ledger:
        if line.kind in OF_DISPUTES or line.kind == "credit":
            continue
        if line.kind == "adjustment":
            # What the desk settled without Stripe, as far as it was still there.
            assert 0 < -line.amount_cents <= settled.pop(line.key)
            continue
        kind = "refund" if line.kind == "refund_failed" else line.kind
        (came_back if line.kind == "refund_failed" else lines)[kind, line.stripe_id] += (
            line.amount_cents
        )
    failed = {one.stripe_refund_id for one in sight.refunds if one.status == Refund.Status.FAILED}
    assert {id for _, id in came_back} <= failed
    lines.update(came_back)
    assert {key: cents for key, cents in lines.items() if cents} == dict(owed)


def law_5_every_mail_that_is_owed_is_promised(sight: Sight) -> None:
    """Once each: the outbox's key forbids a second."""
    owed = {
        (MOVED if has_moved_here(sight, one) else SEAT_CONFIRMED, one.pk)
        for one in sight.enrollments
        if one.confirmed_at
    }
    for pk, moves in sight.moves.items():
        owed |= {
            (kind, pk) for move in moves for kind in BY_MOVE.get((move.source, move.target), ())
        }
    kinds = {SEAT_CONFIRMED, MOVED, *(kind for kinds in BY_MOVE.values() for kind in kinds)}
    assert {one for one in sight.mails if one[0] in kinds} == owed
    on_its_way = (Refund.Status.PENDING, Refund.Status.SUCCEEDED)
    told = {subject for kind, subject in sight.mails if kind == REFUND_SENT}
    assert {one.pk for one in sight.refunds if one.status in on_its_way} <= told


def law_7_no_event_failed_by_a_fault_of_ours(sight: Sight) -> None:
    """Applying an event catches everything, a call to Stripe in a transaction among it."""
    assert [event.note for event in sight.failed_events] == []


def history_explains_every_status(sight: Sight) -> None:
    for one in sight.enrollments:
        moves = sight.moves[one.pk]
        assert (moves[0].source, moves[-1].target) == ("", one.status)
        assert all(later.source == earlier.target for earlier, later in pairwise(moves))


LAWS: tuple[Law, ...] = (
    law_2_each_live_enrolment_has_one_seat_and_nobody_has_two,
    law_3_active_means_paid_once_and_confirmed_once,
    law_3_money_is_what_stripe_charged_for_that_page,
    law_3_every_attempt_says_what_became_of_its_page,
    law_3_a_seat_is_kept_while_a_person_looks_at_its_money,
    law_3_what_goes_back_by_itself_says_why,
    law_3_no_attempt_has_two_pages,
    law_4_refunds_never_exceed_what_was_paid,
    law_4_each_refund_is_made_once_at_stripe,
    law_4_every_cent_stands_in_the_ledger_once,
    law_5_every_mail_that_is_owed_is_promised,
    law_7_no_event_failed_by_a_fault_of_ours,
    history_explains_every_status,
)


# --- At the end: every fault is over, time has passed, the sweeps have run --------------------


def the_ledger_equals_stripes_books(sight: Sight) -> None:
    ours = {one.stripe_payment_intent_id: one.amount_cents for one in sight.payments}
    assert ours == {intent: cents for intent, cents in sight.charged.items() if cents}
    for payment in sight.payments:
        theirs = sum(
            refund["amount"]
            for refund in sight.their_refunds.values()
            if refund["payment_intent"] == payment.stripe_payment_intent_id
            and refund["status"] == "succeeded"
        )
        done = [one for one in sight.refunds_of(payment) if one.status == Refund.Status.SUCCEEDED]
        assert sum(one.amount_cents for one in done) == theirs


def nobody_waits(sight: Sight, now: dt.datetime) -> None:
    """No seat is kept for longer than was said, no page is open, no money is on its way (but for
    a person's decision)."""
    in_review = {one.enrollment_id for one in sight.attempts if one.status == "review"}
    for one in sight.enrollments:
        if one.status in (Status.OFFERED, Status.HELD, Status.AWAITING_FUNDS):
            assert one.held_until is not None
            assert one.held_until > now or one.pk in in_review
    assert [one for one in sight.attempts if one.status == "open"] == []
    reached = {one.stripe_session_id for one in sight.attempts if one.checkout_url}
    open_pages = {id for id, one in sight.sessions.items() if one["status"] == "open"}
    assert not reached & open_pages
    assert {one.status for one in sight.refunds} <= {"succeeded", "failed"}
    assert sight.open_tries == []
