"""A facilitator who may plan: their own groups, at the list price, and always led by them."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from enrollment import season
from sessions.curriculum import FROM_THE_START
from sessions.models import Cohort, Programme
from sessions.services import fingerprint
from tests.enrollment.builders import FIRST_SESSION, HOUR, a_cohort, a_member, session
from tests.enrollment.pages import said
from tests.enrollment.test_season import (
    NEW,
    SEASON,
    WEEK,
    a_draft,
    a_leader,
    a_planner,
    at,
    rows,
    shown,
    typed,
)
from tests.sessions.factories import a_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def planner(client: Client) -> User:
    person = a_planner()
    client.force_login(person)
    return person


def another_programme(price: int) -> Programme:
    made = Programme.objects.create(name="Other", slug="other", list_price_cents=price)
    a_version(made, at=FROM_THE_START, weeks={1: {"title": "One"}}, first=True)
    return made


# --- What they see ----------------------------------------------------------------------


def test_the_season_shows_their_groups_and_those_who_lead_them(
    client: Client, planner: User
) -> None:
    colleague, stranger = a_leader("Dana Reyes"), a_leader("Luis Ortega")
    a_draft(planner, colleague, name="Hers")
    a_draft(stranger, name="Another's")
    a_cohort(name="Also hers", starts_at=FIRST_SESSION + WEEK).facilitators.set([planner])
    assert sorted(rows(client)) == ["Also hers", "Hers"]
    page = said(client.get(SEASON))
    assert "Dana Reyes" in page
    assert "Luis Ortega" not in page
    assert rows(client, f"?leader={colleague.pk}") == ["Hers"]
    assert rows(client, f"?leader={stranger.pk}") == []


def test_who_may_plan_no_more_finds_nothing(client: Client, planner: User) -> None:
    draft = a_draft(planner)
    User.objects.filter(pk=planner.pk).update(may_plan=False)
    assert client.get(at("plan", draft)).status_code == 404
    planner.refresh_from_db()
    assert not season.groups_of(planner).exists()


@pytest.mark.parametrize("name", ["season", "plan_new", "plan", "plan_edit", "plan_copy"])
def test_a_page_takes_as_many_queries_for_30_groups_as_for_one(
    name: str, client: Client, planner: User
) -> None:
    draft = a_draft(planner, a_leader())
    # The copy looks for a free week; one group of hers makes it ask.
    a_cohort(starts_at=FIRST_SESSION + 13 * WEEK).facilitators.add(planner)
    path = {"season": SEASON, "plan_new": NEW}.get(name) or at(name, draft)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        return len(captured)

    client.get(path)
    few = queries()
    for number in range(29):
        other = a_cohort(starts_at=FIRST_SESSION + number * HOUR, draft=number % 2 == 0)
        other.facilitators.set([planner, a_leader()])
    assert queries() == few


# --- Who leads --------------------------------------------------------------------------


@pytest.mark.parametrize("with_others", [False, True])
def test_a_new_group_is_always_led_by_whoever_plans_it(
    with_others: bool, client: Client, planner: User
) -> None:
    others = [a_leader()] if with_others else []
    form = client.get(NEW).context["form"]
    assert planner not in form.fields["facilitators"].queryset
    response = client.post(NEW, typed(facilitators=[one.pk for one in others]))
    cohort = Cohort.objects.get()
    assert response["Location"] == at("plan", cohort)
    assert set(cohort.facilitators.all()) == {planner, *others}
    assert client.get(at("plan", cohort)).status_code == 200


def test_they_cannot_leave_a_group_of_theirs_but_colleagues_can_come_and_go(
    client: Client, planner: User
) -> None:
    first, second = a_leader("Dana Reyes"), a_leader("Luis Ortega")
    draft = a_draft(planner, first)
    client.post(at("plan_edit", draft), {**shown(client, draft), "facilitators": [second.pk]})
    assert set(draft.facilitators.all()) == {planner, second}
    client.post(at("plan_edit", draft), {**shown(client, draft), "facilitators": []})
    assert list(draft.facilitators.all()) == [planner]


def test_naming_oneself_or_a_member_is_refused_at_the_field(client: Client, planner: User) -> None:
    for wrong in (planner, a_member()):
        response = client.post(NEW, typed(facilitators=[wrong.pk]))
        assert response.status_code == 422
        assert "facilitators" in response.context["form"].errors


# --- What it costs ----------------------------------------------------------------------


def test_a_new_group_costs_the_list_price_whatever_is_posted(client: Client, planner: User) -> None:
    assert "price" not in client.get(NEW).context["form"].fields
    assert "price" not in said(client.get(NEW)).replace("list price", "")
    client.post(NEW, typed(price="1.00", price_cents="100", currency="eur"))
    cohort = Cohort.objects.get()
    assert (cohort.price_cents, cohort.currency) == (29_900, "usd")
    Cohort.objects.all().delete()
    client.post(NEW, typed(price="1.00", programme=another_programme(45_000).pk))
    assert Cohort.objects.get().price_cents == 45_000


def test_an_edit_keeps_the_price_that_an_admin_set(client: Client, planner: User) -> None:
    draft = a_draft(planner, price_cents=10_000)
    client.post(
        at("plan_edit", draft), {**shown(client, draft), "name": "Thursdays", "price": "1.00"}
    )
    draft.refresh_from_db()
    assert (draft.name, draft.price_cents) == ("Thursdays", 10_000)


def test_another_program_brings_its_own_list_price(client: Client, planner: User) -> None:
    """Else one could begin with a cheap program and end with a dear one at its price."""
    draft = a_draft(planner, price_cents=10_000)
    other = another_programme(45_000)
    client.post(at("plan_edit", draft), {**shown(client, draft), "programme": other.pk})
    draft.refresh_from_db()
    assert draft.price_cents == 45_000


def test_a_copy_is_theirs_and_costs_the_list_price(client: Client, planner: User) -> None:
    colleague = a_leader()
    cohort = a_cohort(price_cents=10_000)
    cohort.facilitators.set([planner, colleague])
    form = client.get(at("plan_copy", cohort)).context["form"]
    assert "price" not in form.fields
    client.post(
        at("plan_copy", cohort),
        typed(first_date="2027-01-05", price="1.00", facilitators=[colleague.pk]),
    )
    copied = Cohort.objects.get(status=Cohort.Status.DRAFT)
    assert copied.price_cents == 29_900
    assert set(copied.facilitators.all()) == {planner, colleague}


def test_an_admin_still_sets_any_price_and_need_not_lead(client: Client) -> None:
    client.force_login(a_member(role=Role.ADMIN))
    client.post(NEW, typed(price="10.50"))
    cohort = Cohort.objects.get()
    assert (cohort.price_cents, cohort.facilitators.count()) == (1_050, 0)


# --- What they do -----------------------------------------------------------------------


def test_their_group_goes_from_draft_to_archive(client: Client, planner: User, clock: Any) -> None:
    client.post(NEW, typed(capacity="6"))
    cohort = Cohort.objects.get()
    client.post(at("plan_dates", cohort), {"skip": "2026-11-24"})
    press = {"seen": fingerprint(Cohort.objects.get(pk=cohort.pk))}
    told = said(client.post(at("plan_publish", cohort), press, follow=True))
    assert "members can join now" in told
    client.post(at("plan_capacity", cohort), {"capacity": "10", "seen": "6"})
    refused = client.post(at("plan_capacity", cohort), {"capacity": "11", "seen": "10"})
    assert "at most 10" in said(refused)
    cohort.refresh_from_db()
    assert (cohort.capacity, cohort.skipped_dates) == (10, ["2026-11-24"])
    clock.move_to(session(cohort, 12).ends_at + dt.timedelta(hours=1))
    client.force_login(planner)
    assert "is archived" in said(client.post(at("plan_archive", cohort), follow=True))


def test_too_many_seats_are_refused_in_the_form(client: Client, planner: User) -> None:
    response = client.post(NEW, typed(capacity="11"))
    assert response.status_code == 422
    assert "capacity" in response.context["form"].errors


def test_a_name_that_a_stranger_took_in_the_same_moment_loses_nothing(
    client: Client, planner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = a_draft(a_leader())
    with monkeypatch.context() as racing:
        racing.setattr(season, "free_slug", lambda cohort: theirs.slug)
        response = client.post(NEW, typed(name="Winter"))
    assert response.status_code == 422
    assert "in the same moment" in said(response)
    assert 'value="Winter"' in response.content.decode()
    assert client.post(NEW, typed(name="Winter")).status_code == 302
