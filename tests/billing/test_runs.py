"""Refunds of a whole group: who gets what, once, and what becomes of the group."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import AuditEntry
from billing import decisions, ledger, run_work, runs
from billing.decisions import AlreadyDecided, ChangedMeanwhile
from billing.models import Dispute, LedgerEntry, Payment, Refund, RefundDecision, RefundRun, RunItem
from billing.policy import TERMS, Basis
from billing.rehearsals import Impossible
from billing.run_plan import WAITS_ALREADY, Whom
from enrollment import door, history, links, refusals
from enrollment import services as enrollment_services
from enrollment.models import Enrollment, Seat
from enrollment.states import IN_STANDING, Status
from outbox.models import Message
from outbox.services import deliver_due
from sandbox.stripe_standin.process import Standin
from sessions.models import Cohort, GroupSession
from tests.billing import moving
from tests.billing.builders import a_group, mails, now, refreshed
from tests.billing.decided import PRICE, after, decide, go_through, paid
from tests.billing.instalments import AMOUNTS, a_plan, statuses
from tests.billing.people import a_billing_admin
from tests.billing.run_people import (
    EVERYBODY,
    a_paid_group,
    approve,
    carry_on,
    look,
    people,
    some,
    start,
    states,
)
from tests.enrollment.builders import (
    HOUR,
    NOW,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    a_place_in_line,
    an_intake,
)

pytestmark = pytest.mark.django_db
OVER = "We are sorry: your group can't be held any longer."
THREE_HELD = 22_425  # of $299.00 after three of twelve sessions


@pytest.fixture(autouse=True)
def one_person_may(settings: Settings) -> None:
    """A limit of its own is set by the tests about it."""
    settings.REFUND_SECOND_PERSON_CENTS = None


def going_back(cohort: Cohort) -> list[int]:
    """Cents of each refund, in the order of joining."""
    rows = Refund.objects.filter(enrollment__cohort=cohort).order_by("enrollment", "pk")
    return list(rows.values_list("amount_cents", flat=True))


def a_dispute(payment: Payment) -> Dispute:
    return Dispute.objects.create(
        stripe_dispute_id=f"dp_{payment.pk}",
        payment=payment,
        amount_cents=payment.amount_cents,
        currency="usd",
        reason="general",
        status="needs_response",
        opened_at=after(1),
        asked_at=after(1),
    )


# --- Looking ----------------------------------------------------------------------------


def test_the_rehearsal_counts_all_sessions_that_are_left_as_cancelled_by_us() -> None:
    shown = look(a_paid_group(3))
    assert [line.cents for line in shown.lines] == [THREE_HELD] * 3
    assert (shown.cents, shown.sessions_left) == (3 * THREE_HELD, 9)


def test_no_fee_is_taken_from_sessions_that_the_end_of_the_group_cancels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strict = dataclasses.replace(TERMS["2026-11"], fee_cents=2_500)
    monkeypatch.setitem(TERMS, "2026-11", strict)
    cohort = a_paid_group(1)
    assert look(cohort).cents == THREE_HELD
    assert look(cohort, some(*people(cohort), basis=Basis.POLICY)).cents == THREE_HELD - 2_500


def test_before_the_first_session_everything_goes_back() -> None:
    assert [line.cents for line in look(a_paid_group(2), now=NOW).lines] == [PRICE] * 2


def test_the_desk_may_give_back_held_sessions_too() -> None:
    everything = Whom(True, Basis.FULL, True)
    assert look(a_paid_group(2), everything).cents == 2 * PRICE


def test_a_rehearsal_writes_nothing() -> None:
    cohort = a_paid_group(2)
    before = Message.objects.count()
    look(cohort)
    assert RefundRun.objects.count() == Refund.objects.count() == 0
    assert Message.objects.count() == before
    assert not GroupSession.objects.filter(cancelled_at__isnull=False).exists()


def test_money_that_a_bank_has_is_named_beside_whose_it_was() -> None:
    cohort = a_paid_group(2)
    first, second = people(cohort)
    ledger.post(
        enrollment_id=first.pk,
        kind=LedgerEntry.Kind.DISPUTE,
        amount_cents=-PRICE,
        currency="usd",
        key="dispute:dp_gone",
        at=after(1),
    )
    shown = {line.enrollment: line for line in look(cohort).lines}
    assert (shown[first].cents, shown[first].paid, shown[first].at_bank) == (0, 0, PRICE)
    assert (shown[second].paid, shown[second].at_bank) == (PRICE, 0)


def test_who_cannot_be_refunded_is_named_with_the_reason() -> None:
    cohort = a_paid_group(2)
    first, _ = people(cohort)
    a_dispute(Payment.objects.get(enrollment=first))
    free = a_confirmed_seat(cohort=cohort)
    shown = look(cohort)
    assert [line.enrollment for line in shown.blocked] == [first]
    assert "bank" in shown.blocked[0].obstacle
    assert [line.cents for line in shown.done if line.enrollment == free] == [0]
    kept = look(cohort, some(*people(cohort)))
    assert [line.enrollment for line in kept.left_out] == [free]


def test_who_waits_for_another_decision_is_named_and_not_done(settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = 0
    cohort = a_paid_group(2)
    first, second = people(cohort)
    decide(first)
    shown = look(cohort)
    assert [(line.enrollment, line.obstacle) for line in shown.blocked] == [(first, WAITS_ALREADY)]
    assert [line.enrollment for line in shown.done] == [second]


@pytest.mark.parametrize("whom", [EVERYBODY, Whom(True, Basis.FULL, True)])
def test_the_rehearsal_says_what_is_then_done(whom: Whom) -> None:
    """For one who paid less, one who got something back, one who came later, and one for free."""
    cohort = a_paid_group(2, admission="modules")
    _, two = people(cohort)
    decide(two, basis=Basis.AMOUNT, amount=1_000)
    part = a_confirmed_seat(cohort=cohort)
    paid(part, 10_000)
    later = a_confirmed_seat(cohort=cohort, now=after(2))
    paid(later, later.price_cents)
    a_confirmed_seat(cohort=cohort)
    said = {line.enrollment.pk: line.cents for line in look(cohort, whom).lines}
    run = start(cohort, whom)
    carry_on()
    done = RefundDecision.objects.filter(run_item__run=run)
    assert dict(done.values_list("enrollment", "amount_cents")) == said
    assert refreshed_run(run).state == "done"


@pytest.mark.parametrize("who", ["everybody", "some"])
def test_the_queries_of_a_rehearsal_do_not_grow_with_the_members(who: str) -> None:
    def queries(members: int) -> int:
        cohort = a_paid_group(members, capacity=10)
        whom = EVERYBODY if who == "everybody" else some(*people(cohort))
        with CaptureQueriesContext(
            connection,
        ) as found:
            look(cohort, whom)
        return len(found)

    assert queries(3) == queries(10)


def refreshed_run(run: RefundRun) -> RefundRun:
    run.refresh_from_db()
    return run


# --- The group ends ---------------------------------------------------------------------


def test_a_group_that_is_not_held_gives_everybody_their_money_and_frees_every_seat() -> None:
    cohort = a_paid_group(3)
    run = start(cohort)
    assert carry_on() == 3
    assert going_back(cohort) == [THREE_HELD] * 3
    assert states(run) == ["done"] * 3
    assert refreshed_run(run).state == "done"
    assert run.finished_at == after(3)
    assert not Seat.objects.filter(cohort=cohort, enrollment__isnull=False).exists()
    assert {one.status for one in people(cohort)} == {Status.WITHDRAWN}
    assert mails(links.SEAT_OFFERED) == 0


def test_it_takes_nobody_any_more() -> None:
    cohort = a_paid_group(1)
    start(cohort)
    member = a_member()
    an_intake(member)
    cohort.refresh_from_db()
    assert cohort.status == Cohort.Status.ARCHIVED
    with pytest.raises(refusals.GroupClosed):
        enrollment_services.reserve_seat(cohort=cohort, member=member, now=after(3))


def test_the_door_is_shut_and_no_link_goes_out_even_before_the_money_goes() -> None:
    cohort = a_paid_group(1, starts_at=None)
    (enrollment,) = people(cohort)
    soon = after(4) - 2 * HOUR
    start(cohort, now=soon - 3 * HOUR)
    assert links.promise_links(now=soon) == 0
    seen = door.look(token=enrollment.door_token, user=enrollment.member, now=soon)
    assert seen.state != door.DoorState.OPEN
    assert refreshed(enrollment).status == Status.ACTIVE


def test_who_waits_is_told_that_joining_is_over() -> None:
    cohort = a_paid_group(2, capacity=2)
    waits = a_place_in_line(cohort=cohort)
    offered = a_place_in_line(cohort=cohort)
    start(cohort, now=NOW + HOUR)
    carry_on(NOW + HOUR)
    assert {refreshed(one).status for one in (waits, offered)} == {Status.EXPIRED}
    assert mails(links.WAITLIST_CLOSED) == 2
    assert mails(links.SEAT_OFFERED) == 0


def test_an_offer_is_taken_back_and_goes_to_nobody_else() -> None:
    cohort = a_paid_group(2, capacity=2)
    first, second = (a_place_in_line(cohort=cohort) for _ in range(2))
    enrollment_services.withdraw(
        enrollment_id=people(cohort)[0].pk, actor=a_billing_admin(), reason="", now=NOW
    )
    assert refreshed(first).status == Status.OFFERED
    start(cohort, now=NOW + HOUR)
    assert refreshed(first).status == Status.CANCELLED
    assert refreshed(second).status == Status.EXPIRED
    assert mails(links.WAITLIST_CLOSED) == 2


def test_a_kept_seat_holds_the_end_open_and_late_money_waits_for_a_person() -> None:
    cohort = a_paid_group(1)
    held = a_held_seat(cohort=cohort, now=NOW)
    run = start(cohort, now=NOW + dt.timedelta(minutes=1))
    assert refreshed(held).held_until == NOW + dt.timedelta(minutes=1)
    carry_on(NOW + HOUR)
    assert refreshed_run(run).state == "running"
    enrollment_services.confirm_seat(enrollment_id=held.pk, now=NOW + HOUR, reason="Paid")
    paid(held, PRICE)
    carry_on(NOW + HOUR)
    item = RunItem.objects.get(enrollment=held)
    assert (item.state, item.words) == ("changed", run_work.NEWCOMER)
    assert refreshed_run(run).state == "running"
    again(item, now=NOW + HOUR)
    carry_on(NOW + HOUR)
    assert refreshed_run(run).state == "done"
    assert going_back(cohort) == [PRICE, PRICE]


def told_of_the_end(enrollment: Enrollment, when: dt.datetime) -> list[str]:
    """What a member has read a little later."""
    mail.outbox.clear()
    deliver_due(clock=lambda: when + HOUR)
    mine = [one for one in mail.outbox if one.to == [enrollment.member.email]]
    return [str(one.subject) for one in mine if OVER in str(one.body)]


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.GRACE, Status.SUSPENDED])
@pytest.mark.parametrize("what", ["set aside", "waiting", "done"])
def test_everybody_hears_once_that_the_group_is_over(status: Status, what: str) -> None:
    cohort = a_paid_group(1)
    (enrollment,) = people(cohort)
    Enrollment.objects.filter(pk=enrollment.pk).update(status=status)
    if what != "done":
        is_disputed(enrollment)
    run = start(cohort)
    carry_on()
    if what == "set aside":
        run_work.set_aside(item=run.items.get(), actor=a_billing_admin(), how="x", now=after(3))
    for refund in Refund.objects.all():
        go_through(refund)
    subject = "Your refund of $224.25 is on its way"
    expected = [subject] if what == "done" else ["A change to your Tuesday sessions"]
    assert told_of_the_end(enrollment, after(3)) == expected


def test_who_is_paused_hears_of_the_end_alone() -> None:
    cohort = a_paid_group(1)
    (enrollment,) = people(cohort)
    Enrollment.objects.filter(pk=enrollment.pk).update(status=Status.SUSPENDED)
    assert not history.concerned(cohort, 12).exists()
    assert [history.told_of(kind) for kind in ("move", "cancel")] == [IN_STANDING] * 2


@pytest.mark.parametrize("sessions", [0, 3])
def test_whoever_pays_for_a_group_that_is_over_hears_that_and_of_no_seat(sessions: int) -> None:
    when = after(3) if sessions else NOW + HOUR
    cohort = a_paid_group(1)
    held = a_held_seat(cohort=cohort, now=NOW)
    start(cohort, now=when)
    enrollment_services.confirm_seat(enrollment_id=held.pk, now=when, reason="Paid")
    paid(held, PRICE)
    assert not Message.objects.filter(kind=links.SEAT_CONFIRMED, subject_id=held.pk).exists()
    [subject] = told_of_the_end(held, when)
    assert subject.startswith("A change to your ")


@pytest.mark.parametrize("sessions", [0, 3])
def test_a_confirmation_that_comes_after_the_end_is_not_sent(sessions: int) -> None:
    when = after(3) if sessions else NOW + HOUR
    cohort = a_paid_group(1)
    held = a_held_seat(cohort=cohort, now=NOW)
    enrollment_services.confirm_seat(enrollment_id=held.pk, now=when, reason="Paid")
    start(cohort, now=when)
    [subject] = told_of_the_end(held, when)
    assert subject.startswith("A change to your ")
    confirmation = Message.objects.get(kind=links.SEAT_CONFIRMED, subject_id=held.pk)
    assert (confirmation.state, confirmation.reason) == (
        "not_owed",
        "The group is not held any more.",
    )


def test_no_part_is_charged_for_a_group_that_is_over(standin: Standin) -> None:
    cohort = a_group()
    enrollment = a_plan(standin, cohort)
    assert look(cohort, now=now()).pay_in_parts == 1
    run = start(cohort, now=now())
    runs.pause(run=run)
    assert statuses(enrollment) == ["paid", "cancelled", "cancelled"]
    runs.go_on(run=run)
    carry_on(now())
    assert going_back(cohort) == [AMOUNTS[0]]


def test_it_stands_in_the_history_and_is_told_to_who_leads() -> None:
    cohort = a_paid_group(1)
    start(cohort)
    change = cohort.changes.get()
    assert (change.kind, change.number, len(change.details)) == ("end", 4, 9)


# --- One run, once ----------------------------------------------------------------------


def test_pressing_twice_is_one_run() -> None:
    cohort, key = a_paid_group(2), uuid.uuid4()
    seen = look(cohort)
    assert start(cohort, seen=seen, key=key) == start(cohort, seen=seen, key=key)
    carry_on()
    assert len(going_back(cohort)) == 2


def test_a_second_run_waits_until_the_first_is_over() -> None:
    cohort = a_paid_group(2)
    start(cohort, some(people(cohort)[0]))
    with pytest.raises(Impossible, match="not over yet"):
        start(cohort, some(people(cohort)[1]))


def test_a_page_that_shows_something_else_starts_nothing() -> None:
    cohort = a_paid_group(2)
    seen = look(cohort)
    decide(people(cohort)[0], basis=Basis.AMOUNT, amount=500)
    with pytest.raises(ChangedMeanwhile):
        start(cohort, seen=seen)
    assert RefundRun.objects.count() == 0
    assert refreshed_cohort(cohort).status == Cohort.Status.PUBLISHED


def refreshed_cohort(cohort: Cohort) -> Cohort:
    cohort.refresh_from_db()
    return cohort


def test_chosen_members_get_their_money_and_the_group_goes_on() -> None:
    cohort = a_paid_group(3)
    first, second, third = people(cohort)
    run = start(cohort, some(first, second))
    carry_on()
    assert states(run) == ["done", "done"]
    assert going_back(cohort) == [PRICE, PRICE]
    assert refreshed(first).status == Status.ACTIVE
    assert refreshed_cohort(cohort).status == Cohort.Status.PUBLISHED
    assert not GroupSession.objects.filter(cancelled_at__isnull=False).exists()
    assert not Refund.objects.filter(enrollment=third).exists()


# --- Two people -------------------------------------------------------------------------


def test_the_sum_of_the_whole_run_needs_a_second_person(settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = 3 * THREE_HELD - 1
    cohort, kim = a_paid_group(3), a_billing_admin()
    run = start(cohort, actor=kim)
    assert (run.state, carry_on()) == ("waiting", 0)
    assert refreshed_cohort(cohort).status == Cohort.Status.PUBLISHED
    with pytest.raises(Impossible, match="somebody else"):
        approve(run, actor=kim)
    ada = a_billing_admin()
    approve(run, actor=ada)
    carry_on()
    made = RefundDecision.objects.values_list("made_by", "decided_by", "needs_second", "status")
    assert set(made) == {(kim.pk, ada.pk, True, "done")}
    assert refreshed_run(run).state == "done"
    with pytest.raises(AlreadyDecided):
        runs.approve(run=run, seen=look(cohort).seen, actor=ada, now=after(3))


def test_small_pieces_do_not_pass_the_limit_for_one_person(settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = 25_000
    cohort = a_paid_group(1)
    decide(people(cohort)[0], basis=Basis.AMOUNT, amount=20_000)
    assert look(cohort, some(*people(cohort))).needs_second


def test_a_move_in_between_does_not_pass_the_limit_either(settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = 25_000
    source = people(a_paid_group(1))[0]
    decide(source, basis=Basis.AMOUNT, amount=20_000)
    target = refreshed(moving.start(source, moving.a_group_for(1_000)).target)
    paid(target, 6_000)
    assert look(target.cohort, some(target)).needs_second


def test_a_second_person_who_saw_something_else_agrees_to_nothing(settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = 0
    cohort = a_paid_group(2)
    run = start(cohort)
    seen = look(cohort).seen
    paid(people(cohort)[0], 500)
    with pytest.raises(ChangedMeanwhile):
        runs.approve(run=run, seen=seen, actor=a_billing_admin(), now=after(3))
    assert refreshed_run(run).state == "waiting"


def test_starting_agreeing_and_stopping_are_audited(settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = 0
    run = start(a_paid_group(2))
    approve(run)
    runs.pause(run=run)
    runs.stop(run=run, seen=2, actor=a_billing_admin(), now=after(3))
    entries = AuditEntry.objects.filter(subject_kind="run", subject_id=str(run.uuid))
    actions = list(entries.order_by("pk").values_list("action", flat=True))
    assert actions == ["run.started", "run.approved", "run.stopped"]


# --- Something changed meanwhile --------------------------------------------------------


def withdraws(enrollment: Enrollment) -> None:
    enrollment_services.withdraw(
        enrollment_id=enrollment.pk, actor=enrollment.member, reason="Gone", now=after(3)
    )


def is_refunded(enrollment: Enrollment) -> None:
    decide(enrollment, basis=Basis.AMOUNT, amount=500)


def is_disputed(enrollment: Enrollment) -> None:
    a_dispute(Payment.objects.get(enrollment=enrollment))


def waits_for_a_second_person(enrollment: Enrollment) -> None:
    RefundDecision.objects.create(
        enrollment=enrollment,
        basis="amount",
        amount_cents=100,
        currency="usd",
        frees_seat=False,
        policy_version="2026-11",
        status="waiting",
        needs_second=True,
        made_by=a_billing_admin(),
        made_at=after(3),
    )


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (withdraws, "no confirmed seat any more"),
        (is_refunded, "It comes to $219.25 now, not to $224.25."),
        (is_disputed, "bank"),
        (waits_for_a_second_person, "waits for a second person"),
    ],
)
@pytest.mark.parametrize("whom", ["everybody", "some"])
def test_whoever_changed_meanwhile_waits_for_a_person_and_is_never_paid_blindly(
    happens: Callable[[Enrollment], None], words: str, whom: str
) -> None:
    cohort = a_paid_group(3)
    chosen = some(*people(cohort), basis=Basis.POLICY)
    run = start(cohort, EVERYBODY if whom == "everybody" else chosen)
    before = going_back(cohort)
    happens(people(cohort)[1])
    meanwhile = len(going_back(cohort)) - len(before)
    carry_on()
    assert states(run) == ["done", "changed", "done"]
    item = run.items.get(enrollment=people(cohort)[1])
    assert words in item.words
    assert len(going_back(cohort)) == 2 + meanwhile
    assert refreshed_run(run).state == "running"


def again(item: RunItem, now: dt.datetime | None = None, **changes: Any) -> RefundDecision:
    """Somebody looks at the new amount, and presses."""
    now = now or after(3)
    return run_work.try_again(
        item=item,
        now=now,
        **{"seen": run_work.look(item, now).seen, "actor": a_billing_admin(), **changes},
    )


def a_changed_item() -> RunItem:
    cohort = a_paid_group(2)
    run = start(cohort)
    is_refunded(people(cohort)[0])
    carry_on()
    return run.items.get(enrollment=people(cohort)[0])


def test_a_changed_amount_goes_back_once_somebody_has_seen_it() -> None:
    item = a_changed_item()
    decision = again(item)
    assert decision.amount_cents == THREE_HELD - 500
    item.refresh_from_db()
    assert (item.state, item.cents, item.decision) == ("done", THREE_HELD - 500, decision)
    carry_on()
    assert refreshed_run(item.run).state == "done"
    with pytest.raises(ChangedMeanwhile):
        run_work.try_again(item=item, seen=None, actor=a_billing_admin(), now=after(3))


def test_what_nobody_saw_is_not_tried_again() -> None:
    item = a_changed_item()
    seen = run_work.look(item, after(3)).seen
    is_refunded(item.enrollment)
    with pytest.raises(ChangedMeanwhile):
        again(item, seen=seen)


def test_more_than_was_agreed_to_is_a_decision_like_any_other(settings: Settings) -> None:
    cohort = a_paid_group(1)
    run = start(cohort)
    paid(people(cohort)[0], 30_000)
    carry_on()
    settings.REFUND_SECOND_PERSON_CENTS = 30_000
    decision = again(run.items.get())
    assert (decision.status, decision.amount_cents) == ("waiting", THREE_HELD + 30_000)
    assert going_back(cohort) == []


def test_a_run_is_done_when_a_person_has_set_aside_who_was_left() -> None:
    item = a_changed_item()
    run_work.set_aside(item=item, actor=a_billing_admin("Kim"), how="By check", now=after(3))
    item.refresh_from_db()
    assert (item.state, item.words) == ("aside", "Set aside by Kim: By check")
    carry_on()
    assert refreshed_run(item.run).state == "done"


def test_who_could_not_be_refunded_from_the_start_keeps_the_run_open() -> None:
    cohort = a_paid_group(2)
    is_disputed(people(cohort)[0])
    run = start(cohort)
    carry_on()
    assert states(run) == ["changed", "done"]
    assert refreshed_run(run).state == "running"


def test_what_breaks_on_one_person_keeps_back_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = a_paid_group(3)
    run, second, decides = start(cohort), people(cohort)[1].pk, decisions.decide

    def breaks(**how: Any) -> RefundDecision:
        done = decides(**how)
        if how["enrollment_id"] == second:
            raise RuntimeError("after the money was reserved")
        return done

    monkeypatch.setattr(decisions, "decide", breaks)
    carry_on()
    assert states(run) == ["done", "failed", "done"]
    assert run.items.get(state="failed").words == run_work.BROKE
    assert len(going_back(cohort)) == 2
    monkeypatch.undo()
    again(run.items.get(state="failed"))
    assert len(going_back(cohort)) == 3


def test_what_was_begun_with_somebody_who_changed_is_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cohort, decides = a_paid_group(1), decisions.decide
    run = start(cohort)

    def changes_in_the_middle(**how: Any) -> RefundDecision:
        decides(**how)
        raise ChangedMeanwhile(["The bank took it."])

    monkeypatch.setattr(decisions, "decide", changes_in_the_middle)
    carry_on()
    assert states(run) == ["changed"]
    assert (going_back(cohort), RefundDecision.objects.count()) == ([], 0)


def test_without_a_database_nobody_is_marked_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(a_paid_group(2))

    def away(**how: Any) -> RefundDecision:
        raise OperationalError

    monkeypatch.setattr(decisions, "decide", away)
    with pytest.raises(OperationalError):
        carry_on()
    assert states(run) == ["todo", "todo"]


# --- Pausing and stopping ---------------------------------------------------------------


def test_a_paused_run_stands_still_until_it_goes_on() -> None:
    run = start(a_paid_group(3))
    run_work.do_next(now=after(3))
    assert runs.pause(run=run)
    assert not runs.pause(run=run)
    assert carry_on() == 0
    assert states(run) == ["done", "todo", "todo"]
    assert runs.go_on(run=run)
    assert carry_on() == 2


def test_stopping_sets_the_rest_aside_and_keeps_what_is_done() -> None:
    run, kim = start(a_paid_group(3)), a_billing_admin()
    run_work.do_next(now=after(3))
    with pytest.raises(AlreadyDecided):
        runs.stop(run=run, seen=2, actor=kim, now=after(3))
    runs.pause(run=run)
    with pytest.raises(ChangedMeanwhile):
        runs.stop(run=run, seen=3, actor=kim, now=after(3))
    assert refreshed_run(run).state == "paused"
    runs.stop(run=run, seen=2, actor=kim, now=after(3))
    assert states(run) == ["done", "aside", "aside"]
    assert (run.state, carry_on()) == ("stopped", 0)


def test_a_stopped_group_can_be_refunded_by_another_run() -> None:
    cohort = a_paid_group(3)
    run = start(cohort)
    run_work.do_next(now=after(3))
    runs.pause(run=run)
    runs.stop(run=run, seen=2, actor=a_billing_admin(), now=after(3))
    start(cohort)
    carry_on()
    assert going_back(cohort) == [THREE_HELD] * 3


def test_a_round_costs_little_while_nothing_runs() -> None:
    for _ in range(3):
        start(a_paid_group(1))
    carry_on()
    with CaptureQueriesContext(connection) as found:
        carry_on()
    assert len([one for one in found if "SAVEPOINT" not in one["sql"]]) == 2


def test_a_round_costs_as_much_as_there_is_to_do() -> None:
    def queries() -> int:
        start(a_paid_group(2), EVERYBODY)
        with CaptureQueriesContext(connection) as found:
            assert carry_on() == 2
        return len(found)

    first = queries()
    assert [queries() for _ in range(3)] == [first] * 3
