"""A refund that failed is owed until it is sent again or paid another way, and no longer."""

import pytest
from django.db import IntegrityError, transaction

from billing import (
    disputes,
    facts,
    failed_refunds,
    ledger,
    refunds,
    settlement,
    standing,
    story,
    sweeps,
)
from billing.failed_refunds import AlreadySettled
from billing.models import LedgerEntry, Payment, Refund
from billing.policy import Basis
from billing.refunds import NotRefundable
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    PRICE,
    a_payment,
    a_refund,
    apply_all,
    now,
    post_event,
    refreshed,
)
from tests.billing.decided import a_failed_refund, a_paid_seat, after, decide, fail, go_through
from tests.billing.desk import a_wrong_payment, an_outside_refund
from tests.billing.people import a_billing_admin

pytestmark = pytest.mark.django_db


def waiting() -> list[Refund]:
    return list(failed_refunds.waiting())


def try_again(refund: Refund) -> Refund:
    return failed_refunds.try_again(
        refund_uuid=refund.uuid, actor=a_billing_admin("Lee Cash"), now=after(3)
    )


def settle(refund: Refund, how: str = "Check 1042") -> Refund:
    return failed_refunds.settle_otherwise(
        refund_uuid=refund.uuid, actor=a_billing_admin("Kim Ledger"), how=how, now=after(3)
    )


def test_it_waits_until_it_is_sent_again_and_again_when_that_fails() -> None:
    decision = decide(a_paid_seat())
    refund = fail(Refund.objects.get())
    assert waiting() == [refund]
    again = try_again(refund)
    assert waiting() == []
    assert (again.retry_of, again.amount_cents, again.decision) == (refund, 22_425, decision)
    fail(again)
    assert waiting() == [again]


def test_it_is_sent_again_once() -> None:
    refund = a_failed_refund()
    try_again(refund)
    with pytest.raises(AlreadySettled, match="Lee Cash has sent it again already"):
        try_again(refund)
    assert Refund.objects.count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.create(
            payment=refund.payment,
            enrollment=refund.enrollment,
            amount_cents=1,
            reason="desk",
            requested_at=now(),
            retry_of=refund,
        )


def test_paid_another_way_it_is_owed_no_more_and_the_ledger_says_how() -> None:
    refund = a_failed_refund()
    assert ledger.balance(refund.enrollment) == 40_000
    settle(refund)
    assert waiting() == []
    refund.refresh_from_db()
    assert (str(refund.resolved_by), refund.resolved_at, refund.resolved_how) == (
        "Kim Ledger",
        after(3),
        "Check 1042",
    )
    line = LedgerEntry.objects.get(kind="adjustment")
    assert (line.amount_cents, line.reason) == (-22_425, "Given back another way: Check 1042")
    assert ledger.balance(refund.enrollment) == 17_575
    money = facts.money_of(refund.enrollment)
    assert (money.paid, money.back, money.failed, money.left) == (40_000, 22_425, 0, 17_575)


def test_what_was_paid_another_way_cannot_be_sent_as_well() -> None:
    refund = a_failed_refund()
    settle(refund)
    with pytest.raises(AlreadySettled, match="Kim Ledger settled it: Check 1042"):
        try_again(refund)
    with pytest.raises(AlreadySettled):
        settle(refund, "Again")
    assert LedgerEntry.objects.filter(kind="adjustment").count() == 1


def test_what_went_back_in_the_dashboard_meanwhile_is_not_booked_a_second_time() -> None:
    refund = a_failed_refund(cents=40_000)
    outside = refunds.request_refund(
        payment_id=refund.payment_id,
        amount_cents=40_000,
        reason=Refund.Reason.OUTSIDE,
        now=after(3),
    )
    go_through(outside)
    assert ledger.balance(refund.enrollment) == 0
    with pytest.raises(NotRefundable, match="note that it is not owed any more"):
        settle(refund, "Sent from Stripe's dashboard")
    assert ledger.balance(refund.enrollment) == 0
    assert LedgerEntry.objects.filter(kind="adjustment").count() == 0


def test_what_is_sent_again_cannot_be_noted_as_paid() -> None:
    refund = a_failed_refund()
    try_again(refund)
    with pytest.raises(AlreadySettled):
        settle(refund)
    assert LedgerEntry.objects.filter(kind="adjustment").count() == 0


def test_only_a_refund_that_failed_is_settled() -> None:
    decide(a_paid_seat())
    with pytest.raises(NotRefundable):
        settle(Refund.objects.get())
    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.update(resolved_by=a_billing_admin(), resolved_at=now())


def test_when_the_payment_has_not_enough_left_it_cannot_be_sent_again() -> None:
    refund = a_failed_refund()
    refunds.request_refund(
        payment_id=refund.payment_id,
        amount_cents=20_000,
        reason=Refund.Reason.OUTSIDE,
        now=after(3),
    )
    with pytest.raises(NotRefundable):
        try_again(refund)
    assert (waiting(), Payment.objects.get().refund_reserved_cents) == ([refund], 20_000)


def test_a_refund_of_the_dashboard_that_failed_is_sent_again_as_ours() -> None:
    refund = a_failed_refund()
    Refund.objects.update(reason="outside")
    assert try_again(refund).reason == "desk"


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("expired_or_canceled_card", "the card has expired, or its account is closed"),
        ("lost_or_stolen_card", "the card was reported lost or stolen"),
        ("never_heard_of", "it did not say why"),
    ],
)
def test_the_banks_reason_is_told_in_plain_words(failure: str, words: str) -> None:
    assert refunds.why_it_failed(failure) == (
        f"The card's bank sent it back: {words}. Pay it another way and note it here. ({failure})"
    )


def test_sent_again_stripe_pays_it_with_a_key_of_its_own(standin: Standin) -> None:
    refund = a_refund(standin)
    standin.control("next_refund", outcome="failed")
    sweeps.submit_open_refunds(now=now())
    again = failed_refunds.try_again(refund_uuid=refund.uuid, actor=a_billing_admin(), now=now())
    sweeps.submit_open_refunds(now=now())
    assert (refreshed(refund).status, refreshed(again).status) == ("failed", "succeeded")
    assert again.idempotency_key != refund.idempotency_key
    assert standin.books["totals"]["refunded"] == refund.amount_cents


# --- Owed no more ---------------------------------------------------------------------------


def owe_no_more(refund: Refund, why: str = "Refunded in the dashboard") -> Refund:
    return failed_refunds.owe_no_more(
        refund_uuid=refund.uuid, actor=a_billing_admin("Kim Ledger"), why=why, now=after(3)
    )


def left(enrollment: Enrollment) -> tuple[int, int]:
    """What nobody has decided about, and what the ledger says that they have with us."""
    return facts.money_of(enrollment).left, ledger.balance(enrollment)


def test_a_refund_that_met_one_of_the_dashboard_is_closed_and_the_rest_can_go_back(
    standin: Standin,
) -> None:
    payment = a_payment(standin)
    refund = refunds.request_refund(
        payment_id=payment.pk, amount_cents=20_000, reason=Refund.Reason.DESK, now=now()
    )
    standin.control("refund", payment_intent=payment.stripe_payment_intent_id, amount=15_000)
    sweeps.submit_open_refunds(now=now())
    assert refreshed(refund).status == "failed"
    assert (facts.money_of(payment.enrollment).failed, left(payment.enrollment)) == (
        14_900,
        (0, 14_900),
    )
    with pytest.raises(NotRefundable, match=r"They have \$149\.00 with us"):
        settle(refund)
    assert waiting() == [refund]
    owe_no_more(refund)
    assert (waiting(), left(payment.enrollment)) == ([], (14_900, 14_900))
    decide(payment.enrollment, basis=Basis.AMOUNT, amount=14_900, now=now())
    sweeps.submit_open_refunds(now=now())
    assert left(payment.enrollment) == (0, 0)
    assert standin.books["totals"]["refunded"] == PRICE


def test_a_refund_that_the_bank_made_by_a_dispute_is_closed_without_a_line(
    standin: Standin,
) -> None:
    refund = a_refund(standin)
    intent = refund.payment.stripe_payment_intent_id
    made = standin.control("dispute", payment_intent=intent)
    sweeps.submit_open_refunds(now=now())
    standin.control("close_dispute", dispute=made["id"], won=False)
    disputes.refresh(dispute_id=made["id"], now=now())
    assert (refreshed(refund).status, left(refund.enrollment)) == ("failed", (0, 0))
    with pytest.raises(NotRefundable, match=r"They have \$0\.00 with us"):
        settle(refund, "The bank did it")
    owe_no_more(refund, "The bank gave it back")
    assert (waiting(), left(refund.enrollment)) == ([], (0, 0))
    assert not LedgerEntry.objects.filter(kind="adjustment").exists()


def test_what_the_bank_sent_back_and_the_dashboard_repaid_is_counted_once(
    standin: Standin,
) -> None:
    payment = a_payment(standin)
    refund = fail(
        refunds.request_refund(
            payment_id=payment.pk, amount_cents=10_000, reason=Refund.Reason.DESK, now=now()
        )
    )
    an_outside_refund(standin, payment, cents=10_000)
    assert left(payment.enrollment) == (9_900, 19_900)
    owe_no_more(refund)
    assert left(payment.enrollment) == (19_900, 19_900)


def test_it_is_closed_once_and_says_by_whom_and_why() -> None:
    refund = a_failed_refund()
    owe_no_more(refund)
    words = "Kim Ledger settled it: Not owed any more: Refunded in the dashboard"
    for again in (owe_no_more, settle, try_again):
        with pytest.raises(AlreadySettled, match=words):
            again(refund)
    assert left(refund.enrollment) == (40_000, 40_000)


def test_what_went_back_by_cheque_does_not_go_back_again_with_odd_money(standin: Standin) -> None:
    attempt = a_wrong_payment(standin)
    outside = an_outside_refund(standin, Payment.objects.get(), cents=29_000)
    standin.control("fail_refund", refund=outside.stripe_refund_id)
    post_event(standin.events("refund.failed")[-1])
    apply_all()
    staff = a_billing_admin()
    failed_refunds.settle_otherwise(
        refund_uuid=outside.uuid, actor=staff, how="By cheque", now=now()
    )
    settlement.return_reviewed(attempt=refreshed(attempt), actor=staff, now=now())
    assert list(Refund.objects.order_by("pk").values_list("amount_cents", flat=True)) == [
        29_000,
        900,
    ]


# --- What is told of how it ended -------------------------------------------------------------


def told(refund: Refund) -> str:
    """The line of this refund on the member's page."""
    lines = standing.payment_lines(refund.enrollment, now())
    [line] = [one for one in lines if one.label.startswith("Refund")]
    return f"{line.label}: {line.detail}"


def test_the_member_is_told_of_no_money_that_may_not_have_reached_them() -> None:
    refund = a_failed_refund()
    owe_no_more(refund, "It was never to go")
    assert told(refund).startswith("Refund that did not go out: It did not reach your card")
    assert "gave it" not in told(refund)
    paid = a_failed_refund()
    settle(paid)
    assert told(paid).startswith("Refund settled another way")
    assert "we gave it to you another way" in told(paid)


def test_the_story_dates_how_it_ended_with_who_and_why(standin: Standin) -> None:
    refund = a_refund(standin)
    standin.control("dispute", payment_intent=refund.payment.stripe_payment_intent_id)
    sweeps.submit_open_refunds(now=now())
    whose = refund.enrollment

    def said() -> str:
        return " ".join(
            f"{one.what}. {one.why}" for one in story.story(enrollment=whose, now=now()).lines
        )

    assert "No money moved. It can be tried again." in said()
    owe_no_more(refund, "It was never to go")
    assert "It can be tried again" not in said()
    lines = story.story(enrollment=whose, now=now()).lines
    [line] = [one for one in lines if "is not owed any more" in one.what]
    assert (line.at, line.actor, line.link) == (
        refreshed(refund).resolved_at,
        "Kim Ledger",
        f"/money/refunds/{refund.uuid}/",
    )
    assert "It was never to go" in line.why
