"""A session that nobody uses ends: soon for staff, late for members."""

import datetime as dt

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from accounts.tasks import delete_expired_sessions
from grouport.celery import app
from tests.accounts.people import PASSWORD, code_in, last_mail, make_person

pytestmark = pytest.mark.django_db

PROFILE = reverse("accounts:profile")
SIGN_IN = reverse("account_login")
START = dt.datetime(2026, 12, 1, 18, 0, tzinfo=dt.UTC)


def sign_in(client: Client) -> None:
    client.post(SIGN_IN, {"login": "sam@example.org", "password": PASSWORD})


def sign_in_by_code(client: Client) -> None:
    client.post(reverse("account_request_login_code"), {"email": "sam@example.org"})
    client.post(reverse("account_confirm_login_code"), {"code": code_in(last_mail())})


def is_in(client: Client) -> bool:
    return client.get(PROFILE).status_code == 200


@pytest.mark.parametrize("role", [Role.FACILITATOR, Role.BILLING, Role.ADMIN])
@pytest.mark.parametrize("way_in", [sign_in, sign_in_by_code])
def test_staff_who_rest_for_half_an_hour_sign_in_again(
    client: Client, role: Role, way_in: object
) -> None:
    make_person(role=role)
    with time_machine.travel(START, tick=False) as clock:
        assert callable(way_in)
        way_in(client)
        assert client.cookies["sessionid"]["max-age"] == 30 * 60
        clock.shift(dt.timedelta(minutes=30))
        assert not is_in(client)


@pytest.mark.parametrize("role", [Role.FACILITATOR, Role.ADMIN])
def test_staff_who_work_stay_signed_in(client: Client, role: Role) -> None:
    make_person(role=role)
    with time_machine.travel(START, tick=False) as clock:
        sign_in(client)
        for _ in range(4):
            clock.shift(dt.timedelta(minutes=29))
            assert is_in(client)
        clock.shift(dt.timedelta(minutes=30))
        assert not is_in(client)


@pytest.mark.parametrize("way_in", [sign_in, sign_in_by_code])
def test_a_member_stays_signed_in_for_two_weeks_after_the_last_visit(
    client: Client, way_in: object
) -> None:
    make_person()
    with time_machine.travel(START, tick=False) as clock:
        assert callable(way_in)
        way_in(client)
        for _ in range(3):
            clock.shift(dt.timedelta(days=13))
            assert is_in(client)
        clock.shift(dt.timedelta(days=14))
        assert not is_in(client)


def test_signing_in_again_leads_back_to_the_page(client: Client) -> None:
    make_person(role=Role.FACILITATOR)
    with time_machine.travel(START, tick=False) as clock:
        sign_in(client)
        clock.shift(dt.timedelta(minutes=31))
        answers = {"display_name": "Sam", "time_zone": "America/Denver"}
        response = client.post(PROFILE, answers, follow=True)
        assert response.redirect_chain == [(f"{SIGN_IN}?next={PROFILE}", 302)]
        again = {"login": "sam@example.org", "password": PASSWORD, "next": PROFILE}
        assert client.post(SIGN_IN, again)["Location"] == PROFILE


def test_a_strangers_visit_keeps_no_session(client: Client) -> None:
    client.get(SIGN_IN)
    assert not Session.objects.exists()


def test_expired_sessions_are_deleted_and_no_others(client: Client) -> None:
    make_person()
    with time_machine.travel(START, tick=False) as clock:
        sign_in(Client())
        clock.shift(dt.timedelta(days=13))
        sign_in(client)
        clock.shift(dt.timedelta(days=2))
        delete_expired_sessions()
        assert [session.pk for session in Session.objects.all()] == [client.session.session_key]


def test_the_clock_deletes_them_each_day() -> None:
    tasks = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert delete_expired_sessions.name in tasks
    assert delete_expired_sessions.name in app.tasks


def test_a_members_first_page_of_the_day_writes_the_session_once(client: Client) -> None:
    make_person()
    with time_machine.travel(START, tick=False) as clock:
        sign_in(client)
        for days, writes in ((0, [0, 0]), (1, [1, 0])):
            clock.shift(dt.timedelta(days=days))
            assert [session_writes(client) for _ in range(2)] == writes


def session_writes(client: Client) -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(PROFILE)
    return sum('UPDATE "django_session"' in query["sql"] for query in queries)
