"""Two people plan the same group: what the first one changed is never lost unseen."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from enrollment import season
from enrollment.history import ChangedMeanwhile
from enrollment.models import Seat
from enrollment.views.changing import CHANGED
from sessions.forms import PlanForm
from sessions.models import Cohort
from sessions.services import fingerprint
from tests.accounts.people import sign_in_with_factor
from tests.enrollment.builders import NOW, a_cohort, a_member
from tests.enrollment.pages import said
from tests.enrollment.test_season import a_draft, a_leader, a_planner, at, filled_in, shown

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def admin(client: Client) -> User:
    person = a_member(role=Role.ADMIN, display_name="Robin")
    sign_in_with_factor(client, person)
    return person


def hints(response: Any) -> dict[str, str]:
    """What the form says is saved, by field."""
    fields = response.context["form"].fields
    said_there = {name: field.help_text for name, field in fields.items()}
    return {
        name: text.split("<strong>")[1].removesuffix("</strong>")
        for name, text in said_there.items()
        if "Saved now" in text
    }


def test_an_older_form_changes_nothing_and_shows_what_stands_beside_what_was_typed(
    client: Client, admin: User
) -> None:
    draft = a_draft()
    first = {**shown(client, draft), "wall_time": "10:00"}
    second = {**shown(client, draft), "capacity": "5"}
    assert client.post(at("plan_edit", draft), first).status_code == 302

    late = client.post(at("plan_edit", draft), second)

    assert late.status_code == 409
    assert CHANGED in said(late)
    draft.refresh_from_db()
    assert (draft.wall_time, draft.capacity) == (dt.time(10), 8)
    assert hints(late) == {
        "wall_time": "Saved now: 10:00 AM.",
        "capacity": "Saved now: 8.",
    }
    typed_in = {**filled_in(late.context["form"]), "seen": ""}
    assert typed_in == {**second, "seen": ""}


def test_whoever_has_seen_what_stands_may_save_over_it(client: Client, admin: User) -> None:
    draft = a_draft()
    second = {**shown(client, draft), "capacity": "5"}
    client.post(at("plan_edit", draft), {**shown(client, draft), "wall_time": "10:00"})
    late = client.post(at("plan_edit", draft), second)
    decided = {**filled_in(late.context["form"]), "wall_time": "10:00"}
    assert client.post(at("plan_edit", draft), decided).status_code == 302
    draft.refresh_from_db()
    assert (draft.wall_time, draft.capacity) == (dt.time(10), 5)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"first_date": dt.date(2026, 10, 8)}, ("first_date", "Thursday, October 8, 2026")),
        ({"name": "<b>Owls</b>"}, ("name", "&lt;b&gt;Owls&lt;/b&gt;")),
        ({"time_zone": "America/Denver"}, ("time_zone", "Mountain")),
        ({"admission": "modules"}, ("admission", "At weeks 1, 5 and 9")),
        ({"admitted_states": ["NY"]}, ("admitted_states", "NY")),
        ({"price_cents": 12_345}, ("price", "123.45")),
        ({"duration_minutes": 90}, ("duration_minutes", "90")),
        ({"meeting_url": "https://meet.example/x"}, ("meeting_url", "https://meet.example/x")),
    ],
)
def test_each_field_says_what_somebody_else_saved(
    change: dict[str, Any], hint: tuple[str, str], client: Client, admin: User
) -> None:
    draft = a_draft()
    older = shown(client, draft)
    Cohort.objects.filter(pk=draft.pk).update(**change)
    late = client.post(at("plan_edit", draft), older)
    field, words = hint
    assert late.status_code == 409
    assert list(hints(late)) == [field]
    assert words in hints(late)[field]
    assert "<b>" not in late.content.decode()
    draft.refresh_from_db()
    [(name, value)] = change.items()
    assert getattr(draft, name) == value


def test_leaders_that_somebody_else_added_or_took_away_are_not_lost(
    client: Client, admin: User
) -> None:
    luis, mei = a_leader("Luis Ortega"), a_leader("Mei Tanaka")
    draft = a_draft(luis)
    older = {**shown(client, draft), "capacity": "6"}
    draft.facilitators.add(mei)
    late = client.post(at("plan_edit", draft), older)
    assert late.status_code == 409
    assert hints(late)["facilitators"] == "Saved now: Luis Ortega and Mei Tanaka."
    assert set(draft.facilitators.all()) == {luis, mei}
    older = {**shown(client, draft), "capacity": "6"}
    draft.facilitators.clear()
    late = client.post(at("plan_edit", draft), older)
    assert hints(late)["facilitators"] == "Saved now: nobody."
    assert not draft.facilitators.exists()


def test_a_date_that_somebody_skipped_meanwhile_stays_skipped(client: Client, admin: User) -> None:
    draft = a_draft()
    older = {**shown(client, draft), "name": "Thursdays"}
    client.post(at("plan_dates", draft), {"skip": "2026-11-24"})
    assert client.post(at("plan_edit", draft), older).status_code == 409
    draft.refresh_from_db()
    assert draft.skipped_dates == ["2026-11-24"]


@pytest.mark.parametrize("own", [False, True])
def test_a_second_press_of_the_same_form_finds_it_saved(own: bool, client: Client) -> None:
    planner = a_planner() if own else a_member(role=Role.ADMIN)
    client.force_login(planner)
    draft = a_draft(planner, a_leader())
    typed_in = {**shown(client, draft), "capacity": "5"}
    for _ in range(2):
        response = client.post(at("plan_edit", draft), typed_in, follow=True)
        assert response.redirect_chain == [(at("plan", draft), 302)]
        assert CHANGED not in said(response)


def test_a_form_that_does_not_say_what_it_shows_is_an_old_one(client: Client, admin: User) -> None:
    draft = a_draft()
    typed_in = {**shown(client, draft), "capacity": "5"}
    assert client.post(at("plan_edit", draft), {**typed_in, "seen": ""}).status_code == 409
    del typed_in["seen"]
    assert client.post(at("plan_edit", draft), typed_in).status_code == 409


def test_a_slip_in_an_older_form_does_not_make_it_a_new_one(client: Client, admin: User) -> None:
    draft = a_draft()
    older = {**shown(client, draft), "capacity": "50"}
    Cohort.objects.filter(pk=draft.pk).update(wall_time=dt.time(10))
    slip = client.post(at("plan_edit", draft), older)
    assert slip.status_code == 422
    mended = {**older, "seen": slip.context["form"]["seen"].value(), "capacity": "5"}
    assert client.post(at("plan_edit", draft), mended).status_code == 409


def test_a_planner_who_was_taken_off_the_draft_meanwhile_finds_nothing(client: Client) -> None:
    planner = a_planner()
    client.force_login(planner)
    draft = a_draft(planner)
    older = {**shown(client, draft), "capacity": "5"}
    draft.facilitators.set([a_leader()])
    assert client.post(at("plan_edit", draft), older).status_code == 404
    draft.refresh_from_db()
    assert draft.capacity == 8


def test_a_change_between_the_look_and_the_lock_is_seen(admin: User) -> None:
    """Both requests have read the same draft before either saves."""
    draft = a_draft()
    forms = []
    for change in ({"wall_time": "10:00"}, {"capacity": "5"}):
        instance = Cohort.objects.get(pk=draft.pk)
        data = {**filled_in(PlanForm(instance=instance, planner=admin)), **change}
        form = PlanForm(data, instance=instance, planner=admin)
        assert form.is_valid()
        forms.append(form)
    season.save_draft(forms[0])
    with pytest.raises(ChangedMeanwhile):
        season.save_draft(forms[1])
    draft.refresh_from_db()
    assert (draft.wall_time, draft.capacity) == (dt.time(10), 8)


def test_the_fingerprint_tells_what_is_planned_and_not_what_was_told_to_members() -> None:
    draft = a_draft()
    before = fingerprint(draft)
    Cohort.objects.filter(pk=draft.pk).update(version=3)
    draft.refresh_from_db()
    assert fingerprint(draft) == before
    draft.facilitators.add(a_leader())
    assert fingerprint(draft) != before


# --- Seats ------------------------------------------------------------------------------


def test_the_seats_that_somebody_else_set_are_not_set_back_by_an_older_page(
    client: Client, admin: User
) -> None:
    for draft in (True, False):
        cohort = a_cohort(draft=draft, capacity=8)
        older = filled_in(client.get(at("plan", cohort)).context["form"])
        assert older == {"capacity": "8", "seen": "8", "facilitators": []}
        client.post(at("plan_capacity", cohort), {"capacity": 10, "seen": 8})
        late = client.post(at("plan_capacity", cohort), {**older, "capacity": 6})
        assert late.status_code == 409
        assert CHANGED in said(late)
        assert "Saved now: 10." in said(late)
        form = late.context["form"]
        assert (form["capacity"].value(), form["seen"].value()) == (6, 10)
        cohort.refresh_from_db()
        assert cohort.capacity == 10
        assert Seat.objects.filter(cohort=cohort).count() == (0 if draft else 10)
        decided = client.post(at("plan_capacity", cohort), {"capacity": 6, "seen": 10})
        assert decided.status_code == 302


def test_the_same_number_of_seats_pressed_twice_is_set_once(client: Client, admin: User) -> None:
    cohort = a_cohort(capacity=8)
    for _ in range(2):
        response = client.post(at("plan_capacity", cohort), {"capacity": 6, "seen": 8}, follow=True)
        assert "The seats are changed." in said(response)
    assert Seat.objects.filter(cohort=cohort).count() == 6


def test_a_page_that_does_not_say_how_many_seats_it_showed_changes_none(
    client: Client, admin: User
) -> None:
    cohort = a_cohort(capacity=8)
    assert client.post(at("plan_capacity", cohort), {"capacity": 6}).status_code == 409
    assert client.post(at("plan_capacity", cohort), {"capacity": 6, "seen": "x"}).status_code == 422
    cohort.refresh_from_db()
    assert cohort.capacity == 8


def test_whoever_looked_at_no_page_sets_the_seats_all_the_same() -> None:
    cohort = a_cohort(capacity=8)
    season.change_capacity(cohort=cohort, capacity=6, now=NOW)
    with pytest.raises(ChangedMeanwhile):
        season.change_capacity(cohort=cohort, capacity=7, seen=8, now=NOW)
    assert Seat.objects.filter(cohort=cohort).count() == 6


def test_what_stands_is_said_in_as_many_queries_for_three_leaders_as_for_one(
    client: Client, admin: User
) -> None:
    def cost(leaders: int) -> int:
        draft = a_draft(*(a_leader() for _ in range(leaders)))
        older = {**shown(client, draft), "name": "Owls", "facilitators": []}
        Cohort.objects.filter(pk=draft.pk).update(wall_time=dt.time(10))
        with CaptureQueriesContext(connection) as captured:
            assert client.post(at("plan_edit", draft), older).status_code == 409
        return len(captured)

    assert cost(1) == cost(3)
