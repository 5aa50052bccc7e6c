"""Making a change: sessions, history, mails and calendars, and two people at once."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from icalendar import Calendar

from accounts.models import Role, User
from enrollment import (
    attendance,
    catalogue,
    desk,
    door,
    links,
    opening,
    portal,
    rescheduling,
    roster,
    season_overview,
)
from enrollment import services as enrollment_services
from enrollment.changes import Impossible, Kind, Wish
from enrollment.history import ChangedMeanwhile, Done
from enrollment.models import AttendanceNote, Enrollment, Mark
from enrollment.states import Status
from outbox.models import Message, State
from outbox.services import deliver_due
from outbox.transport import Conversation
from sandbox.stack import wait_until
from sessions import bookings
from sessions.models import Booking, Cohort, CohortChange
from sessions.services import entry_session
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    session,
)
from tests.enrollment.crowd import at_once
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
WEEK = dt.timedelta(weeks=1)
SOON = dt.timedelta(seconds=10)  # after a change's mail is due
THURSDAY = Wish(Kind.MOVE, 1, dt.date(2026, 10, 8), dt.time(19))
MOVED_TO = dt.datetime(2026, 10, 8, 23, tzinfo=dt.UTC)


def a_leader(*cohorts: Cohort) -> User:
    leader = a_member(role=Role.FACILITATOR, display_name="Dana Reyes")
    for cohort in cohorts:
        cohort.facilitators.add(leader)
    return leader


def change(cohort: Cohort, wish: Wish, *, now: dt.datetime = NOW, version: int = -1) -> Done:
    cohort.refresh_from_db()
    return rescheduling.apply(
        cohort_id=cohort.pk,
        wish=wish,
        version=cohort.version if version < 0 else version,
        actor=a_leader(),
        reason="The room is taken",
        now=now,
    )


def deliver(now: dt.datetime) -> None:
    deliver_due(clock=lambda: now)


def told(kind: str = links.SCHEDULE_CHANGED) -> set[int]:
    return set(Message.objects.filter(kind=kind).values_list("subject_id", flat=True))


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return " ".join(str(body.get_content()).split())


def entries(message: EmailMessage) -> dict[str, Any]:
    """UID → entry of the attached calendar."""
    (part,) = list(message.iter_attachments())
    content = part.get_content()
    calendar = Calendar.from_ical(content if isinstance(content, bytes) else content.encode())
    return {str(event["UID"]): event for event in calendar.events}


# --- What a change writes ---------------------------------------------------------------


def test_a_moved_session_keeps_its_row_its_room_and_its_length() -> None:
    cohort = a_cohort(duration_minutes=90)
    before = session(cohort, 1)
    change(cohort, THURSDAY)
    after = session(cohort, 1)
    assert (after.pk, after.room, after.sequence) == (before.pk, before.room, 1)
    assert (after.starts_at, after.ends_at) == (MOVED_TO, MOVED_TO + 1.5 * HOUR)
    assert session(cohort, 2).sequence == 0


def test_history_says_who_when_why_and_what() -> None:
    cohort = a_cohort()
    done = change(cohort, THURSDAY)
    written = CohortChange.objects.get()
    assert done.change == written
    assert (written.kind, written.number, written.at) == (Kind.MOVE, 1, NOW)
    assert (written.actor.display_name, written.reason) == ("Dana Reyes", "The room is taken")
    assert written.details == [
        {"number": 1, "before": FIRST_SESSION.isoformat(), "after": MOVED_TO.isoformat()}
    ]


@pytest.mark.parametrize(
    ("admission", "wish", "until"),
    [
        ("start", THURSDAY, MOVED_TO),
        ("start", Wish(Kind.CANCEL, 1), None),
        ("start", Wish(Kind.REPLACE, 1), FIRST_SESSION + WEEK),
        ("modules", THURSDAY, FIRST_SESSION + 8 * WEEK + HOUR),
        ("modules", Wish(Kind.CANCEL, 9), FIRST_SESSION + 4 * WEEK + HOUR),
    ],
)
def test_one_may_join_until_the_last_session_at_which_members_begin(
    admission: str, wish: Wish, until: dt.datetime | None
) -> None:
    cohort = a_cohort(admission=admission)
    change(cohort, wish)
    cohort.refresh_from_db()
    assert cohort.joinable_until == until
    entry = entry_session(cohort=cohort, now=(until or NOW) - MINUTE)
    assert (entry.starts_at if entry else None) == until


def test_a_refused_change_writes_nothing() -> None:
    cohort = a_cohort()
    a_confirmed_seat(cohort=cohort)
    with pytest.raises(Impossible):
        change(cohort, Wish(Kind.MOVE, 1, dt.date(2026, 10, 20), dt.time(9)))
    cohort.refresh_from_db()
    assert (cohort.version, CohortChange.objects.count(), told()) == (0, 0, set())


def test_a_leader_is_not_sent_to_two_groups_at_once() -> None:
    cohort, other = two_groups_of_one_leader()
    with pytest.raises(Impossible, match="Dana Reyes leads “Thursdays” on Thursday, October 8"):
        rescheduling.preview(cohort=cohort, wish=THURSDAY, now=NOW)
    other.facilitators.set([a_member(role=Role.FACILITATOR)])
    bookings.book(cohort=other)
    rescheduling.preview(cohort=cohort, wish=THURSDAY, now=NOW)
    change(cohort, THURSDAY)
    assert session(cohort, 1).starts_at == MOVED_TO


def test_a_link_is_not_wanted_in_two_places_at_once() -> None:
    cohort, _ = (
        a_cohort(meeting_url="https://meet.example/room", name=name, starts_at=start)
        for name, start in (("Tuesdays", FIRST_SESSION), ("Thursdays", MOVED_TO))
    )
    with pytest.raises(Impossible, match="“Thursdays” uses the same meeting link") as refused:
        rescheduling.preview(cohort=cohort, wish=THURSDAY, now=NOW)
    assert refused.value.field == "day"


def test_no_later_save_in_the_admin_undoes_a_change() -> None:
    cohort = a_cohort()
    change(cohort, THURSDAY)
    opening.lay_out(cohort=cohort)
    opening.open_enrollment(cohort=cohort)
    assert session(cohort, 1).starts_at == MOVED_TO
    cohort.refresh_from_db()
    assert cohort.joinable_until == MOVED_TO


# --- Who is told, and what --------------------------------------------------------------


def test_members_in_standing_whom_it_concerns_are_told_once() -> None:
    cohort = a_cohort(capacity=8)
    stay = [a_confirmed_seat(cohort=cohort) for _ in range(2)]
    grace, paused, late, gone = (a_confirmed_seat(cohort=cohort) for _ in range(4))
    a_held_seat(cohort=cohort)
    a_confirmed_seat()
    for seat, fields in (
        (grace, {"status": Status.GRACE}),
        (paused, {"status": Status.SUSPENDED}),
        (late, {"first_week": 5}),
    ):
        Enrollment.objects.filter(pk=seat.pk).update(**fields)
    enrollment_services.withdraw(enrollment_id=gone.pk, actor=gone.member, reason="Left", now=NOW)
    preview = rescheduling.preview(cohort=cohort, wish=THURSDAY, now=NOW)
    done = change(cohort, THURSDAY)
    assert told() == {seat.pk for seat in (*stay, grace)}
    assert done.told == preview.told == 3
    assert change(cohort, Wish(Kind.REPLACE, 4)).told == 4  # the latecomer too


def test_the_mail_has_old_and_new_times_and_moves_the_calendar_entry(smtp_sink: SmtpSink) -> None:
    cohort = a_cohort()
    member = a_member(display_name="Ada", time_zone="America/Los_Angeles")
    seat = a_confirmed_seat(cohort=cohort, member=member)
    deliver(NOW)
    change(cohort, THURSDAY)
    deliver(NOW + SOON)
    confirmation, changed = (mail.message for mail in smtp_sink.messages)
    assert changed["Subject"] == "A change to your Tuesday sessions"
    words = text_of(changed)
    assert "Hello Ada" in words
    assert "Week 1: Thursday, October 8, 4:00 PM Pacific" in words
    assert "(before: Tuesday, October 6, 3:00 PM Pacific)" in words
    for private in ("room is taken", cohort.name, "Dana"):
        assert private not in changed.as_string()
    ((uid, entry),) = entries(changed).items()
    before = entries(confirmation)[uid]
    assert uid.startswith(f"{seat.public_id}-1@")
    assert (before["SEQUENCE"], entry["SEQUENCE"]) == (0, 1)
    assert (entry.start, entry.end) == (MOVED_TO, MOVED_TO + HOUR)
    assert "STATUS" not in entry


def test_a_cancelled_session_is_cancelled_in_the_calendar(smtp_sink: SmtpSink) -> None:
    cohort = a_cohort()
    seat = a_confirmed_seat(cohort=cohort)
    Message.objects.all().delete()
    change(cohort, Wish(Kind.CANCEL, 5))
    deliver(NOW + SOON)
    (mail,) = smtp_sink.messages
    assert "Week 5: cancelled (Tuesday, November 3, 6:00 PM Eastern)" in text_of(mail.message)
    ((uid, entry),) = entries(mail.message).items()
    assert uid.startswith(f"{seat.public_id}-5@")
    assert (entry["STATUS"], entry["SEQUENCE"]) == ("CANCELLED", 1)


def test_two_changes_before_the_first_mail_leave_nobody_with_the_first(
    smtp_sink: SmtpSink,
) -> None:
    cohort = a_cohort()
    a_confirmed_seat(cohort=cohort)
    Message.objects.all().delete()
    change(cohort, THURSDAY)
    change(cohort, Wish(Kind.MOVE, 1, dt.date(2026, 10, 9), dt.time(19)))
    deliver(NOW + SOON)
    for mail in smtp_sink.messages:
        assert "Week 1: Friday, October 9" in text_of(mail.message)
        assert {entry["SEQUENCE"] for entry in entries(mail.message).values()} == {2}


def test_there_and_back_again_is_no_news_and_the_link_is_owed_after_all(
    smtp_sink: SmtpSink,
) -> None:
    cohort = a_cohort()
    a_confirmed_seat(cohort=cohort)
    Message.objects.all().delete()
    now = FIRST_SESSION - DAY
    links.promise_links(now=now)
    change(cohort, THURSDAY, now=now)
    deliver(now)  # the old time's link is not owed
    assert smtp_sink.messages == []
    change(cohort, Wish(Kind.MOVE, 1, dt.date(2026, 10, 6), dt.time(18)), now=now)
    links.promise_links(now=now + SOON)
    deliver(now + SOON)
    subjects = [mail.message["Subject"] for mail in smtp_sink.messages]
    assert subjects.count("Your link for Tuesday, 6:00 PM Eastern") == 1


def test_a_mail_on_its_way_with_the_old_time_is_corrected_afterwards(
    smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    """The move commits while a batch of link mails goes out, and a second worker is at hand."""
    cohort = a_cohort()
    seats = [a_confirmed_seat(cohort=cohort) for _ in range(3)]
    Message.objects.all().delete()
    now = FIRST_SESSION - 6 * HOUR
    links.promise_links(now=now)
    send, calls = Conversation.send, []

    def send_while_somebody_moves_the_session(self: Conversation, email: Any) -> None:
        send(self, email)
        calls.append(email)
        if len(calls) == 1:
            later = Wish(Kind.MOVE, 1, dt.date(2026, 10, 6), dt.time(20))
            change(cohort, later, now=now)
            links.promise_links(now=now)
            deliver(now)

    monkeypatch.setattr(Conversation, "send", send_while_somebody_moves_the_session)
    deliver(now)
    links.promise_links(now=now + SOON)
    deliver(now + SOON)
    for seat in seats:
        own = [m.message for m in smtp_sink.messages if m.rcpt_tos == [seat.member.email]]
        subjects = [message["Subject"] for message in own]
        assert sorted(subjects) == [
            "A change to your Tuesday sessions",
            "Your link for Tuesday, 6:00 PM Eastern",
            "Your link for Tuesday, 8:00 PM Eastern",
        ]
        old = subjects.index("Your link for Tuesday, 6:00 PM Eastern")
        assert old < subjects.index("A change to your Tuesday sessions")
    sent_before = len(smtp_sink.messages)
    deliver(now + HOUR)
    assert len(smtp_sink.messages) == sent_before


def test_no_words_made_after_the_change_hold_the_old_time(smtp_sink: SmtpSink) -> None:
    cohort = a_cohort()
    seats = [a_confirmed_seat(cohort=cohort) for _ in range(3)]
    now = FIRST_SESSION - 6 * HOUR
    links.promise_links(now=now)
    change(cohort, Wish(Kind.MOVE, 1, dt.date(2026, 10, 6), dt.time(20)), now=now)
    links.promise_links(now=now + SOON)
    deliver(now + SOON)
    for mail in smtp_sink.messages:
        assert "6:00 PM" not in mail.message["Subject"]
    fresh = Message.objects.filter(kind=links.SESSION_LINK, state=State.SENT)
    assert {message.subject_id for message in fresh} == {seat.pk for seat in seats}
    old = Message.objects.filter(kind=links.SESSION_LINK, state=State.NOT_OWED)
    assert {message.occasion_id for message in old} == {links.occasion(FIRST_SESSION)}


def test_money_is_shown_by_what_each_paid() -> None:
    cohort = a_cohort()
    a_confirmed_seat(cohort=cohort)
    a_confirmed_seat(cohort=cohort)
    late = a_confirmed_seat(cohort=cohort)
    Enrollment.objects.filter(pk=late.pk).update(first_week=9, price_cents=8_000)
    found = rescheduling.preview(cohort=cohort, wish=Wish(Kind.CANCEL, 9), now=NOW)
    assert [(share.cents, share.members) for share in found.shares] == [(2_000, 1), (2_492, 2)]
    replaced = rescheduling.preview(cohort=cohort, wish=Wish(Kind.REPLACE, 9), now=NOW)
    assert replaced.shares == []


# --- Cancelled sessions, wherever sessions are read -------------------------------------


@pytest.fixture
def cancelled() -> Enrollment:
    """A member whose first session is cancelled, without another week."""
    seat = a_confirmed_seat(cohort=a_cohort())
    Message.objects.all().delete()
    change(seat.cohort, Wish(Kind.CANCEL, 1))
    Message.objects.all().delete()
    return seat


def test_a_cancelled_session_has_no_link_and_no_reminder(cancelled: Enrollment) -> None:
    assert links.promise_links(now=FIRST_SESSION - DAY) == 0
    assert links.promise_links(now=FIRST_SESSION - MINUTE) == 0
    assert links.promise_links(now=FIRST_SESSION + WEEK - DAY) == 1


def test_a_cancelled_session_has_no_door(cancelled: Enrollment, client: Client) -> None:
    def look(now: dt.datetime) -> door.Doorway:
        return door.look(token=cancelled.door_token, user=cancelled.member, now=now)

    assert look(FIRST_SESSION - HOUR).state == door.DoorState.EARLY
    found = look(FIRST_SESSION - MINUTE)
    assert found.state == door.DoorState.CANCELLED
    assert found.next_session == session(cancelled.cohort, 2)
    assert door.enter(doorway=found, location="NY", now=FIRST_SESSION) is None
    assert look(FIRST_SESSION + HOUR).state == door.DoorState.EARLY
    assert look(FIRST_SESSION + WEEK).state == door.DoorState.OPEN


def test_the_door_says_cancelled(cancelled: Enrollment, client: Client, clock: Any) -> None:
    clock.move_to(FIRST_SESSION)
    client.force_login(cancelled.member)
    page = client.get(reverse("enrollment:door", args=[cancelled.door_token]))
    assert "This session is cancelled" in page.content.decode()


def test_members_see_it_as_cancelled_and_the_next_one_as_next(cancelled: Enrollment) -> None:
    (row,) = portal.my_groups(member=cancelled.member, now=NOW)
    own = portal.own_enrollment(member=cancelled.member, public_id=cancelled.public_id)
    mine = portal.my_group(enrollment=own, now=NOW)
    second = session(cancelled.cohort, 2)
    assert row.next_session == mine.next_session == second
    assert [one.number for one in mine.sessions if one.cancelled] == [1]
    assert len(mine.sessions) == 12


def test_nobody_begins_with_a_cancelled_session(cancelled: Enrollment) -> None:
    assert catalogue.open_groups(now=NOW) == []
    card, rows = catalogue.group_page(slug=cancelled.cohort.slug, now=NOW)
    assert card.starts_at is None
    assert rows[0].cancelled
    assert entry_session(cohort=cancelled.cohort, now=NOW) is None


def test_a_cancelled_last_date_is_taken_by_the_week_that_is_added() -> None:
    cohort = a_cohort()
    last = session(cohort, 12).starts_at
    change(cohort, Wish(Kind.CANCEL, 12))
    change(cohort, Wish(Kind.REPLACE, 8))
    assert session(cohort, 11).starts_at == last
    found = season_overview.days(cohort)
    assert len({one.day for one in found}) == len(found)
    assert (found[-1].number, found[-1].day) == (11, last.date())


def test_the_week_that_is_added_is_on_no_day_that_the_group_skips() -> None:
    """Week 12 is after a week off; without it, that week is not the next one."""
    cohort = a_cohort(skipped_dates=["2026-12-22"])
    change(cohort, Wish(Kind.CANCEL, 12))
    change(cohort, Wish(Kind.REPLACE, 11))
    assert session(cohort, 11).starts_at.date() == dt.date(2026, 12, 29)


def test_a_cancelled_session_never_counts_as_missed() -> None:
    cohort = a_cohort()
    leader = a_leader(cohort)
    seat = a_confirmed_seat(cohort=cohort)
    for number in (1, 2):
        said = [attendance.Noted(seat.pk, Mark.ABSENT)]
        held = session(cohort, number)
        attendance.note(session=held, noted=said, actor=leader, now=held.ends_at)
    change(cohort, Wish(Kind.CANCEL, 2))
    assert AttendanceNote.objects.count() == 2
    (row,) = roster.roster(cohort=cohort, now=held.ends_at).rows
    assert (row.counted, row.flag) == (1, "")
    assert (row.cells[1].mark, row.cells[1].words) == ("cancelled", "Cancelled")
    at_desk = desk.desk(leader=leader, since=FIRST_SESSION, now=FIRST_SESSION + DAY)
    assert [(one.session.number, one.stage, len(one.people)) for one in at_desk] == [
        (1, desk.Stage.ENDED, 1),
        (2, desk.Stage.CANCELLED, 0),
    ]
    second = session(cohort, 2)
    assert not attendance.expected(second).exists()
    with pytest.raises(attendance.TooEarly):
        attendance.close_register(session=second, actor=leader, now=second.ends_at)


# --- Two at once ------------------------------------------------------------------------


def test_a_change_on_dates_that_somebody_else_changed_is_refused() -> None:
    cohort = a_cohort()
    change(cohort, THURSDAY)
    with pytest.raises(ChangedMeanwhile):
        change(cohort, Wish(Kind.CANCEL, 5), version=0)
    assert session(cohort, 5).cancelled_at is None


@pytest.mark.race
def test_of_two_leaders_at_once_one_changes_and_one_is_told(transactional_db: None) -> None:
    for _ in range(5):
        cohort = a_cohort()
        a_confirmed_seat(cohort=cohort)
        presses = [
            partial(
                rescheduling.apply,
                cohort_id=cohort.pk,
                wish=wish,
                version=0,
                actor=a_leader(),
                reason="",
                now=NOW,
            )
            for wish in (THURSDAY, Wish(Kind.REPLACE, 5))
        ]
        results = at_once(presses)
        assert sorted(type(result).__name__ for result in results) == ["ChangedMeanwhile", "Done"]
        cohort.refresh_from_db()
        assert (cohort.version, cohort.changes.count()) == (1, 1)


@pytest.mark.race
def test_who_is_being_confirmed_at_this_moment_is_told(transactional_db: None) -> None:
    """Their confirmation may go out by the old dates, so the change waits for them."""
    cohort = a_cohort()
    seat = a_held_seat(cohort=cohort)
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            enrollment_services.confirm_seat(enrollment_id=seat.pk, now=NOW, reason="Paid")
            changing = other.submit(in_own_connection, partial(change, cohort, THURSDAY))
            wait_until(lambda: changing.done() or somebody_waits(), "the change", seconds=30)
        assert changing.result(timeout=30).told == 1


def in_own_connection(act: Callable[[], Done]) -> Done:
    try:
        return act()
    finally:
        connection.close()


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # or a transaction sees the first look
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return cursor.fetchone() is not None


@pytest.mark.race
def test_moving_while_link_mails_go_out_leaves_everybody_with_the_new_time(
    transactional_db: None, smtp_sink: SmtpSink
) -> None:
    cohort = a_cohort(capacity=10)
    seats = [a_confirmed_seat(cohort=cohort) for _ in range(10)]
    Message.objects.all().delete()
    now = FIRST_SESSION - 6 * HOUR
    links.promise_links(now=now)
    later = Wish(Kind.MOVE, 1, dt.date(2026, 10, 6), dt.time(20))
    acts: list[Callable[[], object]] = [
        partial(deliver, now),
        partial(deliver, now),
        partial(change, cohort, later, now=now),
    ]
    results = at_once(acts)
    assert not any(isinstance(result, Exception) for result in results)
    links.promise_links(now=now + SOON)
    deliver(now + SOON)
    for seat in seats:
        own = [
            m.message["Subject"] for m in smtp_sink.messages if m.rcpt_tos == [seat.member.email]
        ]
        assert own.count("A change to your Tuesday sessions") == 1
        assert own.count("Your link for Tuesday, 8:00 PM Eastern") == 1
        old = [n for n, subject in enumerate(own) if "6:00 PM" in subject]
        assert all(n < own.index("A change to your Tuesday sessions") for n in old)


def test_a_change_takes_as_many_queries_for_one_member_as_for_three() -> None:
    counts = []
    for members in (1, 3):
        cohort = a_cohort()
        a_leader(cohort)
        for _ in range(members):
            a_confirmed_seat(cohort=cohort)
        leader = a_leader()
        with CaptureQueriesContext(connection) as captured:
            rescheduling.apply(
                cohort_id=cohort.pk,
                wish=Wish(Kind.REPLACE, 2),
                version=0,
                actor=leader,
                reason="",
                now=NOW,
            )
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 30


# --- What the sessions book ---------------------------------------------------------------


def two_groups_of_one_leader() -> tuple[Cohort, Cohort]:
    """Tuesdays, and Thursdays at seven."""
    tuesdays = a_cohort(draft=True)
    thursdays = a_cohort(name="Thursdays", starts_at=MOVED_TO, draft=True)
    a_leader(tuesdays, thursdays)
    for cohort in (tuesdays, thursdays):
        opening.open_enrollment(cohort=cohort)
    return tuesdays, thursdays


def test_the_database_refuses_what_our_own_look_has_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when another group is moved there between the look and the change."""
    tuesdays, _ = two_groups_of_one_leader()
    a_confirmed_seat(cohort=tuesdays)
    monkeypatch.setattr("enrollment.history.refuse_conflicts", lambda *_: None)
    with pytest.raises(Impossible, match="“Thursdays” on Thursday, October 8"):
        change(tuesdays, THURSDAY)
    assert session(tuesdays, 1).starts_at == FIRST_SESSION
    assert not CohortChange.objects.exists()
    assert told() == set()


def test_a_moved_session_leaves_its_old_time_and_a_cancelled_one_any() -> None:
    tuesdays, thursdays = two_groups_of_one_leader()
    change(thursdays, Wish(Kind.CANCEL, 1))
    change(tuesdays, THURSDAY)
    assert session(tuesdays, 1).starts_at == MOVED_TO
    first = Booking.objects.filter(session__cohort=tuesdays).earliest("starts_at")
    assert first.starts_at == MOVED_TO
    assert Booking.objects.filter(session__cohort=thursdays).count() == 11
