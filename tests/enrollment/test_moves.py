"""The table of moves: what it allows, what it forbids, and that nothing goes around it."""

import itertools

import pytest
from django.db import IntegrityError, transaction

from enrollment.models import Enrollment, EnrollmentMove
from enrollment.moves import move
from enrollment.states import IN_STANDING, LIVE, MOVES, ForbiddenMove, Status
from tests.enrollment.builders import NOW, a_confirmed_seat, a_held_seat

FORBIDDEN = [
    (source, target)
    for source, target in itertools.product(Status, Status)
    if target not in MOVES[source]
]


def test_every_state_is_in_the_table() -> None:
    assert set(MOVES) == set(Status)


def test_standing_implies_a_live_seat() -> None:
    assert set(IN_STANDING) < set(LIVE)


def test_nothing_leads_into_a_hold_but_an_accepted_offer() -> None:
    assert [source for source in Status if Status.HELD in MOVES[source]] == [Status.OFFERED]


@pytest.mark.parametrize(("source", "target"), FORBIDDEN)
def test_a_move_that_the_table_does_not_list_raises(source: Status, target: Status) -> None:
    """Before the database is asked: this test has no access to one."""
    with pytest.raises(ForbiddenMove):
        move(enrollment_id=1, sources=(source,), target=target, now=NOW, reason="Test")


@pytest.mark.django_db
def test_a_move_writes_history_with_actor_and_reason() -> None:
    confirmed = a_confirmed_seat()
    moved = move(
        enrollment_id=confirmed.pk,
        sources=(Status.ACTIVE,),
        target=Status.GRACE,
        now=NOW,
        reason="A payment is overdue",
        actor=confirmed.member,
    )
    assert moved is True
    last = EnrollmentMove.objects.filter(enrollment=confirmed).last()
    assert last is not None
    assert (last.source, last.target, last.reason, last.at, last.actor) == (
        "active",
        "grace",
        "A payment is overdue",
        NOW,
        confirmed.member,
    )


@pytest.mark.django_db
def test_a_move_from_another_state_changes_nothing() -> None:
    held = a_held_seat()
    moved = move(
        enrollment_id=held.pk,
        sources=(Status.ACTIVE, Status.SUSPENDED),
        target=Status.WITHDRAWN,
        now=NOW,
        reason="Test",
    )
    held.refresh_from_db()
    assert (moved, held.status, held.moves.count()) == (False, Status.HELD, 1)


@pytest.mark.django_db
def test_the_database_refuses_a_second_live_enrolment() -> None:
    first = a_held_seat()
    with pytest.raises(IntegrityError, match="one_live_enrollment"), transaction.atomic():
        Enrollment.objects.create(
            member=first.member,
            cohort=first.cohort,
            price_cents=1,
            reserved_at=NOW,
            held_until=NOW,
        )


@pytest.mark.django_db
def test_the_database_refuses_a_hold_without_an_end() -> None:
    held = a_held_seat()
    with pytest.raises(IntegrityError, match="a_held_seat_has_an_end"), transaction.atomic():
        Enrollment.objects.filter(pk=held.pk).update(held_until=None)
