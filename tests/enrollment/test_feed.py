"""The calendar link: what a calendar program reads behind it, who may make it, how it ends."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from icalendar import Calendar

from accounts import clock as clocks
from accounts.models import Role, User
from enrollment import absences, making_up, services
from enrollment import feed as feeds
from enrollment.calendar import sessions_ics, visit_ics
from enrollment.models import CalendarFeed, Enrollment
from enrollment.states import IN_STANDING, Status
from sessions.models import Cohort, GroupSession
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_member,
    session,
)
from tests.enrollment.pages import said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

MINE = reverse("enrollment:my_calendar")
YEAR = dt.timedelta(days=365)
LONGEST_LINE = 75  # octets, says RFC 5545


def link_of(person: User) -> str:
    """The path of the person's calendar, made if there is none."""
    feeds.make_link(person=person, now=NOW)
    return reverse("enrollment:feed", args=[CalendarFeed.objects.get(person=person).token])


def read(path: str) -> Calendar:
    """As a calendar program does: without a cookie, each time anew."""
    response = Client().get(path)
    assert response.status_code == 200
    return Calendar.from_ical(response.content)


def starts(path: str) -> list[dt.datetime]:
    return [event.DTSTART for event in read(path).events]


def a_leader(*cohorts: Cohort, **fields: Any) -> User:
    leader = a_member(**{"role": Role.FACILITATOR, "display_name": "Dana Reyes", **fields})
    for cohort in cohorts:
        cohort.facilitators.add(leader)
    return leader


# --- What a calendar program reads ------------------------------------------------------


def test_it_is_a_calendar_that_says_its_name_and_when_to_look_again(settings: Any) -> None:
    settings.PRACTICE_NAME = "Grouport, the practice; with a name that is longer than a line is"
    seat = a_confirmed_seat()
    response = Client().get(link_of(seat.member))
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    lines = response.content.split(b"\r\n")
    assert lines[-1] == b""
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) <= LONGEST_LINE
    for once in (b"BEGIN:VCALENDAR", b"VERSION:2.0", b"METHOD:PUBLISH", b"END:VCALENDAR"):
        assert lines.count(once) == 1
    assert sum(line.startswith(b"PRODID:") for line in lines) == 1
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H" in lines
    assert b"X-PUBLISHED-TTL:PT1H" in lines
    calendar = Calendar.from_ical(response.content)
    escaped = settings.PRACTICE_NAME.replace(",", r"\,").replace(";", r"\;") + ": sessions"
    # The library does not know these two and reads them as they stand.
    assert [str(calendar[name]) for name in ("NAME", "X-WR-CALNAME")] == [escaped] * 2
    assert calendar.errors == []
    uids = [str(event["UID"]) for event in calendar.events]
    assert len(set(uids)) == len(uids) == 12
    for event in calendar.events:
        assert event.errors == []
        assert event.DTSTAMP == NOW
        assert event.end - event.start == HOUR


def test_its_entries_are_those_of_the_mailed_file() -> None:
    seat = a_confirmed_seat()
    sessions = GroupSession.objects.filter(cohort=seat.cohort)
    mailed = Calendar.from_ical(sessions_ics(enrollment=seat, sessions=sessions, now=NOW))
    followed = read(link_of(seat.member))
    assert [event.to_ical() for event in followed.events] == [
        event.to_ical() for event in mailed.events
    ]


@pytest.mark.parametrize("zone", ["America/New_York", "America/Phoenix", "Pacific/Honolulu"])
def test_across_the_clock_change_it_shows_the_times_of_the_site(client: Client, zone: str) -> None:
    seat = a_confirmed_seat(member=a_member(time_zone=zone))
    client.force_login(seat.member)
    page = said(client.get(reverse("enrollment:my_group", args=[seat.public_id])))
    shown = []
    for start in starts(link_of(seat.member)):
        shown.append(clocks.time_of_day(start, zone))
        assert f"{clocks.short_day(start, zone)} {shown[-1]}" in page
    hour = {"America/New_York": ["6:00 PM Eastern"] * 12}
    hour["America/Phoenix"] = ["3:00 PM Arizona"] * 4 + ["4:00 PM Arizona"] * 8
    hour["Pacific/Honolulu"] = ["12:00 PM Hawaii"] * 4 + ["1:00 PM Hawaii"] * 8
    assert shown == hour[zone]


def test_a_session_that_moved_or_is_cancelled_says_so_in_its_own_entry() -> None:
    seat = a_confirmed_seat()
    path = link_of(seat.member)
    before = {str(event["UID"]) for event in read(path).events}
    moved = session(seat.cohort, 3).starts_at + 24 * HOUR
    GroupSession.objects.filter(cohort=seat.cohort, number=3).update(
        starts_at=moved, ends_at=moved + HOUR, sequence=2
    )
    GroupSession.objects.filter(cohort=seat.cohort, number=5).update(cancelled_at=NOW, sequence=1)
    events = {str(event["UID"]): event for event in read(path).events}
    assert set(events) == before
    third, fifth = (
        next(e for uid, e in events.items() if f"-{number}@" in uid) for number in (3, 5)
    )
    assert (third.start, third["SEQUENCE"], third.get("STATUS")) == (moved, 2, None)
    assert (fifth["SEQUENCE"], fifth["STATUS"]) == (1, "CANCELLED")


@pytest.mark.parametrize("reader", ["member", "visitor", "leader"])
def test_what_ended_a_year_ago_is_not_read_any_more(reader: str, clock: Any) -> None:
    cohort = a_cohort()
    person, last = a_confirmed_seat(cohort=cohort).member, session(cohort, 1)
    if reader == "leader":
        person = a_leader(cohort)
    if reader == "visitor":
        last = session(a_cohort(starts_at=FIRST_SESSION + 20 * HOUR), 1)
        week = absences.own_week(enrollment=person.enrollments.get(), number=1, now=NOW)
        making_up.take_chair(week=week, session_id=last.pk, now=NOW)
    path = link_of(person)
    assert len(starts(path)) == (13 if reader == "visitor" else 12)
    found = []
    for when in (last.ends_at + YEAR - MINUTE, last.ends_at + YEAR):
        clock.move_to(when)
        found.append(last.starts_at in starts(path))
    assert found == [True, False]
    assert len(starts(path)) == 11


def test_past_sessions_stay_and_those_before_joining_never_come(clock: Any) -> None:
    cohort = a_cohort(admission="modules")
    seat = a_confirmed_seat(cohort=cohort, now=session(cohort, 4).starts_at)
    clock.move_to(session(cohort, 8).ends_at)
    assert starts(link_of(seat.member)) == [
        session(cohort, number).starts_at for number in range(5, 13)
    ]


@pytest.mark.parametrize("status", Status)
def test_it_shows_groups_in_standing_and_those_that_are_completed(status: Status) -> None:
    seat = a_confirmed_seat()
    Enrollment.objects.update(status=status, held_until=NOW + HOUR, waiting_since=NOW)
    shown = status in (*IN_STANDING, Status.COMPLETED)
    assert len(starts(link_of(seat.member))) == (12 if shown else 0)


def test_whoever_leaves_finds_the_sessions_gone_and_their_other_group_there() -> None:
    member = a_member()
    gone, kept = (a_confirmed_seat(cohort=a_cohort(), member=member) for _ in range(2))
    path = link_of(member)
    assert len(starts(path)) == 24
    services.withdraw(enrollment_id=gone.pk, actor=member, reason="Left", now=NOW)
    assert {str(event["LOCATION"]) for event in read(path).events} == {kept.door_url}


def test_a_chair_in_another_group_comes_and_goes() -> None:
    seat, host = a_confirmed_seat(), session(a_cohort(starts_at=FIRST_SESSION + 20 * HOUR), 1)
    path = link_of(seat.member)
    week = absences.own_week(enrollment=seat, number=1, now=NOW)
    visit = making_up.take_chair(week=week, session_id=host.pk, now=NOW)
    [event] = [e for e in read(path).events if str(e["LOCATION"]) == visit.door_url]
    [mailed] = Calendar.from_ical(visit_ics(visit=visit, now=NOW)).events
    assert (event.start, event.to_ical()) == (host.starts_at, mailed.to_ical())
    assert len(starts(path)) == 13
    making_up.give_back(week=week, now=NOW)
    assert visit.door_url not in Client().get(path).content.decode().replace("\r\n ", "")
    making_up.take_chair(week=week, session_id=host.pk, now=NOW)
    assert len(starts(path)) == 13
    Enrollment.objects.update(status=Status.SUSPENDED)
    assert starts(path) == []


def test_it_names_nobody_and_tells_nothing_of_what_it_is() -> None:
    cohort = a_cohort(meeting_url="https://video.example/j/5550199")
    seat = a_confirmed_seat(cohort=cohort, member=a_member(display_name="Sam"))
    a_confirmed_seat(cohort=cohort, member=a_member(display_name="Robin"))
    leader = a_leader(cohort)
    for person in (seat.member, leader):
        # Unfolded, so that no word hides in a break.
        words = Client().get(link_of(person)).content.decode().replace("\r\n ", "")
        for secret in ("Sam", "Robin", "Dana", "video.example", session(cohort, 1).room, "DBT"):
            assert secret not in words
        assert "therap" not in words.lower()


# --- Those who lead ---------------------------------------------------------------------


def test_a_leader_sees_the_groups_they_lead_with_the_desk_as_their_place(settings: Any) -> None:
    led, draft = a_cohort(), a_cohort(draft=True)
    a_cohort(name="Somebody else's")
    leader = a_leader(led, draft)
    events = read(link_of(leader)).events
    desk = f"{settings.SITE_URL}{reverse('enrollment:desk')}"
    assert [event.start for event in events] == [
        session(led, number).starts_at for number in range(1, 13)
    ]
    assert {str(event["SUMMARY"]) for event in events} == {"Grouport: session, Tuesday evenings"}
    assert {str(event["LOCATION"]) for event in events} == {desk}


@pytest.mark.parametrize("status", Cohort.Status)
def test_a_leaders_group_stays_when_it_is_closed_or_archived(status: str) -> None:
    led = a_cohort()
    Cohort.objects.update(status=status)
    assert len(starts(link_of(a_leader(led)))) == (0 if status == Cohort.Status.DRAFT else 12)


def test_an_admin_sees_the_groups_they_lead_and_not_all(settings: Any) -> None:
    led, _ = a_cohort(), a_cohort()
    admin = a_leader(led, role=Role.ADMIN)
    assert len(starts(link_of(admin))) == 12
    User.objects.filter(pk=admin.pk).update(role=Role.MEMBER)  # leads no group any more
    assert starts(link_of(admin)) == []


def test_somebody_who_is_both_gets_both_in_the_order_of_time() -> None:
    led = a_cohort()
    both = a_leader(led)
    joined = a_cohort(starts_at=session(led, 1).starts_at + 2 * HOUR)
    a_confirmed_seat(cohort=joined, member=both)
    found = starts(link_of(both))
    assert (len(found), found) == (24, sorted(found))
    uids = [str(event["UID"]) for event in read(link_of(both)).events]
    assert len(set(uids)) == 24


# --- The address ------------------------------------------------------------------------


def test_it_needs_no_session_and_writes_nothing() -> None:
    seat = a_confirmed_seat()
    path, stranger = link_of(seat.member), Client()
    with CaptureQueriesContext(connection) as captured:
        response = stranger.get(path)
    assert [query["sql"][:6] for query in captured] == ["SELECT"] * 4
    assert (response.status_code, dict(response.cookies)) == (200, {})
    assert "no-store" in response["Cache-Control"]
    assert "private" in response["Cache-Control"]
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert stranger.head(path).status_code == 200
    assert stranger.post(path).status_code == 405


@pytest.mark.parametrize("reader", ["member", "leader"])
def test_three_groups_take_as_many_queries_as_one(reader: str) -> None:
    person = a_leader() if reader == "leader" else a_member()
    path = link_of(person)

    def one_more() -> None:
        cohort = a_cohort(starts_at=NOW + HOUR * (24 + 2 * Cohort.objects.count()))
        if reader == "leader":
            cohort.facilitators.add(person)
        a_confirmed_seat(cohort=cohort, member=person if reader == "member" else a_member())

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert Client().get(path).status_code == 200
        return len(captured)

    one_more()
    one = queries()
    one_more()
    one_more()
    assert len(starts(path)) == 36
    assert queries() == one <= 5


def test_an_unknown_link_and_one_of_somebody_locked_out_are_not_found_alike() -> None:
    seat = a_confirmed_seat()
    path = link_of(seat.member)
    User.objects.filter(pk=seat.member.pk).update(is_active=False)
    unknown = Client().get("/calendar/nobody-has-this.ics")
    locked_out = Client().get(path)
    assert (unknown.status_code, locked_out.status_code) == (404, 404)
    assert said(unknown) == said(locked_out)
    assert dict(locked_out.cookies) == {}
    User.objects.filter(pk=seat.member.pk).update(is_active=True)
    assert Client().get(path).status_code == 200


# --- The page where it is made, changed and turned off ----------------------------------


@pytest.fixture
def member(client: Client) -> User:
    member = a_confirmed_seat().member
    client.force_login(member)
    return member


def press(client: Client, do: str) -> str:
    return said(client.post(MINE, {"do": do}, follow=True))


def test_a_link_is_made_with_one_press_and_shown_with_how_to_add_it(
    client: Client, member: User
) -> None:
    before = said(client.get(MINE))
    assert "Make my calendar link" in before
    assert "Whoever has it can see when you meet." in before
    assert not CalendarFeed.objects.exists()
    assert "Your calendar link is ready." in press(client, "make")
    feed = CalendarFeed.objects.get(person=member)
    page = client.get(MINE).content.decode()
    assert f'value="{feed.url}" readonly' in page
    assert f'href="webcal://{feed.url.split("//")[1]}"' in page
    for program in ("Apple", "Google", "Outlook"):
        assert f"{program}:" in said(client.get(MINE))
    assert len(feed.token) == 32  # 192 bits
    assert client.get(feed.url).status_code == 200


def test_a_second_press_keeps_the_link_that_is_there(client: Client, member: User) -> None:
    path = link_of(member)
    assert "You have a calendar link already." in press(client, "make")
    assert link_of(member) == path


def test_a_new_link_ends_the_old_one_at_once(client: Client, member: User) -> None:
    old = link_of(member)
    assert "The old one has stopped working." in press(client, "renew")
    new = link_of(member)
    assert (new != old, Client().get(old).status_code, len(starts(new))) == (True, 404, 12)


def test_turned_off_it_is_gone_until_another_is_made(client: Client, member: User) -> None:
    old = link_of(member)
    page = press(client, "off")
    assert "Your calendar link is turned off." in page
    assert "Make my calendar link" in page
    assert Client().get(old).status_code == 404
    press(client, "off")  # twice is no error
    assert "was turned off meanwhile" in press(client, "renew")
    assert not CalendarFeed.objects.exists()
    press(client, "make")
    assert (link_of(member) != old, Client().get(old).status_code) == (True, 404)


def test_one_persons_presses_leave_the_others_link_alone(client: Client, member: User) -> None:
    theirs = link_of(a_confirmed_seat().member)
    link_of(member)
    press(client, "renew")
    press(client, "off")
    assert len(starts(theirs)) == 12
    assert theirs.split("/")[-1] not in client.get(MINE).content.decode()


def test_nothing_happens_without_a_press(client: Client, member: User) -> None:
    old = link_of(member)
    for answer in ({}, {"do": "dance"}):
        assert client.post(MINE, answer).status_code == 404
    client.get(f"{MINE}?do=off")
    assert link_of(member) == old
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(member)
    assert strict.post(MINE, {"do": "off"}).status_code == 403
    assert link_of(member) == old


def test_my_pages_lead_to_it(client: Client, member: User) -> None:
    group = reverse("enrollment:my_group", args=[member.enrollments.get().public_id])
    for where in (reverse("enrollment:my_groups"), group):
        assert f'href="{MINE}"' in client.get(where).content.decode()


READERS = ("anonymous", "member", "other member", "leader", "other leader", "admin")


@pytest.mark.parametrize("reader", READERS)
def test_the_page_is_for_whoever_is_signed_in_and_the_link_for_whoever_has_it(
    reader: str, client: Client
) -> None:
    seat = a_confirmed_seat()
    path = link_of(seat.member)
    people: dict[str, Callable[[], User]] = {
        "member": lambda: seat.member,
        "other member": a_member,
        "leader": lambda: a_leader(seat.cohort),
        "other leader": lambda: a_leader(a_cohort()),
        "admin": lambda: a_member(role=Role.ADMIN),
    }
    if reader != "anonymous":
        client.force_login(people[reader]())
    response = client.get(MINE)
    if reader == "anonymous":
        assert response["Location"] == f"{reverse('account_login')}?next={MINE}"
        assert client.post(MINE, {"do": "make"})["Location"].startswith(reverse("account_login"))
    else:
        assert response.status_code == 200
        assert "no-store" in response["Cache-Control"]
        assert (path in response.content.decode()) is (reader == "member")
    assert len(Calendar.from_ical(client.get(path).content).events) == 12
