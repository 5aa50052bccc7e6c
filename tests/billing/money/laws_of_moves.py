"""What must hold of transfers: the seat and the credit go together, and neither twice."""

from collections import Counter

from billing.models import Transfer
from enrollment.states import Status
from tests.billing.money.sight import Sight

GONE = (Status.WITHDRAWN, Status.LATE_PAID)


def law_a_done_move_has_one_seat_and_both_its_lines(sight: Sight) -> None:
    lines = {line.key: line for line in sight.ledger if line.kind == "credit"}
    known = set()
    for one in sight.transfers:
        out, into = f"transfer:{one.uuid}:out", f"transfer:{one.uuid}:in"
        done = one.state == Transfer.State.DONE
        source, target = sight.enrollment(one.source_id), sight.enrollment(one.target_id)
        assert done == (target.confirmed_at is not None)
        if done:
            assert source.status in GONE, "they have the old seat, too"
        if done and one.moved_cents:
            known |= {out, into}
            assert (lines[out].enrollment_id, lines[out].amount_cents) == (
                source.pk,
                -one.moved_cents,
            )
            assert (lines[into].enrollment_id, lines[into].amount_cents) == (
                target.pk,
                one.moved_cents,
            )
            # The rest was paid at the page that brought them here.
            bought = [
                each.amount_cents
                for each in sight.payments_of(target)
                if not sight.bought_nothing(each) and sight.of_a_page(each).status == "paid"
            ]
            assert one.due_cents == 0 or bought
    assert set(lines) == known


def law_no_account_is_below_nothing(sight: Sight) -> None:
    """But for what banks took back, and what was given back without a look at the account: in the
    dashboard, of money that a person checks, or by no decision."""
    outside = {
        one.enrollment_id
        for one in sight.refunds
        if one.reason == "outside" or (one.reason == "desk" and one.decision_id is None)
    }
    moved = {one.source_id: one.target_id for one in sight.transfers if one.state == "done"}
    for pk in list(outside):
        while pk in moved:
            pk = moved[pk]
            outside.add(pk)
    disputed = {each.payment_id for each in sight.disputes}
    members = {
        each.member_id
        for each in sight.enrollments
        for payment in sight.payments_of(each)
        if payment.pk in disputed
    }
    sums: Counter[int] = Counter()
    for line in sight.ledger:
        sums[line.enrollment_id] += line.amount_cents
    for one in sight.enrollments:
        if one.pk not in outside and one.member_id not in members:
            assert sums[one.pk] >= 0


LAWS = (
    law_a_done_move_has_one_seat_and_both_its_lines,
    law_no_account_is_below_nothing,
)


def no_move_is_left_open(sight: Sight) -> None:
    """At the end, when every hold is over."""
    for one in sight.open_moves:
        assert sight.enrollment(one.target_id).status in (Status.HELD, Status.AWAITING_FUNDS)
        assert any(
            each.enrollment_id == one.target_id and each.status == "review"
            for each in sight.attempts
        )
