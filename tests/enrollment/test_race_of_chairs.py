"""One chair, wanted for one session and for twelve weeks at once; with controls."""

import threading
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import pytest
from django.db import transaction

from accounts.models import Role
from enrollment import links, making_up, offers, rescheduling, seats, services
from enrollment.changes import Kind, Wish
from enrollment.history import Done
from enrollment.making_up import ChairGone
from enrollment.models import Enrollment, Seat, Visit
from enrollment.refusals import GroupFull
from outbox.models import Message
from sessions.models import Cohort, GroupSession
from tests.enrollment.builders import NOW, a_cohort, a_confirmed_seat, a_member, an_intake, session
from tests.enrollment.crowd import PATIENCE, at_once
from tests.enrollment.test_making_up import thursdays, week

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

ROUNDS = 8


def visit(seat: Enrollment, host: Cohort) -> Callable[[], Visit]:
    mine = week(seat)
    return partial(making_up.take_chair, week=mine, session_id=session(host, 1).pk, now=NOW)


def buy(host: Cohort) -> Callable[[], Enrollment]:
    buyer = a_member()
    an_intake(buyer)
    return partial(services.reserve_seat, cohort=host, member=buyer, now=NOW)


def people_in_first_session(host: Cohort) -> int:
    seated = Seat.objects.filter(cohort=host, enrollment__first_week=1).count()
    return seated + Visit.objects.filter(session__cohort=host, given_back_at=None).count()


def test_the_last_chair_goes_to_a_visitor_or_to_a_new_member_and_never_to_both() -> None:
    for _ in range(ROUNDS):
        host = thursdays(capacity=1)
        own = a_cohort()
        actions: list[Callable[[], object]] = [
            *(visit(a_confirmed_seat(cohort=own), host) for _ in range(3)),
            *(buy(host) for _ in range(3)),
        ]

        results = at_once(actions)

        # A chair that two reach for in one instant may go to neither; each is told kindly.
        refused = {type(result) for result in results if isinstance(result, Exception)}
        assert refused <= {ChairGone, GroupFull}
        assert people_in_first_session(host) <= 1
        assert sum(not isinstance(result, Exception) for result in results) <= 1


def test_visitors_alone_fill_every_empty_chair_once() -> None:
    host, own = thursdays(capacity=3), a_cohort()
    actions = [visit(a_confirmed_seat(cohort=own), host) for _ in range(6)]

    results = at_once(actions)

    taken = [result for result in results if isinstance(result, Visit)]
    assert len(taken) == len({one.seat_id for one in taken}) == 3
    assert sum(isinstance(result, ChairGone) for result in results) == 3


def buyer_who_looked_before_the_visitor(
    monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> tuple[Cohort, list[object]]:
    """The buyer's look for a chair is older than the visit; only what `take_seat` asks is new."""
    host = thursdays(capacity=1)
    chair = Seat.objects.get(cohort=host).pk
    take, reserve = visit(a_confirmed_seat(), host), buy(host)
    looked, visited = threading.Event(), threading.Event()
    looks = iter([chair, None])

    def stale_look(**which: int) -> int | None:
        looked.set()
        visited.wait(timeout=PATIENCE)
        return next(looks)

    def unguarded(*, seat_id: int, enrollment_id: int, first_week: int) -> bool:
        free = Seat.objects.filter(pk=seat_id, enrollment=None)
        return bool(free.update(enrollment_id=enrollment_id))

    monkeypatch.setattr(seats, "find_free_seat", stale_look)
    if not guarded:
        monkeypatch.setattr(seats, "take_seat", unguarded)

    def visitor() -> object:
        looked.wait(timeout=PATIENCE)
        try:
            return take()
        finally:
            visited.set()

    actions: list[Callable[[], object]] = [reserve, visitor]
    return host, at_once(actions)


def test_a_look_that_is_older_than_the_visit_sells_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host, (sold, taken) = buyer_who_looked_before_the_visitor(monkeypatch, guarded=True)
    assert isinstance(sold, GroupFull)
    assert isinstance(taken, Visit)
    assert people_in_first_session(host) == 1


def test_control_without_asking_again_the_chair_is_sold_under_its_visitor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host, _ = buyer_who_looked_before_the_visitor(monkeypatch, guarded=False)
    assert people_in_first_session(host) == 2


def test_control_counting_the_chairs_first_lets_everybody_in() -> None:
    host, own = thursdays(capacity=1), a_cohort()

    def take_unguarded(seat: Enrollment) -> Visit:
        mine = week(seat)
        with transaction.atomic():
            [host_session] = offers.offers(week=mine, now=NOW)
            counted.wait(timeout=PATIENCE)
            return Visit.objects.create(
                enrollment=seat, instead_of=mine.session, session=host_session, taken_at=NOW
            )

    counted = threading.Barrier(4)
    at_once([partial(take_unguarded, a_confirmed_seat(cohort=own)) for _ in range(4)])

    assert people_in_first_session(host) == 4


def test_a_double_press_takes_one_chair() -> None:
    for _ in range(ROUNDS):
        host, mine = thursdays(), a_confirmed_seat()

        results = at_once([visit(mine, host)] * 4)

        assert sum(isinstance(result, Visit) for result in results) == 1
        assert Visit.objects.filter(enrollment=mine).count() == 1


def test_who_leaves_while_taking_a_chair_keeps_none() -> None:
    for _ in range(ROUNDS):
        host, mine = thursdays(), a_confirmed_seat()
        leave = partial(
            services.withdraw, enrollment_id=mine.pk, actor=mine.member, reason="Left", now=NOW
        )
        actions: list[Callable[[], object]] = [visit(mine, host), leave]

        at_once(actions)

        assert not Visit.objects.filter(enrollment=mine, given_back_at=None).exists()


def test_a_session_that_is_cancelled_while_a_chair_is_taken_keeps_no_visitor() -> None:
    for _ in range(ROUNDS):
        host, mine = thursdays(), a_confirmed_seat()
        cancel = partial(
            rescheduling.apply,
            cohort_id=host.pk,
            wish=Wish(Kind.CANCEL, 1),
            version=0,
            actor=a_member(role=Role.FACILITATOR),
            reason="",
            now=NOW,
        )
        actions: list[Callable[[], object]] = [visit(mine, host), cancel]

        taken, done = at_once(actions)

        assert isinstance(done, Done)
        assert not Visit.objects.filter(enrollment=mine, given_back_at=None).exists()
        told = Message.objects.filter(kind=links.VISIT_CHANGED, recipient=mine.member).count()
        assert told == isinstance(taken, Visit)


def cancel_while_a_chair_is_looked_for(monkeypatch: pytest.MonkeyPatch, *, locked: bool) -> None:
    """The visited session is cancelled after it was offered and before the chair is taken."""
    host, mine = thursdays(), a_confirmed_seat()
    looking, cancelled = threading.Event(), threading.Event()
    find = making_up._find_chair

    def slow(session: GroupSession) -> Seat | None:
        looking.set()
        cancelled.wait(timeout=1.5)
        return find(session)

    monkeypatch.setattr(making_up, "_find_chair", slow)
    if not locked:
        unlocked = SimpleNamespace(select_for_update=lambda **how: Cohort.objects.all())
        monkeypatch.setattr(making_up, "Cohort", SimpleNamespace(objects=unlocked))
    actor = a_member(role=Role.FACILITATOR)

    def cancel() -> object:
        looking.wait(timeout=PATIENCE)
        wish = Wish(Kind.CANCEL, 1)
        done = rescheduling.apply(
            cohort_id=host.pk, wish=wish, version=0, actor=actor, reason="", now=NOW
        )
        cancelled.set()
        return done

    actions: list[Callable[[], object]] = [visit(mine, host), cancel]
    at_once(actions)


def seated_and_told() -> tuple[int, int]:
    live = Visit.objects.filter(given_back_at=None).count()
    return live, Message.objects.filter(kind=links.VISIT_CHANGED).count()


def test_who_takes_a_chair_while_its_session_is_cancelled_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cancel_while_a_chair_is_looked_for(monkeypatch, locked=True)
    assert seated_and_told() == (0, 1)


def test_control_without_the_lock_somebody_sits_in_a_cancelled_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cancel_while_a_chair_is_looked_for(monkeypatch, locked=False)
    assert seated_and_told() == (1, 0)
