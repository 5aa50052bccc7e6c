"""Applying stored events: each is only a hint of where to look."""

from typing import Any

import pytest
from django.db.models import Q

from billing import checkout, events, gateway, sweeps, tasks
from billing.events import Outcome
from billing.models import CheckoutAttempt, Payment, StripeEvent
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    CREATE,
    RETRIEVE,
    a_seat,
    apply_all,
    at_the_page,
    calls,
    lose_the_reply,
    mails,
    now,
    paid_at_stripe,
    post_event,
    refreshed,
    seat_of,
    stripe_is_away,
)

pytestmark = pytest.mark.django_db


def store(event: dict[str, Any]) -> StripeEvent:
    post_event(event)
    return StripeEvent.objects.get(event_id=event["id"])


def outcome(event: StripeEvent) -> tuple[str, str]:
    event.refresh_from_db()
    return event.status, event.note


def test_an_unknown_type_is_ignored(standin: Standin) -> None:
    event = store(
        {
            "id": "evt_1",
            "object": "event",
            "type": "plan.deleted",
            "livemode": False,
            "data": {"object": {"id": "plan_1"}},
        }
    )
    assert events.apply_event(event=event, now=now()) == Outcome.DONE
    assert outcome(event) == ("ignored", "This type of event changes nothing here.")
    assert standin.requests == []


@pytest.mark.parametrize(
    ("type", "subject", "note"),
    [
        (
            "checkout.session.completed",
            {"id": "cs_test_1", "client_reference_id": None},
            "No attempt of ours has this reference.",
        ),
        (
            "checkout.session.completed",
            {"id": "cs_test_1", "client_reference_id": "order-17"},
            "No attempt of ours has this reference.",
        ),
        (
            "refund.updated",
            {"id": "re_1", "metadata": {}},
            "A refund of nothing that was paid here.",
        ),
        (
            "refund.updated",
            {"id": "re_1", "metadata": {"refund": "not-a-uuid"}},
            "A refund of nothing that was paid here.",
        ),
    ],
)
def test_what_is_not_ours_is_ignored(
    standin: Standin, type: str, subject: dict[str, Any], note: str
) -> None:
    event = store(
        {
            "id": "evt_1",
            "object": "event",
            "type": type,
            "livemode": False,
            "data": {"object": subject},
        }
    )
    assert events.apply_event(event=event, now=now()) == Outcome.DONE
    assert outcome(event) == ("ignored", note)
    assert standin.requests == []


def test_an_event_applied_twice_has_one_effect(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    event = store(standin.events("checkout.session.completed")[0])
    stale = StripeEvent.objects.get()
    events.apply_event(event=event, now=now())
    events.apply_event(event=stale, now=now())
    assert (refreshed(attempt).status, Payment.objects.count()) == ("paid", 1)
    assert (mails("seat-confirmed"), StripeEvent.objects.get().attempts) == (1, 1)


def test_an_old_event_does_not_undo_a_newer_truth(standin: Standin) -> None:
    """“Completed, unpaid” arrives after the money did: Stripe is asked, not the event."""
    attempt = paid_at_stripe(standin, outcome="async")
    standin.control("settle", session=attempt.stripe_session_id, paid=True)
    completed, arrived = (
        standin.events(f"checkout.session.{kind}")[0]
        for kind in ("completed", "async_payment_succeeded")
    )
    assert completed["data"]["object"]["payment_status"] == "unpaid"
    for event in (arrived, completed):
        post_event(event)
        apply_all()
    assert refreshed(attempt.enrollment).status == "active"
    assert Payment.objects.count() == 1


def test_the_event_brings_the_id_that_a_lost_reply_did_not(standin: Standin) -> None:
    enrollment = a_seat()
    lose_the_reply(standin, CREATE)
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    [page] = standin.world.store.tables["checkout.session"].values()
    standin.control("pay", session=page["id"])
    post_event(standin.events("checkout.session.completed")[0])
    apply_all()
    attempt = enrollment.attempts.get()
    assert (attempt.status, attempt.stripe_session_id) == ("paid", page["id"])
    assert refreshed(enrollment).status == "active"


def test_the_expiry_of_a_lost_page_does_not_free_the_seat_under_a_new_one(
    standin: Standin,
) -> None:
    enrollment = a_seat()
    standin.control("fault", route=CREATE, kind="500", when="after")
    with pytest.raises(checkout.CheckoutUnavailable):
        checkout.start_checkout(whose=Q(pk=enrollment.pk), now=now())
    [lost] = standin.world.store.tables["checkout.session"]
    at_the_page(enrollment)
    gateway.expire_checkout(lost)
    post_event(standin.events("checkout.session.expired")[0])
    apply_all()
    assert [a.status for a in enrollment.attempts.order_by("pk")] == ["failed", "open"]
    assert refreshed(enrollment).status == "held"
    assert seat_of(enrollment) is not None


# --- Bad days ---------------------------------------------------------------------------


def test_while_stripe_is_away_events_wait_and_are_not_counted_out(standin: Standin) -> None:
    first, second = paid_at_stripe(standin), paid_at_stripe(standin)
    for event in standin.events("checkout.session.completed"):
        post_event(event)
    stripe_is_away(standin)
    for _ in range(60):  # an hour of sweeps
        assert sweeps.apply_stored_events(now=now()) == 0
    assert {event.attempts for event in StripeEvent.objects.all()} == {0}
    standin.control("clear_faults")
    assert sweeps.apply_stored_events(now=now()) == 2
    assert [refreshed(first).status, refreshed(second).status] == ["paid", "paid"]


def test_while_stripe_is_away_a_sweep_stops_at_the_first_event(standin: Standin) -> None:
    for _ in range(3):
        paid_at_stripe(standin)
    for event in standin.events("checkout.session.completed"):
        post_event(event)
    standin.forget_requests()
    stripe_is_away(standin)
    sweeps.apply_stored_events(now=now())
    assert [row["route"] for row in standin.requests] == [RETRIEVE] * 3  # one, tried three times


def test_the_worker_takes_an_absent_stripe_quietly(standin: Standin) -> None:
    paid_at_stripe(standin)
    event = store(standin.events("checkout.session.completed")[0])
    stripe_is_away(standin)
    tasks.apply_event(event.pk)
    assert outcome(event)[0] == "stored"


def test_an_event_that_cannot_be_applied_does_not_keep_back_the_next(standin: Standin) -> None:
    broken = store(
        {
            "id": "evt_1",
            "object": "event",
            "type": "checkout.session.completed",
            "livemode": False,
            "data": {"object": {}},
        }
    )
    attempt = paid_at_stripe(standin)
    store(standin.events("checkout.session.completed")[0])
    assert sweeps.apply_stored_events(now=now()) == 1
    assert refreshed(attempt).status == "paid"
    assert outcome(broken) == ("stored", "KeyError: 'id'")
    assert broken.attempts == 1


def test_an_event_that_fails_again_and_again_is_left_to_a_person(standin: Standin) -> None:
    paid_at_stripe(standin)
    event = store(standin.events("checkout.session.completed")[0])
    StripeEvent.objects.update(attempts=sweeps.EVENT_ATTEMPTS)
    assert sweeps.apply_stored_events(now=now()) == 0
    assert outcome(event)[0] == "stored"
    assert calls(standin, RETRIEVE) == []


def test_a_500_is_counted_and_tried_again(standin: Standin) -> None:
    attempt = paid_at_stripe(standin)
    event = store(standin.events("checkout.session.completed")[0])
    standin.control("fault", route=RETRIEVE, kind="500", times=3)
    assert events.apply_event(event=event, now=now()) == Outcome.FAILED
    assert outcome(event)[0] == "stored"
    assert event.attempts == 1
    assert events.apply_event(event=event, now=now()) == Outcome.DONE
    assert refreshed(attempt).status == "paid"
    assert CheckoutAttempt.objects.count() == 1
