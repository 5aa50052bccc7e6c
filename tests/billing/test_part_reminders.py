"""Some days before a part is taken from the card, its member hears of it; and nobody else does."""

import datetime as dt
from collections.abc import Callable

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from accounts.clock import day
from billing import charging, parts, plans, tasks
from billing.models import Dispute, Instalment, PaymentPlan
from billing.part_reminders import PART_AHEAD, promise_reminders, put_off, still_ahead
from enrollment import pausing
from enrollment import services as enrollment_services
from enrollment.models import Enrollment
from outbox import services as outbox
from outbox.models import Message
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import now, refreshed
from tests.billing.instalments import DAY, a_plan, at, part, tries
from tests.billing.money.laws_of_mails import somebody_entitled_gets_it
from tests.billing.people import a_billing_admin

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)


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


def the_bank_decides(one: Enrollment) -> None:
    Dispute.objects.update(status=Dispute.Status.WON, closed_at=now())


def resume(one: Enrollment) -> None:
    person = a_billing_admin()
    assert pausing.resume(enrollment_id=one.pk, actor=person, reason="Agreed", now=now())


HOLDS = [(dispute, the_bank_decides), (pause, resume)]


def tick(standin: Standin, moment: dt.datetime) -> None:
    """What the clock does in a minute, with Stripe's clock beside ours."""
    with time_machine.travel(at(standin, moment), tick=False):
        tasks.charge_due_instalments()


@pytest.mark.parametrize(("begins", "ends"), HOLDS)
@pytest.mark.parametrize("days", [-10, -2, 0, 12])
def test_after_a_hold_the_mail_comes_first_and_the_charge_as_long_after_it_as_ever(
    standin: Standin,
    begins: Callable[[Enrollment], None],
    ends: Callable[[Enrollment], None],
    days: int,
) -> None:
    """The hold ends so many days after the part was due; the clock ticks each hour."""
    enrollment = a_plan(standin)
    due = part(enrollment, 2).due_at
    Instalment.objects.filter(number=3).update(status="cancelled", next_try_at=None)
    begun, ended = due - 12 * DAY, due + days * DAY + 5 * HOUR
    with time_machine.travel(begun, tick=False):
        begins(enrollment)
    moment = begun
    while moment < ended:
        tick(standin, moment)
        moment += 4 * HOUR
    assert (told(), tries(enrollment)) == ([], [])
    with time_machine.travel(ended, tick=False):
        ends(enrollment)
    while not tries(enrollment):
        tick(standin, moment)
        moment += HOUR
        assert refreshed(enrollment).status == "active"
    [mail_about_it] = told()
    assert part(enrollment, 2).status == "paid"
    charged = enrollment.payments.latest("paid_at").paid_at
    notice = charged - mail_about_it.created_at
    assert parts.TOLD_BEFORE - HOUR <= notice <= parts.TOLD_BEFORE + HOUR
    assert charged - ended < parts.TOLD_BEFORE + 2 * DAY or days < -3
    # At the same time of day as agreed, and never before the day that was agreed.
    assert (charged - due) % DAY <= HOUR
    assert charged >= due


@pytest.mark.parametrize(("begins", "ends"), HOLDS)
def test_whoever_was_told_and_then_held_up_is_told_the_new_day(
    standin: Standin, begins: Callable[[Enrollment], None], ends: Callable[[Enrollment], None]
) -> None:
    enrollment = a_plan(standin)
    before = three_days_before(enrollment)
    tick(standin, before)
    [first] = send(before)
    begins(enrollment)
    tick(standin, before + DAY)
    ends(enrollment)
    tick(standin, before + 2 * DAY)
    [second] = send(before + 2 * DAY)
    zone = enrollment.member.time_zone
    agreed, new = before + parts.TOLD_BEFORE, part(enrollment, 2).due_at
    assert new == agreed + 2 * DAY
    assert (day(agreed, zone) in first, day(new, zone) in second) == (True, True)
    tick(standin, agreed + MINUTE)
    assert tries(enrollment) == []


def test_a_reminder_of_a_day_that_moved_is_not_sent(standin: Standin) -> None:
    enrollment = a_plan(standin)
    before = three_days_before(enrollment)
    promise_reminders(now=before)
    Instalment.objects.filter(number=2).update(due_at=F("due_at") - DAY)
    assert send(before) == []
    assert [one.reason for one in told()] == ["The part is due on another day by now."]


@pytest.mark.parametrize("happens", HELD_UP)
def test_a_part_that_was_tried_keeps_its_days(
    standin: Standin, happens: Callable[[Enrollment], object]
) -> None:
    """Its grace and its pause have a timetable of their own, which its member was told."""
    enrollment = a_plan(standin)
    happens(enrollment)
    Instalment.objects.filter(number=2).update(tries=1)
    due, last = part(enrollment, 2).due_at, part(enrollment, 3).due_at
    assert put_off(now=last) == parts.TOLD_BEFORE.days + 1
    assert part(enrollment, 2).due_at == due
    assert part(enrollment, 3).due_at == last + parts.TOLD_BEFORE + DAY


def test_nobody_who_is_not_held_up_is_put_off(standin: Standin) -> None:
    enrollment = a_plan(standin)
    assert put_off(now=part(enrollment, 3).due_at) == 0


def test_after_days_without_a_clock_one_tick_is_enough(standin: Standin) -> None:
    enrollment = a_plan(standin)
    pause(enrollment)
    late = part(enrollment, 2).due_at + 25 * DAY
    put_off(now=late)
    assert part(enrollment, 2).next_try_at == part(enrollment, 2).due_at == late + 4 * DAY


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


def test_a_tick_that_owes_nothing_asks_once_for_each(standin: Standin) -> None:
    enrollment = a_plan(standin)
    at = three_days_before(enrollment)
    promise_reminders(now=at)
    with CaptureQueriesContext(connection) as asked:
        put_off(now=at)
        promise_reminders(now=at)
    assert len(asked) == 2
