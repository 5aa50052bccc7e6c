"""The leader's desk: who may see it, what it tells, and what it costs."""

import csv
import datetime as dt
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, User
from accounts.plain_text import harmless
from enrollment import attendance, door, roster, services
from enrollment.models import AttendanceNote, Enrollment, Mark, Register, Visit
from sessions.models import Cohort, GroupSession, Substitution
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
from tests.enrollment.pages import said, words_of
from tests.enrollment.test_making_up import takes, thursdays

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DESK = reverse("enrollment:desk")
DAY = dt.timedelta(days=1)


def a_leader(*cohorts: Cohort, **fields: Any) -> User:
    leader = a_member(**{"role": Role.FACILITATOR, "display_name": "Dana Reyes", **fields})
    for cohort in cohorts:
        cohort.facilitators.add(leader)
    return leader


def a_substitute(cohort: Cohort, number: int) -> User:
    """Somebody who leads that session instead of a leader of the group."""
    substitute = a_leader(display_name="Mei Tanaka")
    Substitution.objects.create(
        session=session(cohort, number), absent=a_leader(cohort), substitute=substitute
    )
    return substitute


@pytest.fixture
def cohort() -> Cohort:
    return a_cohort()


@pytest.fixture
def leading(client: Client, cohort: Cohort) -> Client:
    """A browser in which the group's leader is signed in."""
    client.force_login(a_leader(cohort))
    return client


def sign_in_again(client: Client, cohort: Cohort) -> None:
    """After half an hour without a page, which is what a jump of the clock is."""
    client.force_login(cohort.facilitators.get())


def at(name: str, cohort: Cohort, *more: object) -> str:
    return reverse(f"enrollment:{name}", args=[cohort.slug, *more])


def goes_in(seat: Enrollment, when: dt.datetime) -> None:
    """Through the door, as members do."""
    doorway = door.look(token=seat.door_token, user=seat.member, now=when)
    assert door.enter(doorway=doorway, location="NY", now=when)


def filled(seat: Enrollment, mark: str, minutes: object = "", seen: str = "") -> dict[str, object]:
    key = seat.public_id
    return {f"{key}-mark": mark, f"{key}-late_minutes": minutes, f"{key}-seen": seen}


# --- Who may see it ---------------------------------------------------------------------

PAGES = {
    "desk": (),
    "roster": (),
    "roster_csv": (),
    "register": (1,),
    "arrivals": (1,),
    "start": (1,),
    "change_dates": (),
    "substitute": (),
    "change_leaders": (),
    "change_link": (),
}
READERS = (
    "anonymous",
    "member",
    "other member",
    "leader",
    "other leader",
    "substitute",
    "substitute of week 2",
    "admin",
)
OF_A_SESSION = ("register", "arrivals", "start")
ALLOWED = {
    **{name: {"leader", "admin"} for name in PAGES},
    **{name: {"leader", "substitute", "admin"} for name in OF_A_SESSION},
    "desk": set(READERS) - {"anonymous", "member", "other member"},
    "change_leaders": {"admin"},
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_for_those_it_concerns(
    name: str, reader: str, client: Client, cohort: Cohort, clock: Any
) -> None:
    clock.move_to(FIRST_SESSION - MINUTE)
    seat = a_confirmed_seat(cohort=cohort)
    readers: dict[str, Callable[[], User]] = {
        "member": lambda: seat.member,
        "other member": a_member,
        "leader": lambda: a_leader(cohort),
        "other leader": lambda: a_leader(a_cohort()),
        "substitute": lambda: a_substitute(cohort, 1),
        "substitute of week 2": lambda: a_substitute(cohort, 2),
        "admin": lambda: a_member(role=Role.ADMIN),
    }
    if reader != "anonymous":
        client.force_login(readers[reader]())
    path = DESK if name == "desk" else at(name, cohort, *PAGES[name])
    response = client.post(path) if name == "start" else client.get(path)
    if reader == "anonymous":
        assert response["Location"].startswith(reverse("account_login"))
    elif reader in ALLOWED[name]:
        assert response.status_code == (302 if name == "start" else 200)
    else:
        assert response.status_code == 404


def test_a_draft_has_no_desk_yet(client: Client) -> None:
    draft = a_cohort(draft=True)
    client.force_login(a_leader(draft))
    assert client.get(at("roster", draft)).status_code == 404
    assert draft.name not in said(client.get(DESK))


@pytest.mark.parametrize("number", [0, 13, 99])
def test_a_session_that_does_not_exist_is_not_found(
    number: int, leading: Client, cohort: Cohort
) -> None:
    assert leading.get(at("register", cohort, number)).status_code == 404


def test_the_nav_leads_leaders_to_the_desk_and_nobody_else(leading: Client, cohort: Cohort) -> None:
    assert f'href="{DESK}"' in leading.get(reverse("enrollment:my_groups")).content.decode()
    member = Client()
    member.force_login(a_member())
    assert f'href="{DESK}"' not in member.get(reverse("enrollment:my_groups")).content.decode()


# --- Today ------------------------------------------------------------------------------


def test_an_empty_desk_says_so(client: Client) -> None:
    client.force_login(a_leader())
    page = said(client.get(DESK))
    assert "No session today." in page
    assert "You lead no group yet." in page


def test_this_weeks_sessions_with_skill_and_people(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    a_confirmed_seat(cohort=cohort, member=a_member(display_name="Sam"))
    clock.move_to(FIRST_SESSION - dt.timedelta(days=3))
    page = said(leading.get(DESK))
    assert "No session today. The next one is Tuesday, October 6, 6:00 PM Eastern." in page
    assert "1 person expected" in page
    assert "Sam New" in page
    assert "Starting out, and noticing your state of mind" in page
    assert "Start as host" not in page


def test_a_session_further_off_is_not_shown(leading: Client, clock: Any) -> None:
    clock.move_to(FIRST_SESSION - dt.timedelta(days=8))
    assert "Week 1" not in said(leading.get(DESK))


@pytest.mark.parametrize(("after", "there"), [(59, True), (60, False)])
def test_a_session_that_runs_over_the_readers_midnight_stays_until_its_end(
    after: int, there: bool, client: Client, cohort: Cohort, clock: Any
) -> None:
    starts = FIRST_SESSION - 30 * MINUTE  # 11:30 PM in Berlin
    GroupSession.objects.filter(cohort=cohort, number=1).update(
        starts_at=starts, ends_at=starts + HOUR
    )
    leader = a_leader(cohort, time_zone="Europe/Berlin")
    clock.move_to(starts + after * MINUTE)
    client.force_login(leader)
    page = said(client.get(DESK))
    assert ("Start as host" in page, "Week 1" in page) == (there, there)


def test_a_visitor_is_named_to_the_leader_while_they_may_come(cohort: Cohort) -> None:
    first = session(cohort, 1)
    stays, leaves = (
        a_confirmed_seat(cohort=thursdays(), member=a_member(display_name=name))
        for name in ("Zoe", "Zebulon")
    )
    for seat in (stays, leaves):
        takes(seat, first)

    def named() -> list[str]:
        visitors = roster.visitors(sessions=[session(cohort, 1)])
        return [one.name for one in visitors.get(first.pk, [])]

    assert named() == ["Zebulon", "Zoe"]
    running = FIRST_SESSION + MINUTE  # their chair is not given back any more
    services.withdraw(enrollment_id=leaves.pk, actor=leaves.member, reason="Left", now=running)
    assert not Visit.objects.exclude(given_back_at=None).exists()
    assert named() == ["Zoe"]
    GroupSession.objects.filter(pk=first.pk).update(cancelled_at=running)
    assert named() == []


def test_who_has_arrived_brings_itself_up_to_date(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    sam = a_confirmed_seat(cohort=cohort, member=a_member(display_name="Sam"))
    a_confirmed_seat(cohort=cohort, member=a_member(display_name="Robin"))
    clock.move_to(FIRST_SESSION - 10 * MINUTE)
    fragment = at("arrivals", cohort, 1)
    page = leading.get(DESK)
    assert f'hx-get="{fragment}" hx-trigger="every 10s"' in page.content.decode()
    assert "0 of 2 have arrived" in said(page)
    goes_in(sam, FIRST_SESSION - 5 * MINUTE)
    part = leading.get(fragment).content.decode()
    assert "1 of 2 have arrived" in words_of(part)
    assert "Sam 5:55 PM Eastern" in words_of(part)
    assert "Robin not yet" in words_of(part)
    assert "<html" not in part
    clock.move_to(FIRST_SESSION + HOUR)
    sign_in_again(leading, cohort)
    ended = leading.get(DESK)
    assert "hx-get" not in ended.content.decode()
    assert "1 of 2 came through the door" in said(ended)


def test_the_host_starts_from_an_hour_before_until_the_end(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    first = session(cohort, 1)
    start = at("start", cohort, 1)
    for moment, goes in (
        (FIRST_SESSION - HOUR - MINUTE, False),
        (FIRST_SESSION - HOUR, True),
        (FIRST_SESSION + 59 * MINUTE, True),
        (FIRST_SESSION + HOUR, False),
    ):
        clock.move_to(moment)
        sign_in_again(leading, cohort)
        assert (leading.post(start)["Location"] == first.joining_url) is goes
    clock.move_to(FIRST_SESSION - 5 * MINUTE)
    sign_in_again(leading, cohort)
    page = leading.get(DESK).content.decode()
    assert first.room not in page
    assert "Start as host" in page


def test_starting_is_a_press_and_no_link(leading: Client, cohort: Cohort) -> None:
    assert leading.get(at("start", cohort, 1)).status_code == 405


# --- What is still to be noted -----------------------------------------------------------


OPEN = "Attendance still open"


def open_registers(client: Client) -> list[tuple[str, int]]:
    page = client.get(DESK)
    found = [(one.cohort.slug, one.number) for one in page.context["still_open"]]
    assert (OPEN in said(page)) is bool(found)
    return found


def test_an_open_register_is_not_forgotten_for_two_weeks(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    a_confirmed_seat(cohort=cohort)
    leader = cohort.facilitators.get()
    end = session(cohort, 1).ends_at
    reminders = {}
    for after in (-MINUTE, HOUR * 0, DAY * 6, DAY * 13, DAY * 14):
        clock.move_to(end + after)
        sign_in_again(leading, cohort)
        reminders[after] = [number for _, number in open_registers(leading)]
    assert reminders == {
        -MINUTE: [], HOUR * 0: [1], DAY * 6: [1], DAY * 13: [1, 2], DAY * 14: [2, 3],
    }  # fmt: skip
    attendance.close_register(session=session(cohort, 2), actor=leader, now=end + DAY * 14)
    assert open_registers(leading) == [(cohort.slug, 3)]
    cancelled = session(cohort, 3)
    cancelled.cancelled_at = end
    cancelled.save()
    assert open_registers(leading) == []


def test_nobody_is_reminded_of_others_or_empty_sessions(client: Client, clock: Any) -> None:
    mine, others, empty, later = a_cohort(), a_cohort(), a_cohort(), a_cohort()
    for cohort in (mine, others, later):
        seat = a_confirmed_seat(cohort=cohort)
    Enrollment.objects.filter(pk=seat.pk).update(first_week=5)
    admin = a_member(role=Role.ADMIN)
    substitute = a_substitute(others, 1)
    for cohort in (mine, empty, later):
        cohort.facilitators.add(admin)
    clock.move_to(FIRST_SESSION + DAY)
    for reader, slug in ((admin, mine.slug), (substitute, others.slug)):
        client.force_login(reader)
        assert open_registers(client) == [(slug, 1)]


def test_who_came_and_is_not_noted_yet_has_a_sign_of_their_own(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    sam = a_confirmed_seat(cohort=cohort)
    goes_in(sam, FIRST_SESSION)
    clock.move_to(FIRST_SESSION + MINUTE)
    sign_in_again(leading, cohort)
    page = leading.get(at("roster", cohort))
    assert '<td class="mark mark--arrived" title="Arrived, not noted yet">' in page.content.decode()
    assert said(page).count("Arrived, not noted yet") == 2  # in their row, and in the legend
    assert "not yet" in said(page)  # nothing counts before it is noted


# --- The roster -------------------------------------------------------------------------


def three_weeks(cohort: Cohort, leader: User) -> Enrollment:
    """Sam came, missed two and has a colleague who is excused in week 2."""
    sam = a_confirmed_seat(cohort=cohort, member=a_member(display_name="Sam"))
    robin = a_confirmed_seat(cohort=cohort, member=a_member(display_name="=Robin"))
    noted = {1: (Mark.PRESENT, Mark.LATE), 2: (Mark.ABSENT, Mark.EXCUSED), 3: (Mark.ABSENT, None)}
    for number, (his, hers) in noted.items():
        one = session(cohort, number)
        lines = [attendance.Noted(sam.pk, his)]
        if hers:
            minutes = 5 if hers == Mark.LATE else None
            lines.append(attendance.Noted(robin.pk, hers, minutes))
        attendance.note(session=one, noted=lines, actor=leader, now=one.ends_at)
    return sam


def test_the_roster_reads_at_a_glance(leading: Client, cohort: Cohort, clock: Any) -> None:
    three_weeks(cohort, cohort.facilitators.get())
    clock.move_to(session(cohort, 3).ends_at)
    sign_in_again(leading, cohort)
    page = leading.get(at("roster", cohort))
    assert "2 members · 50% attended" in said(page)  # 2 of 4: an excused week does not count
    assert "Missed 2 in a row: check in" in said(page)
    assert "Late, 5 min" in said(page)
    assert "1 of 3" in said(page)
    assert "1 of 1" in said(page)


def test_weeks_before_somebody_joined_are_not_missed(leading: Client, cohort: Cohort) -> None:
    seat = a_confirmed_seat(cohort=cohort)
    Enrollment.objects.filter(pk=seat.pk).update(first_week=5)
    page = said(leading.get(at("roster", cohort)))
    assert page.count("Before they joined") == 4
    assert "not yet" in page


def test_whoever_has_left_or_not_paid_is_not_on_the_roster(leading: Client, cohort: Cohort) -> None:
    gone = a_confirmed_seat(cohort=cohort, member=a_member(display_name="Gone"))
    leader = cohort.facilitators.get()
    services.withdraw(enrollment_id=gone.pk, actor=leader, reason="Left", now=NOW)
    assert "Gone" not in said(leading.get(at("roster", cohort)))


def test_somebody_without_a_name_is_not_shown_by_address(leading: Client, cohort: Cohort) -> None:
    seat = a_confirmed_seat(cohort=cohort)
    for path in (at("roster", cohort), at("register", cohort, 1), DESK):
        assert seat.member.email not in leading.get(path).content.decode()


def test_the_table_opens_in_a_spreadsheet_and_runs_nothing(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    three_weeks(cohort, cohort.facilitators.get())
    clock.move_to(session(cohort, 3).ends_at)
    sign_in_again(leading, cohort)
    response = leading.get(at("roster_csv", cohort))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="{cohort.slug}-attendance.csv"' in response["Content-Disposition"]
    head, *rows = csv.reader(io.StringIO(response.content.decode("utf-8-sig")))
    assert head[:3] == ["Name", "Week 1", "Week 2"]
    assert [row[:4] + row[-2:] for row in rows] == [
        ["'=Robin", "Late, 5 min", "Excused", "", "1", "1"],
        ["Sam", "Present", "Absent", "Absent", "1", "3"],
    ]


@pytest.mark.parametrize(
    "name", ["=1+1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "\u200b=1", " =1", "\t1", "-1"]
)
def test_no_name_is_a_formula(name: str) -> None:
    assert harmless(name) == f"'{name}"


@pytest.mark.parametrize("name", ["", "Sam", "1=1", "Sam-Lee", "\u200bSam"])
def test_other_cells_stay_as_they_are(name: str) -> None:
    assert harmless(name) == name


# --- The register -----------------------------------------------------------------------


def test_the_register_is_prefilled_from_the_door_and_closed(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    sam = a_confirmed_seat(cohort=cohort, member=a_member(display_name="Sam"))
    robin = a_confirmed_seat(cohort=cohort, member=a_member(display_name="Robin"))
    goes_in(sam, FIRST_SESSION + 4 * MINUTE)
    clock.move_to(FIRST_SESSION + HOUR)
    path = at("register", cohort, 1)
    page = leading.get(path)
    shown = {line.name: (line.mark, line.late_minutes) for line, _ in page.context["lines"]}
    assert shown == {"Sam": (Mark.LATE, 4), "Robin": (Mark.ABSENT, None)}
    data = {**filled(sam, "late", 4), **filled(robin, "excused"), "close": "1"}
    after = leading.post(path, data, follow=True)
    assert "The attendance is saved." in said(after)
    assert "Closed Tuesday, October 6, 7:00 PM Eastern" in said(after)
    assert Register.objects.count() == 1
    marks = dict(AttendanceNote.objects.values_list("enrollment", "mark"))
    assert marks == {sam.pk: "late", robin.pk: "excused"}


def test_before_the_session_nothing_is_suggested_nor_closed(
    leading: Client, cohort: Cohort
) -> None:
    sam = a_confirmed_seat(cohort=cohort)
    path = at("register", cohort, 1)
    page = leading.get(path)
    assert [line.mark for line, _ in page.context["lines"]] == [""]
    assert "Save and close" not in said(page)
    forged = leading.post(path, {**filled(sam, ""), "close": "1"}, follow=True)
    assert "once the session has ended" in said(forged)
    assert not Register.objects.exists()


def test_an_absence_that_is_announced_can_be_noted_beforehand(
    leading: Client, cohort: Cohort
) -> None:
    sam = a_confirmed_seat(cohort=cohort)
    leading.post(at("register", cohort, 1), filled(sam, "excused"))
    assert AttendanceNote.objects.get().mark == Mark.EXCUSED


@pytest.mark.parametrize("mark", ["present", "late", "absent", "made_up"])
def test_before_a_session_nothing_else_is_offered_nor_taken(
    mark: str, leading: Client, cohort: Cohort
) -> None:
    sam = a_confirmed_seat(cohort=cohort)
    path = at("register", cohort, 12)
    offered = re.findall(r'<option value="(\w*)"', leading.get(path).content.decode())
    assert offered == ["", "excused"]
    forged = leading.post(path, filled(sam, mark, "5" if mark == "late" else ""))
    assert forged.status_code == 422
    assert "Before a session begins, only “Excused” can be noted." in said(forged)
    assert not AttendanceNote.objects.exists()


def test_whoever_comes_early_is_suggested_when_the_session_begins(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    sam = a_confirmed_seat(cohort=cohort)
    goes_in(sam, FIRST_SESSION - 5 * MINUTE)
    for when, mark in ((FIRST_SESSION - MINUTE, ""), (FIRST_SESSION, Mark.PRESENT)):
        clock.move_to(when)
        sign_in_again(leading, cohort)
        page = leading.get(at("register", cohort, 1))
        assert [line.mark for line, _ in page.context["lines"]] == [mark]


def test_what_is_noted_ahead_counts_from_the_sessions_beginning(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    """Also where a session was noted and then moved further off."""
    sam = a_confirmed_seat(cohort=cohort)
    for number in (1, 2):
        AttendanceNote.objects.create(
            enrollment=sam,
            session=session(cohort, number),
            mark=Mark.ABSENT,
            noted_by=cohort.facilitators.get(),
            noted_at=NOW,
        )
    begins = session(cohort, 2).starts_at
    for when, flagged in ((begins - MINUTE, False), (begins, True)):
        clock.move_to(when)
        sign_in_again(leading, cohort)
        for path in (at("roster", cohort), DESK):
            assert ("Missed 2 in a row" in said(leading.get(path))) is flagged
    assert "0 of 2" in said(leading.get(at("roster", cohort)))


def test_a_note_is_taken_back(leading: Client, cohort: Cohort, clock: Any) -> None:
    sam = a_confirmed_seat(cohort=cohort)
    path = at("register", cohort, 1)
    leading.post(path, filled(sam, "excused"))
    [(_, form)] = leading.get(path).context["lines"]
    seen = form["seen"].value()
    leading.post(path, filled(sam, ""))  # a page from before the note asks for nothing
    assert AttendanceNote.objects.get().mark == Mark.EXCUSED
    after = leading.post(path, filled(sam, "", seen=seen), follow=True)
    assert "The attendance is saved." in said(after)
    assert not AttendanceNote.objects.exists()


def test_a_colleagues_newer_note_is_not_taken_back(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    sam = a_confirmed_seat(cohort=cohort)
    clock.move_to(FIRST_SESSION + HOUR)
    sign_in_again(leading, cohort)
    path = at("register", cohort, 1)
    leading.post(path, filled(sam, "excused"))
    [(_, form)] = leading.get(path).context["lines"]
    AttendanceNote.objects.update(mark=Mark.ABSENT, noted_at=FIRST_SESSION + HOUR + MINUTE)
    second = leading.post(path, filled(sam, "", seen=form["seen"].value()), follow=True)
    assert "Somebody else noted something" in said(second)
    assert AttendanceNote.objects.get().mark == Mark.ABSENT


def test_after_closing_a_line_keeps_its_mark(leading: Client, cohort: Cohort, clock: Any) -> None:
    sam = a_confirmed_seat(cohort=cohort)
    clock.move_to(FIRST_SESSION + HOUR)
    sign_in_again(leading, cohort)
    path = at("register", cohort, 1)
    leading.post(path, {**filled(sam, "excused"), "close": "1"})
    page = leading.get(path)
    assert "Not noted" not in page.content.decode()
    [(_, form)] = page.context["lines"]
    refused = leading.post(path, filled(sam, "", seen=form["seen"].value()))
    assert refused.status_code == 422
    assert "This attendance is closed, so each line keeps its mark." in said(refused)
    assert AttendanceNote.objects.get().mark == Mark.EXCUSED


@pytest.mark.parametrize(
    ("mark", "minutes", "words"),
    [
        ("late", "", "How many minutes late?"),
        ("late", "16", "More than 15 minutes late counts as absent."),
        ("late", "0", "greater than or equal to 1"),
        ("late", "soon", "Enter a whole number."),
        ("late", "9" * 20, "More than 15 minutes late counts as absent."),
        ("late", "9" * 5000, "Enter a whole number."),
        ("dancing", "", "Select a valid choice."),
    ],
)
def test_a_slip_is_said_at_its_line_and_nothing_is_lost(
    mark: str, minutes: str, words: str, leading: Client, cohort: Cohort, clock: Any
) -> None:
    clock.move_to(FIRST_SESSION + HOUR)
    sign_in_again(leading, cohort)
    sam = a_confirmed_seat(cohort=cohort, member=a_member(display_name="Sam"))
    robin = a_confirmed_seat(cohort=cohort, member=a_member(display_name="Robin"))
    data = {**filled(sam, mark, minutes), **filled(robin, "excused")}
    response = leading.post(at("register", cohort, 1), data)
    assert response.status_code == 422
    assert f"Sam: {words}" in said(response) or words in said(response)
    assert '<option value="excused" selected>' in response.content.decode()
    assert not AttendanceNote.objects.exists()


def test_two_leaders_at_once_lose_neithers_word(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    sam = a_confirmed_seat(cohort=cohort)
    colleague = Client()
    colleague.force_login(a_leader(cohort, display_name="Luis Ortega"))
    path = at("register", cohort, 1)
    clock.move_to(FIRST_SESSION + HOUR)
    leading.get(path)
    colleague.post(path, filled(sam, "excused"))
    second = leading.post(path, filled(sam, "absent"), follow=True)
    assert "Somebody else noted something" in said(second)
    assert "noted by Luis Ortega" in said(second)
    assert AttendanceNote.objects.get().mark == Mark.EXCUSED
    [(_, form)] = second.context["lines"]
    clock.shift(60)
    leading.post(path, filled(sam, "absent", seen=form["seen"].value()))
    assert AttendanceNote.objects.get().mark == Mark.ABSENT


def test_a_form_that_was_tampered_with_is_refused_kindly(leading: Client, cohort: Cohort) -> None:
    sam = a_confirmed_seat(cohort=cohort)
    response = leading.post(at("register", cohort, 1), filled(sam, "absent", seen="yesterday"))
    assert response.status_code == 422
    assert "Please open this page again." in said(response)


# --- What it costs ----------------------------------------------------------------------


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


@pytest.mark.parametrize(
    "name",
    [
        "desk",
        "roster",
        "roster_csv",
        "register",
        "arrivals",
        "change_dates",
        "substitute",
        "change_link",
    ],
)
def test_a_page_takes_as_many_queries_for_many_as_for_few(
    name: str, leading: Client, cohort: Cohort, clock: Any
) -> None:
    clock.move_to(FIRST_SESSION - 5 * MINUTE)
    leader = cohort.facilitators.get()
    path = DESK if name == "desk" else at(name, cohort, *PAGES[name])

    def grow(members: int, groups: int) -> None:
        for _ in range(members):
            goes_in(a_confirmed_seat(cohort=cohort), FIRST_SESSION - 5 * MINUTE)
        for _ in range(groups):
            other = a_cohort()
            other.facilitators.add(leader)
            a_confirmed_seat(cohort=other)
            a_substitute(other, 1)

    grow(1, 1)
    leading.get(path)  # the day's first page notes in the session that its reader was here
    few = queries(leading, path)
    grow(2, 3)
    assert queries(leading, path) == few <= 19
