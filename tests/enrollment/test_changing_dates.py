"""The pages on which a leader changes the dates: ask, look, do."""

import datetime as dt
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, User
from enrollment import links, rescheduling
from enrollment.admin import CohortForm
from enrollment.changes import Wish
from outbox.models import Message
from sessions.models import Cohort, CohortChange
from tests.accounts.people import sign_in_with_factor
from tests.enrollment.builders import (
    FIRST_SESSION,
    HOUR,
    NOW,
    a_cohort,
    a_confirmed_seat,
    a_member,
    session,
)
from tests.enrollment.pages import said
from tests.enrollment.test_admin import typed as typed_in_admin

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def cohort() -> Cohort:
    return a_cohort()


@pytest.fixture
def leading(client: Client, cohort: Cohort) -> Client:
    client.force_login(a_leader(cohort))
    return client


def a_leader(cohort: Cohort) -> User:
    leader = a_member(role=Role.FACILITATOR, display_name="Dana Reyes")
    cohort.facilitators.add(leader)
    return leader


def page_of(cohort: Cohort) -> str:
    return reverse("enrollment:change_dates", args=[cohort.slug])


def typed(**changes: object) -> dict[str, object]:
    return {
        "number": 1,
        "kind": "move",
        "day": "2026-10-08",
        "wall_time": "19:00",
        "reason": "The room is taken",
        "version": 0,
        **changes,
    }


def shown(response: Any) -> dict[str, str]:
    """What a preview would send when it is confirmed."""
    page = response.content.decode()
    inputs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: value for name, value in inputs if name != "csrfmiddlewaretoken"}


def test_the_roster_and_the_register_lead_here(leading: Client, cohort: Cohort) -> None:
    for name, more in (("roster", ()), ("register", (1,))):
        response = leading.get(reverse(f"enrollment:{name}", args=[cohort.slug, *more]))
        assert f'href="{page_of(cohort)}"' in response.content.decode()


def test_asked_looked_at_and_done(leading: Client, cohort: Cohort) -> None:
    a_confirmed_seat(cohort=cohort)
    form = said(leading.get(page_of(cohort)))
    assert "Week 1: Tue, Oct 6, 6:00 PM Eastern" in form
    preview = leading.post(page_of(cohort), typed())
    words = said(preview)
    assert "Week 1: Thursday, October 8, 7:00 PM Eastern (now Tuesday, October 6" in words
    assert "1 member gets one email" in words
    assert "nothing has to be paid back" in words
    assert session(cohort, 1).starts_at == FIRST_SESSION
    done = leading.post(page_of(cohort), {**shown(preview), "confirm": "1"}, follow=True)
    assert "One session moved. 1 member is told by email." in said(done) + done.content.decode()
    assert "Dana Reyes: One session moved (week 1). The room is taken" in said(done)
    assert session(cohort, 1).starts_at == FIRST_SESSION + 49 * HOUR
    assert Message.objects.filter(kind=links.SCHEDULE_CHANGED).count() == 1


def test_an_admin_who_cancels_reads_how_much_each_share_is(client: Client, cohort: Cohort) -> None:
    sign_in_with_factor(client, a_member(role=Role.ADMIN))
    a_confirmed_seat(cohort=cohort)
    words = said(client.post(page_of(cohort), typed(number=2, kind="cancel")))
    assert "$24.91 to 1 member" in words


def test_cancelling_says_that_a_share_goes_back_and_pays_nothing_back(
    leading: Client, cohort: Cohort
) -> None:
    a_confirmed_seat(cohort=cohort)
    words = said(leading.post(page_of(cohort), typed(number=2, kind="cancel")))
    assert "Week 2: cancelled (Tuesday, October 13, 6:00 PM Eastern)" in words
    assert "each member gets back its share of what they paid" in words
    assert "$" not in words
    assert "that says so" in words
    assert "no link is sent for it" in words
    assert "gets a new one" not in words
    assert "Nothing is paid back by this page" in words


def test_a_replacement_shows_every_week_that_moves(leading: Client, cohort: Cohort) -> None:
    words = said(leading.post(page_of(cohort), typed(number=11, kind="replace", day="")))
    assert "Week 11: Tuesday, December 22, 6:00 PM Eastern" in words
    assert "Week 12: Tuesday, December 29, 6:00 PM Eastern" in words
    assert "so no member gets an email" in words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": ""}, "Choose what happens."),
        ({"day": ""}, "Choose the new date."),
        ({"wall_time": ""}, "Choose the new time."),
        ({"day": "soon"}, "Enter a date as 2026-12-01."),
        ({"wall_time": "25:00"}, "Enter a time as 18:00."),
        ({"number": 13}, "Choose a session that is still to come."),
        ({"number": "x"}, "Choose a session that is still to come."),
        ({"day": "2026-10-14"}, "Week 2 would come before week 1."),
        ({"day": "2026-09-01"}, "That date has passed."),
        ({"day": "1926-09-01"}, "That date has passed."),
        ({"day": "9999-12-31"}, "That is more than half a year away."),
        ({"reason": "x" * 201}, "at most 200 characters"),
    ],
)
def test_a_slip_is_said_at_its_field_and_nothing_is_lost(
    changes: dict[str, object], words: str, leading: Client, cohort: Cohort
) -> None:
    for more in ({}, {"confirm": "1"}):
        response = leading.post(page_of(cohort), {**typed(**changes), **more})
        assert response.status_code == 422
        assert words in said(response)
        if "reason" not in changes:
            assert 'value="The room is taken"' in response.content.decode()
    assert not CohortChange.objects.exists()


def test_going_back_keeps_what_was_typed(leading: Client, cohort: Cohort) -> None:
    response = leading.post(page_of(cohort), typed(back="1"))
    page = response.content.decode()
    assert response.status_code == 200
    assert 'value="2026-10-08"' in page
    assert 'value="19:00"' in page
    assert 'value="move" required id="id_kind_0" checked' in re.sub(r"\s+", " ", page)


@pytest.mark.parametrize("press", [{}, {"confirm": "1"}])
def test_whoever_was_slower_sees_what_stands_now_and_keeps_what_they_typed(
    press: dict[str, str], leading: Client, cohort: Cohort
) -> None:
    colleague = Client()
    colleague.force_login(a_leader(cohort))
    colleague.post(page_of(cohort), typed(confirm="1"))
    response = leading.post(page_of(cohort), {**typed(number=5, kind="replace"), **press})
    page = response.content.decode()
    assert response.status_code == 409
    assert "Somebody else changed this group meanwhile" in page
    assert "Week 1: Thu, Oct 8, 7:00 PM Eastern" in page
    assert '<option value="5" selected>' in page
    assert 'value="The room is taken"' in page
    assert CohortChange.objects.count() == 1
    again = leading.post(page_of(cohort), {**typed(number=5, kind="replace", version=1), **press})
    assert again.status_code == (302 if press else 200)


def test_a_group_that_is_over_has_nothing_to_change(
    leading: Client, cohort: Cohort, clock: Any
) -> None:
    clock.move_to(session(cohort, 12).ends_at)
    leading.force_login(cohort.facilitators.get())
    assert "No session of this group is still to come." in said(leading.get(page_of(cohort)))


def test_once_changed_the_admin_keeps_the_dates(client: Client, cohort: Cohort) -> None:
    sign_in_with_factor(client, a_member(role=Role.ADMIN))
    admin = reverse("admin:group_sessions_cohort_change", args=[cohort.pk])
    assert 'name="first_date"' in client.get(admin).content.decode()
    client.post(page_of(cohort), typed(kind="cancel", confirm="1"))
    page = client.get(admin).content.decode()
    assert 'name="first_date"' not in page
    assert "(cancelled)" in page


def test_looking_takes_as_many_queries_for_one_member_as_for_three(
    leading: Client, cohort: Cohort
) -> None:
    counts = []
    leading.get(page_of(cohort))
    for members in (1, 2):
        for _ in range(members):
            a_confirmed_seat(cohort=cohort)
        with CaptureQueriesContext(connection) as captured:
            leading.post(page_of(cohort), typed(number=5, kind="cancel"))
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 14


def test_an_admin_who_saves_at_the_same_moment_undoes_nothing(
    client: Client, cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading and the writing of the admin's form, a leader moves a session."""
    sign_in_with_factor(client, a_member(role=Role.ADMIN))
    admin = reverse("admin:group_sessions_cohort_change", args=[cohort.pk])
    data = typed_in_admin(cohort, name="Tuesdays")
    clean = CohortForm.clean

    def clean_while_somebody_moves_a_session(form: CohortForm) -> dict[str, Any] | None:
        if not CohortChange.objects.exists():
            rescheduling.apply(
                cohort_id=cohort.pk,
                wish=Wish("move", 1, dt.date(2026, 10, 8), dt.time(19)),
                version=0,
                actor=a_leader(cohort),
                reason="",
                now=NOW,
            )
        return clean(form)

    monkeypatch.setattr(CohortForm, "clean", clean_while_somebody_moves_a_session)
    assert client.post(admin, data).status_code == 302
    cohort.refresh_from_db()
    first = session(cohort, 1)
    assert cohort.name == "Tuesdays"
    moved = FIRST_SESSION + 49 * HOUR
    assert (cohort.version, cohort.joinable_until) == (1, moved)
    assert (first.starts_at, first.sequence) == (moved, 1)
