"""A seat that comes free while many want it: in order, once, and past nobody; with controls."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from django.db import transaction
from django.db.models import Exists

from enrollment import refusals, seats, services, waiting, waitlist
from enrollment.models import Enrollment, EnrollmentMove, Seat
from enrollment.states import Status
from outbox.models import Message
from sessions.models import Cohort
from tests.enrollment.builders import HOUR, NOW, a_full_group, a_member, a_place_in_line, an_intake
from tests.enrollment.crowd import PATIENCE, at_once

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

LATER = NOW + HOUR
END = LATER + 24 * HOUR
ROUNDS = 6
BUYERS = 20


def a_line(cohort: Cohort, people: int) -> list[Enrollment]:
    return [a_place_in_line(cohort=cohort) for _ in range(people)]


def withdrawals(cohort: Cohort) -> list[Callable[[], object]]:
    return [
        partial(
            services.withdraw,
            enrollment_id=one.pk,
            actor=one.member,
            reason="Left",
            now=LATER,
        )
        for one in cohort.enrollments.filter(status=Status.ACTIVE)
    ]


def buyers(cohort: Cohort, number: int) -> list[Callable[[], object]]:
    members = [a_member() for _ in range(number)]
    for member in members:
        an_intake(member)
    return [
        partial(services.reserve_seat, cohort=cohort, member=member, now=LATER)
        for member in members
    ]


def leaving(one: Enrollment) -> Callable[[], object]:
    return partial(
        waitlist.leave,
        enrollment_id=one.pk,
        seen=Status.WAITLISTED,
        now=LATER,
        reason="Left the waitlist",
        actor=one.member,
    )


def statuses(people: list[Enrollment]) -> list[str]:
    rows = dict(Enrollment.objects.values_list("pk", "status"))
    return [rows[one.pk] for one in people]


def every_offer_has_one_seat() -> None:
    offered = Enrollment.objects.filter(status=Status.OFFERED)
    assert sorted(offered.values_list("pk", flat=True)) == sorted(
        Seat.objects.filter(enrollment__status=Status.OFFERED).values_list("enrollment", flat=True)
    )
    told = Message.objects.filter(kind="seat-offered").values_list("subject_id", flat=True)
    moves = EnrollmentMove.objects.filter(target=Status.OFFERED)
    assert sorted(told) == sorted(moves.values_list("enrollment", flat=True))


# --- A freed seat against the public ----------------------------------------------------


def freed_among_buyers() -> tuple[list[str], Counter[str]]:
    group = a_full_group()
    line = a_line(group, 2)
    results = at_once([*withdrawals(group), *buyers(group, BUYERS)])
    return statuses(line), Counter(type(result).__name__ for result in results)


def test_a_freed_seat_goes_to_the_first_in_line_and_to_none_of_twenty_buyers() -> None:
    for _ in range(ROUNDS):
        line, outcomes = freed_among_buyers()
        assert line == [Status.OFFERED, Status.WAITLISTED]
        assert outcomes == {"bool": 1, "GroupFull": BUYERS}
    every_offer_has_one_seat()


def test_the_buyers_own_look_at_the_waitlist_is_not_what_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is made before the seat comes free; releasing and offering in one transaction decides."""
    nobody = Exists(Enrollment.objects.none())
    monkeypatch.setattr(waitlist, "waited_for", lambda *_: nobody)
    for _ in range(ROUNDS):
        assert freed_among_buyers()[0] == [Status.OFFERED, Status.WAITLISTED]


def test_control_a_seat_that_is_free_before_it_is_offered_is_bought_past_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nobody = Exists(Enrollment.objects.none())
    monkeypatch.setattr(waitlist, "waited_for", lambda *_: nobody)

    def only_release(*, enrollment_id: int, **_: object) -> None:
        seats.release_seat(enrollment_id=enrollment_id)

    monkeypatch.setattr(waitlist, "give_back_seat", only_release)
    group = a_full_group()
    line = a_line(group, 1)
    [withdraw] = withdrawals(group)
    withdraw()
    results = at_once(buyers(group, BUYERS))
    waitlist.tend(now=LATER)
    assert sum(isinstance(result, Enrollment) for result in results) == 1
    assert statuses(line) == [Status.WAITLISTED]


# --- Several at once --------------------------------------------------------------------


def test_seats_that_come_free_together_go_to_as_many_in_their_order() -> None:
    for _ in range(ROUNDS):
        group = a_full_group(capacity=4)
        line = a_line(group, 6)
        at_once(withdrawals(group))
        assert statuses(line) == [Status.OFFERED] * 4 + [Status.WAITLISTED] * 2
    every_offer_has_one_seat()


def test_who_leaves_the_list_while_a_seat_comes_free_has_left_or_has_the_offer() -> None:
    for _ in range(ROUNDS):
        group = a_full_group()
        line = a_line(group, 2)
        left = at_once([leaving(line[0]), *withdrawals(group)])[0]
        expected = (
            [Status.CANCELLED, Status.OFFERED] if left else [Status.OFFERED, Status.WAITLISTED]
        )
        assert statuses(line) == expected
    every_offer_has_one_seat()


def test_two_sweeps_take_an_offer_back_once_and_pass_it_on_once() -> None:
    for _ in range(ROUNDS):
        group = a_full_group(capacity=2)
        line = a_line(group, 5)
        for withdraw in withdrawals(group):
            withdraw()
        at_once([partial(waitlist.tend, now=END)] * 4)
        assert statuses(line) == [
            *[Status.EXPIRED] * 2,
            *[Status.OFFERED] * 2,
            Status.WAITLISTED,
        ]
    every_offer_has_one_seat()
    lapsed = Message.objects.filter(kind="offer-lapsed")
    assert lapsed.count() == 2 * ROUNDS


def test_joining_while_the_last_seat_comes_free_forgets_nobody() -> None:
    """Whoever joins in that moment is offered it, or by the next sweep."""
    for _ in range(ROUNDS):
        group = a_full_group()
        member = a_member()
        an_intake(member)
        join = partial(waiting.join, cohort=group, member=member, now=LATER)
        actions: list[Callable[[], object]] = [join, *withdrawals(group)]
        joined, _left = at_once(actions)
        if isinstance(joined, refusals.NoNeedToWait):
            continue
        assert isinstance(joined, Enrollment), joined
        waitlist.tend(now=LATER)
        assert statuses([joined]) == [Status.OFFERED]


# --- The end of an offer against its acceptance -----------------------------------------


def an_offer() -> tuple[Cohort, Enrollment]:
    group = a_full_group()
    [first, *_] = a_line(group, 2)
    [withdraw] = withdrawals(group)
    withdraw()
    first.refresh_from_db()
    assert (first.status, first.held_until) == (Status.OFFERED, END)
    return group, first


def accepting(offer: Enrollment) -> Callable[[], object]:
    return partial(waiting.accept, enrollment=offer, member=offer.member, now=END - HOUR / 3600)


def test_an_offer_is_accepted_or_lapses_and_never_both() -> None:
    for _ in range(ROUNDS):
        group, offer = an_offer()
        lapse: Callable[[], object] = partial(waitlist.lapse, enrollment_id=offer.pk, now=END)
        accepted, lapsed = at_once([accepting(offer), lapse])
        won = not isinstance(accepted, waiting.OfferOver)
        assert won != lapsed
        assert statuses([offer]) == [Status.HELD if won else Status.EXPIRED]
        following = group.enrollments.filter(status=Status.OFFERED).count()
        assert (Seat.objects.get(cohort=group).enrollment == offer, following) == (won, not won)


def test_an_offer_is_accepted_or_declined_and_never_both() -> None:
    for _ in range(ROUNDS):
        _, offer = an_offer()
        no: Callable[[], object] = partial(
            waitlist.leave,
            enrollment_id=offer.pk,
            seen=Status.OFFERED,
            now=LATER,
            reason="Declined",
            actor=offer.member,
        )
        accepted, declined = at_once([accepting(offer), no])
        won = not isinstance(accepted, waiting.OfferOver)
        assert won != declined
        assert statuses([offer]) == [Status.HELD if won else Status.CANCELLED]


def test_accepting_twice_at_once_holds_one_seat() -> None:
    _, offer = an_offer()
    results = at_once([accepting(offer)] * 6)
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, waiting.OfferOver) for result in results) == 5


def test_control_looking_first_and_writing_then_accepts_a_seat_that_is_gone() -> None:
    """What the guarded update is there to replace."""
    group, offer = an_offer()
    both_have_looked = threading.Barrier(2)

    def look_then_write(target: Status, seat_goes: bool) -> None:
        with transaction.atomic():
            seen = Enrollment.objects.get(pk=offer.pk)
            both_have_looked.wait(timeout=PATIENCE)
            assert seen.status == Status.OFFERED
            Enrollment.objects.filter(pk=offer.pk).update(status=target)
            if seat_goes:
                Seat.objects.filter(enrollment=offer.pk).update(enrollment=None)

    results = at_once(
        [
            partial(look_then_write, Status.HELD, False),
            partial(look_then_write, Status.EXPIRED, True),
        ]
    )
    assert results == [None, None]
    assert Seat.objects.get(cohort=group).enrollment is None


def test_whoever_is_being_offered_a_seat_leaves_after_that_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first in line is locked before the chair is taken: no chair stays with who has left."""
    group = a_full_group()
    line = a_line(group, 2)
    claim = seats.claim_seat
    leave = leaving(line[0])
    leaver = threading.Thread(target=at_once, args=([leave],))

    def claim_while_they_leave(**which: int) -> bool:
        if not leaver.ident:
            leaver.start()
            leaver.join(timeout=1)
        return claim(**which)

    monkeypatch.setattr(waitlist, "claim_seat", claim_while_they_leave)
    [withdraw] = withdrawals(group)
    withdraw()
    leaver.join(timeout=PATIENCE)
    assert statuses(line) == [Status.OFFERED, Status.WAITLISTED]
    every_offer_has_one_seat()
