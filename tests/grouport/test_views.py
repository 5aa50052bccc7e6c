from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client

from accounts.models import Role, User


@pytest.mark.django_db
def test_healthz_is_well_while_the_database_answers(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok"})
    assert "no-store" in answer.headers["Cache-Control"]


def test_healthz_is_unwell_when_the_database_is_away(client: Client) -> None:
    with mock.patch("grouport.views.connection.cursor", side_effect=OperationalError):
        answer = client.get("/healthz")
    assert answer.status_code == 503


@pytest.mark.django_db
def test_the_admin_has_no_login_form_of_its_own(client: Client) -> None:
    answer = client.get("/admin/login/", {"next": "/admin/accounts/user/"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/accounts/login/?next=/admin/accounts/user/"


@pytest.mark.django_db
def test_the_admin_sends_nobody_to_another_site(client: Client) -> None:
    answer = client.get("/admin/login/", {"next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/accounts/login/?next=/admin/"


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "status"), [(Role.MEMBER, 403), (Role.ADMIN, 302)])
def test_a_signed_in_visitor_of_the_admin_is_let_in_or_told_no(
    client: Client, role: Role, status: int
) -> None:
    client.force_login(User.objects.create_user("someone@example.com", role=role))
    assert client.get("/admin/login/").status_code == status
