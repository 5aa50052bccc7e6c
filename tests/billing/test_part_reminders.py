"""Some days before a part is taken from the card, its member hears of it; and nobody else does."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.clock import day
from billing import charging, parts, plans, tasks
from billing.models import Dispute, Instalment, PaymentPlan
from billing.part_reminders import PART_AHEAD, promise_reminders, still_ahead
from enrollment import pausing
from enrollment import services as enrollment_services
from enrollment.models import Enrollment
from outbox import services as outbox
from outbox.models import Message
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import now, refreshed
from tests.billing.instalments import DAY, a_plan, part
from tests.billing.money.laws_of_mails import somebody_entitled_gets_it
from tests.billing.people import a_billing_admin

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)


def told() -> list[Message]:
    return list(Message.objects.filter(kind=PART_AHEAD))


def send(at: dt.datetime) -> list[str]:
    """The texts of the reminders that go out now."""
    mail.outbox.clear()
    outbox.deliver_due(clock=lambda: at)
    return [str(one.body) for one in mail.outbox if one.subject == "Your next payment"]


def three_days_before(enrollment: Enrollment, number: int = 2) -> dt.datetime:
    return part(enrollment, number).due_at - parts.TOLD_BEFORE


def test_the_mail_comes_three_days_before_and_once(standin: Standin) -> None:
    enrollment = a_plan(standin)
    at = three_days_before(enrollment)
    assert promise_reminders(now=at - MINUTE) == 0
    assert promise_reminders(now=at) == 1
    assert promise_reminders(now=at + MINUTE) == 0
    [text] = send(at + MINUTE)
    due = day(part(enrollment, 2).due_at, enrollment.member.time_zone)
    assert f"Part 2, $99.67, is due on {due}. We take it from your saved card then." in text
    assert f"/my/{enrollment.public_id}/payments/" in text
    # The next part has a mail of its own.
    Instalment.objects.filter(number=2).update(status="cancelled", next_try_at=None)
    assert promise_reminders(now=three_days_before(enrollment, 3)) == 1


def test_the_day_is_the_members_own(standin: Standin) -> None:
    enrollment = a_plan(standin)
    enrollment.member.time_zone = "Pacific/Auckland"
    enrollment.member.save()
    promise_reminders(now=three_days_before(enrollment))
    [text] = send(three_days_before(enrollment))
    assert day(part(enrollment, 2).due_at, "Pacific/Auckland") in text


def leave(one: Enrollment) -> None:
    enrollment_services.withdraw(
        enrollment_id=one.pk, actor=one.member, reason="Asked to", now=now()
    )


def dispute(one: Enrollment) -> None:
    Dispute.objects.create(
        stripe_dispute_id=f"dp_{one.pk}",
        payment=one.payments.get(),
        amount_cents=100,
        currency="usd",
        reason="general",
        status=Dispute.Status.OPEN,
        opened_at=now(),
        asked_at=now(),
    )


def pause(one: Enrollment) -> None:
    assert pausing.pause(
        enrollment_id=one.pk, actor=a_billing_admin(), reason="Asked to", now=now()
    )


# Their cards are not charged either, whatever the day.
HELD_UP: list[Callable[[Enrollment], object]] = [dispute, pause]
UNOWED: list[Callable[[Enrollment], object]] = [
    leave,
    lambda one: plans.end_plan(enrollment_id=one.pk, now=now(), why="Left"),
    lambda one: Instalment.objects.filter(enrollment=one, number=2).update(
        status="paid", next_try_at=None, payment=one.payments.get()
    ),
    lambda one: PaymentPlan.objects.filter(enrollment=one).update(stripe_payment_method_id=""),
    lambda one: Instalment.objects.filter(enrollment=one, number=2).update(tries=1),
    *HELD_UP,
]


@pytest.mark.parametrize("happens", HELD_UP)
def test_who_is_held_up_hears_of_no_charge_and_is_not_charged(
    standin: Standin, happens: Callable[[Enrollment], object]
) -> None:
    enrollment = a_plan(standin)
    on_the_day, before = part(enrollment, 2).due_at, three_days_before(enrollment)
    assert (charging.due(now=on_the_day).count(), owed(before)) == (1, 1)
    happens(enrollment)
    assert (charging.due(now=on_the_day).count(), owed(before)) == (0, 0)


@pytest.mark.parametrize("happens", HELD_UP)
def test_the_law_about_mails_sees_a_reminder_to_who_is_held_up(
    standin: Standin, happens: Callable[[Enrollment], object]
) -> None:
    enrollment = a_plan(standin)
    promise_reminders(now=three_days_before(enrollment))
    [message] = told()
    somebody_entitled_gets_it(message)
    happens(enrollment)
    with pytest.raises(AssertionError):
        somebody_entitled_gets_it(message)


def owed(at: dt.datetime) -> int:
    return Instalment.objects.filter(still_ahead(at)).count()


@pytest.mark.parametrize("happens", UNOWED)
def test_nobody_hears_of_what_is_not_taken(
    standin: Standin, happens: Callable[[Enrollment], object]
) -> None:
    enrollment = a_plan(standin)
    at = three_days_before(enrollment)
    Instalment.objects.filter(number=1).update(payment=None, status="cancelled")
    happens(enrollment)
    assert promise_reminders(now=at) == 0


@pytest.mark.parametrize("happens", UNOWED)
def test_it_is_asked_again_when_it_is_sent(
    standin: Standin, happens: Callable[[Enrollment], object]
) -> None:
    enrollment = a_plan(standin)
    at = three_days_before(enrollment)
    promise_reminders(now=at)
    Instalment.objects.filter(number=1).update(payment=None, status="cancelled")
    happens(enrollment)
    assert send(at) == []
    assert [one.state for one in told()] == ["not_owed"]


def test_a_mail_that_comes_too_late_is_not_sent(standin: Standin) -> None:
    enrollment = a_plan(standin)
    promise_reminders(now=three_days_before(enrollment))
    assert send(part(enrollment, 2).due_at + MINUTE) == []


def test_the_minute_promises_it(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    enrollment = a_plan(standin)
    Instalment.objects.filter(number=2).update(due_at=now() + DAY, next_try_at=now() + DAY)
    tasks.charge_due_instalments()
    assert [one.subject_id for one in told()] == [part(enrollment, 2).pk]
    assert refreshed(enrollment).status == "active"


def test_a_tick_that_owes_nothing_asks_once(standin: Standin) -> None:
    enrollment = a_plan(standin)
    at = three_days_before(enrollment)
    promise_reminders(now=at)
    with CaptureQueriesContext(connection) as asked:
        promise_reminders(now=at)
    assert len(asked) == 1
