"""Changing who leads: what is written, who is told what, and two at once."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar

from accounts.models import Role, User
from enrollment import feed, handovers, history, links, rescheduling
from enrollment import services as enrollment_services
from enrollment.changes import Impossible, Wish
from enrollment.handovers import NewLeaders, StandIn
from enrollment.history import ChangedMeanwhile, Done, Kind
from enrollment.models import Enrollment
from enrollment.states import Status
from outbox import kinds
from outbox.models import Message, State
from outbox.services import deliver_due
from sandbox.stack import wait_until
from sessions import bookings, leading
from sessions.models import Booking, Cohort, CohortChange, Substitution
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_led_group,
    a_member,
    session,
)
from tests.enrollment.crowd import at_once
from tests.enrollment.test_rescheduling import in_own_connection, somebody_waits, text_of
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db

WEEK = dt.timedelta(weeks=1)
SOON = dt.timedelta(seconds=10)  # after a change's mail is due
SEVENTH = "Tuesday, November 17"


def a_leader(name: str, **fields: Any) -> User:
    return a_member(**{"role": Role.FACILITATOR, "display_name": name, **fields})


@pytest.fixture
def dana() -> User:
    return a_leader("Dana")


@pytest.fixture
def mei() -> User:
    return a_leader("Mei")


@pytest.fixture
def cohort(dana: User) -> Cohort:
    return a_led_group(dana)


def change(
    cohort: Cohort, wish: handovers.Wish, *, actor: User | None = None, now: dt.datetime = NOW
) -> Done:
    cohort.refresh_from_db()
    return handovers.apply(
        cohort_id=cohort.pk,
        wish=wish,
        version=cohort.version,
        actor=actor or a_member(role=Role.ADMIN, display_name="Robin"),
        reason="Ill",
        now=now,
    )


def stand_in(cohort: Cohort, absent: User, substitute: User | None, **how: Any) -> Done:
    person = substitute.pk if substitute else None
    return change(cohort, StandIn(7, absent.pk, person), **how)


def hand_over(cohort: Cohort, *leaders: User, **how: Any) -> Done:
    return change(cohort, NewLeaders(frozenset(one.pk for one in leaders)), **how)


def who(cohort: Cohort, number: int) -> list[str]:
    return [one.display_name for one in leading.team(cohort).of(session(cohort, number))]


def booked(person: User) -> list[int]:
    return list(person.bookings.order_by("starts_at").values_list("session__number", flat=True))


def told(kind: str) -> set[int]:
    return set(Message.objects.filter(kind=kind).values_list("subject_id", flat=True))


def deliver(now: dt.datetime = NOW + SOON) -> None:
    deliver_due(clock=lambda: now)


def said_to(sink: SmtpSink, person: User) -> list[str]:
    """Subject and words of each mail about a change that somebody got."""
    own = [mail.message for mail in sink.messages if mail.rcpt_tos == [person.email]]
    return [f"{one['Subject']}: {text_of(one)}" for one in own if "confirmed" not in one["Subject"]]


# --- What a change writes -----------------------------------------------------------------


def test_a_substitute_is_written_booked_and_remembered(
    cohort: Cohort, dana: User, mei: User
) -> None:
    done = stand_in(cohort, dana, mei, actor=dana)
    assert [who(cohort, number) for number in (6, 7, 8)] == [["Dana"], ["Mei"], ["Dana"]]
    assert (booked(mei), 7 in booked(dana), len(booked(dana))) == ([7], False, 11)
    written = CohortChange.objects.get()
    assert done.change == written
    assert (written.kind, written.number, written.reason) == (Kind.SUBSTITUTE, 7, "Ill")
    assert written.details == [{"number": 7, "absent": dana.pk, "before": None, "after": mei.pk}]
    (line,) = history.history(cohort)
    assert line.words == "Mei leads week 7 instead of Dana"
    cohort.refresh_from_db()
    assert cohort.version == 1


def test_the_calendars_of_both_follow_and_a_members_does_not(
    cohort: Cohort, dana: User, mei: User
) -> None:
    seat = a_confirmed_seat(cohort=cohort)

    def entries(person: User) -> list[bytes]:
        calendar = Calendar.from_ical(feed.feed_ics(person=person, now=NOW))
        return [event.to_ical() for event in calendar.events]

    before = entries(seat.member)
    stand_in(cohort, dana, mei)
    assert (len(entries(dana)), len(entries(mei))) == (11, 1)
    assert entries(seat.member) == before


def test_another_substitute_takes_the_place_of_the_first_and_withdrawing_ends_it(
    cohort: Cohort, dana: User, mei: User
) -> None:
    luis = a_leader("Luis")
    for substitute in (mei, luis, None):
        stand_in(cohort, dana, substitute)
    assert who(cohort, 7) == ["Dana"]
    assert (booked(mei), booked(luis), len(booked(dana))) == ([], [], 12)
    assert [line.words for line in history.history(cohort)] == [
        "Dana leads week 7 after all, and not Luis",
        "Luis leads week 7 instead of Dana, and not Mei",
        "Mei leads week 7 instead of Dana",
    ]


def test_other_leaders_lead_what_remains_and_not_what_was(
    cohort: Cohort, dana: User, mei: User
) -> None:
    hand_over(cohort, mei, now=session(cohort, 3).ends_at)
    assert list(cohort.facilitators.all()) == [mei]
    assert (booked(dana), booked(mei)) == ([1, 2, 3], [4, 5, 6, 7, 8, 9, 10, 11, 12])
    (line,) = history.history(cohort)
    assert line.words == "Mei leads from week 4 on, Dana no longer leads"


def test_who_goes_takes_their_substitutes_with_them(dana: User, mei: User) -> None:
    luis = a_leader("Luis")
    cohort = a_led_group(dana, luis)
    stand_in(cohort, dana, mei)
    hand_over(cohort, luis)
    assert not Substitution.objects.exists()
    assert (who(cohort, 7), booked(mei)) == (["Luis"], [])


def test_a_leader_who_goes_does_not_stand_in_any_more_either(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    stand_in(cohort, dana, mei)
    hand_over(cohort, dana, mei)
    deliver()
    wish = NewLeaders(frozenset({dana.pk}))
    found = handovers.preview(cohort=cohort, wish=wish, now=NOW + HOUR)
    assert [(swap.session.number, swap.after) for swap in found.plan.swaps] == [(7, None)]
    done = hand_over(cohort, dana, now=NOW + HOUR)
    assert done.change.details[1] == {
        "number": 7,
        "absent": dana.pk,
        "before": mei.pk,
        "after": None,
    }
    assert (who(cohort, 7), booked(mei), len(booked(dana))) == (["Dana"], [], 12)
    assert not Substitution.objects.exists()
    deliver(NOW + HOUR + SOON)
    assert f"{SEVENTH}, 6:00 PM Eastern after all." in said_to(smtp_sink, dana)[-1]


def test_a_substitution_that_is_over_stays(cohort: Cohort, dana: User, mei: User) -> None:
    stand_in(cohort, dana, mei)
    hand_over(cohort, mei, now=session(cohort, 7).ends_at)
    assert Substitution.objects.count() == 1
    assert who(cohort, 7) == ["Mei"]


def test_while_a_session_runs_somebody_can_still_take_over(
    cohort: Cohort, dana: User, mei: User
) -> None:
    stand_in(cohort, dana, mei, now=session(cohort, 7).starts_at + MINUTE)
    assert booked(mei) == [7]


def test_history_takes_as_many_queries_for_one_change_as_for_three(
    cohort: Cohort, dana: User, mei: User
) -> None:
    counts = []
    for changes in ([mei], [None, mei]):
        for substitute in changes:
            stand_in(cohort, dana, substitute)
        with CaptureQueriesContext(connection) as captured:
            history.history(cohort)
        counts.append(len(captured))
    assert counts == [2, 2]


# --- What is refused ----------------------------------------------------------------------


def test_what_cannot_be_is_said_at_its_field_and_writes_nothing(dana: User, mei: User) -> None:
    luis, gone = a_leader("Luis"), a_leader("Gone", is_active=False)
    cohort, other = a_led_group(dana, luis), a_led_group(mei, name="Other")
    member = a_member(display_name="Sam")
    refusals: list[tuple[handovers.Wish, str, str]] = [
        (StandIn(13, dana.pk, mei.pk), "number", "Choose a session that is still to come."),
        (StandIn(7, mei.pk, dana.pk), "absent", "Choose one of the group's leaders."),
        (StandIn(7, dana.pk, luis.pk), "substitute", "Luis leads this group already."),
        (StandIn(7, dana.pk, dana.pk), "substitute", "Dana leads this group already."),
        (StandIn(7, dana.pk, member.pk), "substitute", "Choose somebody who leads groups."),
        (StandIn(7, dana.pk, gone.pk), "substitute", "Choose somebody who leads groups."),
        (StandIn(7, dana.pk, None), "substitute", "Nobody stands in for Dana in week 7."),
        (
            StandIn(7, dana.pk, mei.pk),
            "substitute",
            f"Mei leads “Other” on {SEVENTH}, 6:00 PM Eastern, and cannot lead two sessions at "
            "once.",
        ),
        (NewLeaders(frozenset()), "leaders", "Choose at least one leader."),
        (NewLeaders(frozenset({member.pk})), "leaders", "Choose people who lead groups."),
        (NewLeaders(frozenset({gone.pk})), "leaders", "Choose people who lead groups."),
        (NewLeaders(frozenset({dana.pk, luis.pk})), "leaders", "They lead this group already."),
        (
            NewLeaders(frozenset({mei.pk})),
            "leaders",
            "Mei leads “Other” on Tuesday, October 6, 6:00 PM Eastern and on 11 more dates, and "
            "cannot lead two sessions at once.",
        ),
    ]
    for wish, field, words in refusals:
        for act in (partial(handovers.preview, cohort=cohort, now=NOW), partial(change, cohort)):
            with pytest.raises(Impossible) as refused:
                act(wish=wish)
            assert (refused.value.field, refused.value.message) == (field, words)
    cohort.refresh_from_db()
    assert (cohort.version, CohortChange.objects.count(), Substitution.objects.count()) == (0, 0, 0)
    assert told(links.LEADERS_CHANGED) == told(links.LEADING_CHANGED) == set()
    assert booked(mei) == list(other.group_sessions.values_list("number", flat=True))


def test_nobody_stands_in_for_two_in_one_session(dana: User, mei: User) -> None:
    luis = a_leader("Luis")
    cohort = a_led_group(dana, luis)
    stand_in(cohort, dana, mei)
    for absent in (dana, luis):
        with pytest.raises(Impossible, match="Mei leads week 7 already"):
            stand_in(cohort, absent, mei)


def test_who_was_freed_and_is_busy_now_is_not_called_back(
    cohort: Cohort, dana: User, mei: User
) -> None:
    stand_in(cohort, dana, mei)
    other = a_cohort(name="Elsewhere", starts_at=session(cohort, 7).starts_at)
    other.group_sessions.exclude(number=1).delete()
    other.facilitators.set([dana])
    bookings.book(cohort=other)
    with pytest.raises(Impossible, match="Dana leads “Elsewhere”"):
        stand_in(cohort, dana, None)


def test_a_substituted_session_is_not_moved_to_where_its_substitute_is_busy(
    cohort: Cohort, dana: User, mei: User
) -> None:
    stand_in(cohort, dana, mei)
    busy = session(cohort, 7).starts_at + 2 * dt.timedelta(days=1)
    a_led_group(mei, name="Thursdays", starts_at=busy)
    move = Wish("move", 7, dt.date(2026, 11, 19), dt.time(18))
    cohort.refresh_from_db()
    acts: list[Callable[[], object]] = [
        partial(rescheduling.preview, cohort=cohort, wish=move, now=NOW),
        partial(move_seventh, cohort, dana, move),
    ]
    for act in acts:
        with pytest.raises(Impossible, match="Mei leads “Thursdays” on Thursday, November 19"):
            act()
    stand_in(cohort, dana, None)
    move_seventh(cohort, dana, move)
    assert session(cohort, 7).starts_at == busy


def move_seventh(cohort: Cohort, actor: User, wish: Wish, now: dt.datetime = NOW) -> Done:
    cohort.refresh_from_db()
    return rescheduling.apply(
        cohort_id=cohort.pk, wish=wish, version=cohort.version, actor=actor, reason="", now=now
    )


# --- Who is told, and what ----------------------------------------------------------------


def test_members_in_standing_with_that_session_ahead_are_told_once(
    cohort: Cohort, dana: User, mei: User
) -> None:
    stay = [a_confirmed_seat(cohort=cohort) for _ in range(2)]
    grace, paused, late, gone = (a_confirmed_seat(cohort=cohort) for _ in range(4))
    a_held_seat(cohort=cohort)
    a_confirmed_seat()
    changes: list[tuple[Enrollment, dict[str, object]]] = [
        (grace, {"status": Status.GRACE}),
        (paused, {"status": Status.SUSPENDED}),
        (late, {"first_week": 9}),
    ]
    for seat, fields in changes:
        Enrollment.objects.filter(pk=seat.pk).update(**fields)
    enrollment_services.withdraw(enrollment_id=gone.pk, actor=gone.member, reason="Left", now=NOW)
    found = handovers.preview(cohort=cohort, wish=StandIn(7, dana.pk, mei.pk), now=NOW)
    done = stand_in(cohort, dana, mei)
    assert told(links.LEADERS_CHANGED) == {seat.pk for seat in (*stay, grace)}
    assert (done.told, done.leaders_told) == (3, 2)
    assert (found.told, {one.pk for one in found.leaders}) == (3, {dana.pk, mei.pk})
    assert told(links.LEADING_CHANGED) == {dana.pk, mei.pk}
    assert hand_over(cohort, mei).told == 4  # the latecomer too


def test_the_mail_to_members_says_who_leads_and_that_all_else_stays(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    member = a_member(display_name="Ada", time_zone="Asia/Tokyo")  # a day ahead
    a_confirmed_seat(cohort=cohort, member=member)
    stand_in(cohort, dana, mei)
    deliver(NOW)  # too early: older words may be on their way
    assert said_to(smtp_sink, member) == []
    deliver()
    (mail,) = said_to(smtp_sink, member)
    assert mail.startswith("About your session on Wednesday, November 18: Hello Ada, ")
    assert "On Wednesday, November 18, Mei leads your session instead of Dana." in mail
    assert "The time and your private link stay the same." in mail
    for private in ("Ill", cohort.name, "@example.org", "Robin"):
        assert private not in mail
    (sent,) = [one.message for one in smtp_sink.messages if "About" in one.message["Subject"]]
    assert not list(sent.iter_attachments())


def test_leaders_are_told_what_they_lead_in_their_own_zone(
    cohort: Cohort, dana: User, smtp_sink: SmtpSink
) -> None:
    mei = a_leader("Mei", time_zone="America/Los_Angeles")
    a_confirmed_seat(cohort=cohort, member=a_member(display_name="Ada"))
    stand_in(cohort, dana, mei)
    deliver()
    (to_mei,), (to_dana,) = said_to(smtp_sink, mei), said_to(smtp_sink, dana)
    assert to_mei.startswith("A change to the sessions that you lead: Hello Mei, ")
    assert f"You lead “{cohort.name}” on {SEVENTH}, 3:00 PM Pacific, instead of Dana." in to_mei
    assert f"Mei leads “{cohort.name}” on {SEVENTH}, 6:00 PM Eastern instead of you." in to_dana
    for mail in (to_mei, to_dana):
        assert "/lead/" in mail
        assert "Ada" not in mail
        assert "Ill" not in mail


def test_who_made_the_change_gets_no_mail_and_is_told_when_it_is_undone(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    stand_in(cohort, dana, mei, actor=dana)
    deliver()
    stand_in(cohort, dana, None, now=NOW + HOUR)
    deliver(NOW + HOUR + SOON)
    (to_dana,) = said_to(smtp_sink, dana)
    assert f"You lead “{cohort.name}” on {SEVENTH}, 6:00 PM Eastern after all." in to_dana
    first, second = said_to(smtp_sink, mei)
    assert "You lead" in first
    assert f"You do not lead “{cohort.name}” on {SEVENTH}, 6:00 PM Eastern any more." in second


def test_there_and_back_before_the_first_mail_is_no_news_to_anybody(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    seat = a_confirmed_seat(cohort=cohort)
    stand_in(cohort, dana, mei)
    stand_in(cohort, dana, None)
    deliver()
    for person in (seat.member, dana, mei):
        assert said_to(smtp_sink, person) == []
    states = Message.objects.exclude(kind=links.SEAT_CONFIRMED).values_list("state", flat=True)
    assert list(states) == [State.NOT_OWED] * 6


def test_of_two_changes_in_a_row_only_the_last_is_said(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    luis = a_leader("Luis")
    seat = a_confirmed_seat(cohort=cohort)
    stand_in(cohort, dana, mei)
    stand_in(cohort, dana, luis)
    deliver()
    (to_member,) = said_to(smtp_sink, seat.member)
    assert f"On {SEVENTH}, Luis leads your session instead of Dana." in to_member
    (to_luis,) = said_to(smtp_sink, luis)
    assert "You lead" in to_luis
    assert said_to(smtp_sink, mei) == []
    (to_dana,) = said_to(smtp_sink, dana)  # she hears it of the first change, or she never would
    assert "Luis leads" in to_dana


def test_a_change_after_the_first_mail_is_told_to_everybody_who_had_it(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    seat = a_confirmed_seat(cohort=cohort)
    stand_in(cohort, dana, mei)
    deliver()
    late = a_confirmed_seat(cohort=cohort)
    stand_in(cohort, dana, None, now=NOW + HOUR)
    deliver(NOW + HOUR + SOON)
    first, second = said_to(smtp_sink, seat.member)
    assert f"On {SEVENTH}, Mei leads your session instead of Dana." in first
    assert f"On {SEVENTH}, Dana leads your session after all." in second
    assert said_to(smtp_sink, late.member) == []  # they never heard of Mei
    sent = len(smtp_sink.messages)
    deliver(NOW + 2 * HOUR)
    assert len(smtp_sink.messages) == sent


def test_new_leaders_are_told_of_from_the_next_session_on_with_the_exceptions(
    dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    luis, kim = a_leader("Luis"), a_leader("Kim")
    cohort = a_led_group(dana, luis)
    seat, late = (a_confirmed_seat(cohort=cohort) for _ in range(2))
    Enrollment.objects.filter(pk=late.pk).update(first_week=9)
    stand_in(cohort, luis, mei)
    deliver()
    now = FIRST_SESSION + 4 * WEEK
    hand_over(cohort, luis, kim, now=now)
    deliver(now + SOON)
    mail = said_to(smtp_sink, seat.member)[-1]
    assert mail.startswith("About your sessions: ")
    assert "From Tuesday, November 3, Kim and Luis lead your sessions instead of Dana." in mail
    assert f"On {SEVENTH}, Mei leads your session instead of Luis." in mail
    assert "The times and your private link stay the same." in mail
    (mail,) = said_to(smtp_sink, late.member)
    assert "From Tuesday, December 1, Kim and Luis lead your sessions" in mail
    assert "Mei" not in mail
    (to_kim,) = said_to(smtp_sink, kim)
    name = f"“{cohort.name}”"
    assert f"You lead {name} from now on." in to_kim
    assert "The next session is on Tuesday, November 3, 6:00 PM Eastern." in to_kim
    assert f"You do not lead {name} any more." in said_to(smtp_sink, dana)[-1]
    assert len(said_to(smtp_sink, mei)) == 1
    assert len(said_to(smtp_sink, luis)) == 1


def test_a_substitute_hears_that_the_leader_they_stood_in_for_is_gone(
    dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    luis = a_leader("Luis")
    cohort = a_led_group(dana, luis)
    stand_in(cohort, dana, mei)
    deliver()
    hand_over(cohort, luis, now=NOW + HOUR)
    deliver(NOW + HOUR + SOON)
    name = f"“{cohort.name}”"
    assert f"You do not lead {name} on {SEVENTH}" in said_to(smtp_sink, mei)[-1]
    last = said_to(smtp_sink, dana)[-1]
    assert f"You do not lead {name} any more." in last
    assert "after all" not in last


def test_a_newcomer_is_told_what_is_different_from_the_page_on_which_they_came(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    luis = a_leader("Luis")
    old = a_confirmed_seat(cohort=cohort)
    now = NOW
    newcomers = []
    for leader in (mei, luis, dana):  # before each change but the first, somebody joins
        hand_over(cohort, leader, now=now)
        deliver(now + SOON)
        newcomers.append(a_confirmed_seat(cohort=cohort, now=now + MINUTE))
        now += HOUR

    def heard(seat: Enrollment) -> list[str]:
        return [
            mail.split("October 6, ")[1].split(".")[0] for mail in said_to(smtp_sink, seat.member)
        ]

    to_mei, to_luis, back = (
        f"{new} leads your sessions instead of {before}"
        for new, before in (("Mei", "Dana"), ("Luis", "Mei"), ("Dana", "Luis"))
    )
    assert [heard(seat) for seat in (old, *newcomers)] == [
        [to_mei, to_luis, back],
        [to_luis, back],
        [back],
        [],
    ]


def test_a_newcomer_hears_that_a_former_leader_is_back(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    hand_over(cohort, mei)
    deliver()
    seat = a_confirmed_seat(cohort=cohort, now=NOW + HOUR)
    hand_over(cohort, dana, now=NOW + 2 * HOUR)
    deliver(NOW + 2 * HOUR + SOON)
    (mail,) = said_to(smtp_sink, seat.member)
    assert "Dana leads your sessions instead of Mei." in mail


def test_a_newcomer_who_is_confirmed_while_somebody_changes_who_leads_is_told(
    cohort: Cohort, mei: User, smtp_sink: SmtpSink
) -> None:
    seat = a_confirmed_seat(cohort=cohort, now=NOW + MINUTE)  # the change waits for them
    hand_over(cohort, mei)
    deliver(NOW + HOUR)
    (mail,) = said_to(smtp_sink, seat.member)
    assert "Mei leads your sessions instead of Dana." in mail


def test_a_newcomer_hears_of_another_substitute_without_having_heard_of_the_first(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    stand_in(cohort, dana, mei)
    deliver()
    stays, goes = (a_confirmed_seat(cohort=cohort, now=NOW + HOUR) for _ in range(2))
    stand_in(cohort, dana, a_leader("Luis"), now=NOW + 2 * HOUR)
    deliver(NOW + 2 * HOUR + SOON)
    for seat in (stays, goes):
        (mail,) = said_to(smtp_sink, seat.member)
        assert f"On {SEVENTH}, Luis leads your session instead of Dana." in mail


def test_a_leader_hears_nothing_of_what_they_changed_themselves_meanwhile(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    stand_in(cohort, dana, mei)
    stand_in(cohort, dana, a_leader("Luis"), actor=dana)
    deliver()
    assert said_to(smtp_sink, dana) == []


def test_mails_about_somebody_who_is_gone_altogether_still_go_out(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    seat = a_confirmed_seat(cohort=cohort)
    hand_over(cohort, dana, mei)
    stand_in(cohort, dana, luis := a_leader("Luis"))
    hand_over(cohort, mei)
    dana.delete()
    deliver()
    (mail,) = said_to(smtp_sink, seat.member)
    assert "Mei leads your sessions. " in mail
    assert "You lead" in said_to(smtp_sink, mei)[-1]
    assert said_to(smtp_sink, luis) == []
    assert not Message.objects.exclude(state__in=[State.SENT, State.NOT_OWED]).exists()


def test_a_substitute_withdrawn_for_somebody_who_is_gone_is_no_news(
    dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    luis = a_leader("Luis")
    cohort = a_led_group(dana, luis)
    seat = a_confirmed_seat(cohort=cohort)
    stand_in(cohort, dana, mei)
    deliver()
    stand_in(cohort, dana, None, now=NOW + HOUR)
    dana.delete()
    deliver(NOW + HOUR + SOON)
    assert not Message.objects.exclude(state__in=[State.SENT, State.NOT_OWED]).exists()
    assert len(said_to(smtp_sink, seat.member)) == 1
    assert f"You do not lead “{cohort.name}” on {SEVENTH}" in said_to(smtp_sink, mei)[-1]


def test_nothing_is_said_of_a_session_that_is_over_or_cancelled(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    seat = a_confirmed_seat(cohort=cohort)
    stand_in(cohort, dana, mei)
    move_seventh(cohort, dana, Wish("cancel", 7))
    deliver()
    (mail,) = said_to(smtp_sink, seat.member)
    assert "cancelled" in mail
    (mail,) = said_to(smtp_sink, mei)  # of the cancelling alone: the other has nothing to say
    assert f"Week 7: cancelled ({SEVENTH}, 6:00 PM Eastern)" in mail
    other = a_led_group(a_leader("Luis"), name="Late")
    late = a_confirmed_seat(cohort=other)
    stand_in(other, other.facilitators.get(), mei, now=session(other, 7).starts_at)
    deliver(session(other, 7).ends_at)
    assert said_to(smtp_sink, late.member) == []


def test_who_left_the_group_before_the_mail_went_out_gets_none(
    cohort: Cohort, dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    seat = a_confirmed_seat(cohort=cohort)
    stand_in(cohort, dana, mei)
    enrollment_services.withdraw(enrollment_id=seat.pk, actor=dana, reason="Left", now=NOW)
    deliver()
    assert said_to(smtp_sink, seat.member) == []


def test_leaders_and_substitutes_are_told_of_new_dates_but_not_who_made_them(
    dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    luis = a_leader("Luis", time_zone="America/Los_Angeles")
    cohort = a_led_group(dana, luis)
    stand_in(cohort, dana, mei)
    deliver()
    Message.objects.all().delete()
    smtp_sink.messages.clear()
    move = Wish("move", 7, dt.date(2026, 11, 19), dt.time(18))
    found = rescheduling.preview(cohort=cohort, wish=move, now=NOW)
    assert [one.display_name for one in found.leaders] == ["Dana", "Luis", "Mei"]
    done = move_seventh(cohort, dana, move, now=NOW + HOUR)
    assert done.leaders_told == 2
    deliver(NOW + HOUR + SOON)
    (to_luis,), (to_mei,) = said_to(smtp_sink, luis), said_to(smtp_sink, mei)
    assert said_to(smtp_sink, dana) == []
    assert "Week 7: Thursday, November 19, 3:00 PM Pacific" in to_luis
    assert f"(before: {SEVENTH}, 3:00 PM Pacific)" in to_luis
    assert "Week 7: Thursday, November 19, 6:00 PM Eastern" in to_mei
    later = Wish("move", 8, dt.date(2026, 11, 26), dt.time(18))
    move_seventh(cohort, dana, later, now=NOW + 2 * HOUR)
    deliver(NOW + 2 * HOUR + SOON)
    assert (len(said_to(smtp_sink, luis)), len(said_to(smtp_sink, mei))) == (2, 1)


def test_dates_there_and_back_are_no_news_to_leaders(
    cohort: Cohort, dana: User, smtp_sink: SmtpSink
) -> None:
    admin = a_member(role=Role.ADMIN)
    for day in (19, 17):
        move_seventh(cohort, admin, Wish("move", 7, dt.date(2026, 11, day), dt.time(18)))
    hand_over(cohort, a_leader("Luis"))
    Message.objects.filter(kind=links.LEADING_CHANGED).delete()
    deliver()
    assert said_to(smtp_sink, dana) == []  # and she does not lead it any more


def test_rendering_takes_as_many_queries_for_one_mail_as_for_many(
    dana: User, mei: User, smtp_sink: SmtpSink
) -> None:
    counts = []
    for groups in (1, 3):
        Message.objects.all().delete()
        for number in range(groups):
            start = FIRST_SESSION + (groups * 5 + number) * 2 * HOUR
            cohort = a_led_group(dana, starts_at=start, capacity=groups)
            for _ in range(groups):
                a_confirmed_seat(cohort=cohort)
            stand_in(cohort, dana, mei)
        Message.objects.exclude(kind=links.LEADERS_CHANGED).delete()
        messages = list(Message.objects.all())
        with CaptureQueriesContext(connection) as captured:
            answers = kinds.render(links.LEADERS_CHANGED, messages, NOW)
        assert len(answers) == groups * groups
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 8


# --- Two at once --------------------------------------------------------------------------


def test_a_change_on_what_somebody_else_changed_is_refused(
    cohort: Cohort, dana: User, mei: User
) -> None:
    stand_in(cohort, dana, mei)
    wish = NewLeaders(frozenset({mei.pk}))
    with pytest.raises(ChangedMeanwhile):
        handovers.apply(cohort_id=cohort.pk, wish=wish, version=0, actor=dana, reason="", now=NOW)
    assert list(cohort.facilitators.all()) == [dana]


@pytest.mark.race
def test_of_two_groups_that_name_one_substitute_at_once_exactly_one_gets_them(
    transactional_db: None,
) -> None:
    for round_ in range(5):
        mei = a_leader("Mei")
        leaders = [a_leader(name) for name in ("Dana", "Luis")]
        cohorts = [a_led_group(one, name=f"Group {one.display_name}") for one in leaders]
        presses = [
            partial(stand_in, one, leader, mei)
            for one, leader in zip(cohorts, leaders, strict=True)
        ]
        results = at_once(presses)
        names = sorted(type(result).__name__ for result in results)
        assert names == ["Done", "Impossible"], (round_, results)
        assert booked(mei) == [7]
        assert Substitution.objects.filter(substitute=mei).count() == 1
        winner = cohorts[[type(result).__name__ for result in results].index("Done")]
        (refused,) = [result for result in results if isinstance(result, Impossible)]
        assert str(refused).startswith(f"Mei leads “{winner.name}” on {SEVENTH}")


@pytest.mark.race
def test_control_without_the_constraint_both_get_them(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look beforehand is a courtesy: here both have it behind them."""
    monkeypatch.setattr("enrollment.history.refuse_conflicts", lambda *_: None)
    constraint = "one_session_at_a_time_per_leader"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [constraint]
        )
        (definition,) = cursor.fetchone()
        cursor.execute(f"ALTER TABLE group_sessions_booking DROP CONSTRAINT {constraint}")
    try:
        mei = a_leader("Mei")
        leaders = [a_leader(name) for name in ("Dana", "Luis")]
        cohorts = [a_led_group(one) for one in leaders]
        presses = [
            partial(stand_in, one, leader, mei)
            for one, leader in zip(cohorts, leaders, strict=True)
        ]
        assert [type(result).__name__ for result in at_once(presses)] == ["Done", "Done"]
        assert booked(mei) == [7, 7]
    finally:
        Booking.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute(
                f"ALTER TABLE group_sessions_booking ADD CONSTRAINT {constraint} {definition}"
            )


@pytest.mark.race
def test_of_two_who_change_one_group_at_once_one_is_told(transactional_db: None) -> None:
    for _ in range(5):
        dana, mei, luis = (a_leader(name) for name in ("Dana", "Mei", "Luis"))
        cohort = a_led_group(dana)
        a_confirmed_seat(cohort=cohort)
        presses: list[Callable[[], Done]] = [
            partial(
                handovers.apply,
                cohort_id=cohort.pk,
                wish=wish,
                version=0,
                actor=dana,
                reason="",
                now=NOW,
            )
            for wish in (StandIn(7, dana.pk, mei.pk), NewLeaders(frozenset({luis.pk})))
        ]
        presses.append(
            partial(
                rescheduling.apply,
                cohort_id=cohort.pk,
                wish=Wish("cancel", 7),
                version=0,
                actor=dana,
                reason="",
                now=NOW,
            )
        )
        names = sorted(type(result).__name__ for result in at_once(presses))
        assert names == ["ChangedMeanwhile", "ChangedMeanwhile", "Done"]
        cohort.refresh_from_db()
        assert (cohort.version, cohort.changes.count()) == (1, 1)


@pytest.mark.race
def test_who_is_being_confirmed_at_this_moment_is_told_who_leads(transactional_db: None) -> None:
    dana, mei = a_leader("Dana"), a_leader("Mei")
    cohort = a_led_group(dana)
    seat = a_held_seat(cohort=cohort)
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            enrollment_services.confirm_seat(enrollment_id=seat.pk, now=NOW, reason="Paid")
            changing = other.submit(in_own_connection, partial(stand_in, cohort, dana, mei))
            wait_until(lambda: changing.done() or somebody_waits(), "the change", seconds=30)
        assert changing.result(timeout=30).told == 1


def test_a_change_takes_as_many_queries_for_one_member_as_for_three(mei: User) -> None:
    counts = []
    for members in (1, 3):
        dana = a_leader("Dana")
        cohort = a_led_group(dana, starts_at=FIRST_SESSION + members * 2 * HOUR)
        for _ in range(members):
            a_confirmed_seat(cohort=cohort)
        admin = a_member(role=Role.ADMIN)
        with CaptureQueriesContext(connection) as captured:
            stand_in(cohort, dana, mei, actor=admin)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 32
