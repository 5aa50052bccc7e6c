"""The rules of the waitlist: the order, the offer, its end, and every way in which a seat comes
free. The races are in `test_race_of_offers.py`, the pages in `test_waitlist_pages.py`."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from enrollment import absences, making_up, refusals, season, services, waiting, waitlist
from enrollment.models import Consent, Enrollment, EnrollmentMove, Seat
from enrollment.states import Status
from enrollment.tasks import tend_waitlists
from outbox.models import Message
from sessions.models import Cohort, Programme
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_full_group,
    a_held_seat,
    a_member,
    a_place_in_line,
    an_intake,
    session,
)
from tests.enrollment.test_making_up import thursdays, week

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
LATER = NOW + HOUR


def fresh(enrollment: Enrollment) -> Enrollment:
    return Enrollment.objects.get(pk=enrollment.pk)


def status(enrollment: Enrollment) -> str:
    return fresh(enrollment).status


def mails(enrollment: Enrollment) -> list[str]:
    own = Message.objects.filter(subject_id=enrollment.pk, recipient=enrollment.member)
    return list(own.order_by("pk").values_list("kind", flat=True))


def free_a_seat(cohort: Cohort, now: dt.datetime = LATER) -> None:
    """Somebody leaves."""
    seat = Seat.objects.filter(cohort=cohort, enrollment__status=Status.ACTIVE).first()
    assert seat is not None
    assert seat.enrollment is not None
    leaving = seat.enrollment
    assert services.withdraw(enrollment_id=leaving.pk, actor=leaving.member, reason="Left", now=now)


def an_offer(cohort: Cohort | None = None, now: dt.datetime = LATER) -> Enrollment:
    """The first in line has a seat offered."""
    group = cohort or a_full_group()
    first = a_place_in_line(cohort=group)
    free_a_seat(group, now)
    assert status(first) == Status.OFFERED
    return fresh(first)


# --- Joining ----------------------------------------------------------------------------


def test_joining_takes_no_seat_and_writes_history_and_one_mail() -> None:
    group = a_full_group()
    one = a_place_in_line(cohort=group)

    assert (one.status, one.waiting_since, one.held_until) == (Status.WAITLISTED, NOW, None)
    assert not Seat.objects.filter(enrollment=one).exists()
    [move] = EnrollmentMove.objects.filter(enrollment=one)
    assert (move.source, move.target, move.actor) == ("", "waitlisted", one.member)
    assert mails(one) == ["waitlist-joined"]
    assert Consent.objects.filter(enrollment=one).count() == 0


def test_the_order_is_that_of_joining_and_of_the_key_within_one_instant() -> None:
    group = a_full_group()
    second = a_place_in_line(cohort=group, now=NOW + MINUTE)
    first = a_place_in_line(cohort=group, now=NOW)
    third = a_place_in_line(cohort=group, now=NOW + MINUTE)

    assert [waitlist.place(one) for one in (first, second, third)] == [1, 2, 3]
    assert waitlist.next_in_line(cohort_id=group.pk) == first
    places = dict(
        Enrollment.objects.filter(status=Status.WAITLISTED)
        .annotate(place=waitlist.place_of())
        .values_list("pk", "place")
    )
    assert places == {first.pk: 1, second.pk: 2, third.pk: 3}


def test_nobody_needs_to_wait_where_a_seat_is_free() -> None:
    group = a_cohort()
    with pytest.raises(refusals.NoNeedToWait):
        a_place_in_line(cohort=group)
    assert Enrollment.objects.count() == 0


def test_who_has_a_seat_or_waits_already_does_not_join_again() -> None:
    group = a_full_group()
    seated = Enrollment.objects.get()
    with pytest.raises(refusals.AlreadyEnrolled):
        a_place_in_line(cohort=group, member=seated.member)
    one = a_place_in_line(cohort=group)
    with pytest.raises(refusals.AlreadyWaiting):
        a_place_in_line(cohort=group, member=one.member)
    with pytest.raises(refusals.AlreadyWaiting):
        a_held_seat(cohort=group, member=one.member)


def test_the_database_refuses_a_second_place_and_a_place_without_a_time() -> None:
    one = a_place_in_line(cohort=a_full_group())
    row = Enrollment(
        member=one.member,
        cohort=one.cohort,
        status=Status.WAITLISTED,
        price_cents=1,
        reserved_at=NOW,
        waiting_since=NOW,
    )
    with pytest.raises(IntegrityError, match="one_live_enrollment"), transaction.atomic():
        row.save()
    row.member, row.waiting_since = a_member(), None
    with pytest.raises(IntegrityError, match="who_waits_has_a_place"), transaction.atomic():
        row.save()
    offer = {"status": Status.OFFERED, "held_until": None}
    with pytest.raises(IntegrityError, match="a_held_seat_has_an_end"), transaction.atomic():
        Enrollment.objects.filter(pk=one.pk).update(**offer)


def test_one_person_waits_in_five_groups_at_a_time() -> None:
    member = a_member()
    waits = [a_place_in_line(cohort=a_full_group(), member=member) for _ in range(5)]
    sixth = a_full_group()
    with pytest.raises(refusals.TooManyWaits):
        a_place_in_line(cohort=sixth, member=member)
    waitlist.leave(
        enrollment_id=waits[0].pk, seen=Status.WAITLISTED, now=NOW, reason="Left", actor=member
    )
    assert a_place_in_line(cohort=sixth, member=member).status == Status.WAITLISTED


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"state": "TX"}, refusals.StateNotAdmitted),
        ({"date_of_birth": dt.date(2015, 1, 1)}, refusals.Underage),
    ],
)
def test_the_same_people_may_wait_that_may_reserve(
    changes: dict[str, Any], refusal: type[Exception]
) -> None:
    group, member = a_full_group(), a_member()
    with pytest.raises(refusals.IntakeMissing):
        waiting.join(cohort=group, member=member, now=NOW)
    an_intake(member, **changes)
    with pytest.raises(refusal):
        waiting.join(cohort=group, member=member, now=NOW)


@pytest.mark.parametrize("ahead", [2 * HOUR, HOUR, -HOUR])
def test_nobody_joins_when_no_offer_could_be_made_any_more(ahead: dt.timedelta) -> None:
    group = a_full_group()
    with pytest.raises(refusals.GroupClosed):
        a_place_in_line(cohort=group, now=FIRST_SESSION - ahead)
    one = a_place_in_line(cohort=group, now=FIRST_SESSION - 2 * HOUR - MINUTE)
    assert one.status == Status.WAITLISTED


# --- Offering ---------------------------------------------------------------------------


def test_a_freed_seat_is_offered_to_the_first_in_line_and_to_nobody_else() -> None:
    group = a_full_group()
    first, second = (a_place_in_line(cohort=group) for _ in range(2))
    free_a_seat(group)

    assert (status(first), status(second)) == (Status.OFFERED, Status.WAITLISTED)
    assert Seat.objects.get(cohort=group).enrollment == first
    assert fresh(first).held_until == LATER + 24 * HOUR
    assert fresh(first).waiting_since == NOW
    assert mails(first) == ["waitlist-joined", "seat-offered"]
    assert mails(second) == ["waitlist-joined"]
    assert waitlist.place(second) == 1


@pytest.mark.parametrize(
    ("left", "hours", "kept"),
    [
        (100 * HOUR, 24, 24 * HOUR),
        (40 * HOUR, 24, 20 * HOUR),
        (100 * HOUR, 6, 6 * HOUR),
        (2 * HOUR, 24, HOUR),
        (2 * HOUR - MINUTE, 24, None),
    ],
)
def test_an_offer_is_kept_for_its_hours_or_half_of_the_time_that_is_left(
    left: dt.timedelta, hours: int, kept: dt.timedelta | None
) -> None:
    group = a_full_group()
    Programme.objects.update(offer_hours=hours)
    one = a_place_in_line(cohort=group)
    now = FIRST_SESSION - left
    free_a_seat(group, now)
    assert fresh(one).held_until == (None if kept is None else now + kept)


def test_an_offer_has_the_week_and_the_price_of_its_moment() -> None:
    group = a_full_group(capacity=2, admission=Cohort.Admission.MODULE_STARTS)
    one = a_place_in_line(cohort=group)
    assert (one.first_week, one.price_cents) == (1, 29_900)
    free_a_seat(group, FIRST_SESSION + DAY)
    assert (fresh(one).first_week, fresh(one).price_cents) == (5, 19_933)


def give_a_seat_up(group: Cohort) -> None:
    held = group.enrollments.get(status=Status.HELD)
    assert held.held_until is not None
    assert services.expire_hold(enrollment_id=held.pk, now=held.held_until, reason="Not paid")


def cancel(group: Cohort) -> None:
    held = group.enrollments.get(status=Status.HELD)
    assert services.cancel_hold(enrollment_id=held.pk, now=LATER, reason="Test", actor=held.member)


def add_a_chair(group: Cohort) -> None:
    season.change_capacity(cohort=group, capacity=3, now=LATER)


def let_an_offer_lapse(group: Cohort) -> None:
    give_a_seat_up(group)
    offer = group.enrollments.get(status=Status.OFFERED)
    Enrollment.objects.filter(pk=offer.pk).update(held_until=LATER)
    assert waitlist.lapse(enrollment_id=offer.pk, now=LATER)


def decline(group: Cohort) -> None:
    give_a_seat_up(group)
    offer = group.enrollments.get(status=Status.OFFERED)
    assert waitlist.leave(
        enrollment_id=offer.pk, seen=Status.OFFERED, now=LATER, reason="No", actor=offer.member
    )


@pytest.mark.parametrize(
    ("way", "offered"),
    [
        (give_a_seat_up, 0),
        (cancel, 0),
        (free_a_seat, 0),
        (add_a_chair, 0),
        (let_an_offer_lapse, 1),
        (decline, 1),
    ],
)
def test_every_way_in_which_a_seat_comes_free_offers_it_at_once(
    way: Callable[[Cohort], None], offered: int
) -> None:
    group = a_cohort(capacity=2)
    a_confirmed_seat(cohort=group)
    a_held_seat(cohort=group)
    line = [a_place_in_line(cohort=group, now=NOW + n * MINUTE) for n in range(3)]
    way(group)
    assert status(line[offered]) == Status.OFFERED
    assert not Seat.objects.filter(cohort=group, enrollment=None).exists()


def test_a_visitors_chair_that_is_given_back_is_offered() -> None:
    """The only free chair cannot be sold while somebody from elsewhere sits on it."""
    host = thursdays(capacity=1)
    guest = a_confirmed_seat()
    mine = week(guest)
    making_up.take_chair(week=mine, session_id=session(host, 1).pk, now=NOW)
    one = a_place_in_line(cohort=host)
    assert one.status == Status.WAITLISTED

    again = absences.own_week(enrollment=guest, number=mine.session.number, now=LATER)
    assert making_up.give_back(week=again, now=LATER)
    assert status(one) == Status.OFFERED


def test_nothing_else_takes_a_chair_from_an_enrolment() -> None:
    """Whoever frees a seat goes through `give_back_seat`, which passes it on."""
    rooms = ("enrollment", "billing", "sessions", "sandbox")
    users = [
        path.name
        for room in rooms
        for path in Path(room).rglob("*.py")
        if "release_seat" in path.read_text()
    ]
    assert sorted(users) == ["seats.py", "waitlist.py"]


def test_nobody_else_reserves_a_seat_while_somebody_waits() -> None:
    """As in the minute in which it is free and not offered yet."""
    group = a_full_group()
    a_place_in_line(cohort=group)
    Seat.objects.update(enrollment=None)
    with pytest.raises(refusals.GroupFull):
        a_held_seat(cohort=group, now=LATER)
    waitlist.tend(now=LATER)
    assert group.enrollments.filter(status=Status.OFFERED).count() == 1


def test_without_a_waitlist_a_freed_seat_is_free_for_everybody() -> None:
    group = a_full_group()
    free_a_seat(group)
    assert a_held_seat(cohort=group, now=LATER).status == Status.HELD


def test_an_offered_seat_is_a_taken_one() -> None:
    offer = an_offer()
    with pytest.raises(refusals.GroupFull):
        a_held_seat(cohort=offer.cohort, now=LATER)
    with pytest.raises(season.NotPossible):
        season.change_capacity(cohort=offer.cohort, capacity=0, now=LATER)


# --- Answering --------------------------------------------------------------------------


def accept(offer: Enrollment, now: dt.datetime) -> None:
    waiting.accept(enrollment=offer, member=offer.member, now=now, ip="203.0.113.7")


def test_accepting_holds_the_seat_for_the_time_that_was_promised() -> None:
    offer = an_offer()
    accept(offer, LATER + HOUR)
    held = fresh(offer)
    assert (held.status, held.held_until) == (Status.HELD, LATER + 24 * HOUR)
    assert held.waiting_since == NOW
    assert Consent.objects.filter(enrollment=offer).count() == 5


def test_accepting_at_the_last_moment_leaves_time_to_pay() -> None:
    offer = an_offer()
    end = LATER + 24 * HOUR
    accept(offer, end - MINUTE)
    assert fresh(offer).held_until == end - MINUTE + services.HOLD


def test_accepting_is_for_the_member_and_once_and_in_time() -> None:
    offer = an_offer()
    stranger = a_member()
    an_intake(stranger)
    with pytest.raises(waiting.OfferOver):
        waiting.accept(enrollment=offer, member=stranger, now=LATER)
    with pytest.raises(waiting.OfferOver):
        accept(offer, LATER + 24 * HOUR)
    assert status(offer) == Status.OFFERED
    accept(offer, LATER)
    with pytest.raises(waiting.OfferOver):
        accept(offer, LATER)


def test_who_moved_to_another_state_cannot_accept_and_keeps_the_offer() -> None:
    offer = an_offer()
    an_intake(offer.member, state="TX")
    with pytest.raises(refusals.StateNotAdmitted):
        accept(offer, LATER)
    assert status(offer) == Status.OFFERED


def test_who_accepts_and_does_not_pay_makes_room_for_the_next() -> None:
    group = a_full_group()
    offer = an_offer(group)
    following = a_place_in_line(cohort=group, now=LATER)
    accept(offer, LATER)
    end = LATER + 24 * HOUR
    assert offer.pk in services.overdue_holds(now=end).values_list("pk", flat=True)
    assert services.expire_hold(enrollment_id=offer.pk, now=end, reason="Not paid in time")
    assert (status(offer), status(following)) == (Status.EXPIRED, Status.OFFERED)


def test_a_payment_page_that_closes_does_not_shorten_what_was_promised() -> None:
    """Unlike the hold of somebody who came without waiting."""
    offer = an_offer()
    accept(offer, LATER)
    closed: dict[str, Any] = {"now": LATER + HOUR, "reason": "The payment page closed unpaid"}
    assert not services.expire_hold(enrollment_id=offer.pk, overdue_only=False, **closed)
    plain = a_held_seat()
    assert services.expire_hold(enrollment_id=plain.pk, overdue_only=False, **closed)
    services.extend_hold(enrollment_id=offer.pk, until=LATER + 2 * HOUR)
    assert fresh(offer).held_until == LATER + 24 * HOUR
    assert services.await_funds(enrollment_id=offer.pk, now=LATER)
    assert services.expire_hold(enrollment_id=offer.pk, overdue_only=False, **closed)


def test_an_offer_that_nobody_answers_leaves_the_list_with_a_mail() -> None:
    group = a_full_group()
    offer = an_offer(group)
    following = a_place_in_line(cohort=group, now=LATER)
    end = LATER + 24 * HOUR
    assert waitlist.tend(now=end - MINUTE) == 0
    assert tend_at(end) == 1
    assert (status(offer), status(following)) == (Status.EXPIRED, Status.OFFERED)
    assert mails(offer)[-1] == "offer-lapsed"
    again = a_place_in_line(cohort=group, member=offer.member, now=end)
    assert waitlist.place(again) == 1


def tend_at(now: dt.datetime) -> int:
    return waitlist.tend(now=now)


def test_leaving_takes_one_press_and_moves_the_others_up() -> None:
    group = a_full_group()
    first, second = (a_place_in_line(cohort=group) for _ in range(2))
    seen = Status.WAITLISTED
    leave: dict[str, Any] = {"now": LATER, "reason": "Left the waitlist", "actor": first.member}
    assert waitlist.leave(enrollment_id=first.pk, seen=seen, **leave)
    assert not waitlist.leave(enrollment_id=first.pk, seen=seen, **leave)
    assert (status(first), waitlist.place(second)) == (Status.CANCELLED, 1)
    assert mails(first) == ["waitlist-joined"]


def test_leaving_the_list_is_not_saying_no_to_a_seat_that_came_meanwhile() -> None:
    offer = an_offer()
    assert not waitlist.leave(
        enrollment_id=offer.pk, seen=Status.WAITLISTED, now=LATER, reason="", actor=offer.member
    )
    assert status(offer) == Status.OFFERED


def test_somebody_whom_staff_take_off_the_list_is_told() -> None:
    one, admin = a_place_in_line(cohort=a_full_group()), a_member()
    step: dict[str, Any] = {"now": LATER, "reason": "Asked by phone", "actor": admin}
    assert waitlist.leave(enrollment_id=one.pk, seen=Status.WAITLISTED, **step)
    assert mails(one) == ["waitlist-joined", "waitlist-closed"]
    move = EnrollmentMove.objects.filter(enrollment=one).last()
    assert move is not None
    assert (move.reason, move.actor) == ("Asked by phone", admin)


# --- The end ----------------------------------------------------------------------------


def test_waiting_ends_with_the_last_moment_in_which_an_offer_could_be_made() -> None:
    group = a_full_group()
    one = a_place_in_line(cohort=group)
    last = FIRST_SESSION - waitlist.LAST_CALL
    assert waitlist.tend(now=last - MINUTE) == 0
    assert waitlist.tend(now=last) == 1
    assert (status(one), mails(one)[-1]) == (Status.EXPIRED, "waitlist-closed")
    # From here on a seat that comes free is for whoever comes first.
    free_a_seat(group, last)
    assert a_held_seat(cohort=group, now=last).status == Status.HELD


def test_waiting_goes_on_to_the_next_block_where_one_can_still_join() -> None:
    group = a_full_group(admission=Cohort.Admission.MODULE_STARTS)
    one = a_place_in_line(cohort=group)
    assert waitlist.tend(now=FIRST_SESSION) == 0
    assert status(one) == Status.WAITLISTED


@pytest.mark.parametrize("state", [Cohort.Status.CLOSED, Cohort.Status.ARCHIVED])
def test_waiting_ends_where_the_group_takes_nobody_any_more(state: Cohort.Status) -> None:
    group = a_full_group()
    one = a_place_in_line(cohort=group)
    Cohort.objects.update(status=state)
    free_a_seat(group)
    assert status(one) == Status.WAITLISTED
    assert waitlist.tend(now=LATER) == 1
    assert status(one) == Status.EXPIRED


def test_who_waited_in_vain_or_has_an_offer_is_not_one_who_keeps_seats() -> None:
    member = a_member()
    for _ in range(3):
        group = a_full_group()
        one = a_place_in_line(cohort=group, member=member)
        waitlist.end_waiting(enrollment_id=one.pk, now=NOW)
    an_offered = a_full_group(), a_full_group()
    for group in an_offered:
        a_place_in_line(cohort=group, member=member)
        free_a_seat(group, NOW)
    assert a_held_seat(member=member).status == Status.HELD


def test_late_money_of_somebody_who_waits_again_is_not_a_second_place() -> None:
    group = a_cohort(capacity=1)
    held = a_held_seat(cohort=group)
    assert held.held_until is not None
    services.expire_hold(enrollment_id=held.pk, now=held.held_until, reason="Not paid in time")
    a_confirmed_seat(cohort=group, now=LATER)
    a_place_in_line(cohort=group, member=held.member, now=LATER)
    Seat.objects.update(enrollment=None)
    outcome = services.confirm_seat(enrollment_id=held.pk, now=LATER, reason="Paid")
    assert outcome == services.Confirmation.NO_SEAT


# --- Staff ------------------------------------------------------------------------------


def test_staff_offer_a_free_seat_out_of_turn_with_their_reason() -> None:
    group = a_full_group()
    first, second = (a_place_in_line(cohort=group) for _ in range(2))
    admin = a_member()
    step: dict[str, Any] = {"now": LATER, "reason": "Moved house", "actor": admin}
    assert not waitlist.offer_out_of_turn(enrollment=second, **step)
    Seat.objects.update(enrollment=None)
    assert waitlist.offer_out_of_turn(enrollment=second, **step)
    assert not waitlist.offer_out_of_turn(enrollment=second, **step)
    assert (status(first), status(second)) == (Status.WAITLISTED, Status.OFFERED)
    move = EnrollmentMove.objects.filter(enrollment=second).last()
    assert move is not None
    assert (move.reason, move.actor) == ("Moved house", admin)


# --- The sweep --------------------------------------------------------------------------


def test_the_sweep_asks_as_often_however_many_wait() -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            waitlist.tend(now=LATER)
        return len(captured)

    group = a_full_group()
    a_place_in_line(cohort=group)
    few = asked()
    for _ in range(5):
        a_place_in_line(cohort=group)
    assert asked() == few == 3


def test_the_task_says_how_many_it_moved() -> None:
    offer = an_offer()
    Enrollment.objects.filter(pk=offer.pk).update(held_until=NOW - 1000 * DAY)
    assert tend_waitlists() >= 1
    assert status(offer) == Status.EXPIRED
