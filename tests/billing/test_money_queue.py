"""The queue of what waits for a person, and the two decisions that are made from it."""

import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import disputes, failed_refunds, ledger, queue, refunds, reviews, sweeps
from billing.models import CheckoutAttempt, Payment, Refund
from billing.reviews import ChangedMeanwhile, Decision
from enrollment import services as enrollment_services
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    PRICE,
    a_payment,
    expired_and_gone,
    mails,
    now,
    refreshed,
    seat_of,
)
from tests.billing.desk import (
    a_failed_refund,
    a_stuck_late_payment,
    a_wrong_payment,
    an_outside_refund,
    text,
)
from tests.billing.people import a_billing_admin, at_the_desk
from tests.enrollment.builders import a_held_seat

pytestmark = pytest.mark.django_db

QUEUE = "/money/"
KINDS: dict[str, Callable[[Standin], object]] = {
    "payments": a_wrong_payment,
    "late": a_stuck_late_payment,
    "failed": a_failed_refund,
    "outside": an_outside_refund,
}


@pytest.fixture
def desk() -> Client:
    return at_the_desk()


def counts() -> dict[str, int]:
    return {group.slug: group.total for group in queue.waiting(now=now())}


def page_of(attempt: CheckoutAttempt) -> str:
    return reverse("billing:payment", args=[attempt.uuid])


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found is not None
    return found[1]


# --- The queue --------------------------------------------------------------------------


def test_an_empty_queue_says_so(desk: Client) -> None:
    assert "Nothing waits for you" in text(desk, QUEUE)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_trouble_waits_in_its_own_group(standin: Standin, kind: str) -> None:
    KINDS[kind](standin)
    assert counts() == {kind: 1}


def test_a_row_says_who_what_how_much_since_when_and_where_to_go(
    standin: Standin, desk: Client
) -> None:
    attempt = a_wrong_payment(standin)
    words = text(desk, QUEUE)
    assert "Sam Rivers, Tuesday evenings" in words
    assert "$300.00 was asked for, and $299.00 came." in words
    assert "$299.00" in words
    assert f'href="{page_of(attempt)}"' in words
    assert reverse("billing:enrollment", args=[attempt.enrollment.public_id]) in words
    assert '<a href="#payments">Payments that do not match: 1</a>' in words


def test_the_time_is_the_readers_own(standin: Standin) -> None:
    a_wrong_payment(standin)
    reader = a_billing_admin()
    reader.time_zone = "America/Los_Angeles"
    reader.save(update_fields=["time_zone"])
    assert re.search(r"Since .*[AP]M Pacific", text(at_the_desk(reader), QUEUE))


def test_the_oldest_comes_first(standin: Standin) -> None:
    newer, older = a_failed_refund(standin), a_failed_refund(standin)
    Refund.objects.filter(pk=older.pk).update(settled_at=now() - dt.timedelta(days=3))
    [group] = queue.waiting(now=now())
    assert [row.story for row in group.rows] == [
        queue.story_of(one.enrollment.public_id) for one in (older, newer)
    ]


def test_a_long_queue_shows_the_oldest_and_counts_all(
    standin: Standin, monkeypatch: pytest.MonkeyPatch, desk: Client
) -> None:
    monkeypatch.setattr(queue, "SHOWN", 2)
    for _ in range(3):
        an_outside_refund(standin)
    [group] = queue.waiting(now=now())
    assert (len(group.rows), group.total) == (2, 3)
    assert "the oldest 2 of 3" in text(desk, QUEUE)


def test_the_queue_asks_as_often_for_three_of_each_as_for_one(
    standin: Standin, desk: Client
) -> None:
    asked = []
    for rows in (1, 2):
        for make in KINDS.values():
            for _ in range(rows):
                make(standin)
        with CaptureQueriesContext(connection) as captured:
            text(desk, QUEUE)
        asked.append(len(captured))
    assert set(counts().values()) == {3}
    assert asked[0] == asked[1]


def test_a_refund_that_was_tried_again_waits_no_more(standin: Standin) -> None:
    refund = a_failed_refund(standin)
    failed_refunds.try_again(refund_uuid=refund.uuid, actor=a_billing_admin(), now=now())
    assert counts() == {}


def test_a_refund_that_failed_twice_waits_once(standin: Standin) -> None:
    refund = a_failed_refund(standin)
    standin.control("next_refund", outcome="failed")
    failed_refunds.try_again(refund_uuid=refund.uuid, actor=a_billing_admin(), now=now())
    sweeps.submit_open_refunds(now=now())
    assert counts() == {"failed": 1}


def test_late_money_that_went_back_another_way_waits_no_more(standin: Standin) -> None:
    refund = a_stuck_late_payment(standin)
    failed_refunds.settle_otherwise(
        refund_uuid=refund.uuid, actor=a_billing_admin(), how="By check", now=now()
    )
    assert counts() == {}


def test_an_outside_refund_that_failed_after_all_is_a_failed_refund(standin: Standin) -> None:
    refund = an_outside_refund(standin)
    standin.control("fail_refund", refund=refund.stripe_refund_id)
    sweeps.reconcile(now=now())
    assert counts() == {"failed": 1}


# --- A payment that does not match ------------------------------------------------------


def rehearse(desk: Client, attempt: CheckoutAttempt, decision: Decision) -> str:
    """The fingerprint that the rehearsal holds."""
    html = text(desk, page_of(attempt), decision=decision.value)
    assert "Nothing has changed yet" in html
    return hidden(html, "seen")


def confirm(desk: Client, attempt: CheckoutAttempt, decision: str, seen: str) -> int:
    return desk.post(page_of(attempt), {"decision": decision, "seen": seen}).status_code


def test_looking_and_rehearsing_change_nothing(standin: Standin, desk: Client) -> None:
    attempt = a_wrong_payment(standin)
    text(desk, page_of(attempt))
    for decision in Decision:
        rehearse(desk, attempt, decision)
    assert (refreshed(attempt).status, refreshed(attempt.enrollment).status) == ("review", "held")
    assert Refund.objects.count() == 0


def test_accepting_confirms_the_seat_and_keeps_the_money(standin: Standin) -> None:
    attempt, admin = a_wrong_payment(standin), a_billing_admin()
    desk = at_the_desk(admin)
    seen = rehearse(desk, attempt, Decision.ACCEPT)
    assert confirm(desk, attempt, "accept", seen) == 302
    assert (refreshed(attempt).status, refreshed(attempt.enrollment).status) == ("paid", "active")
    assert attempt.enrollment.moves.get(target="active").actor == admin
    assert (mails("seat-confirmed"), Refund.objects.count()) == (1, 0)
    assert ledger.balance(attempt.enrollment) == PRICE


def test_giving_back_frees_the_seat_and_sends_every_cent(standin: Standin) -> None:
    attempt, admin = a_wrong_payment(standin), a_billing_admin()
    desk = at_the_desk(admin)
    seen = rehearse(desk, attempt, Decision.GIVE_BACK)
    assert confirm(desk, attempt, "give-back", seen) == 302
    sweeps.submit_open_refunds(now=now())
    assert (refreshed(attempt).status, seat_of(attempt.enrollment)) == ("returned", None)
    assert (Refund.objects.get().actor, ledger.balance(attempt.enrollment)) == (admin, 0)
    assert standin.books["totals"]["refunded"] == PRICE


@pytest.mark.parametrize("decision", Decision)
def test_a_second_press_does_nothing_and_says_so(
    standin: Standin, desk: Client, decision: Decision
) -> None:
    attempt = a_wrong_payment(standin)
    seen = rehearse(desk, attempt, decision)
    assert [confirm(desk, attempt, decision.value, seen) for _ in range(2)] == [302, 409]
    assert Refund.objects.count() == (decision == Decision.GIVE_BACK)


def test_a_decision_on_an_older_page_does_nothing_and_shows_what_stands_now(
    standin: Standin, desk: Client
) -> None:
    attempt = a_wrong_payment(standin)
    seen = rehearse(desk, attempt, Decision.GIVE_BACK)
    refunds.request_refund(
        payment_id=Payment.objects.get().pk,
        amount_cents=100,
        reason=Refund.Reason.DESK,
        now=now(),
    )
    reply = desk.post(page_of(attempt), {"decision": "give-back", "seen": seen})
    assert (reply.status_code, refreshed(attempt).status) == (409, "review")
    words = reply.content.decode()
    assert "nothing was done" in words
    assert "Give back $298.00" in words
    assert confirm(desk, attempt, "give-back", hidden(words, "seen")) == 302
    assert sorted(Refund.objects.values_list("amount_cents", flat=True)) == [100, PRICE - 100]


@pytest.mark.parametrize("typed", ["", "burn", "accept\0"])
def test_no_decision_is_asked_for_again(standin: Standin, desk: Client, typed: str) -> None:
    attempt = a_wrong_payment(standin)
    assert confirm(desk, attempt, typed, "") == 422
    assert refreshed(attempt).status == "review"


def test_an_accepted_payment_that_comes_too_late_says_beforehand_what_happens(
    standin: Standin, desk: Client
) -> None:
    attempt = expired_and_gone(standin, full=True)
    attempt.amount_cents += 100
    attempt.save(update_fields=["amount_cents"])
    sweeps.reconcile(now=now() + dt.timedelta(hours=1))
    assert refreshed(attempt).status == "review"
    assert "There is no seat for this money" in text(desk, page_of(attempt), decision="accept")
    seen = rehearse(desk, attempt, Decision.ACCEPT)
    assert confirm(desk, attempt, "accept", seen) == 302
    assert Refund.objects.get().amount_cents == PRICE


def test_a_seat_that_was_taken_since_the_rehearsal_is_told(standin: Standin, desk: Client) -> None:
    attempt = expired_and_gone(standin, full=False)
    attempt.amount_cents += 100
    attempt.save(update_fields=["amount_cents"])
    sweeps.reconcile(now=now() + dt.timedelta(hours=1))
    seen = rehearse(desk, attempt, Decision.ACCEPT)
    a_held_seat(cohort=attempt.enrollment.cohort, now=now())
    assert confirm(desk, attempt, "accept", seen) == 409
    assert refreshed(attempt).status == "review"


def test_a_payment_that_never_came_has_no_page(standin: Standin, desk: Client) -> None:
    attempt = a_wrong_payment(standin)
    path = page_of(attempt).replace(str(attempt.uuid), str(attempt.enrollment.public_id))
    assert desk.get(path).status_code == 404


# --- A refund that was made in Stripe's dashboard ---------------------------------------


def seen_page(refund: Refund) -> str:
    return reverse("billing:outside_refund", args=[refund.uuid])


def press(desk: Client, refund: Refund, seat: str, seen: str = "") -> int:
    seen = seen or hidden(text(desk, seen_page(refund)), "seen")
    return desk.post(seen_page(refund), {"seat": seat, "seen": seen}).status_code


def test_seen_is_written_down_and_the_seat_stays(standin: Standin) -> None:
    refund, admin = an_outside_refund(standin), a_billing_admin()
    assert press(at_the_desk(admin), refund, "keep") == 302
    assert (refreshed(refund).seen_by, refund.seen_at is not None) == (admin, True)
    assert (refreshed(refund.enrollment).status, counts()) == ("active", {})
    assert (Refund.objects.count(), ledger.balance(refund.enrollment)) == (1, PRICE - 500)


def test_freeing_the_seat_leads_to_its_rehearsal_and_does_nothing_before(
    standin: Standin, desk: Client
) -> None:
    refund = an_outside_refund(standin)
    seen = hidden(text(desk, seen_page(refund)), "seen")
    reply = desk.post(seen_page(refund), {"seat": "free", "seen": seen})
    rehearsal = reverse("billing:refund", args=[refund.enrollment.public_id])
    assert (reply.status_code, reply["Location"]) == (302, f"{rehearsal}?basis=nothing&seat=free")
    assert (refreshed(refund).seen_at is not None, refreshed(refund.enrollment).status) == (
        True,
        "active",
    )
    page = text(desk, rehearsal, basis="nothing", seat="free")
    assert re.search(r'value="free"[^>]*checked', page)


def test_the_seat_has_to_be_decided(standin: Standin, desk: Client) -> None:
    refund = an_outside_refund(standin)
    assert press(desk, refund, "") == 422
    assert refreshed(refund).seen_at is None


def test_whoever_comes_second_is_told(standin: Standin, desk: Client) -> None:
    refund = an_outside_refund(standin)
    seen = hidden(text(desk, seen_page(refund)), "seen")
    assert [press(desk, refund, "keep", seen), press(desk, refund, "free", seen)] == [302, 409]
    assert refreshed(refund.enrollment).status == "active"


def test_a_seat_that_went_meanwhile_is_shown_before_anything_is_written(
    standin: Standin, desk: Client
) -> None:
    refund = an_outside_refund(standin)
    seen = hidden(text(desk, seen_page(refund)), "seen")
    enrollment_services.withdraw(
        enrollment_id=refund.enrollment_id, actor=a_billing_admin(), reason="Left", now=now()
    )
    assert press(desk, refund, "free", seen) == 409
    assert refreshed(refund).seen_at is None
    assert "no confirmed seat" in text(desk, seen_page(refund))
    assert press(desk, refund, "") == 302


def test_only_an_outside_refund_has_this_page(standin: Standin, desk: Client) -> None:
    assert desk.get(seen_page(a_failed_refund(standin))).status_code == 404


def test_without_the_fingerprint_the_service_refuses(standin: Standin) -> None:
    refund, payment = an_outside_refund(standin), a_payment(standin)
    admin = a_billing_admin()
    with pytest.raises(ChangedMeanwhile):
        reviews.acknowledge(refund=refund, seen="", actor=admin, now=now())
    assert payment.attempt is not None
    with pytest.raises(ChangedMeanwhile):
        reviews.decide(
            attempt=payment.attempt, decision=Decision.ACCEPT, seen="", actor=admin, now=now()
        )


@pytest.mark.parametrize("seat", ["kept", "gone"])
def test_money_that_the_bank_holds_cannot_be_given_back_and_the_page_says_why(
    standin: Standin, seat: str
) -> None:
    attempt = a_wrong_payment(standin)
    if seat == "gone":
        enrollment_services.cancel_hold(
            enrollment_id=attempt.enrollment_id, now=now(), reason="Gone", actor=a_billing_admin()
        )
    path = reverse("billing:payment", args=[attempt.uuid])
    desk = at_the_desk()
    before = {word: "decision=" + word in text(desk, path) for word in ("accept", "give-back")}
    assert before == {"accept": True, "give-back": True}
    intent = Payment.objects.get().stripe_payment_intent_id
    made = standin.control("dispute", payment_intent=intent)
    disputes.refresh(dispute_id=made["id"], now=now())

    page = text(desk, path)
    assert ("decision=accept" in page, "decision=give-back" in page) == (seat == "kept", False)
    assert "holds this payment in a dispute" in page
    press = {"seen": reviews.review(refreshed(attempt)).seen}
    reply = desk.post(path, {**press, "decision": "give-back"})
    assert reply.status_code == 409
    assert "holds this payment in a dispute" in reply.content.decode()
    assert refreshed(attempt).status == "review"
    accepted = desk.post(path, {**press, "decision": "accept"})
    assert accepted.status_code == (302 if seat == "kept" else 409)
    assert Refund.objects.count() == 0


def test_a_dispute_names_its_group_and_leads_to_its_story(standin: Standin) -> None:
    payment = a_payment(standin)
    made = standin.control("dispute", payment_intent=payment.stripe_payment_intent_id)
    disputes.refresh(dispute_id=made["id"], now=now())
    [group] = queue.waiting(now=now())
    [row] = group.rows
    seat = payment.enrollment
    assert (row.group, row.story) == (seat.cohort.name, queue.story_of(seat.public_id))


def test_no_code_of_stripes_stands_in_the_queue_or_the_story(
    standin: Standin, desk: Client
) -> None:
    refund = a_failed_refund(standin)
    assert refund.note.endswith("(expired_or_canceled_card)")
    story = queue.story_of(refund.enrollment.public_id)
    failed = f"/money/refunds/{refund.uuid}/"
    for path in (QUEUE, story, failed):
        page = text(desk, path)
        assert "the card has expired, or its account is closed" in page
        inside = "For Stripe\u2019s support: <span" if path == failed else ""
        assert ("expired_or_canceled_card" in page) == bool(inside and inside in page)


def test_what_a_person_wrote_in_brackets_stays_in_the_story(standin: Standin, desk: Client) -> None:
    refund = a_failed_refund(standin)
    failed_refunds.settle_otherwise(
        refund_uuid=refund.uuid, actor=a_billing_admin(), how="Check (declined)", now=now()
    )
    assert "Check (declined)" in text(desk, queue.story_of(refund.enrollment.public_id))
