"""Saying that one cannot come, and a chair in another group's same week."""

import datetime as dt
from email.message import EmailMessage
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar

from accounts.models import Role, User
from enrollment import (
    absences,
    attendance,
    catalogue,
    desk,
    door,
    links,
    making_up,
    offers,
    rescheduling,
    roster,
    season,
    services,
)
from enrollment.absences import NotPossible, Week
from enrollment.changes import Kind, Wish
from enrollment.door import DoorState
from enrollment.history import Done
from enrollment.making_up import ChairGone
from enrollment.models import Absence, Attendance, Enrollment, Mark, Seat, Visit
from enrollment.refusals import GroupFull
from enrollment.states import Status
from outbox.delivery import FRESH
from outbox.models import Message, State
from outbox.services import deliver_due
from sessions.models import Cohort, GroupSession
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_member,
    an_intake,
    session,
)
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
WEEK = 7 * DAY
THURSDAY = FIRST_SESSION + 2 * DAY + HOUR  # 7:00 PM in New York


@pytest.fixture
def seat() -> Enrollment:
    """A member of the Tuesday group, which meets at 6:00 PM."""
    return a_confirmed_seat()


def thursdays(**fields: Any) -> Cohort:
    return a_cohort(**{"name": "Thursday evenings", "starts_at": THURSDAY, **fields})


def week(seat: Enrollment, number: int = 1, now: dt.datetime = NOW) -> Week:
    return absences.own_week(enrollment=seat, number=number, now=now)


def offered(seat: Enrollment, number: int = 1, now: dt.datetime = NOW) -> list[GroupSession]:
    return offers.offers(week=week(seat, number, now), now=now)


def takes(seat: Enrollment, host: GroupSession, now: dt.datetime = NOW) -> Visit:
    return making_up.take_chair(week=week(seat, host.number, now), session_id=host.pk, now=now)


def outcome(kind: str) -> tuple[str, str]:
    message = Message.objects.get(kind=kind)
    return message.state, message.reason


def deliver(now: dt.datetime) -> None:
    deliver_due(clock=lambda: now)


def words(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body
    return str(body.get_content())


def entry(mail: EmailMessage) -> Any:
    [attachment] = mail.iter_attachments()
    [event] = Calendar.from_ical(attachment.get_content()).walk("VEVENT")
    return event


# --- What is offered ----------------------------------------------------------------------


def test_the_same_week_of_a_parallel_group_is_offered(seat: Enrollment) -> None:
    host = thursdays()
    assert offered(seat) == [session(host, 1)]
    assert offered(seat, 2, NOW + DAY) == [session(host, 2)]


def test_chairs_are_offered_from_two_weeks_before(seat: Enrollment) -> None:
    host, start = thursdays(), session(seat.cohort, 3).starts_at
    assert offered(seat, 3, start - 2 * WEEK - MINUTE) == []
    assert offered(seat, 3, start - 2 * WEEK) == [session(host, 3)]


@pytest.mark.parametrize(
    "fields",
    [
        {"admitted_states": ["CA"]},
        {"starts_at": FIRST_SESSION + 8 * DAY},
        {"starts_at": FIRST_SESSION - 8 * DAY},
        {"draft": True},
    ],
    ids=["another state", "too late", "too early", "a draft"],
)
def test_what_does_not_suit_is_not_offered(seat: Enrollment, fields: dict[str, object]) -> None:
    thursdays(**fields)
    now = NOW - 3 * DAY
    assert offered(seat, now=now) == []


def test_another_program_is_not_offered(seat: Enrollment) -> None:
    host = thursdays()
    other = host.programme
    other.pk, other.slug = None, "another"
    other.save()
    Cohort.objects.filter(pk=host.pk).update(programme=other)
    assert offered(seat) == []


def test_a_group_that_is_archived_or_a_session_that_is_cancelled_is_not_offered(
    seat: Enrollment,
) -> None:
    host = thursdays()
    GroupSession.objects.filter(cohort=host, number=1).update(cancelled_at=NOW)
    now = NOW + DAY
    assert offered(seat, 1, now) == []
    assert offered(seat, 2, now) == [session(host, 2)]
    Cohort.objects.filter(pk=host.pk).update(status=Cohort.Status.ARCHIVED)
    assert offered(seat, 2, now) == []


def test_a_session_that_has_begun_is_not_offered(seat: Enrollment) -> None:
    host = thursdays()
    assert offered(seat, now=THURSDAY - MINUTE) == [session(host, 1)]
    assert offered(seat, now=THURSDAY) == []


def test_a_full_group_is_not_offered_and_a_group_of_ones_own_neither(seat: Enrollment) -> None:
    full, own = thursdays(capacity=1), thursdays(starts_at=THURSDAY + DAY)
    a_confirmed_seat(cohort=full)
    a_confirmed_seat(cohort=own, member=seat.member)
    assert offered(seat) == []


def test_a_chair_of_somebody_who_begins_later_is_empty_until_then(seat: Enrollment) -> None:
    host = thursdays(capacity=1, admission=Cohort.Admission.MODULE_STARTS)
    later, now = a_confirmed_seat(cohort=host, now=THURSDAY + HOUR), THURSDAY + 2 * WEEK
    assert later.first_week == 5
    assert offered(seat, 4, now) == [session(host, 4)]
    assert offered(seat, 5, now + WEEK) == []
    assert takes(seat, session(host, 4), now).seat == later.seat


def test_offers_take_as_many_queries_for_one_group_as_for_three(seat: Enrollment) -> None:
    counts = []
    for more in (1, 2):
        for _ in range(more):
            host = thursdays(starts_at=THURSDAY + Cohort.objects.count() * HOUR)
            a_confirmed_seat(cohort=host)
        mine = week(seat)
        with CaptureQueriesContext(connection) as captured:
            found = offers.offers(week=mine, now=NOW)
        counts.append((len(found), len(captured)))
    assert counts == [(1, 6), (3, 6)]


# --- Taking one ---------------------------------------------------------------------------


def test_a_chair_is_taken_and_the_own_session_excused(seat: Enrollment) -> None:
    host = thursdays(capacity=1)
    visit = takes(seat, session(host, 1))
    assert (visit.session, visit.instead_of) == (session(host, 1), session(seat.cohort, 1))
    assert visit.seat == Seat.objects.get(cohort=host)
    assert Absence.objects.get().session == session(seat.cohort, 1)
    assert Seat.objects.filter(enrollment=seat).exists()


def test_the_last_chair_of_a_session_is_taken_once(seat: Enrollment) -> None:
    host = thursdays(capacity=1)
    takes(seat, session(host, 1))
    rival = a_confirmed_seat(cohort=seat.cohort)
    assert offered(rival) == []
    with pytest.raises(ChairGone):
        takes(rival, session(host, 1))
    assert offered(rival, 2, NOW + DAY) == [session(host, 2)]


def test_the_database_refuses_two_visitors_on_one_chair(seat: Enrollment) -> None:
    visit = takes(seat, session(thursdays(), 1))
    with pytest.raises(IntegrityError), transaction.atomic():
        Visit.objects.create(
            enrollment=a_confirmed_seat(),
            instead_of=visit.instead_of,
            session=visit.session,
            seat=visit.seat,
            taken_at=NOW,
        )


def test_one_chair_for_each_missed_week(seat: Enrollment) -> None:
    first, second = thursdays(), thursdays(starts_at=THURSDAY + DAY)
    takes(seat, session(first, 1))
    with pytest.raises(NotPossible, match="already"):
        takes(seat, session(second, 1))


def test_what_is_not_offered_cannot_be_taken(seat: Enrollment) -> None:
    elsewhere = thursdays(admitted_states=["CA"])
    with pytest.raises(ChairGone):
        takes(seat, session(elsewhere, 1))
    assert not Visit.objects.exists()
    assert not Absence.objects.exists()


def test_somebody_who_has_left_takes_no_chair(seat: Enrollment) -> None:
    host, mine = thursdays(), week(seat)
    services.withdraw(enrollment_id=seat.pk, actor=seat.member, reason="Left", now=NOW)
    with pytest.raises(NotPossible, match="not active"):
        making_up.take_chair(week=mine, session_id=session(host, 1).pk, now=NOW)


def test_leaving_the_group_frees_the_chair(seat: Enrollment) -> None:
    visit = takes(seat, session(thursdays(capacity=1), 1))
    services.withdraw(enrollment_id=seat.pk, actor=seat.member, reason="Left", now=NOW)
    visit.refresh_from_db()
    assert visit.given_back_at == NOW
    assert offered(a_confirmed_seat(cohort=seat.cohort)) == [visit.session]


def test_a_chair_is_given_back_until_its_session_begins(seat: Enrollment) -> None:
    host = session(thursdays(capacity=1), 1)
    takes(seat, host)
    assert making_up.give_back(week=week(seat), now=THURSDAY - MINUTE) is True
    assert offered(seat) == [host]
    takes(seat, host)
    assert making_up.give_back(week=week(seat), now=THURSDAY) is False


def test_a_missed_session_can_be_made_up_after_it(seat: Enrollment) -> None:
    host = session(thursdays(), 1)
    now = FIRST_SESSION + 2 * HOUR
    assert offered(seat, now=now) == [host]
    takes(seat, host, now)
    assert not Absence.objects.exists()  # nothing was said beforehand


@pytest.mark.parametrize("number", [0, 3, 13])
def test_a_week_that_is_not_mine_has_no_page(number: int) -> None:
    cohort = a_cohort(admission=Cohort.Admission.MODULE_STARTS)
    seat = a_confirmed_seat(cohort=cohort, now=FIRST_SESSION + HOUR)  # from week 5
    with pytest.raises(GroupSession.DoesNotExist):
        week(seat, number)


def test_a_week_is_over_seven_days_after_it(seat: Enrollment) -> None:
    assert week(seat, 1, FIRST_SESSION + WEEK - MINUTE).session.number == 1
    with pytest.raises(GroupSession.DoesNotExist):
        week(seat, 1, FIRST_SESSION + WEEK)


def test_nobody_says_after_the_start_that_they_cannot_come(seat: Enrollment) -> None:
    with pytest.raises(NotPossible, match="still welcome"):
        absences.say_absent(week=week(seat), about=FIRST_SESSION, now=FIRST_SESSION)


def test_giving_the_chair_back_brings_the_own_session_back(seat: Enrollment) -> None:
    """Unless they had said before that they cannot come."""
    host = session(thursdays(), 1)
    takes(seat, host)
    making_up.give_back(week=week(seat), now=NOW)
    assert week(seat).absence is None
    absences.say_absent(week=week(seat), about=FIRST_SESSION, now=NOW)
    takes(seat, host, NOW + MINUTE)
    making_up.give_back(week=week(seat), now=NOW + 2 * MINUTE)
    assert week(seat).absence is not None


def test_who_was_there_takes_no_chair(seat: Enrollment) -> None:
    host, now = session(thursdays(), 1), FIRST_SESSION + 2 * HOUR
    came = seat.attendances.create(
        session=session(seat.cohort, 1), arrived_at=FIRST_SESSION + 15 * MINUTE
    )
    with pytest.raises(ChairGone):
        takes(seat, host, now)
    # Later than that counts as missed, as they agreed.
    Attendance.objects.filter(pk=came.pk).update(arrived_at=FIRST_SESSION + 16 * MINUTE)
    assert offered(seat, now=now) == [host]
    attendance.note(
        session=session(seat.cohort, 1),
        noted=[attendance.Noted(seat.pk, Mark.PRESENT)],
        actor=a_member(role=Role.FACILITATOR),
        now=now,
    )
    assert offered(seat, now=now) == []


def test_no_chair_is_offered_at_the_hour_of_another_own_session(seat: Enrollment) -> None:
    second = session(seat.cohort, 2).starts_at
    clashing = thursdays(starts_at=second + 30 * MINUTE)
    fine = thursdays(starts_at=second - HOUR)
    assert offered(seat, 1, NOW + DAY) == [session(fine, 1)]
    other = a_confirmed_seat(cohort=clashing, member=seat.member)
    assert other.member == seat.member
    takes(seat, session(fine, 1), NOW + DAY)
    assert session(clashing, 1) not in offered(seat, 2, NOW + DAY)


def test_answers_that_nobody_can_read_open_no_group(seat: Enrollment) -> None:
    thursdays()
    seat.member.intake.answers = {"state": "NY"}
    seat.member.intake.save()
    assert offered(seat) == []


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_chair_is_given_back_also_when_the_own_week_is_over_or_cancelled(
    seat: Enrollment, cancelled: bool
) -> None:
    host = thursdays()
    takes(seat, session(host, 1))
    if cancelled:
        changes(seat.cohort, Wish(Kind.CANCEL, 1))
        now = NOW
    else:
        changes(host, Wish(Kind.REPLACE, 1))
        now = FIRST_SESSION + WEEK + HOUR
    assert making_up.give_back(week=week(seat, 1, now), now=now) is True
    with pytest.raises(GroupSession.DoesNotExist):
        week(seat, 1, now)


def test_leaving_during_the_visit_keeps_its_record(seat: Enrollment) -> None:
    host = thursdays()
    visits(seat, host)
    now = THURSDAY + 30 * MINUTE
    services.withdraw(enrollment_id=seat.pk, actor=seat.member, reason="Left", now=now)
    assert Visit.objects.get().given_back_at is None


# --- A chair is not sold under its visitor --------------------------------------------------


def test_a_chair_is_not_sold_for_a_week_in_which_somebody_visits(seat: Enrollment) -> None:
    host = thursdays(capacity=1)
    takes(seat, session(host, 1))
    buyer = a_member()
    an_intake(buyer)
    reserve = partial(services.reserve_seat, cohort=host, member=buyer)
    with pytest.raises(GroupFull):
        reserve(now=NOW)
    assert catalogue.group_card(pk=host.pk, now=NOW).seats_left == 0
    making_up.give_back(week=week(seat), now=NOW)
    assert catalogue.group_card(pk=host.pk, now=NOW).seats_left == 1
    assert reserve(now=NOW).status == Status.HELD


def test_another_chair_is_sold_while_somebody_visits_on_the_first(seat: Enrollment) -> None:
    host = thursdays(capacity=2)
    visit = takes(seat, session(host, 1))
    sold = a_confirmed_seat(cohort=host)
    assert sold.seat != visit.seat
    assert catalogue.group_card(pk=host.pk, now=NOW).seats_left == 0


def test_visitors_on_different_chairs_leave_none_to_sell(seat: Enrollment) -> None:
    host, rival = thursdays(capacity=2), a_confirmed_seat(cohort=seat.cohort)
    takes(seat, session(host, 1))
    making_up.take_chair(
        week=week(rival, 2, NOW + DAY), session_id=session(host, 2).pk, now=NOW + DAY
    )
    seats = Seat.objects.filter(cohort=host).order_by("pk")
    Visit.objects.filter(session__number=2).update(seat=seats[1])
    assert catalogue.group_card(pk=host.pk, now=NOW + DAY).seats_left == 0


def test_a_chair_is_sold_from_the_weeks_after_the_visit(seat: Enrollment) -> None:
    host = thursdays(capacity=1, admission=Cohort.Admission.MODULE_STARTS)
    now = THURSDAY + HOUR
    takes(seat, session(host, 2), now)
    assert catalogue.group_card(pk=host.pk, now=now).seats_left == 1
    assert a_confirmed_seat(cohort=host, now=now).first_week == 5


def test_a_visitors_chair_is_not_taken_away(seat: Enrollment) -> None:
    host = thursdays(capacity=3)
    a_confirmed_seat(cohort=host)
    takes(seat, session(host, 1))
    season.change_capacity(cohort=host, capacity=2, now=NOW)
    with pytest.raises(season.NotPossible) as refused:
        season.change_capacity(cohort=host, capacity=1, now=NOW)
    assert refused.value.reasons == (
        "1 seat is taken and 1 kept for somebody from another group this week, so 1 is too few. "
        "The smallest number now is 2.",
    )
    season.change_capacity(cohort=host, capacity=1, now=THURSDAY + HOUR)
    assert Visit.objects.get().seat is None


# --- The door -------------------------------------------------------------------------------


def look(visit: Visit, user: User, now: dt.datetime) -> door.Doorway:
    return door.look(token=visit.door_token, user=user, now=now)


def test_the_door_opens_for_that_session_only(seat: Enrollment) -> None:
    host = thursdays()
    visit = takes(seat, session(host, 1))
    states = {
        THURSDAY - 16 * MINUTE: DoorState.EARLY,
        THURSDAY - 15 * MINUTE: DoorState.OPEN,
        THURSDAY + 59 * MINUTE: DoorState.OPEN,
        THURSDAY + HOUR: DoorState.ENDED_TODAY,
        THURSDAY + WEEK: DoorState.ENDED_TODAY,
    }
    assert {now: look(visit, seat.member, now).state for now in states} == states
    assert look(visit, a_member(), THURSDAY).state == DoorState.NOT_YOURS


def test_who_goes_in_arrives_in_that_session(seat: Enrollment) -> None:
    host = session(thursdays(), 1)
    visit = takes(seat, host)
    url = door.enter(doorway=look(visit, seat.member, THURSDAY), location="NY", now=THURSDAY)
    assert url == host.joining_url
    assert Attendance.objects.get().session == host


@pytest.mark.parametrize("status", [s for s in Status if s not in ("active", "grace", "held")])
def test_the_door_stays_closed_without_standing(seat: Enrollment, status: str) -> None:
    visit = takes(seat, session(thursdays(), 1))
    doorway = look(visit, seat.member, THURSDAY)
    Enrollment.objects.filter(pk=seat.pk).update(status=status, held_until=NOW, waiting_since=NOW)
    assert look(visit, seat.member, THURSDAY).state == DoorState.NO_STANDING
    assert door.enter(doorway=doorway, location="NY", now=THURSDAY) is None


def test_a_chair_that_was_given_back_a_moment_ago_opens_no_door(seat: Enrollment) -> None:
    visit = takes(seat, session(thursdays(), 1))
    doorway = look(visit, seat.member, THURSDAY)
    Visit.objects.update(given_back_at=THURSDAY)
    assert look(visit, seat.member, THURSDAY).state == DoorState.GIVEN_BACK
    assert door.enter(doorway=doorway, location="NY", now=THURSDAY) is None
    assert not Attendance.objects.exists()


# --- Mails ----------------------------------------------------------------------------------


def test_a_chair_brings_its_link_and_a_calendar_file_at_once(
    seat: Enrollment, smtp_sink: SmtpSink
) -> None:
    Message.objects.all().delete()
    visit = takes(seat, session(thursdays(), 1))
    deliver(NOW)
    [mail] = [one.message for one in smtp_sink.messages]
    assert mail["Subject"] == "Your chair for Thursday, October 8, 7:00 PM Eastern"
    assert "on Thursday, October 8, 7:00 PM Eastern" in words(mail)
    assert visit.door_url in words(mail)
    assert seat.door_url not in words(mail)
    event = entry(mail)
    assert event["uid"] == f"{visit.public_id}@testserver"
    assert event.decoded("dtstart") == THURSDAY
    assert event["location"] == visit.door_url


def test_link_and_reminder_come_for_the_chair_and_not_for_the_own_session(
    seat: Enrollment,
) -> None:
    Message.objects.all().delete()
    takes(seat, session(thursdays(), 1))
    now = FIRST_SESSION - 2 * DAY
    while now < FIRST_SESSION + 4 * DAY:
        links.promise_links(now=now)
        now += HOUR
    sent = Message.objects.order_by("pk").values_list("kind", "occasion_id")
    assert list(sent) == [
        (links.VISIT_CONFIRMED, 0),
        (links.VISIT_LINK, links.occasion(THURSDAY)),
        (links.VISIT_REMINDER, links.occasion(THURSDAY)),
    ]


def test_who_takes_a_chair_at_the_last_hour_has_its_link_already(seat: Enrollment) -> None:
    Message.objects.all().delete()
    takes(seat, session(thursdays(), 1), THURSDAY - 30 * MINUTE)
    for minutes in range(30, -60, -10):
        links.promise_links(now=THURSDAY - minutes * MINUTE)
    assert list(Message.objects.values_list("kind", flat=True)) == [links.VISIT_CONFIRMED]


def test_whoever_comes_after_all_is_owed_the_link_again(seat: Enrollment) -> None:
    now = FIRST_SESSION - DAY
    links.promise_links(now=now)
    absences.say_absent(week=week(seat), about=FIRST_SESSION, now=now)
    deliver(now)
    assert outcome(links.SESSION_LINK) == (
        State.NOT_OWED,
        "The member said that they cannot come.",
    )
    making_up.come_after_all(week=week(seat), now=now + HOUR)
    links.promise_links(now=now + HOUR)
    deliver(now + HOUR)
    assert outcome(links.SESSION_LINK) == (State.SENT, "")


def test_nobody_else_is_left_without_a_link(seat: Enrollment) -> None:
    other = a_confirmed_seat(cohort=seat.cohort)
    absences.say_absent(week=week(seat), about=FIRST_SESSION, now=NOW)
    links.promise_links(now=FIRST_SESSION - DAY)
    link = Message.objects.get(kind=links.SESSION_LINK)
    assert link.subject_id == other.pk


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (links.VISIT_CONFIRMED, "The chair was given back."),
        (links.VISIT_LINK, "The chair was given back."),
    ],
)
def test_no_mail_about_a_chair_that_was_given_back(
    seat: Enrollment, kind: str, reason: str
) -> None:
    takes(seat, session(thursdays(), 1))
    links.promise_links(now=THURSDAY - DAY)
    making_up.give_back(week=week(seat), now=THURSDAY - DAY)
    deliver(THURSDAY - DAY)
    assert outcome(kind) == (State.NOT_OWED, reason)


def test_no_link_for_a_chair_while_a_payment_is_missing(seat: Enrollment) -> None:
    takes(seat, session(thursdays(), 1))
    links.promise_links(now=THURSDAY - DAY)
    Enrollment.objects.filter(pk=seat.pk).update(status=Status.SUSPENDED)
    deliver(THURSDAY - DAY)
    assert outcome(links.VISIT_LINK) == (State.NOT_OWED, "The enrolment is suspended.")


# --- The visited group changes --------------------------------------------------------------


def changes(cohort: Cohort, wish: Wish, now: dt.datetime = NOW) -> Done:
    leader = a_member(role=Role.FACILITATOR)
    version = Cohort.objects.get(pk=cohort.pk).version
    return rescheduling.apply(
        cohort_id=cohort.pk, wish=wish, version=version, actor=leader, reason="", now=now
    )


def test_a_visitor_is_told_of_the_new_time_and_owed_its_link(
    seat: Enrollment, smtp_sink: SmtpSink
) -> None:
    host = thursdays()
    visit = takes(seat, session(host, 1))
    Message.objects.all().delete()
    friday = dt.date(2026, 10, 9)
    wish = Wish(Kind.MOVE, 1, friday, dt.time(19))
    assert rescheduling.preview(cohort=host, wish=wish, now=NOW).visitors == 1
    assert changes(host, wish).told == 1
    deliver(NOW + MINUTE)
    [mail] = [one.message for one in smtp_sink.messages]
    assert mail["Subject"] == "A change to the chair you chose"
    assert "new time: Friday, October 9, 7:00 PM Eastern" in words(mail)
    event = entry(mail)
    assert (event["uid"], event["sequence"]) == (f"{visit.public_id}@testserver", 1)
    links.promise_links(now=THURSDAY + HOUR)
    link = Message.objects.get(kind=links.VISIT_LINK)
    assert link.occasion_id == links.occasion(THURSDAY + DAY)


def test_a_visitors_link_leads_to_their_own_week_too(seat: Enrollment, smtp_sink: SmtpSink) -> None:
    takes(seat, session(thursdays(), 1))
    Message.objects.all().delete()
    links.promise_links(now=THURSDAY - DAY)
    deliver(THURSDAY - DAY)
    [mail] = [one.message for one in smtp_sink.messages if "link" in one.message["Subject"]]
    assert f"/my/{seat.public_id}/practice/" in words(mail)


def test_a_visited_session_that_returns_to_its_time_is_owed_its_link_again(
    seat: Enrollment,
) -> None:
    host, now = thursdays(), THURSDAY - DAY
    takes(seat, session(host, 1))
    links.promise_links(now=now)
    changes(host, Wish(Kind.MOVE, 1, dt.date(2026, 10, 9), dt.time(19)), now)
    deliver(now)
    moved = "The session was moved to another time, or cancelled."
    assert outcome(links.VISIT_LINK) == (State.NOT_OWED, moved)
    changes(host, Wish(Kind.MOVE, 1, dt.date(2026, 10, 8), dt.time(19)), now + HOUR)
    links.promise_links(now=now + HOUR)
    deliver(now + HOUR)
    assert outcome(links.VISIT_LINK) == (State.SENT, "")


@pytest.mark.parametrize("back", [True, False])
def test_of_two_changes_in_a_row_a_visitor_hears_once_or_nothing(
    seat: Enrollment, smtp_sink: SmtpSink, back: bool
) -> None:
    host = thursdays()
    takes(seat, session(host, 1))
    deliver(NOW)
    smtp_sink.messages.clear()
    changes(host, Wish(Kind.MOVE, 1, dt.date(2026, 10, 9), dt.time(19)))
    day = 8 if back else 10
    changes(host, Wish(Kind.MOVE, 1, dt.date(2026, 10, day), dt.time(19)))
    deliver(NOW + MINUTE)
    mails = [words(one.message) for one in smtp_sink.messages]
    assert [("Saturday, October 10, 7:00 PM" in mail) for mail in mails] == ([] if back else [True])


def test_the_correction_waits_until_no_old_link_can_follow_it(seat: Enrollment) -> None:
    host = thursdays()
    takes(seat, session(host, 1))
    changes(host, Wish(Kind.MOVE, 1, dt.date(2026, 10, 9), dt.time(19)))
    correction = Message.objects.get(kind=links.VISIT_CHANGED)
    assert correction.next_try_at == NOW + FRESH


def test_only_who_may_come_is_promised_the_link_of_a_chair(seat: Enrollment) -> None:
    host, now = thursdays(), THURSDAY - DAY

    def owed() -> int:
        found = links.due_to_visitors(programme=host.programme, lead=DAY, now=now)
        return found.count()

    visit = takes(seat, session(host, 1))
    assert owed() == 1
    for model, pk, field, value in (
        (Enrollment, seat.pk, "status", Status.SUSPENDED),
        (GroupSession, visit.session_id, "cancelled_at", NOW),
        (Visit, visit.pk, "given_back_at", NOW),
    ):
        before = model._default_manager.filter(pk=pk).values_list(field, flat=True).get()
        model._default_manager.filter(pk=pk).update(**{field: value})
        assert owed() == 0
        model._default_manager.filter(pk=pk).update(**{field: before})
    assert owed() == 1


def test_a_cancelled_session_gives_its_visitor_the_week_back(
    seat: Enrollment, smtp_sink: SmtpSink
) -> None:
    host, other = thursdays(), thursdays(starts_at=THURSDAY + DAY)
    visit = takes(seat, session(host, 1))
    Message.objects.all().delete()
    changes(host, Wish(Kind.CANCEL, 1))
    assert week(seat).absence is None  # expected in the own session again
    assert look(visit, seat.member, NOW).state == DoorState.CANCELLED
    assert offered(seat) == [session(other, 1)]
    takes(seat, session(other, 1))
    deliver(NOW + MINUTE)
    mails = {str(one.message["Subject"]): one.message for one in smtp_sink.messages}
    assert set(mails) == {
        "A change to the chair you chose",
        "Your chair for Friday, October 9, 7:00 PM Eastern",
    }
    cancelled = mails["A change to the chair you chose"]
    assert "Thursday, October 8, 7:00 PM Eastern, is cancelled" in words(cancelled)
    assert entry(cancelled)["status"] == "CANCELLED"


def test_who_could_not_come_at_the_old_time_is_expected_at_the_new_one(
    seat: Enrollment, smtp_sink: SmtpSink
) -> None:
    absences.say_absent(week=week(seat), about=FIRST_SESSION, now=NOW)
    changes(seat.cohort, Wish(Kind.MOVE, 1, dt.date(2026, 10, 7), dt.time(18)))
    assert week(seat).absence is None
    deliver(NOW + MINUTE)
    told = [one.message for one in smtp_sink.messages][-1]
    assert "You told us that you can't come to week 1 at the old time." in words(told)
    links.promise_links(now=FIRST_SESSION)
    assert Message.objects.filter(kind=links.SESSION_LINK).count() == 1


def test_a_session_that_returns_to_its_time_is_excused_again(seat: Enrollment) -> None:
    absences.say_absent(week=week(seat), about=FIRST_SESSION, now=NOW)
    changes(seat.cohort, Wish(Kind.MOVE, 1, dt.date(2026, 10, 7), dt.time(18)))
    changes(seat.cohort, Wish(Kind.MOVE, 1, dt.date(2026, 10, 6), dt.time(18)))
    assert week(seat).absence is not None


def test_nobody_says_no_to_a_time_that_they_did_not_see(seat: Enrollment) -> None:
    changes(seat.cohort, Wish(Kind.MOVE, 1, dt.date(2026, 10, 7), dt.time(18)))
    with pytest.raises(NotPossible, match="another time now"):
        absences.say_absent(week=week(seat), about=FIRST_SESSION, now=NOW)
    absences.say_absent(week=week(seat), about=FIRST_SESSION + DAY, now=NOW)
    changes(seat.cohort, Wish(Kind.MOVE, 1, dt.date(2026, 10, 8), dt.time(18)))
    absences.say_absent(week=week(seat), about=FIRST_SESSION + 2 * DAY, now=NOW)
    assert week(seat).absence is not None


def test_who_has_a_chair_elsewhere_keeps_it_when_the_own_session_moves(seat: Enrollment) -> None:
    visit = takes(seat, session(thursdays(), 1))
    changes(seat.cohort, Wish(Kind.MOVE, 1, dt.date(2026, 10, 7), dt.time(18)))
    visit.refresh_from_db()
    assert visit.given_back_at is None
    assert Absence.objects.exists()


# --- What leaders see -----------------------------------------------------------------------


def visits(seat: Enrollment, host: Cohort, *, arrives: dt.timedelta = MINUTE) -> None:
    visit = takes(seat, session(host, 1))
    when = THURSDAY + arrives
    assert door.enter(doorway=look(visit, seat.member, when), location="NY", now=when)


def test_who_came_elsewhere_has_made_it_up(seat: Enrollment) -> None:
    visits(seat, thursdays())
    [row] = roster.roster(cohort=seat.cohort, now=THURSDAY + HOUR).rows
    assert (row.cells[0].mark, row.came, row.counted) == (Mark.MADE_UP, 1, 1)
    [line] = roster.register_lines(session=session(seat.cohort, 1), now=THURSDAY + HOUR)
    assert (line.mark, line.said_absent, line.made_up) == (Mark.MADE_UP, True, True)


def test_it_counts_over_an_earlier_note_of_absence_and_never_over_a_presence(
    seat: Enrollment,
) -> None:
    leader, mine = a_member(role=Role.FACILITATOR), session(seat.cohort, 1)
    now = FIRST_SESSION + 2 * HOUR
    attendance.close_register(session=mine, actor=leader, now=now)
    assert seat.notes.get().mark == Mark.ABSENT
    host = session(thursdays(), 1)
    visit = takes(seat, host, now)
    door.enter(doorway=look(visit, seat.member, THURSDAY), location="NY", now=THURSDAY)
    assert roster.marks_of([seat.cohort_id], THURSDAY) == {seat.pk: {1: Mark.MADE_UP}}
    seat.notes.update(mark=Mark.PRESENT)
    assert roster.marks_of([seat.cohort_id], THURSDAY) == {seat.pk: {1: Mark.PRESENT}}


def test_who_came_too_late_elsewhere_has_not_made_it_up(seat: Enrollment) -> None:
    visits(seat, thursdays(), arrives=16 * MINUTE)
    assert roster.marks_of([seat.cohort_id], THURSDAY) == {}
    [row] = roster.roster(cohort=seat.cohort, now=THURSDAY + HOUR).rows
    assert row.cells[0].mark == ""


def test_a_chair_that_was_given_back_at_the_door_is_no_visit(seat: Enrollment) -> None:
    host = thursdays()
    visits(seat, host, arrives=-5 * MINUTE)
    making_up.give_back(week=week(seat), now=THURSDAY - 4 * MINUTE)
    assert attendance.made_up([session(seat.cohort, 1)]) == {}
    assert roster.visitors(sessions=[session(host, 1)]) == {}


def test_who_said_so_is_excused_when_the_register_closes(seat: Enrollment) -> None:
    silent = a_confirmed_seat(cohort=seat.cohort)
    absences.say_absent(week=week(seat), about=FIRST_SESSION, now=NOW)
    attendance.close_register(
        session=session(seat.cohort, 1),
        actor=a_member(role=Role.FACILITATOR),
        now=FIRST_SESSION + HOUR,
    )
    assert (seat.notes.get().mark, silent.notes.get().mark) == (Mark.EXCUSED, Mark.ABSENT)


def test_the_register_closes_with_what_was_made_up_before(seat: Enrollment) -> None:
    visits(seat, thursdays())
    attendance.close_register(
        session=session(seat.cohort, 1),
        actor=a_member(role=Role.FACILITATOR),
        now=THURSDAY + HOUR,
    )
    assert seat.notes.get().mark == Mark.MADE_UP


def test_the_desk_names_the_visitor_and_does_not_wait_for_who_cannot_come(
    seat: Enrollment,
) -> None:
    host = thursdays()
    a_confirmed_seat(cohort=host)
    seat.member.display_name = "Ana"
    seat.member.save()
    visits(seat, host)
    own, theirs = desk.at_desk(
        sessions=GroupSession.objects.filter(number=1).order_by("starts_at"), now=THURSDAY + HOUR
    )
    assert [(one.name, one.said_absent, one.awaited) for one in own.people] == [
        ("Ana", True, False)
    ]
    assert own.awaited == []
    [visitor] = [one for one in theirs.people if one.visiting]
    assert (visitor.name, visitor.arrived_at) == ("Ana", THURSDAY + MINUTE)
    assert (theirs.arrived, len(theirs.awaited)) == (1, 2)
