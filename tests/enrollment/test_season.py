"""Planning a season: who may, what the pages say, and what they change."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, User
from enrollment import opening, season
from enrollment.models import Enrollment, Seat
from enrollment.season_overview import PER_PAGE
from outbox.models import Message
from sessions.models import Booking, Cohort, GroupSession
from sessions.services import fingerprint
from tests.accounts.people import sign_in_with_factor
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    a_member,
    session,
)
from tests.enrollment.pages import said
from tests.sessions.factories import default_programme

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

SEASON = reverse("enrollment:season")
NEW = reverse("enrollment:plan_new")
DAY = dt.timedelta(days=1)
WEEK = 7 * DAY


def a_leader(name: str = "Dana Reyes") -> User:
    return a_member(role=Role.FACILITATOR, display_name=name)


def a_planner(name: str = "Mei Tanaka") -> User:
    return a_member(role=Role.FACILITATOR, display_name=name, may_plan=True)


@pytest.fixture
def admin(client: Client) -> User:
    person = a_member(role=Role.ADMIN, display_name="Robin")
    sign_in_with_factor(client, person)
    return person


def at(name: str, cohort: Cohort) -> str:
    return reverse(f"enrollment:{name}", args=[cohort.slug])


def typed(**changes: Any) -> dict[str, Any]:
    return {
        "programme": default_programme().pk,
        "name": "Winter evenings",
        "first_date": "2026-10-06",
        "wall_time": "18:00",
        "time_zone": "America/New_York",
        "duration_minutes": "60",
        "capacity": "8",
        "price": "299.00",
        "admission": "start",
        "admitted_states": "CA, NY",
        "facilitators": [],
        "meeting_url": "",
        **changes,
    }


def publishes(client: Client, draft: Cohort) -> Any:
    """A press on the page as it stands."""
    press = {"seen": fingerprint(Cohort.objects.get(pk=draft.pk))}
    return client.post(at("plan_publish", draft), press, follow=True)


def a_draft(*leaders: User, **fields: Any) -> Cohort:
    draft = a_cohort(draft=True, **fields)
    draft.facilitators.set(leaders or [a_leader("Luis Ortega")])
    return draft


def filled_in(form: Any) -> dict[str, Any]:
    """What a browser would send for a form that nobody touched."""
    values = {name: form[name].value() for name in form.fields}
    people = [str(getattr(one, "pk", one)) for one in values.pop("facilitators", [])]
    sent = {name: form.fields[name].prepare_value(value) for name, value in values.items()}
    as_typed = {name: "" if value is None else str(value) for name, value in sent.items()}
    return {**as_typed, "facilitators": people}


def shown(client: Client, draft: Cohort) -> dict[str, Any]:
    """The draft's form as it stands on its page now."""
    return filled_in(client.get(at("plan_edit", draft)).context["form"])


# --- Who may see it ---------------------------------------------------------------------

PAGES = {
    "season": "get",
    "plan_new": "get",
    "plan": "get",
    "plan_edit": "get",
    "plan_copy": "get",
    "plan_another": "get",
    "plan_dates": "post",
    "plan_publish": "post",
    "plan_archive": "post",
    "plan_capacity": "post",
}
READERS = (
    "anonymous",
    "member",
    "member who might plan",
    "own leader",
    "other leader",
    "own planner",
    "other planner",
    "admin",
)
ALLOWED = {
    "season": {"own planner", "other planner", "admin"},
    "plan_new": {"own planner", "other planner", "admin"},
    **{name: {"own planner", "admin"} for name in PAGES if name not in ("season", "plan_new")},
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", PAGES)
def test_planning_is_for_admins_and_for_leaders_who_may(
    name: str, reader: str, client: Client
) -> None:
    leader, planner = a_leader(), a_planner()
    draft = a_draft(leader, planner)
    readers: dict[str, Callable[[], User]] = {
        "member": a_member,
        "member who might plan": lambda: a_member(may_plan=True),
        "own leader": lambda: leader,
        "other leader": a_leader,
        "own planner": lambda: planner,
        "other planner": lambda: a_draft(a_planner()).facilitators.get(),
        "admin": lambda: a_member(role=Role.ADMIN),
    }
    if reader != "anonymous":
        client.force_login(readers[reader]())
    path = {"season": SEASON, "plan_new": NEW}.get(name) or at(name, draft)
    response = getattr(client, PAGES[name])(
        path, {"skip": "2026-10-06", "capacity": "7", "seen": "8"}
    )
    if reader == "anonymous":
        assert response["Location"].startswith(reverse("account_login"))
    elif reader in ALLOWED[name]:
        assert response.status_code == (200 if PAGES[name] == "get" else 302)
    else:
        assert response.status_code == 404
    if reader not in ALLOWED[name]:
        draft.refresh_from_db()
        assert (draft.status, draft.skipped_dates, draft.capacity) == ("draft", [], 8)


@pytest.mark.parametrize("name", [name for name, method in PAGES.items() if method == "post"])
def test_what_changes_something_is_a_press_and_no_link(
    name: str, client: Client, admin: User
) -> None:
    assert client.get(at(name, a_draft())).status_code == 405


def test_the_nav_leads_to_the_plan_those_who_plan_and_nobody_else(client: Client) -> None:
    home = reverse("enrollment:my_groups")
    readers = {
        a_member(role=Role.ADMIN): True,
        a_planner(): True,
        a_leader(): False,
        a_member(may_plan=True): False,
    }
    for reader, plans in readers.items():
        client.force_login(reader)
        assert (f'href="{SEASON}"' in client.get(home).content.decode()) is plans


# --- The season at a glance -------------------------------------------------------------


def rows(client: Client, query: str = "") -> list[str]:
    response = client.get(SEASON + query)
    assert response.status_code == 200
    return [row.cohort.name for row in response.context["rows"]]


def test_an_empty_season_says_so(client: Client, admin: User) -> None:
    assert "No group is planned yet." in said(client.get(SEASON))


def test_a_row_says_all_that_matters(client: Client, admin: User) -> None:
    cohort = a_cohort(skipped_dates=["2026-11-24"])
    cohort.facilitators.add(a_leader())
    a_confirmed_seat(cohort=cohort)
    page = said(client.get(SEASON))
    for words in (
        "Tuesday evenings",
        "Published",
        "Oct 6, 2026",
        "Dec 29, 2026",
        "Tuesdays, 6:00 PM Eastern",
        "Dana Reyes",
        "1 of 8",
    ):
        assert words in page


def test_the_newest_season_comes_first_and_states_follow_the_clock(
    client: Client, admin: User
) -> None:
    def group(name: str, days: int, **fields: Any) -> Cohort:
        return a_cohort(name=name, starts_at=FIRST_SESSION + days * DAY, **fields)

    group("Done", -100)
    group("On", -20)
    group("Soon", 5)
    group("Sketch", 30, draft=True)
    Cohort.objects.filter(pk=group("Shut", 8).pk).update(status=Cohort.Status.CLOSED)
    Cohort.objects.filter(pk=group("Away", -200).pk).update(status=Cohort.Status.ARCHIVED)
    assert rows(client) == ["Sketch", "Shut", "Soon", "On", "Done", "Away"]
    states = {row.cohort.name: row.state for row in client.get(SEASON).context["rows"]}
    for name, state in states.items():
        assert rows(client, f"?state={state}") == [name]
    assert list(states.values()) == [
        "draft",
        "closed",
        "published",
        "running",
        "completed",
        "archived",
    ]


def test_a_season_is_narrowed_by_leader_and_bad_questions_are_ignored(
    client: Client, admin: User
) -> None:
    leader = a_leader()
    a_draft(leader, name="Hers")
    a_draft(name="Another's")
    assert rows(client, f"?leader={leader.pk}") == ["Hers"]
    assert rows(client, f"?leader={leader.pk}&state=running") == []
    assert "No group fits." in said(client.get(f"{SEASON}?leader={leader.pk}&state=running"))
    assert len(rows(client, "?leader=x&state=nonsense&page=99")) == 2
    assert len(rows(client, "?leader=²&page=x")) == 2


def test_a_long_season_has_pages_that_keep_what_it_was_narrowed_to(
    client: Client, admin: User
) -> None:
    leader = a_leader()
    for _ in range(PER_PAGE + 1):
        a_draft(leader)
    a_draft()
    page = client.get(f"{SEASON}?leader={leader.pk}")
    assert "Page 1 of 2" in said(page)
    assert f'href="?leader={leader.pk}&amp;page=2"' in page.content.decode()
    assert f'<option value="{leader.pk}" selected>' in page.content.decode()
    assert len(rows(client, f"?leader={leader.pk}&page=2")) == 1


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


@pytest.mark.parametrize("name", ["season", "plan", "plan_copy", "plan_another"])
def test_a_page_takes_as_many_queries_for_100_groups_as_for_one(
    name: str, client: Client, admin: User
) -> None:
    leader = a_leader()
    draft = a_draft(leader)
    a_cohort(starts_at=FIRST_SESSION + 13 * WEEK).facilitators.add(leader)
    path = SEASON if name == "season" else at(name, draft)
    client.get(path)
    few = queries(client, path)
    for number in range(99):
        other = a_cohort(starts_at=FIRST_SESSION + number * HOUR, draft=number % 2 == 0)
        other.facilitators.set([leader, a_leader()])
    assert queries(client, path) == few


# --- A new group ------------------------------------------------------------------------


def test_a_new_group_is_a_draft_that_arms_nothing(client: Client, admin: User) -> None:
    leader = a_leader()
    assert "A new group" in said(client.get(NEW))
    response = client.post(NEW, typed(facilitators=[leader.pk]))
    cohort = Cohort.objects.get()
    assert response["Location"] == at("plan", cohort)
    assert cohort.status == Cohort.Status.DRAFT
    assert (cohort.slug, cohort.price_cents) == ("winter-evenings-2026-10-06", 29_900)
    assert cohort.admitted_states == ["CA", "NY"]
    assert list(cohort.facilitators.all()) == [leader]
    for armed in (GroupSession, Seat, Booking, Message):
        assert not armed.objects.exists()
    client.post(NEW, typed())
    assert Cohort.objects.filter(slug="winter-evenings-2026-10-06-2").exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("first_date", "2026-02-30", "Enter the date of the first session."),
        ("first_date", "1926-10-06", "Check the year of the first date."),
        ("wall_time", "25:00", "Enter the time at which each session starts."),
        ("admitted_states", "XX", "Not a US state: XX."),
        ("capacity", "99", "This program seats at most 10."),
        ("capacity", "9" * 30, "This program seats at most 10."),
        ("facilitators", ["9" * 30], "Choose people who lead groups."),
        ("facilitators", ["Dana"], "Choose people who lead groups."),
        ("programme", "9" * 30, "Select a valid choice."),
        ("meeting_url", "http://meet.example/room", "Enter an address that starts with https://."),
        (
            "meeting_url",
            f"https://meet.example/{'a' * 3000}",
            "This address is too long: it has 3021 characters, and 200 is the most.",
        ),
        ("price", "-1", "greater than or equal to 0"),
        ("price", "0.01", "The price is too low: $0.50 is the least that can be paid by card."),
        ("price", "0.49", "The price is too low: $0.50 is the least that can be paid by card."),
        ("duration_minutes", "20", "greater than or equal to 60"),
    ],
)
def test_a_mistake_is_named_at_its_field(
    field: str, value: str, words: str, client: Client, admin: User
) -> None:
    response = client.post(NEW, typed(**{field: value}))
    assert response.status_code == 422
    [error] = response.context["form"].errors[field]
    assert words in error
    assert words in said(response)
    assert not Cohort.objects.exists()


@pytest.mark.parametrize("name", ["plan_new", "plan_edit", "plan_copy", "plan_another"])
def test_a_number_that_is_nobodys_never_reaches_the_database(
    name: str, client: Client, admin: User
) -> None:
    """SQLite ends with an error when it is asked for a number beyond its own."""
    path = NEW if name == "plan_new" else at(name, a_draft())
    with CaptureQueriesContext(connection) as captured:
        assert client.post(path, typed(facilitators=["9" * 30])).status_code == 422
    assert not [query for query in captured if "9" * 30 in query["sql"]]


def test_a_price_must_be_payable_from_the_last_week_at_which_one_may_join(
    client: Client, admin: User
) -> None:
    """A third of it, for weeks 9 to 12."""
    late = client.post(NEW, typed(price="1.48", admission="modules"))
    assert (
        "The price is too low: from week 9 on a seat would cost $0.49, and $0.50 is the least "
        "that can be paid by card."
    ) in said(late)
    assert not Cohort.objects.exists()
    for fine in ({"price": "1.50", "admission": "modules"}, {"price": "0.50"}):
        assert client.post(NEW, typed(**fine)).status_code == 302


def test_a_free_group_is_named_as_such_and_published(client: Client, admin: User) -> None:
    client.post(NEW, typed(price="0", facilitators=[a_leader().pk]))
    draft = Cohort.objects.get()
    assert "Free for everybody: no card is asked for" in said(client.get(at("plan", draft)))
    publishes(client, draft)
    draft.refresh_from_db()
    assert draft.status == Cohort.Status.PUBLISHED


def test_a_member_is_no_leader(client: Client, admin: User) -> None:
    response = client.post(NEW, typed(facilitators=[a_member().pk]))
    assert "facilitators" in response.context["form"].errors


def test_a_draft_is_edited_and_a_new_first_date_forgets_what_was_skipped(
    client: Client, admin: User
) -> None:
    draft = a_draft(skipped_dates=["2026-11-24"])
    client.post(at("plan_edit", draft), {**shown(client, draft), "name": "Thursdays"})
    draft.refresh_from_db()
    assert (draft.name, draft.skipped_dates) == ("Thursdays", ["2026-11-24"])
    client.post(at("plan_edit", draft), {**shown(client, draft), "first_date": "2026-10-08"})
    draft.refresh_from_db()
    assert draft.skipped_dates == []


def test_a_published_group_is_not_edited_as_a_draft(client: Client, admin: User) -> None:
    cohort = a_cohort()
    response = client.post(at("plan_edit", cohort), typed(name="Other"), follow=True)
    assert "not edited as a draft any more" in said(response)
    cohort.refresh_from_db()
    assert cohort.name == "Tuesday evenings"


@pytest.mark.parametrize(
    ("wall_time", "name"),
    [("00:00", "Tuesday mornings"), ("11:59", "Tuesday mornings"), ("12:00", "Tuesday afternoons"),
     ("17:00", "Tuesday evenings"), ("23:59", "Tuesday evenings")],
)  # fmt: skip
def test_a_group_without_a_name_is_called_by_its_weekday_and_time_of_day(
    wall_time: str, name: str, client: Client, admin: User
) -> None:
    client.post(NEW, typed(name=" \u200b\x07", wall_time=wall_time))
    cohort = Cohort.objects.get()
    assert (cohort.name, cohort.slug) == (name, f"{name.lower().replace(' ', '-')}-2026-10-06")


def test_without_a_date_a_group_gets_no_name_and_says_only_what_is_wrong(
    client: Client, admin: User
) -> None:
    response = client.post(NEW, typed(name="", first_date="", wall_time="soon"))
    assert set(response.context["form"].errors) == {"first_date", "wall_time"}


def test_a_new_group_begins_with_what_is_usual_and_the_focus_on_its_date(
    client: Client, admin: User
) -> None:
    assert client.get(NEW).context["form"]["admitted_states"].value() == ""
    a_draft(admitted_states=["HI", "OR"])
    page = client.get(NEW)
    assert page.context["form"]["admitted_states"].value() == "HI, OR"
    assert 'value="299.00"' in page.content.decode()
    assert re.findall(r'name="(\w+)"[^>]* autofocus', page.content.decode()) == ["first_date"]
    mistaken = client.post(NEW, typed(first_date=""))
    # The summary of the mistakes has the focus then.
    assert re.findall(r'(\w+)="[^"]*"[^>]* autofocus', mistaken.content.decode()) == ["class"]


# --- Twelve dates -----------------------------------------------------------------------


def test_the_plan_shows_twelve_dates_holidays_and_the_clock_change(
    client: Client, admin: User
) -> None:
    draft = a_draft(first_date=dt.date(2026, 10, 8))  # Thursdays, Thanksgiving among them
    page = said(client.get(at("plan", draft)))
    assert "Week 1 Thursday, October 8, 2026, 6:00 PM Eastern" in page
    assert "Week 12 Thursday, December 24, 2026" in page
    assert "Week 8 Thursday, November 26, 2026, 6:00 PM Eastern Thanksgiving Day" in page
    remark = "The clocks change before this session; it stays 6:00 PM Eastern on the group"
    assert page.count(remark) == 1
    assert re.search(r"Week 5 Thursday, November 5, 2026, 6:00 PM Eastern The clocks", page)


@pytest.mark.parametrize(
    ("zone", "first", "words", "marked"),
    [
        ("America/New_York", dt.date(2026, 10, 8), "country: United States.", ["Thanksgiving Day"]),
        ("America/Toronto", dt.date(2026, 10, 9), "country: Canada.", ["Christmas Day"]),
        ("Europe/London", dt.date(2026, 10, 9), "country: Britain (UK).", ["Christmas Day"]),
        ("Asia/Kolkata", dt.date(2026, 10, 2), "country: India.", ["Mahatma Gandhi's Birthday"]),
        ("UTC", dt.date(2026, 10, 9), "No public holidays are marked: none are known", []),
    ],
)
def test_the_plan_marks_the_holidays_of_its_zones_country(
    zone: str, first: dt.date, words: str, marked: list[str], client: Client, admin: User
) -> None:
    page = client.get(at("plan", a_draft(first_date=first, time_zone=zone)))
    assert words in said(page)
    names = [day.holiday for day in page.context["plan"].days if day.holiday]
    assert names[: len(marked)] == marked
    assert bool(names) is bool(marked)


@pytest.mark.parametrize(
    ("first", "zone", "changes"),
    [
        (dt.date(2026, 10, 6), "America/Phoenix", []),
        (dt.date(2026, 10, 6), "America/New_York", [5]),
        (dt.date(2027, 1, 5), "America/New_York", [11]),  # Tuesday, March 16
    ],
)
def test_clock_changes_are_said_where_the_utc_hour_differs(
    first: dt.date, zone: str, changes: list[int], client: Client, admin: User
) -> None:
    draft = a_draft(first_date=first, time_zone=zone)
    days = client.get(at("plan", draft)).context["plan"].days
    assert [day.number for day in days if day.clock_changes] == changes


def test_a_date_is_skipped_with_one_press_and_held_after_all_with_another(
    client: Client, admin: User
) -> None:
    draft = a_draft(first_date=dt.date(2026, 10, 8))
    client.post(at("plan_dates", draft), {"skip": "2026-11-26"})
    page = said(client.get(at("plan", draft)))
    assert "No session Thursday, November 26, 2026 Thanksgiving Day" in page
    assert "Week 12 Thursday, December 31, 2026" in page
    client.post(at("plan_dates", draft), {"skip": "2026-12-31"})
    assert "Week 12 Thursday, January 7, 2027" in said(client.get(at("plan", draft)))
    client.post(at("plan_dates", draft), {"hold": "2026-11-26"})
    draft.refresh_from_db()
    # Twelve sessions end on December 24 again, before what was skipped.
    assert draft.skipped_dates == []
    assert not draft.group_sessions.exists()


def test_the_first_date_can_be_skipped_and_brought_back(client: Client, admin: User) -> None:
    draft = a_draft()
    client.post(at("plan_dates", draft), {"skip": "2026-10-06"})
    assert "Week 1 Tuesday, October 13" in said(client.get(at("plan", draft)))
    client.post(at("plan_dates", draft), {"hold": "2026-10-06"})
    assert "Week 1 Tuesday, October 6" in said(client.get(at("plan", draft)))


def test_an_impossible_skip_is_refused_with_the_reason(client: Client, admin: User) -> None:
    draft = a_draft()
    response = client.post(at("plan_dates", draft), {"skip": "2026-10-07"}, follow=True)
    assert "2026-10-07 is not a meeting day of this group" in said(response)
    assert client.post(at("plan_dates", draft), {"skip": "soon"}).status_code == 404


def test_the_dates_of_a_published_group_stay(client: Client, admin: User) -> None:
    cohort = a_cohort()
    page = client.get(at("plan", cohort))
    assert "Skip this date" not in said(page)
    response = client.post(at("plan_dates", cohort), {"skip": "2026-10-13"}, follow=True)
    assert "This group is published" in said(response)
    cohort.refresh_from_db()
    assert cohort.skipped_dates == []


# --- Publishing -------------------------------------------------------------------------


def test_publishing_makes_sessions_seats_and_bookings(client: Client, admin: User) -> None:
    leader = a_leader()
    draft = a_draft(leader)
    page = publishes(client, draft)
    assert "is published: members can join now." in said(page)
    assert (draft.group_sessions.count(), draft.seats.count()) == (12, 8)
    assert leader.bookings.count() == 12
    again = publishes(client, draft)
    assert "This group is published" in said(again)


def test_every_reason_not_to_publish_stands_on_one_page(client: Client, admin: User) -> None:
    leader, room = a_leader(), "https://meet.example/room"
    busy = a_draft(leader, name="Busy", meeting_url=room)
    opening.open_enrollment(cohort=busy)
    draft = a_draft(leader, meeting_url=room, wall_time=dt.time(18, 30))
    reasons = (
        "Dana Reyes leads “Busy” on Tuesday, October 6, 6:00 PM Eastern and on 11 more dates",
        "“Busy” uses the same meeting link on Tuesday, October 6, 6:00 PM Eastern",
    )
    seen = said(client.get(at("plan", draft)))
    told = said(publishes(client, draft))
    for page in (seen, told):
        assert all(reason in page for reason in reasons)
    draft.refresh_from_db()
    assert draft.status == Cohort.Status.DRAFT
    assert not draft.seats.exists()
    late = a_draft(first_date=dt.date(2026, 9, 1))
    late.facilitators.clear()
    page_of_late = said(client.get(at("plan", late)))
    assert "Choose a facilitator first" in page_of_late
    assert "Nobody could join any more" in page_of_late


def test_a_draft_takes_nobodys_time(client: Client, admin: User) -> None:
    leader = a_leader()
    a_draft(leader)
    second = a_draft(leader)
    publishes(client, second)
    second.refresh_from_db()
    assert second.status == Cohort.Status.PUBLISHED


def test_a_group_is_archived_only_when_nothing_is_ahead(
    client: Client, admin: User, clock: Any
) -> None:
    cohort = a_cohort()
    early = client.post(at("plan_archive", cohort), follow=True)
    assert "This group has sessions ahead" in said(early)
    with pytest.raises(season.NotPossible):
        season.archive(cohort=cohort, now=session(cohort, 12).ends_at - HOUR / 2)
    clock.move_to(session(cohort, 12).ends_at)
    client.force_login(admin)
    assert "Tuesday evenings is archived." in said(
        client.post(at("plan_archive", cohort), follow=True)
    )
    cohort.refresh_from_db()
    assert cohort.status == Cohort.Status.ARCHIVED


def test_a_draft_that_was_archived_is_absent_and_can_be_brought_back(
    client: Client, admin: User
) -> None:
    draft = a_draft(capacity=4)
    shelved = said(client.post(at("plan_archive", draft), follow=True))
    assert "Tuesday evenings is archived." in shelved
    assert "Roster" not in shelved
    assert "Change the seats" not in shelved
    for name in ("cohort", "roster", "message_new", "change_leaders", "change_link"):
        assert client.get(at(name, draft)).status_code == 404
    assert client.post(at("message_new", draft), {}).status_code == 404
    seats_of = client.post(at("plan_capacity", draft), {"capacity": 5})
    assert "This group is archived: its seats are not changed any more." in said(seats_of)
    for path in ("plan_edit", "plan_publish"):
        assert "This group is archived" in said(client.post(at(path, draft), follow=True))
    back = {"back": "1"}
    assert "is a draft again." in said(client.post(at("plan_archive", draft), back, follow=True))
    draft.refresh_from_db()
    assert (draft.status, draft.capacity) == (Cohort.Status.DRAFT, 4)
    assert publishes(client, draft).status_code == 200
    assert client.get(at("cohort", draft)).status_code == 200


@pytest.mark.parametrize("status", [*Cohort.Status])
def test_what_was_published_once_is_never_a_draft_again(
    status: str, client: Client, admin: User
) -> None:
    cohort = a_cohort()
    Cohort.objects.filter(pk=cohort.pk).update(status=status)
    answer = client.post(at("plan_archive", cohort), {"back": "1"}, follow=True)
    assert "Only a draft that was archived can be brought back." in said(answer)
    cohort.refresh_from_db()
    assert cohort.status == status


def test_an_archived_group_keeps_its_page_and_its_seats(client: Client, admin: User) -> None:
    cohort = a_cohort()
    Cohort.objects.filter(pk=cohort.pk).update(status=Cohort.Status.ARCHIVED)
    for name in ("cohort", "roster"):
        assert client.get(at(name, cohort)).status_code == 200
    refused = client.post(at("plan_capacity", cohort), {"capacity": 4})
    assert refused.status_code == 422
    assert "This group is archived: its seats are not changed any more." in said(refused)
    assert seats(cohort) == 8


# --- The next season --------------------------------------------------------------------


def test_a_copy_begins_on_the_weekday_after_the_end_and_arms_nothing(
    client: Client, admin: User
) -> None:
    leader = a_leader()
    cohort = a_draft(leader, skipped_dates=["2026-11-24"], meeting_url="https://meet.example/a")
    opening.open_enrollment(cohort=cohort)
    page = client.get(at("plan_copy", cohort))
    form = page.context["form"]
    assert form["first_date"].value() == dt.date(2027, 1, 5)
    before = (GroupSession.objects.count(), Seat.objects.count(), Booking.objects.count())
    answers = typed(
        name=form["name"].value(),
        first_date="2027-01-05",
        facilitators=form["facilitators"].value(),
        meeting_url=form["meeting_url"].value(),
    )
    response = client.post(at("plan_copy", cohort), answers)
    copied = Cohort.objects.get(status=Cohort.Status.DRAFT)
    assert response["Location"] == at("plan", copied)
    assert (copied.name, copied.skipped_dates) == (cohort.name, [])
    assert list(copied.facilitators.all()) == [leader]
    assert before == (GroupSession.objects.count(), Seat.objects.count(), Booking.objects.count())
    cohort.refresh_from_db()
    assert cohort.first_date == dt.date(2026, 10, 6)


def test_a_copy_avoids_weeks_in_which_its_leader_is_taken() -> None:
    leader = a_leader()
    cohort = a_draft(leader)  # ends on December 22
    busy = a_draft(leader, first_date=dt.date(2026, 10, 20))  # until January 5
    Cohort.objects.filter(pk=busy.pk).update(wall_time=dt.time(18, 30))
    busy.refresh_from_db()
    opening.open_enrollment(cohort=busy)
    first = season.next_first_date(cohort=cohort, leaders=[leader], today=NOW.date())
    assert first == dt.date(2027, 1, 12)
    assert season.next_first_date(cohort=cohort, leaders=[], today=dt.date(2027, 3, 1)) == dt.date(
        2027, 3, 2
    )


def test_the_name_of_a_copy_follows_its_date_unless_somebody_chose_it(
    client: Client, admin: User
) -> None:
    for name, proposed in (("Tuesday evenings", ""), ("Mindful parents", "Mindful parents")):
        form = client.get(at("plan_copy", a_draft(name=name))).context["form"]
        assert form["name"].value() == proposed


# --- Another like this ------------------------------------------------------------------


def published(*leaders: User, **fields: Any) -> Cohort:
    cohort = a_draft(*leaders, **fields)
    opening.open_enrollment(cohort=cohort)
    return cohort


def test_another_like_it_is_the_same_group_on_the_next_free_day(
    client: Client, admin: User
) -> None:
    leader = a_leader()
    cohort = published(leader, skipped_dates=["2026-11-24"], admitted_states=["OR"])
    form = client.get(at("plan_another", cohort)).context["form"]
    assert form["first_date"].value() == dt.date(2026, 10, 7)
    assert form["facilitators"].value() == [leader.pk]
    answers = typed(first_date="2026-10-07", name="", facilitators=[leader.pk])
    response = client.post(at("plan_another", cohort), answers)
    other = Cohort.objects.get(status=Cohort.Status.DRAFT)
    assert response["Location"] == at("plan", other)
    assert (other.name, other.skipped_dates) == ("Wednesday evenings", [])
    assert not other.seats.exists()


MONDAY = dt.date(2026, 10, 5)


@pytest.mark.parametrize(
    ("taken", "own", "proposed"),
    [
        ([], 0, 1),  # Monday: Tuesday
        ([1, 2], 0, 3),
        ([], 4, 0),  # Friday: Monday of the same week
        ([0, 1], 4, 2),
        ([0, 2, 3, 4], 1, 1),  # every evening is taken: its own day, at another hour
        ([], 5, 0),  # Saturday
    ],
)
def test_another_like_it_is_proposed_where_its_leader_is_free(
    taken: list[int], own: int, proposed: int
) -> None:
    leader = a_leader()
    for number in taken:
        published(leader, first_date=MONDAY + number * DAY)
    cohort = published(leader, first_date=MONDAY + own * DAY)
    found = season.another_date(cohort=cohort, leaders=[leader], today=NOW.date())
    assert found == MONDAY + proposed * DAY


def test_another_like_a_group_of_the_past_begins_in_a_week_to_come() -> None:
    cohort = a_draft(first_date=dt.date(2026, 9, 10))  # a Thursday
    wednesday = dt.date(2026, 9, 30)
    found = season.another_date(cohort=cohort, leaders=[], today=wednesday)
    assert found == dt.date(2026, 10, 9)
    cohort = a_draft(first_date=dt.date(2026, 9, 11))
    assert season.another_date(cohort=cohort, leaders=[], today=wednesday) == dt.date(2026, 10, 5)


def test_another_like_it_does_not_take_its_own_meeting_link_at_the_same_hour() -> None:
    cohort = published(meeting_url="https://meet.example/a", first_date=MONDAY)
    published(meeting_url="https://meet.example/a", first_date=MONDAY + DAY)
    assert season.another_date(cohort=cohort, leaders=[], today=NOW.date()) == MONDAY + 2 * DAY


def test_a_group_leads_to_another_like_it(client: Client, admin: User) -> None:
    for cohort in (a_draft(), published()):
        page = client.get(at("plan", cohort)).content.decode()
        assert f'href="{at("plan_another", cohort)}"' in page


def test_a_draft_says_what_it_is_before_it_is_published(client: Client, admin: User) -> None:
    draft = a_draft(first_date=dt.date(2026, 10, 8))
    page = said(client.get(at("plan", draft)))
    assert (
        "Twelve sessions, from Thursday, October 8, 2026 to Thursday, December 24, 2026. "
        "Public holidays among them: Thanksgiving Day (November 26)." in page
    )
    assert 'href="#day-2026-11-26"' in client.get(at("plan", draft)).content.decode()
    season.skip(cohort=draft, day=dt.date(2026, 11, 26))
    assert "to Thursday, December 31, 2026. Members" in said(client.get(at("plan", draft)))


# --- Seats ------------------------------------------------------------------------------


def seats(cohort: Cohort) -> int:
    return Seat.objects.filter(cohort=cohort).count()


def test_seats_are_added_and_free_ones_taken_away(client: Client, admin: User) -> None:
    cohort = a_cohort(capacity=4)
    for seen, wanted in ((4, 10), (10, 3), (3, 8)):
        typed_in = {"capacity": wanted, "seen": seen}
        page = client.post(at("plan_capacity", cohort), typed_in, follow=True)
        assert "The seats are changed." in said(page)
        cohort.refresh_from_db()
        assert cohort.capacity == seats(cohort) == wanted


def test_seats_never_go_below_those_taken(client: Client, admin: User) -> None:
    cohort = a_cohort(capacity=4)
    kept = [a_confirmed_seat(cohort=cohort), a_held_seat(cohort=cohort)]
    Seat.objects.filter(enrollment=kept[1]).update(enrollment=None)
    Seat.objects.filter(cohort=cohort, number=4).update(enrollment=kept[1])
    page = client.post(at("plan_capacity", cohort), {"capacity": 1, "seen": 4})
    assert page.status_code == 422
    assert "2 seats are taken, so 1 is too few. The smallest number now is 2." in said(page)
    cohort.refresh_from_db()
    assert cohort.capacity == seats(cohort) == 4
    client.post(at("plan_capacity", cohort), {"capacity": 2, "seen": 4})
    assert seats(cohort) == 2
    assert set(Enrollment.objects.filter(seat__isnull=False)) == set(kept)
    # Chair 4 is still there: laying out again must not count to two and add a third.
    cohort.refresh_from_db()
    opening.lay_out(cohort=cohort)
    assert seats(cohort) == 2


@pytest.mark.parametrize(
    ("typed_in", "words"),
    [("11", "at most 10"), ("9" * 30, "at most 10"), ("0", "1"), ("x", "whole")],
)
def test_a_number_of_seats_that_makes_no_sense_is_refused(
    typed_in: str, words: str, client: Client, admin: User
) -> None:
    cohort = a_cohort()
    page = client.post(at("plan_capacity", cohort), {"capacity": typed_in, "seen": "8"})
    assert page.status_code == 422
    assert words in " ".join(page.context["form"].errors["capacity"])
    assert seats(cohort) == 8


def test_the_same_draft_saved_twice_at_once_is_one_draft(
    client: Client, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the other was stored after we had looked for a free address."""
    client.post(reverse("enrollment:plan_new"), typed())
    there = Cohort.objects.get()
    monkeypatch.setattr(season, "free_slug", lambda cohort: there.slug)
    response = client.post(reverse("enrollment:plan_new"), typed(), follow=True)
    assert "was saved a moment ago: here it is." in said(response)
    assert response.redirect_chain[-1][0] == at("plan", there)
    assert Cohort.objects.get() == there


def test_a_cancelled_session_stands_among_the_dates_as_none(client: Client, admin: User) -> None:
    cohort = a_cohort()
    GroupSession.objects.filter(cohort=cohort, number=5).update(cancelled_at=NOW)
    page = said(client.get(at("plan", cohort)))
    assert "No session Tuesday, November 3, 2026" in page
    assert "Week 5" not in page
    assert "Week 6 Tuesday, November 10, 2026" in page


def test_what_the_presser_did_not_see_is_not_published(client: Client, admin: User) -> None:
    draft = a_draft()
    seen = fingerprint(draft)
    Cohort.objects.filter(pk=draft.pk).update(price_cents=100)
    for press in ({"seen": seen}, {}):
        told = said(client.post(at("plan_publish", draft), press, follow=True))
        assert "Somebody changed this draft since you opened the page" in told
        assert Cohort.objects.get(pk=draft.pk).status == Cohort.Status.DRAFT
