"""The public list: what is on it, its filters as links, and what it costs the database."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from sessions.models import Cohort
from tests.enrollment.builders import (
    FIRST_SESSION,
    NOW,
    a_cohort,
    a_held_seat,
    a_member,
    session,
)
from tests.enrollment.pages import said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HOME = reverse("enrollment:home")


def shown(client: Client, query: str = "") -> list[Cohort]:
    response = client.get(HOME + query)
    assert response.status_code == 200
    return [card.cohort for card in response.context["groups"]]


def test_an_empty_list_says_so(client: Client) -> None:
    response = client.get(HOME)
    assert (response.status_code, response.context["groups"]) == (200, [])
    assert "No group is open right now" in said(response)


def test_a_card_tells_seats_price_start_and_who_leads(client: Client) -> None:
    cohort = a_cohort(capacity=3)
    cohort.facilitators.add(a_member("dana@example.org", display_name="Dana Reyes, LCSW"))
    a_held_seat(cohort=cohort)
    response = client.get(HOME)
    (card,) = response.context["groups"]
    assert (card.taken, card.seats_left, card.dots) == (1, 2, [True, False, False])
    assert (card.starts_at, card.first_week, card.session_count) == (FIRST_SESSION, 1, 12)
    assert (card.price_cents, card.leaders, card.open) == (29_900, ["Dana Reyes, LCSW"], True)
    for words in ("$299.00", "Dana Reyes, LCSW", "6:00 PM Eastern", "Tue, Oct 6"):
        assert words in said(response)


def test_a_facilitator_without_a_name_is_not_shown_by_address(client: Client) -> None:
    cohort = a_cohort()
    cohort.facilitators.add(a_member("dana@example.org"))
    response = client.get(HOME)
    assert response.context["groups"][0].leaders == []
    assert "dana@example.org" not in response.content.decode()


def test_times_are_on_the_readers_clock(client: Client) -> None:
    a_cohort()
    client.cookies["tz"] = "America/Los_Angeles"
    page = said(client.get(HOME))
    assert "3:00 PM Pacific" in page
    assert "6:00 PM Eastern on the group" in page


def test_only_groups_that_can_be_joined_are_shown_soonest_first(client: Client, clock: Any) -> None:
    later = a_cohort(first_date=dt.date(2026, 10, 13))
    sooner = a_cohort()
    full = a_cohort(capacity=1, first_date=dt.date(2026, 10, 20))
    a_held_seat(cohort=full)
    a_cohort(draft=True)
    for status in (Cohort.Status.CLOSED, Cohort.Status.ARCHIVED):
        Cohort.objects.filter(pk=a_cohort().pk).update(status=status)
    assert shown(client) == [sooner, later, full]
    clock.move_to(FIRST_SESSION)
    assert shown(client) == [later, full]


def test_a_group_open_at_module_starts_stays_until_its_last_one(client: Client, clock: Any) -> None:
    cohort = a_cohort(admission="modules")
    clock.move_to(FIRST_SESSION)
    (card,) = client.get(HOME).context["groups"]
    assert (card.first_week, card.session_count, card.price_cents) == (5, 8, 19_933)
    clock.move_to(session(cohort, 9).starts_at)
    assert shown(client) == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Tuesdays", "Saturdays"]),
        ("?day=2", ["Tuesdays"]),
        ("?day=6", ["Saturdays"]),
        ("?time=evening", ["Tuesdays"]),
        ("?time=morning", ["Saturdays"]),
        ("?state=TX", ["Saturdays"]),
        ("?day=2&state=TX", []),
        ("?day=4", []),
        ("?day=9&time=noon&state=ZZ", ["Tuesdays", "Saturdays"]),
        ("?day=%C2%B2&time=&state=%00", ["Tuesdays", "Saturdays"]),
    ],
)
def test_filters_narrow_the_list(client: Client, query: str, names: list[str]) -> None:
    a_cohort(name="Tuesdays")
    a_cohort(
        name="Saturdays",
        first_date=dt.date(2026, 10, 10),
        wall_time=dt.time(10),
        admitted_states=["TX"],
    )
    assert [cohort.name for cohort in shown(client, query)] == names


def test_day_and_time_are_those_of_the_readers_clock(client: Client) -> None:
    cohort = a_cohort()
    client.cookies["tz"] = "Asia/Kolkata"  # Wednesday, 3:30 in the morning
    assert shown(client, "?day=2") == []
    assert shown(client, "?day=3&time=morning") == [cohort]


def options(client: Client, query: str = "") -> dict[str, list[tuple[str, str, bool]]]:
    filters = client.get(HOME + query).context["filters"]
    return {f.name: [(o.label, o.url, o.active) for o in f.options] for f in filters}


def test_filters_are_links_that_keep_each_other(client: Client) -> None:
    a_cohort(admitted_states=["NY"])
    assert options(client, "?day=2") == {
        "day": [("Any", "?", False), ("Tuesday", "?day=2", True)],
        "time": [("Any", "?day=2", True), ("Evening", "?day=2&time=evening", False)],
        "state": [("Any", "?day=2", True), ("New York", "?day=2&state=NY", False)],
    }
    page = client.get(HOME + "?day=2").content.decode()
    assert 'href="?day=2&amp;time=evening"' in page


def test_a_shared_filter_that_finds_nothing_any_more_can_be_taken_off(client: Client) -> None:
    a_cohort(admitted_states=["NY"])
    response = client.get(HOME + "?day=4&state=TX&time=morning")
    assert response.context["any_filter"] is True
    assert "No open group fits: Thursday Morning Texas" in said(response)
    chosen = [o[0] for of in options(client, "?day=4&state=TX").values() for o in of if o[2]]
    assert chosen == ["Thursday", "Any", "Texas"]


def test_a_value_that_means_nothing_is_not_offered(client: Client) -> None:
    a_cohort(admitted_states=["NY"])
    response = client.get(HOME + "?day=9&state=ZZ&time=noon&color=red")
    assert response.context["any_filter"] is False
    assert "color" not in str(options(client, "?color=red"))


def queries(client: Client) -> int:
    with CaptureQueriesContext(connection) as captured:
        client.get(HOME)
    return len(captured)


def test_the_list_takes_as_many_queries_for_three_groups_as_for_one(client: Client) -> None:
    leader = a_member(display_name="Dana")
    a_cohort().facilitators.add(leader)
    one = queries(client)
    for _ in range(2):
        cohort = a_cohort()
        cohort.facilitators.add(leader)
        a_held_seat(cohort=cohort)
    assert queries(client) == one
    assert one <= 4


def test_head_is_answered_and_posting_is_not(client: Client) -> None:
    assert client.head(HOME).status_code == 200
    assert client.post(HOME).status_code == 405


def test_no_page_of_a_group_tells_where_it_meets(client: Client) -> None:
    cohort = a_cohort(meeting_url="https://video.example/j/5550199")
    assert NOW < FIRST_SESSION
    for page in (HOME, reverse("enrollment:cohort", args=[cohort.slug])):
        content = client.get(page).content.decode()
        assert "video.example" not in content
        assert session(cohort, 1).room not in content
