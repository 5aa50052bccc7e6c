"""What must hold of decisions, prices, codes, disputes, and each person's account with us."""

from collections import Counter

from django.conf import settings

from billing.models import Refund, RefundDecision
from enrollment.states import ENTERED, IN_STANDING, LIVE, Status
from tests.billing.money.laws import OF_DISPUTES, has_moved_here, is_free
from tests.billing.money.sight import Sight

WENT_BACK = ("refund", "refund_failed", "adjustment")
LEFT = (Status.WITHDRAWN, Status.CANCELLED, Status.LATE_PAID)


def law_a_decision_is_carried_out_to_the_cent_or_not_at_all(sight: Sight) -> None:
    for one in sight.decisions:
        own = [each for each in sight.refunds if each.decision_id == one.pk]
        made = [each for each in own if not each.retry_of_id]
        done = one.status == RefundDecision.Status.DONE
        assert sum(each.amount_cents for each in made) == (one.amount_cents if done else 0)
        assert {each.enrollment_id for each in made} <= {one.enrollment_id}
        if done and one.frees_seat:
            assert sight.enrollment(one.enrollment_id).status in LEFT
            running = {each.enrollment_id for each in sight.running_plans}
            assert one.enrollment_id not in running, "somebody left, and their plan goes on"


def law_much_money_needs_two_people(sight: Sight) -> None:
    limit: int = settings.REFUND_SECOND_PERSON_CENTS or 0
    alone: Counter[int] = Counter()
    for one in sight.decisions:
        if one.status == RefundDecision.Status.DONE:
            if one.needs_second:
                assert one.decided_by_id != one.made_by_id
            elif not one.by_member:  # then the policy has decided
                alone[one.enrollment_id] += one.amount_cents
    assert max(alone.values(), default=0) <= limit


def law_nobody_gets_more_than_they_gave(sight: Sight) -> None:
    """What went back or is on its way; by member, who may have taken money to another group."""
    paid: Counter[int] = Counter()
    back: Counter[int] = Counter()
    booked: Counter[int] = Counter()
    for one in sight.enrollments:
        for each in sight.payments_of(one):
            paid[one.member_id] += each.amount_cents
            back[one.member_id] += each.refund_reserved_cents
        for line in sight.ledger:
            if line.enrollment_id == one.pk and line.kind in WENT_BACK:
                booked[one.member_id] -= line.amount_cents
    assert all(back[member] <= cents for member, cents in paid.items())
    assert all(booked[member] <= cents for member, cents in paid.items())
    assert set(back) | {one for one in booked if booked[one]} <= set(paid)


def law_3_standing_means_paid_free_or_a_plan(sight: Sight, accepted: set[int]) -> None:
    for one in sight.enrollments:
        if one.status not in IN_STANDING or is_free(sight, one) or sight.parts_of(one):
            continue
        if has_moved_here(sight, one):
            continue  # `laws_of_moves`
        newest = sight.attempts_of(one)[-1].pk
        bought = [
            each
            for each in sight.payments_of(one)
            if not sight.bought_nothing(each) and sight.of_a_page(each).status == "paid"
        ]
        # A page that ran out and was paid all the same had the price of its own time.
        assert any(
            each.amount_cents == one.price_cents
            or each.attempt_id in accepted
            or each.attempt_id != newest
            for each in bought
        )


def law_a_code_is_used_as_often_as_it_may_be(sight: Sight) -> None:
    """Whoever pays late, after the seat was gone, brings their use of it along."""
    uses: Counter[int] = Counter()
    for redemption in sight.redemptions:
        one = sight.enrollment(redemption.enrollment_id)
        came_back = any(
            move.source == Status.EXPIRED and move.target == Status.ACTIVE
            for move in sight.moves[one.pk]
        )
        counts = one.status in LIVE or one.confirmed_at
        if counts and not came_back:
            uses[redemption.code_id] += 1
    for code in sight.codes:
        assert code.limit is None or uses[code.pk] <= code.limit


def law_what_is_taken_off_has_a_reason(sight: Sight) -> None:
    for one in sight.enrollments:
        assert one.off_cents >= 0
        assert (one.off_cents > 0) == (one.price_words != "")
        if one.price_words.startswith("Code ") and one.status in (*ENTERED, Status.COMPLETED):
            [used] = [each for each in sight.redemptions if each.enrollment_id == one.pk]
            assert f"Code {used.code.code}:" in one.price_words


def law_4_disputes_are_booked_as_stripe_moved_the_money(sight: Sight) -> None:
    """Each movement once; at the end all of them (`the_books_are_equal`)."""
    moved = {
        f"dispute:{id}:{row['id']}": row["amount"]
        for id, dispute in sight.their_disputes.items()
        for row in dispute["balance_transactions"]
    }
    booked = {line.key: line.amount_cents for line in sight.ledger if line.kind in OF_DISPUTES}
    assert booked.items() <= moved.items()
    known = {one.stripe_dispute_id for one in sight.disputes}
    assert known <= set(sight.their_disputes)


LAWS = (
    law_a_decision_is_carried_out_to_the_cent_or_not_at_all,
    law_much_money_needs_two_people,
    law_nobody_gets_more_than_they_gave,
    law_a_code_is_used_as_often_as_it_may_be,
    law_what_is_taken_off_has_a_reason,
    law_4_disputes_are_booked_as_stripe_moved_the_money,
)


def nothing_held_by_a_bank_goes_back(refunds: list[Refund]) -> None:
    """Right after they were asked for: of none of their payments do we know of an open dispute."""
    for refund in refunds:
        held = refund.payment.disputes.filter(status__in=("needs_response", "under_review"))
        assert not held.exists()


def each_account_equals_stripes(sight: Sight) -> None:
    """At the end: what the ledger says of a member is what Stripe has of them."""
    theirs: Counter[int] = Counter()
    member = {one.pk: one.member_id for one in sight.enrollments}
    for payment in sight.payments:
        intent = str(payment.stripe_payment_intent_id)
        theirs[member[payment.enrollment_id]] += sight.charged[intent]
        for refund in sight.their_refunds.values():
            if refund["payment_intent"] == intent and refund["status"] != "failed":
                theirs[member[payment.enrollment_id]] -= refund["amount"]
        for dispute in sight.their_disputes.values():
            if dispute["payment_intent"] == intent:
                theirs[member[payment.enrollment_id]] += sum(
                    row["amount"] for row in dispute["balance_transactions"]
                )
    ours: Counter[int] = Counter()
    for line in sight.ledger:
        if line.kind != "adjustment":  # settled without Stripe
            ours[member[line.enrollment_id]] += line.amount_cents
    for whose in member.values():
        assert ours[whose] == theirs[whose]
    states = {one.stripe_dispute_id: one.status for one in sight.disputes}
    assert states == {id: one["status"] for id, one in sight.their_disputes.items()}
