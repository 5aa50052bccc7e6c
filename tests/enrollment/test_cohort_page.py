"""One group's page: open, full, closed, under way, and for somebody who has a seat there."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from enrollment import services
from sessions.models import Cohort
from tests.enrollment.builders import (
    FIRST_SESSION,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_held_seat,
    session,
)
from tests.enrollment.pages import said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def page(cohort: Cohort) -> str:
    return reverse("enrollment:cohort", args=[cohort.slug])


def reserve(cohort: Cohort) -> str:
    return reverse("enrollment:about_you", args=[cohort.slug])


def test_an_open_group_shows_twelve_dates_topics_and_one_button(client: Client) -> None:
    cohort = a_cohort(admitted_states=["CA", "NY"])
    response = client.get(page(cohort))
    rows = response.context["sessions"]
    assert [row.number for row in rows] == list(range(1, 13))
    assert all(row.week is not None and row.week.number == row.number for row in rows)
    assert {(row.past, row.included) for row in rows} == {(False, True)}
    assert response.context["admitted_states"] == ["California", "New York"]
    assert (response.context["closed_reason"], response.context["others"]) == ("", [])
    assert response.content.decode().count(f'href="{reserve(cohort)}"') == 1


def test_a_full_group_offers_others_and_no_button(client: Client) -> None:
    cohort, other = a_cohort(capacity=1), a_cohort()
    a_held_seat(cohort=cohort)
    response = client.get(page(cohort))
    assert response.status_code == 200
    assert "This group is full" in said(response)
    assert [card.cohort for card in response.context["others"]] == [other]
    assert reserve(cohort) not in response.content.decode()


@pytest.mark.parametrize("status", [Cohort.Status.CLOSED, Cohort.Status.ARCHIVED])
def test_a_closed_group_keeps_its_page(client: Client, status: Cohort.Status) -> None:
    cohort = a_cohort()
    Cohort.objects.update(status=status)
    response = client.get(page(cohort))
    assert response.status_code == 200
    assert response.context["closed_reason"] == "This group is not taking new members."
    assert reserve(cohort) not in response.content.decode()


def test_a_group_that_has_begun_says_so(client: Client, clock: Any) -> None:
    cohort = a_cohort()
    clock.move_to(FIRST_SESSION)
    response = client.get(page(cohort))
    assert response.status_code == 200
    assert "This group has already started" in response.context["closed_reason"]
    assert reserve(cohort) not in response.content.decode()


def test_a_group_under_way_shows_where_one_would_begin(client: Client, clock: Any) -> None:
    cohort = a_cohort(admission="modules")
    clock.move_to(session(cohort, 2).ends_at)
    response = client.get(page(cohort))
    rows = response.context["sessions"]
    assert [row.number for row in rows if row.past] == [1, 2]
    assert [row.number for row in rows if row.included] == list(range(5, 13))
    assert "$199.33" in said(response)


def test_a_draft_and_a_name_that_never_was_are_not_found(client: Client) -> None:
    draft = a_cohort(draft=True)
    assert client.get(page(draft)).status_code == 404
    assert client.get("/groups/never-was/").status_code == 404


def test_who_has_a_seat_finds_it(client: Client) -> None:
    enrollment = a_confirmed_seat()
    client.force_login(enrollment.member)
    response = client.get(page(enrollment.cohort))
    assert response.context["enrollment"] == enrollment
    assert enrollment.get_absolute_url() in response.content.decode()
    assert reserve(enrollment.cohort) not in response.content.decode()


def test_a_kept_seat_is_not_called_theirs_before_it_is_paid(client: Client, clock: Any) -> None:
    held = a_held_seat()
    client.force_login(held.member)
    response = client.get(page(held.cohort))
    assert "A seat is kept for you until 11:15 AM Eastern" in said(response)
    assert "Go on to payment" in said(response)
    assert "You have a seat" not in said(response)
    assert reverse("billing:pay", args=[held.public_id]) in response.content.decode()
    clock.move_to(held.held_until)
    assert "The time for your seat is over" in said(client.get(page(held.cohort)))


def test_a_seat_whose_money_is_on_its_way_is_kept(client: Client) -> None:
    held = a_held_seat()
    services.await_funds(enrollment_id=held.pk, now=NOW)
    client.force_login(held.member)
    words = said(client.get(page(held.cohort)))
    assert "A seat is kept for you" in words
    assert "Your bank is still sending the money. We email you when it arrives." in words


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (["AZ"], "For people in Arizona."),
        (["AZ", "NM"], "For people in Arizona or New Mexico."),
        (["CA", "OR", "WA"], "For people in California, Oregon or Washington."),
        (["AZ", "CA", "NM", "OR", "WA"], "For people in 5 states."),
    ],
)
def test_a_group_says_for_people_in_which_states_it_is(
    client: Client, states: list[str], words: str
) -> None:
    cohort = a_cohort(admitted_states=states)
    assert words in said(client.get(page(cohort)))
    assert words.removesuffix(".") in said(client.get(reverse("enrollment:home")))


def test_a_skipped_week_has_a_row_of_its_own(client: Client) -> None:
    cohort = a_cohort(skipped_dates=["2026-11-24", "2026-12-22", "2026-12-29"])
    words = said(client.get(page(cohort)))
    for day in ("November 24", "December 22", "December 29"):
        assert words.count(f"No session on Tuesday, {day}") == 1
    assert words.count("No session on") == 3
    assert "No session on" not in said(client.get(page(a_cohort())))


def test_a_seat_elsewhere_or_of_somebody_else_does_not_count(client: Client) -> None:
    cohort = a_cohort()
    a_confirmed_seat(cohort=cohort)
    client.force_login(a_confirmed_seat().member)
    assert client.get(page(cohort)).context["enrollment"] is None


def queries(client: Client, cohort: Cohort) -> int:
    with CaptureQueriesContext(connection) as captured:
        client.get(page(cohort))
    return len(captured)


def test_a_page_with_free_seats_takes_four_queries_however_many_are_taken(client: Client) -> None:
    cohort = a_cohort()
    assert queries(client, cohort) == 4
    for _ in range(3):
        a_held_seat(cohort=cohort)
    assert queries(client, cohort) == 4


def test_a_full_page_takes_as_many_queries_with_three_others_as_with_one(client: Client) -> None:
    cohort = a_cohort(capacity=1)
    a_held_seat(cohort=cohort)
    a_cohort()
    one = queries(client, cohort)
    a_cohort()
    a_cohort()
    assert queries(client, cohort) == one


def test_head_is_answered_and_posting_is_not(client: Client) -> None:
    cohort = a_cohort()
    assert client.head(page(cohort)).status_code == 200
    assert client.post(page(cohort)).status_code == 405
