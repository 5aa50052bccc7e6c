"""Who came and who did not: the door suggests, the leader notes, nobody's word is lost."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Role, User
from enrollment import attendance, services
from enrollment.attendance import ChangedMeanwhile, Closed, Noted, TooEarly
from enrollment.models import Attendance, AttendanceNote, Enrollment, Mark, Register
from sessions.models import GroupSession
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    session,
)

pytestmark = pytest.mark.django_db
AFTER = FIRST_SESSION + HOUR


@pytest.fixture
def seat() -> Enrollment:
    return a_confirmed_seat()


@pytest.fixture
def first(seat: Enrollment) -> GroupSession:
    return session(seat.cohort, 1)


@pytest.fixture
def leader() -> User:
    return a_member(role=Role.FACILITATOR)


def arrive(enrollment: Enrollment, at: dt.datetime, number: int = 1) -> None:
    Attendance.objects.create(
        enrollment=enrollment,
        session=session(enrollment.cohort, number),
        arrived_at=at,
        location="NY",
    )


def say(
    seat: Enrollment, mark: Mark | None, minutes: int | None = None, **more: dt.datetime
) -> Noted:
    return Noted(seat.pk, mark, minutes, **more)


# --- Rules ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "mark", "minutes"),
    [
        (-15 * MINUTE, Mark.PRESENT, None),
        (dt.timedelta(seconds=59), Mark.PRESENT, None),
        (MINUTE, Mark.LATE, 1),
        (15 * MINUTE, Mark.LATE, 15),
        (15 * MINUTE + dt.timedelta(seconds=1), Mark.ABSENT, None),
    ],
)
def test_the_door_suggests_what_the_policy_says(
    late: dt.timedelta, mark: Mark, minutes: int | None
) -> None:
    at = FIRST_SESSION + late
    assert attendance.suggest(arrived_at=at, starts_at=FIRST_SESSION) == (mark, minutes)


def test_whoever_was_not_seen_is_absent() -> None:
    assert attendance.suggest(arrived_at=None, starts_at=FIRST_SESSION) == (Mark.ABSENT, None)


@pytest.mark.parametrize(
    ("marks", "misses"),
    [
        ("", 0),
        ("a", 1),
        ("paa", 2),
        ("aap", 0),
        ("aal", 0),
        ("aam", 0),
        ("aea", 2),
        ("aaaa", 4),
    ],
)
def test_misses_in_a_row_are_the_latest_ones(marks: str, misses: int) -> None:
    """An excused absence neither counts nor breaks the row; what was made up breaks it."""
    known = {mark.value[0]: mark for mark in Mark}
    assert attendance.misses_in_a_row(known[letter] for letter in marks) == misses


def test_flags_rise_at_two_three_and_four() -> None:
    flags = [attendance.flag([Mark.ABSENT] * misses) for misses in range(6)]
    assert flags[:2] == ["", ""]
    assert flags[2:] == [
        "Missed 2 in a row: check in",
        "Missed 3 in a row: reach out",
        "Missed 4 in a row: decide together how to go on",
        "Missed 5 in a row: decide together how to go on",
    ]


@pytest.mark.parametrize(
    ("marks", "flag"),
    [
        ("ee", ""),
        ("eee", "Away 3 in a row: check in"),
        ("peae", "Away 3 in a row: check in"),
        ("eeep", ""),
        ("eaa", "Missed 2 in a row: check in"),
    ],
)
def test_whoever_is_excused_again_and_again_is_not_forgotten(marks: str, flag: str) -> None:
    known = {mark.value[0]: mark for mark in Mark}
    assert attendance.flag(known[letter] for letter in marks) == flag


# --- Noting -----------------------------------------------------------------------------


def test_a_note_is_written_and_corrected(
    seat: Enrollment, first: GroupSession, leader: User
) -> None:
    attendance.note(session=first, noted=[say(seat, Mark.LATE, 5)], actor=leader, now=AFTER)
    again = say(seat, Mark.PRESENT, seen=AFTER)
    attendance.note(session=first, noted=[again], actor=leader, now=AFTER + MINUTE)
    note = AttendanceNote.objects.get()
    assert (note.mark, note.late_minutes, note.noted_by) == (Mark.PRESENT, None, leader)
    assert note.noted_at == AFTER + MINUTE


def test_a_note_that_one_has_not_seen_is_not_written_over(
    seat: Enrollment, first: GroupSession, leader: User
) -> None:
    other = a_confirmed_seat(cohort=seat.cohort)
    colleague = a_member(role=Role.FACILITATOR)
    attendance.note(session=first, noted=[say(seat, Mark.EXCUSED)], actor=colleague, now=AFTER)
    mine = [say(seat, Mark.ABSENT), say(other, Mark.PRESENT)]
    with pytest.raises(ChangedMeanwhile) as refused:
        attendance.note(session=first, noted=mine, actor=leader, now=AFTER + MINUTE)
    assert [note.mark for note in refused.value.notes] == [Mark.EXCUSED]
    assert AttendanceNote.objects.get().noted_by == colleague


@pytest.mark.parametrize("case", ["held", "other group", "joins later", "withdrawn", "paused"])
def test_only_those_who_are_expected_are_noted(
    case: str, seat: Enrollment, first: GroupSession, leader: User
) -> None:
    build: dict[str, Callable[[], Enrollment]] = {
        "held": lambda: a_held_seat(cohort=seat.cohort),
        "other group": a_confirmed_seat,
        "joins later": lambda: a_confirmed_seat(cohort=seat.cohort),
        "withdrawn": lambda: a_confirmed_seat(cohort=seat.cohort),
        "paused": lambda: a_confirmed_seat(cohort=seat.cohort),
    }
    stranger = build[case]()
    if case == "paused":
        Enrollment.objects.filter(pk=stranger.pk).update(status="suspended")
    if case == "joins later":
        Enrollment.objects.filter(pk=stranger.pk).update(first_week=5)
    if case == "withdrawn":
        services.withdraw(enrollment_id=stranger.pk, actor=leader, reason="Left", now=NOW)
    with pytest.raises(Enrollment.DoesNotExist):
        attendance.note(
            session=first,
            noted=[say(seat, Mark.PRESENT), say(stranger, Mark.PRESENT)],
            actor=leader,
            now=AFTER,
        )
    assert not AttendanceNote.objects.exists()


@pytest.mark.parametrize(("mark", "minutes"), [(Mark.LATE, None), (Mark.PRESENT, 3)])
def test_the_database_keeps_minutes_and_late_together(
    mark: Mark, minutes: int | None, seat: Enrollment, first: GroupSession, leader: User
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        AttendanceNote.objects.create(
            enrollment=seat,
            session=first,
            mark=mark,
            late_minutes=minutes,
            noted_by=leader,
            noted_at=AFTER,
        )


@pytest.mark.parametrize("mark", [mark for mark in Mark if mark != Mark.EXCUSED])
def test_before_a_session_begins_nobody_has_come_or_missed_it(
    mark: Mark, seat: Enrollment, first: GroupSession, leader: User
) -> None:
    other = a_confirmed_seat(cohort=seat.cohort)
    minutes = 5 if mark == Mark.LATE else None
    noted = [say(other, Mark.EXCUSED), say(seat, mark, minutes)]
    with pytest.raises(TooEarly):
        attendance.note(
            session=first, noted=noted, actor=leader, now=FIRST_SESSION - dt.timedelta(seconds=1)
        )
    assert not AttendanceNote.objects.exists()
    attendance.note(session=first, noted=noted, actor=leader, now=FIRST_SESSION)
    assert AttendanceNote.objects.count() == 2


def test_a_note_is_taken_back_until_the_register_is_closed(
    seat: Enrollment, first: GroupSession, leader: User
) -> None:
    attendance.note(session=first, noted=[say(seat, Mark.EXCUSED)], actor=leader, now=NOW)
    with pytest.raises(ChangedMeanwhile):
        attendance.note(session=first, noted=[say(seat, None)], actor=leader, now=AFTER)
    back = say(seat, None, seen=NOW)
    attendance.note(session=first, noted=[back], actor=leader, now=AFTER)
    assert not AttendanceNote.objects.exists()
    attendance.close_register(session=first, actor=leader, now=AFTER)
    with pytest.raises(Closed):
        attendance.note(session=first, noted=[say(seat, None, seen=AFTER)], actor=leader, now=AFTER)
    assert AttendanceNote.objects.get().mark == Mark.ABSENT


# --- Closing ----------------------------------------------------------------------------


def test_closing_writes_down_what_the_door_saw_and_keeps_what_was_noted(
    seat: Enrollment, first: GroupSession, leader: User
) -> None:
    late, absent, excused = (a_confirmed_seat(cohort=seat.cohort) for _ in range(3))
    arrive(seat, FIRST_SESSION - MINUTE)
    arrive(late, FIRST_SESSION + 7 * MINUTE)
    attendance.note(session=first, noted=[say(excused, Mark.EXCUSED)], actor=leader, now=AFTER)
    assert attendance.close_register(session=first, actor=leader, now=AFTER)
    notes = {note.enrollment: (note.mark, note.late_minutes) for note in first.notes.all()}
    assert notes == {
        seat: (Mark.PRESENT, None),
        late: (Mark.LATE, 7),
        absent: (Mark.ABSENT, None),
        excused: (Mark.EXCUSED, None),
    }
    register = Register.objects.get()
    assert (register.session, register.closed_by, register.closed_at) == (first, leader, AFTER)


def test_closing_twice_is_closing_once(seat: Enrollment, first: GroupSession, leader: User) -> None:
    assert attendance.close_register(session=first, actor=leader, now=AFTER)
    assert not attendance.close_register(session=first, actor=leader, now=AFTER + MINUTE)
    assert Register.objects.get().closed_at == AFTER
    assert connection.in_atomic_block  # the second try has broken nothing around it


def test_a_register_is_not_closed_before_the_session_has_ended(
    seat: Enrollment, first: GroupSession, leader: User
) -> None:
    with pytest.raises(TooEarly):
        attendance.close_register(session=first, actor=leader, now=first.ends_at - MINUTE)
    assert not Register.objects.exists()
