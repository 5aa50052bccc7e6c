"""A member's page for those who lead their group: who may, and what is written down."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts import audit
from accounts.models import Action, AuditEntry, Role, Subject, User
from enrollment import people, services
from enrollment.intake import for_leaders
from enrollment.models import AttendanceNote, Enrollment, Intake, Mark, Visit
from enrollment.states import Status
from sessions.models import Cohort, GroupSession, Substitution
from tests.enrollment.builders import (
    MINUTE,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    an_intake,
    answers,
    session,
)
from tests.enrollment.pages import said
from tests.enrollment.test_making_up import THURSDAY, takes, thursdays

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DAY = dt.timedelta(days=1)
# What `answers()` gives and a leader may read.
READ = (
    "Samira Ruth Okafor",
    "New York",
    "212 555 0134",
    "Do not leave one",
    "Noor Okafor (sister)",
    "212 555 0177",
)


@pytest.fixture
def cohort() -> Cohort:
    return a_cohort()


@pytest.fixture
def seat(cohort: Cohort) -> Enrollment:
    return a_confirmed_seat(cohort=cohort, member=a_member(display_name="Sam"))


@pytest.fixture
def leader(client: Client, cohort: Cohort) -> User:
    person = a_member(role=Role.FACILITATOR, display_name="Dana Reyes")
    cohort.facilitators.add(person)
    client.force_login(person)
    return person


def page_of(seat: Enrollment, cohort: Cohort | None = None) -> str:
    return reverse("enrollment:person", args=[(cohort or seat.cohort).slug, seat.public_id])


def in_session(seat: Enrollment, cohort: Cohort, number: int = 1) -> str:
    return reverse("enrollment:person_in_session", args=[cohort.slug, number, seat.public_id])


def shown(response: Any) -> list[str]:
    page = said(response)
    return [words for words in READ if words in page]


def press(client: Client, seat: Enrollment) -> Any:
    return client.post(page_of(seat), follow=True)


# --- Who may see it ---------------------------------------------------------------------

READERS = ("anonymous", "member", "other member", "leader", "other leader", "planner", "admin")


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("in_a_session", [False, True])
def test_the_page_is_for_those_who_lead_the_group(
    in_a_session: bool,
    reader: str,
    method: str,
    client: Client,
    clock: Any,
    cohort: Cohort,
    seat: Enrollment,
) -> None:
    clock.move_to(NOW + DAY)  # a week before the first session
    page = in_session(seat, cohort) if in_a_session else page_of(seat)

    def who_leads(*cohorts: Cohort, **fields: Any) -> User:
        person = a_member(role=Role.FACILITATOR, **fields)
        person.cohorts_led.set(cohorts)
        return person

    readers: dict[str, Callable[[], User]] = {
        "member": lambda: seat.member,
        "other member": lambda: a_confirmed_seat(cohort=cohort).member,
        "leader": lambda: who_leads(cohort),
        "other leader": lambda: who_leads(a_cohort()),
        "planner": lambda: who_leads(a_cohort(), may_plan=True),
        "admin": lambda: a_member(role=Role.ADMIN),
    }
    if reader != "anonymous":
        client.force_login(readers[reader]())
    response = getattr(client, method)(page)
    if reader == "anonymous":
        assert response["Location"].startswith(reverse("account_login"))
    elif reader in ("leader", "admin"):
        assert response.status_code == (200 if method == "get" else 302)
    else:
        assert response.status_code == 404
    allowed = method == "post" and reader in ("leader", "admin")
    assert AuditEntry.objects.count() == int(allowed)


def test_somebody_of_another_group_is_not_found_under_this_one(
    client: Client, leader: User, cohort: Cohort
) -> None:
    elsewhere = a_confirmed_seat(cohort=a_cohort())
    assert client.get(page_of(elsewhere, cohort)).status_code == 404
    assert client.post(page_of(elsewhere, cohort)).status_code == 404
    nobody = reverse("enrollment:person", args=[cohort.slug, uuid.uuid4()])
    assert client.get(nobody).status_code == 404
    assert not AuditEntry.objects.exists()


def test_whoever_has_not_paid_or_has_left_has_no_page(
    client: Client, leader: User, cohort: Cohort, seat: Enrollment
) -> None:
    assert client.get(page_of(a_held_seat(cohort=cohort))).status_code == 404
    services.withdraw(enrollment_id=seat.pk, actor=leader, reason="Left", now=NOW)
    assert client.get(page_of(seat)).status_code == 404
    assert client.post(page_of(seat)).status_code == 404


def test_the_roster_leads_to_each_member(client: Client, leader: User, seat: Enrollment) -> None:
    roster = client.get(reverse("enrollment:roster", args=[seat.cohort.slug]))
    assert f'href="{page_of(seat)}"' in roster.content.decode()


# --- What it says -----------------------------------------------------------------------


def test_it_tells_since_when_and_how_each_week_went(
    client: Client, leader: User, seat: Enrollment, clock: Any
) -> None:
    for number, mark, minutes in ((1, Mark.PRESENT, None), (2, Mark.LATE, 5)):
        AttendanceNote.objects.create(
            enrollment=seat,
            session=session(seat.cohort, number),
            mark=mark,
            late_minutes=minutes,
            noted_by=leader,
            noted_at=NOW,
        )
    GroupSession.objects.filter(cohort=seat.cohort, number=4).update(cancelled_at=NOW)
    clock.move_to(session(seat.cohort, 3).ends_at)
    client.force_login(leader)
    page = said(client.get(page_of(seat)))
    for words in (
        "Sam Confirmed",
        "In this group since September 29, 2026",
        "Attended 2 of 2",
        "Week 1, Tue, Oct 6: Present",
        "Week 2, Tue, Oct 13: Late, 5 min",
        "Week 3, Tue, Oct 20: Nothing noted",
        "Week 4, Tue, Oct 27: Cancelled",
        "Week 12, Tue, Dec 22: still to come",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.GRACE, "Confirmed"),
        (Status.SUSPENDED, "Paused"),
        (Status.COMPLETED, "Completed"),
    ],
)
def test_the_standing_is_said_without_a_word_about_money(
    status: Status, words: str, client: Client, leader: User, seat: Enrollment
) -> None:
    Enrollment.objects.filter(pk=seat.pk).update(status=status)
    page = said(client.get(page_of(seat)))
    assert f"Sam {words}" in page
    assert "payment" not in page.lower()
    assert len(shown(press(client, seat))) == len(READ)


# --- Their answers ----------------------------------------------------------------------


def test_nothing_shows_before_the_press(client: Client, leader: User, seat: Enrollment) -> None:
    response = client.get(page_of(seat))
    assert "This is written down: who looked, and when." in said(response)
    assert shown(response) == []
    assert not AuditEntry.objects.exists()


def test_a_press_is_written_down_and_shows_them(
    client: Client, leader: User, seat: Enrollment
) -> None:
    response = press(client, seat)
    assert shown(response) == list(READ)
    assert 'href="tel:2125550134"' in response.content.decode()
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.at) == (leader, Action.INTAKE_READ, NOW)
    assert (entry.subject_kind, entry.subject_id) == ("user", str(seat.member_id))
    assert entry.ip == "127.0.0.1"
    stored = " ".join(str(value) for value in AuditEntry.objects.values_list().get())
    assert [words for words in (*READ, "Sam", seat.member.email) if words in stored] == []


def test_the_date_of_birth_is_not_for_leaders(
    client: Client, leader: User, seat: Enrollment
) -> None:
    page = said(press(client, seat))
    assert "1991" not in page
    assert "birth" not in page
    assert [line.label for line in for_leaders(answers())] == [
        "Legal name",
        "State",
        "Phone",
        "Voicemail",
        "Emergency contact",
        "Phone of the emergency contact",
        "Individual therapist",
        "What makes sessions easier",
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"voicemail_ok": True}, "Voicemail Safe to leave one"),
        ({"has_therapist": False}, "Individual therapist None"),
        ({"has_therapist": True}, "Individual therapist Yes, without a name"),
        ({"has_therapist": True, "therapist_name": "Dr. Vale"}, "Individual therapist Dr. Vale"),
        ({"accommodations": "Captions"}, "What makes sessions easier Captions"),
        ({}, "What makes sessions easier Nothing named"),
        ({"phone": "+1 (212) 555-0134 x7"}, "Phone +1 (212) 555-0134 x7"),
    ],
)
def test_every_answer_is_said_in_words(
    given: dict[str, Any], words: str, client: Client, leader: User, seat: Enrollment
) -> None:
    an_intake(seat.member, **given)
    assert words in said(press(client, seat))


def test_what_members_typed_is_not_a_script(client: Client, leader: User, seat: Enrollment) -> None:
    an_intake(seat.member, accommodations="<script>alert(1)</script>")
    assert "<script>alert" not in press(client, seat).content.decode()


def test_when_it_cannot_be_written_down_nothing_is_shown(
    client: Client, leader: User, seat: Enrollment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**kwargs: object) -> None:
        raise IntegrityError("full")

    monkeypatch.setattr(audit, "record", fail)
    client.raise_request_exception = False
    response = press(client, seat)
    assert response.status_code == 500
    assert [words for words in READ if words in response.content.decode()] == []
    for guess in ("1", "", "0"):
        assert shown(client.get(page_of(seat) + f"?look={guess}")) == []


def test_no_entry_no_answers(client: Client, leader: User, seat: Enrollment) -> None:
    """The entry is what opens them: one of somebody else, or about somebody else, does not."""
    other = a_confirmed_seat(cohort=seat.cohort)
    colleague = a_member(role=Role.FACILITATOR)
    seat.cohort.facilitators.add(colleague)
    for member, reader in ((other, leader), (seat, colleague)):
        found = people.person(cohort=seat.cohort, public_id=member.public_id, now=NOW)
        entry = people.look(person=found, reader=reader, now=NOW)
        assert entry
        assert shown(client.get(f"{page_of(seat)}?look={entry.pk}")) == []
    role = audit.record(
        actor=leader,
        action=Action.ROLE_MEMBER,
        subject_kind=Subject.USER,
        subject_id=seat.member_id,
        now=NOW,
    )
    assert shown(client.get(f"{page_of(seat)}?look={role.pk}")) == []


@pytest.mark.parametrize("look", ["x", "-1", "²", "9" * 17, "9" * 40, "1;", "%00"])
def test_an_odd_address_shows_the_page_without_answers(
    look: str, client: Client, leader: User, seat: Enrollment
) -> None:
    response = client.get(f"{page_of(seat)}?look={look}")
    assert response.status_code == 200
    assert shown(response) == []


def test_a_reload_is_the_same_look_and_ten_minutes_later_it_is_over(
    client: Client, leader: User, seat: Enrollment, clock: Any
) -> None:
    address = client.post(page_of(seat))["Location"].partition("#")[0]
    for _ in range(2):
        assert len(shown(client.get(address))) == len(READ)
    assert AuditEntry.objects.count() == 1
    clock.move_to(NOW + people.LOOK - MINUTE)
    assert len(shown(client.get(address))) == len(READ)
    clock.move_to(NOW + people.LOOK)
    later = client.get(address)
    assert shown(later) == []
    assert "You last looked on Tuesday, September 29, 11:00 AM Eastern." in said(later)
    press(client, seat)
    assert AuditEntry.objects.count() == 2


def test_whoever_leads_the_group_no_more_sees_nothing_with_an_old_look(
    client: Client, leader: User, seat: Enrollment
) -> None:
    address = client.post(page_of(seat))["Location"].partition("#")[0]
    seat.cohort.facilitators.clear()
    assert client.get(address).status_code == 404


def test_no_browser_keeps_the_answers(client: Client, leader: User, seat: Enrollment) -> None:
    for response in (client.get(page_of(seat)), press(client, seat), client.post(page_of(seat))):
        assert "no-store" in response["Cache-Control"]
        assert "private" in response["Cache-Control"]


def test_answers_that_were_not_given_are_said_so(
    client: Client, leader: User, seat: Enrollment
) -> None:
    Intake.objects.all().delete()
    for response in (client.get(page_of(seat)), press(client, seat)):
        assert "the questions have not been answered" in said(response)
        assert "Show their answers" not in said(response)
    assert not AuditEntry.objects.exists()


def test_answers_that_no_key_opens_are_said_so(
    client: Client, leader: User, seat: Enrollment, settings: Settings
) -> None:
    settings.INTAKE_KEYS = [Fernet.generate_key().decode()]
    response = press(client, seat)
    assert response.status_code == 200
    assert "they cannot be opened at the moment" in said(response)


def test_answers_to_a_form_of_other_days_are_no_error(
    client: Client, leader: User, seat: Enrollment
) -> None:
    Intake.objects.update(answers={"legal_name": "Sam"})
    assert "they cannot be opened at the moment" in said(press(client, seat))


def test_a_month_after_the_last_session_the_answers_are_not_shown_any_more(
    client: Client, leader: User, seat: Enrollment, clock: Any
) -> None:
    until = session(seat.cohort, 12).ends_at + dt.timedelta(days=30)
    admin = a_member(role=Role.ADMIN)
    for reader in (leader, admin):
        clock.move_to(until)
        client.force_login(reader)
        assert len(shown(press(client, seat))) == len(READ)
        clock.move_to(until + dt.timedelta(seconds=1))
        late = press(client, seat)
        assert shown(late) == []
        assert "answers are not shown here any more" in said(late)
    assert AuditEntry.objects.count() == 2


def test_admins_see_who_looked_and_leaders_do_not(
    client: Client, leader: User, seat: Enrollment
) -> None:
    press(client, seat)
    line = "Dana Reyes: September 29, 2026, 11:00 AM Eastern"
    assert "Who looked" not in said(client.get(page_of(seat)))
    client.force_login(a_member(role=Role.ADMIN, display_name="Robin"))
    page = said(client.get(page_of(seat)))
    assert "Who looked at these answers" in page
    assert line in page
    assert "You last looked" not in page
    assert "Robin: September 29, 2026" in said(press(client, seat))


@pytest.mark.parametrize("look", [False, True])
def test_a_page_takes_as_many_queries_for_ten_members_and_many_looks_as_for_one(
    look: bool, client: Client, cohort: Cohort, seat: Enrollment
) -> None:
    client.force_login(a_member(role=Role.ADMIN))

    def queries() -> int:
        address = client.post(page_of(seat))["Location"].partition("#")[0]
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address if look else page_of(seat)).status_code == 200
        return len(captured)

    few = queries()
    for _ in range(3):
        a_confirmed_seat(cohort=cohort)
        client.post(page_of(seat))
    assert queries() == few


# --- In one session: a substitute, and the leader of a visited group ------------------------


@pytest.fixture
def substitute(client: Client, cohort: Cohort, leader: User) -> User:
    person = a_member(role=Role.FACILITATOR, display_name="Mei Tanaka")
    Substitution.objects.create(session=session(cohort, 2), absent=leader, substitute=person)
    return person


def come_back(client: Client, clock: Any, person: User, when: dt.datetime) -> None:
    """At another time, and after so long a pause signed in anew."""
    clock.move_to(when)
    client.force_login(person)


def test_a_substitute_reads_whom_to_call_around_their_session_only(
    client: Client, clock: Any, cohort: Cohort, seat: Enrollment, substitute: User
) -> None:
    page, day = in_session(seat, cohort, 2), session(cohort, 2)
    seen = {}
    for when in (
        day.starts_at - 7 * DAY - MINUTE,
        day.starts_at - 7 * DAY,
        day.starts_at,
        day.ends_at + 7 * DAY - MINUTE,
        day.ends_at + 7 * DAY,
    ):
        come_back(client, clock, substitute, when)
        answer = client.post(page, follow=True)
        seen[when] = (answer.status_code, bool(answer.status_code == 200 and shown(answer)))
    read, unknown = (200, True), (404, False)
    assert list(seen.values()) == [unknown, read, read, read, unknown]
    assert AuditEntry.objects.filter(actor=substitute).count() == 3
    assert client.get(page_of(seat)).status_code == 404


@pytest.mark.parametrize("number", [1, 3])
def test_a_substitute_reads_nothing_of_other_weeks(
    client: Client, clock: Any, cohort: Cohort, seat: Enrollment, substitute: User, number: int
) -> None:
    come_back(client, clock, substitute, session(cohort, number).starts_at)
    assert client.post(in_session(seat, cohort, number)).status_code == 404
    assert not AuditEntry.objects.exists()


def test_the_page_of_one_session_says_nothing_of_other_weeks(
    client: Client, clock: Any, cohort: Cohort, seat: Enrollment, substitute: User
) -> None:
    come_back(client, clock, substitute, session(cohort, 2).starts_at)
    words = said(client.get(in_session(seat, cohort, 2)))
    assert "Sam" in words
    assert "Week by week" not in words
    assert "Attended" not in words
    register = client.get(reverse("enrollment:register", args=[cohort.slug, 2]))
    assert in_session(seat, cohort, 2) in register.content.decode()


def test_the_leader_of_a_visited_group_reads_nothing_more_than_a_week_before(
    client: Client, clock: Any, seat: Enrollment
) -> None:
    host = thursdays()
    theirs = a_member(role=Role.FACILITATOR)
    host.facilitators.add(theirs)
    takes(seat, session(host, 1))
    seen = []
    for when in (THURSDAY - 7 * DAY - MINUTE, THURSDAY - 7 * DAY):
        come_back(client, clock, theirs, when)
        seen.append(bool(shown(client.post(in_session(seat, host), follow=True))))
    assert seen == [False, True]


def test_the_leader_of_a_visited_group_knows_whom_to_call(
    client: Client, clock: Any, seat: Enrollment
) -> None:
    host = thursdays()
    theirs = a_member(role=Role.FACILITATOR)
    host.facilitators.add(theirs)
    takes(seat, session(host, 1))
    come_back(client, clock, theirs, THURSDAY)
    assert shown(client.post(in_session(seat, host), follow=True)) == list(READ)
    for elsewhere in (in_session(seat, host, 2), page_of(seat, host), page_of(seat)):
        assert client.post(elsewhere).status_code == 404
    Visit.objects.update(given_back_at=NOW)
    assert client.get(in_session(seat, host)).status_code == 404
