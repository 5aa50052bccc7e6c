"""The pages on which leaders, substitutes and the link are changed, and what a substitute sees."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, User
from enrollment import door, history, roster
from outbox.models import Message
from sessions.models import Booking, Cohort, CohortChange, GroupSession, Substitution
from tests.accounts.people import sign_in_with_factor
from tests.enrollment import pages
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    MINUTE,
    NOW,
    a_confirmed_seat,
    a_led_group,
    a_member,
    session,
)
from tests.enrollment.test_changing_dates import shown

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

DAY = dt.timedelta(days=1)
DESK = reverse("enrollment:desk")
ROOM, OTHER_ROOM = "https://meet.example/room", "https://meet.example/other"
SEVENTH = "Tuesday, November 17, 6:00 PM Eastern"


def a_person(name: str, role: Role = Role.FACILITATOR) -> User:
    return a_member(role=role, display_name=name)


@pytest.fixture
def dana() -> User:
    return a_person("Dana")


@pytest.fixture
def mei() -> User:
    return a_person("Mei")


@pytest.fixture
def cohort(dana: User) -> Cohort:
    return a_led_group(dana)


@pytest.fixture
def leading(client: Client, dana: User, cohort: Cohort) -> Client:
    client.force_login(dana)
    return client


@pytest.fixture
def admin() -> Client:
    return browser_of(a_person("Robin", Role.ADMIN))


def browser_of(person: User) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def said(page: Any) -> str:
    return pages.said(page).replace(" :", ":")


def at(name: str, cohort: Cohort, *more: object) -> str:
    return reverse(f"enrollment:{name}", args=[cohort.slug, *more])


def a_swap(usual: User, instead: User | None, **changes: object) -> dict[str, object]:
    return {
        "number": 7,
        "absent": usual.pk,
        "substitute": instead.pk if instead else 0,
        "reason": "Ill",
        "version": 0,
        **changes,
    }


# --- A substitute ------------------------------------------------------------------------


def test_the_roster_leads_to_each_change_and_admins_to_one_more(
    leading: Client, admin: Client, cohort: Cohort
) -> None:
    for browser, more in ((leading, False), (admin, True)):
        page = browser.get(at("roster", cohort)).content.decode()
        for name in ("change_dates", "substitute", "change_link"):
            assert f'href="{at(name, cohort)}"' in page
        assert (f'href="{at("change_leaders", cohort)}"' in page) is more


def test_a_substitute_is_asked_for_looked_at_and_named(
    leading: Client, cohort: Cohort, dana: User, mei: User
) -> None:
    a_confirmed_seat(cohort=cohort)
    form = said(leading.get(at("substitute", cohort)))
    assert "Week 7: Tue, Nov 17, 6:00 PM Eastern" in form
    assert "Mei Nobody: the usual leader leads it after all" in form
    preview = leading.post(at("substitute", cohort), a_swap(dana, mei))
    words = said(preview)
    assert f"Week 7 ({SEVENTH}): Mei instead of Dana" in words
    assert "1 member gets one email that says who leads. Mei gets one email" in words
    assert "calendar: times and links stay the same." in words
    assert "nothing has to be paid back" in words
    assert "This group admits members from CA, NY. Whoever leads it must be licensed there" in words
    assert "Mei sees this one session, its members and its attendance, from a week before" in words
    assert not Substitution.objects.exists()
    confirm = {**shown(preview), "confirm": "1"}
    done = leading.post(at("substitute", cohort), confirm, follow=True)
    assert (
        "Who leads one session changed. 1 member and 1 leader are told by email."
        in done.content.decode()
    )
    assert "Dana: Mei leads week 7 instead of Dana. Ill" in said(done)
    assert Substitution.objects.get().substitute == mei
    again = said(leading.get(at("substitute", cohort)))
    assert "Week 7: Tue, Nov 17, 6:00 PM Eastern (Mei for Dana)" in again


def test_withdrawing_a_substitute_is_looked_at_too(
    leading: Client, cohort: Cohort, dana: User, mei: User
) -> None:
    leading.post(at("substitute", cohort), a_swap(dana, mei, confirm="1"))
    preview = leading.post(at("substitute", cohort), a_swap(dana, None, version=1))
    words = said(preview)
    assert f"Week 7 ({SEVENTH}): Dana after all, and not Mei" in words
    assert "Withdraw the substitute" in words
    assert "licensed" not in words
    leading.post(at("substitute", cohort), {**shown(preview), "confirm": "1"})
    assert not Substitution.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": ""}, "please fill this in"),
        ({"number": 13}, "Choose a session that is still to come."),
        ({"absent": 0}, "Choose one of the group's leaders."),
        ({"substitute": ""}, "Choose who leads it."),
        ({"substitute": "x"}, "Choose somebody who leads groups."),
        ({"substitute": 99_999_999_999_999_999_999}, "Choose somebody who leads groups."),
        ({"substitute": 0}, "Nobody stands in for Dana in week 7."),
        ({"reason": "x" * 201}, "at most 200 characters"),
    ],
)
def test_a_slip_is_said_at_its_field_and_nothing_is_lost(
    changes: dict[str, object],
    words: str,
    leading: Client,
    cohort: Cohort,
    dana: User,
    mei: User,
) -> None:
    for more in ({}, {"confirm": "1"}):
        response = leading.post(at("substitute", cohort), {**a_swap(dana, mei, **changes), **more})
        assert response.status_code == 422
        assert words in said(response)
        if "reason" not in changes:
            assert 'value="Ill"' in response.content.decode()
    assert not CohortChange.objects.exists()


def test_somebody_who_leads_elsewhere_at_that_time_is_refused_with_the_reason(
    leading: Client, cohort: Cohort, dana: User, mei: User
) -> None:
    a_led_group(mei, name="Other")
    response = leading.post(at("substitute", cohort), a_swap(dana, mei))
    assert response.status_code == 422
    assert f"Mei leads “Other” on {SEVENTH}" in said(response)


@pytest.mark.parametrize("press", [{}, {"confirm": "1"}])
def test_whoever_was_slower_sees_what_stands_now_and_keeps_what_they_typed(
    press: dict[str, str], leading: Client, admin: Client, cohort: Cohort, dana: User, mei: User
) -> None:
    admin.post(at("substitute", cohort), a_swap(dana, mei, number=3, confirm="1"))
    assert cohort.changes.count() == 1
    typed: list[tuple[Client, str, dict[str, object], str]] = [
        (leading, "substitute", a_swap(dana, mei), '<option value="7" selected>'),
        (leading, "change_link", a_link(reason="Ill"), f'value="{ROOM}"'),
        (
            admin,
            "change_leaders",
            {"leaders": [mei.pk], "reason": "Ill", "version": 0},
            f'value="{mei.pk}" id="id_leaders_1" checked',
        ),
    ]
    for browser, name, fields, kept in typed:
        response = browser.post(at(name, cohort), {**fields, **press})
        page = " ".join(response.content.decode().split())
        assert response.status_code == 409
        assert "Somebody else changed this group meanwhile" in page
        assert kept in page
        assert 'value="Ill"' in page
        assert 'name="version" value="1"' in page
    assert cohort.changes.count() == 1


def test_going_back_keeps_what_was_typed(
    leading: Client, cohort: Cohort, dana: User, mei: User
) -> None:
    response = leading.post(at("substitute", cohort), a_swap(dana, mei, back="1"))
    page = response.content.decode()
    assert response.status_code == 200
    assert f'<option value="{mei.pk}" selected>' in page
    assert 'value="Ill"' in page


def test_a_group_that_is_over_has_nothing_to_change(cohort: Cohort, dana: User, clock: Any) -> None:
    clock.move_to(session(cohort, 12).ends_at)
    admin = a_person("Robin", Role.ADMIN)
    for person, name in ((dana, "substitute"), (dana, "change_link"), (admin, "change_leaders")):
        page = browser_of(person).get(at(name, cohort))
        assert "No session of this group is still to come." in said(page)


# --- What a substitute sees ---------------------------------------------------------------


def names_a_substitute(cohort: Cohort, dana: User, mei: User, number: int = 7) -> None:
    fields = a_swap(dana, mei, number=number, confirm="1", version=cohort.version)
    done = browser_of(dana).post(at("substitute", cohort), fields)
    assert done.status_code == 302
    cohort.refresh_from_db()


MOMENTS: dict[str, tuple[Callable[[dt.datetime], dt.datetime], bool]] = {
    "from being named": (lambda starts: NOW, False),
    "just before that week": (lambda starts: starts - 7 * DAY - MINUTE, False),
    "a week before": (lambda starts: starts - 7 * DAY, True),
    "during": (lambda starts: starts + MINUTE, True),
    "a week after": (lambda starts: starts + HOUR + 7 * DAY - MINUTE, True),
    "later": (lambda starts: starts + HOUR + 7 * DAY, False),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_substitute_sees_that_session_and_nothing_else_from_a_week_before_until_a_week_after(
    moment: str, cohort: Cohort, dana: User, mei: User, clock: Any
) -> None:
    a_confirmed_seat(cohort=cohort, member=a_member(display_name="Sam"))
    names_a_substitute(cohort, dana, mei)
    when, sees = MOMENTS[moment]
    clock.move_to(when(session(cohort, 7).starts_at))
    browser = browser_of(mei)
    desk = browser.get(DESK)
    listed = "week 7: Tuesday, November 17, 6:00 PM Eastern, instead of Dana"
    opens = "(opens for you Tuesday, November 10, 6:00 PM Eastern)"
    assert (listed in said(desk)) is (moment != "later")
    assert (opens in said(desk)) is (moment not in ("later",) and not sees)
    assert (f'href="{at("register", cohort, 7)}"' in desk.content.decode()) is sees
    assert "Sam" not in said(desk) or sees
    assert browser.get(at("register", cohort, 7)).status_code == (200 if sees else 404)
    assert browser.get(at("arrivals", cohort, 7)).status_code == (200 if sees else 404)
    assert browser.post(at("start", cohort, 7)).status_code == (302 if sees else 404)
    for path in (
        at("register", cohort, 6),
        at("register", cohort, 8),
        at("arrivals", cohort, 8),
        *(at(name, cohort) for name in ("roster", "roster_csv", "change_dates", "substitute")),
        *(at(name, cohort) for name in ("change_link", "change_leaders")),
    ):
        assert browser.get(path).status_code == 404, path
    assert browser.post(at("start", cohort, 8)).status_code == 404


def test_before_being_named_and_after_being_withdrawn_there_is_nothing(
    cohort: Cohort, dana: User, mei: User, clock: Any
) -> None:
    clock.move_to(session(cohort, 7).starts_at - DAY)
    browser = browser_of(mei)
    assert browser.get(at("register", cohort, 7)).status_code == 404
    names_a_substitute(cohort, dana, mei)
    assert browser.get(at("register", cohort, 7)).status_code == 200
    fields = a_swap(dana, None, version=1, confirm="1")
    assert browser_of(dana).post(at("substitute", cohort), fields).status_code == 302
    assert browser.get(at("register", cohort, 7)).status_code == 404
    assert cohort.name not in said(browser.get(DESK))


def test_the_substitutes_pages_lead_nowhere_that_they_may_not_go(
    cohort: Cohort, dana: User, mei: User, clock: Any
) -> None:
    a_confirmed_seat(cohort=cohort, member=a_member(display_name="Sam"))
    names_a_substitute(cohort, dana, mei)
    clock.move_to(session(cohort, 7).starts_at)
    browser = browser_of(mei)
    desk = browser.get(DESK)
    assert "You lead it instead of Dana" in said(desk)
    assert "Start as host" in said(desk)
    assert "Sam" in said(desk)
    assert f"week 7: {SEVENTH}, instead of Dana" in said(desk)
    register = browser.get(at("register", cohort, 7))
    for page in (desk, register):
        for name in ("roster", "change_dates"):
            assert f'href="{at(name, cohort)}"' not in page.content.decode()


def test_a_substitute_notes_who_came(cohort: Cohort, dana: User, mei: User, clock: Any) -> None:
    seat = a_confirmed_seat(cohort=cohort)
    names_a_substitute(cohort, dana, mei)
    clock.move_to(session(cohort, 7).ends_at)
    key = str(seat.public_id)
    fields = {f"{key}-mark": "present", f"{key}-late_minutes": "", f"{key}-seen": "", "close": "1"}
    assert browser_of(mei).post(at("register", cohort, 7), fields).status_code == 302
    assert session(cohort, 7).register.closed_by == mei


def test_who_is_away_keeps_the_group_and_reads_who_leads_that_day(
    cohort: Cohort, dana: User, mei: User, clock: Any
) -> None:
    names_a_substitute(cohort, dana, mei)
    clock.move_to(session(cohort, 7).starts_at - DAY)
    browser = browser_of(dana)
    assert "Led by Mei that day" in said(browser.get(DESK))
    for name, more in (("roster", ()), ("register", (7,)), ("roster_csv", ())):
        assert browser.get(at(name, cohort, *more)).status_code == 200
    admin = browser_of(a_person("Robin", Role.ADMIN))
    assert "Led by Mei that day, instead of Dana" in said(admin.get(DESK))


def test_a_member_whom_somebody_named_past_every_form_sees_nothing(
    cohort: Cohort, dana: User
) -> None:
    member = a_member()
    Substitution.objects.create(session=session(cohort, 7), absent=dana, substitute=member)
    browser = browser_of(member)
    assert browser.get(at("register", cohort, 7)).status_code == 404
    assert not roster.sessions_of(member, NOW).exists()


def test_whoever_leads_the_group_meanwhile_need_not_wait_for_the_week_before(
    cohort: Cohort, dana: User, mei: User
) -> None:
    names_a_substitute(cohort, dana, mei)
    cohort.facilitators.add(mei)
    desk = browser_of(mei).get(DESK)
    assert f'href="{at("register", cohort, 7)}"' in desk.content.decode()
    assert "opens for you" not in said(desk)


# --- Other leaders ------------------------------------------------------------------------


WHEN_REMOVED: dict[str, Callable[[dt.datetime], dt.datetime]] = {
    "before the session": lambda starts: starts - DAY,
    "a day after it": lambda starts: starts + HOUR + DAY,
}


@pytest.mark.parametrize("when", WHEN_REMOVED)
def test_a_removed_leader_keeps_no_session_in_which_they_stood_in(
    when: str, admin: Client, cohort: Cohort, dana: User, mei: User, clock: Any
) -> None:
    names_a_substitute(cohort, dana, mei)
    clock.move_to(WHEN_REMOVED[when](session(cohort, 7).starts_at))
    sign_in_with_factor(admin, a_person("Robin", Role.ADMIN))
    both = {"leaders": [dana.pk, mei.pk], "version": 1, "confirm": "1"}
    assert admin.post(at("change_leaders", cohort), both).status_code == 302
    assert browser_of(mei).get(at("register", cohort, 7)).status_code == 200
    fields: dict[str, object] = {"leaders": [dana.pk], "version": 2}
    preview = said(admin.post(at("change_leaders", cohort), fields))
    assert "Mei sees nothing of this group any more." in preview
    admin.post(at("change_leaders", cohort), {**fields, "confirm": "1"})
    for name in ("register", "arrivals"):
        assert browser_of(mei).get(at(name, cohort, 7)).status_code == 404
    assert cohort.name not in said(browser_of(mei).get(DESK))
    assert "Mei leads week 7 instead of Dana" in said(admin.get(at("roster", cohort)))


def test_who_stood_in_for_a_removed_leader_keeps_no_cancelled_session_of_theirs(
    admin: Client, cohort: Cohort, dana: User, mei: User, clock: Any
) -> None:
    names_a_substitute(cohort, dana, mei)
    GroupSession.objects.filter(cohort=cohort, number=7).update(cancelled_at=NOW)
    clock.move_to(session(cohort, 7).starts_at - DAY)
    sign_in_with_factor(admin, a_person("Robin", Role.ADMIN))
    luis = a_person("Luis")
    assert browser_of(mei).get(at("register", cohort, 7)).status_code == 200
    fields = {"leaders": [luis.pk], "version": 1, "confirm": "1"}
    assert admin.post(at("change_leaders", cohort), fields).status_code == 302
    assert browser_of(mei).get(at("register", cohort, 7)).status_code == 404


def test_other_leaders_are_looked_at_chosen_and_gain_and_lose_access_at_once(
    admin: Client, cohort: Cohort, dana: User, mei: User
) -> None:
    a_confirmed_seat(cohort=cohort)
    names_a_substitute(cohort, dana, mei, number=2)
    fields: dict[str, object] = {"leaders": [mei.pk], "reason": "Moved away", "version": 1}
    words = said(admin.post(at("change_leaders", cohort), fields))
    assert "From week 1 on (Tuesday, October 6, 6:00 PM Eastern): Mei" in words
    assert "Week 2 (Tuesday, October 13, 6:00 PM Eastern): Mei does not lead it instead" in words
    assert "Mei sees the whole group at once" in words
    assert "Dana sees nothing of this group any more." in words
    assert "admits members from CA, NY" in words
    assert "Mei and Dana get one email each" in words
    old, new = browser_of(dana), browser_of(mei)
    path = at("roster", cohort)
    assert [one.get(path).status_code for one in (old, new)] == [200, 404]
    done = admin.post(at("change_leaders", cohort), {**fields, "confirm": "1"}, follow=True)
    assert "Mei leads from week 1 on, Dana no longer leads. Moved away" in said(done)
    assert [one.get(path).status_code for one in (old, new)] == [404, 200]
    assert old.get(at("register", cohort, 1)).status_code == 404
    assert cohort.name not in said(old.get(DESK))


def test_only_admins_change_who_leads_from_now_on(
    leading: Client, cohort: Cohort, mei: User
) -> None:
    for more in ({}, {"confirm": "1"}):
        fields = {"leaders": [mei.pk], "reason": "", "version": 0, **more}
        assert leading.post(at("change_leaders", cohort), fields).status_code == 404
    assert mei not in cohort.facilitators.all()


@pytest.mark.parametrize(
    ("leaders", "words"),
    [([], "Choose at least one leader."), (["0"], "Choose people who lead groups.")],
)
def test_a_group_is_not_left_without_leaders(
    leaders: list[str], words: str, admin: Client, cohort: Cohort
) -> None:
    fields: dict[str, object] = {"leaders": leaders, "version": 0, "confirm": "1"}
    response = admin.post(at("change_leaders", cohort), fields)
    assert response.status_code == 422
    assert words in said(response)


# --- The link -----------------------------------------------------------------------------


def a_link(**changes: object) -> dict[str, object]:
    return {"number": 0, "url": ROOM, "reason": "", "version": 0, **changes}


def test_another_link_counts_from_the_next_click_and_nobody_is_told(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    seat = a_confirmed_seat(cohort=cohort)
    clock.move_to(FIRST_SESSION)
    leading.force_login(cohort.facilitators.get())
    before = Message.objects.count()
    preview = leading.post(at("change_link", cohort), a_link())
    words = said(preview)
    assert f"All sessions that are still to come: {ROOM}" in words
    assert "Nobody gets an email." in words
    assert "private link stays the same, and leads to the new place" in words
    assert "Week 1 is running." in words
    way_in = door.look(token=seat.door_token, user=seat.member, now=FIRST_SESSION)
    assert door.enter(doorway=way_in, location="NY", now=FIRST_SESSION) != ROOM
    done = leading.post(at("change_link", cohort), {**shown(preview), "confirm": "1"}, follow=True)
    assert "The meeting link of the group changed. Nobody has to be told." in done.content.decode()
    assert "Dana: The meeting link of the group changed" in said(done)
    assert ROOM not in done.content.decode()
    way_in = door.look(token=seat.door_token, user=seat.member, now=FIRST_SESSION)
    assert door.enter(doorway=way_in, location="NY", now=FIRST_SESSION) == ROOM
    assert leading.post(at("start", cohort, 1))["Location"] == ROOM
    assert Message.objects.count() == before
    assert Booking.objects.filter(session__cohort=cohort, leader=None).count() == 12


def test_one_session_has_a_link_of_its_own_and_goes_back_to_the_groups(
    leading: Client, cohort: Cohort
) -> None:
    leading.post(at("change_link", cohort), a_link(confirm="1"))
    one = a_link(number=3, url=OTHER_ROOM, version=1)
    assert f"Eastern): {OTHER_ROOM} All other sessions meet where they did." in said(
        leading.post(at("change_link", cohort), one)
    )
    leading.post(at("change_link", cohort), {**one, "confirm": "1"})
    assert [session(cohort, n).joining_url for n in (2, 3)] == [ROOM, OTHER_ROOM]
    (words, _) = (entry.words for entry in history.history(cohort))
    assert words == "The meeting link of one session changed (week 3)"
    whole = said(leading.post(at("change_link", cohort), a_link(url=OTHER_ROOM + "2", version=2)))
    assert "Week 3 keeps a link of its own" in whole
    leading.post(at("change_link", cohort), a_link(number=3, url="", version=2, confirm="1"))
    assert session(cohort, 3).joining_url == ROOM
    leading.post(at("change_link", cohort), a_link(url="", version=3, confirm="1"))
    assert session(cohort, 3).joining_url.endswith(session(cohort, 3).room)
    assert not Booking.objects.filter(session__cohort=cohort, leader=None).exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "http://meet.example/room"}, "Enter an address that starts with https://."),
        ({"url": "javascript:alert(1)"}, "Enter an address that starts with https://."),
        ({"url": "x"}, "Enter an address that starts with https://."),
        ({"url": "https://meet.example/" + "x" * 200}, "too long: it has 221 characters"),
        ({"url": ""}, "That is how it is already."),
        ({"number": 3, "url": ""}, "That is how it is already."),
        ({"number": 13}, "Choose a session that is still to come."),
        ({"number": ""}, "please fill this in"),
    ],
)
def test_a_slip_in_the_link_is_said_kindly(
    changes: dict[str, object], words: str, leading: Client, cohort: Cohort
) -> None:
    for more in ({}, {"confirm": "1"}):
        response = leading.post(at("change_link", cohort), {**a_link(**changes), **more})
        assert response.status_code == 422
        assert words in said(response)
    cohort.refresh_from_db()
    assert (cohort.version, cohort.meeting_url) == (0, "")


@pytest.mark.parametrize("number", [0, 3])
def test_a_link_that_is_in_use_at_that_time_is_refused(
    number: int, leading: Client, cohort: Cohort
) -> None:
    a_led_group(name="Other", meeting_url=ROOM)
    for more in ({}, {"confirm": "1"}):
        response = leading.post(at("change_link", cohort), {**a_link(number=number), **more})
        assert response.status_code == 422
        assert "“Other” uses the same meeting link on Tuesday, October" in said(response)
    assert not CohortChange.objects.exists()


def test_the_database_refuses_a_link_that_our_own_look_has_missed(
    leading: Client, cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_led_group(name="Other", meeting_url=ROOM)
    monkeypatch.setattr("enrollment.history.refuse_conflicts", lambda *_: None)
    response = leading.post(at("change_link", cohort), a_link(confirm="1"))
    assert response.status_code == 422
    assert "“Other” uses the same meeting link" in said(response)
    cohort.refresh_from_db()
    assert (cohort.version, cohort.meeting_url) == (0, "")


# --- What it costs ------------------------------------------------------------------------


def test_looking_takes_as_many_queries_for_one_member_as_for_three(
    leading: Client, cohort: Cohort, dana: User, mei: User
) -> None:
    asked: list[tuple[str, dict[str, object]]] = [
        ("substitute", a_swap(dana, mei)),
        ("change_link", a_link()),
    ]
    for name, fields in asked:
        leading.get(at(name, cohort))
        counts = []
        for members in (1, 2):
            for _ in range(members):
                a_confirmed_seat(cohort=cohort)
                a_person("Somebody")
            with CaptureQueriesContext(connection) as captured:
                assert leading.post(at(name, cohort), fields).status_code == 200
            counts.append(len(captured))
        assert counts[0] == counts[1] <= 17, name
