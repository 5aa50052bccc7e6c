from pathlib import Path
from unittest import mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.db import OperationalError
from django.test import Client

from accounts.models import Role, User
from tests.accounts.people import sign_in_with_factor
from tests.grouport.test_production import COMPLETE, run


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
@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example", "foo"])
def test_the_admin_sends_nobody_to_another_site(client: Client, target: str) -> None:
    answer = client.get("/admin/login/", {"next": target})
    assert answer.headers["Location"] == "/accounts/login/?next=/admin/"


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "status"), [(Role.MEMBER, 403), (Role.ADMIN, 302)])
def test_a_signed_in_visitor_of_the_admin_is_let_in_or_told_no(
    client: Client, role: Role, status: int
) -> None:
    client.force_login(User.objects.create_user("someone@example.com", role=role))
    assert client.get("/admin/login/").status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["foo", "foo.bar", "//elsewhere.example", "/\x00", "/["])
def test_an_admin_who_is_signed_in_already_stays_on_this_site(client: Client, target: str) -> None:
    admin = User.objects.create_user("someone@example.com", role=Role.ADMIN)
    sign_in_with_factor(client, admin)
    answer = client.get("/admin/login/", {"next": target})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(("/admin/", "/%00", "/["))


def test_another_sites_name_is_a_bad_request_in_production(tmp_path: Path) -> None:
    """It is refused before anybody has asked who is signed in."""
    script = (
        "import django; django.setup(); from django.test import Client; "
        "client = Client(headers={'host': 'elsewhere.example'}, raise_request_exception=False); "
        "answers = [client.get('/', secure=secure) for secure in (False, True)]; "
        "print(*(answer.status_code for answer in answers)); "
        "print('We could not read this request' in answers[1].text)"
    )
    variables = {**COMPLETE, "DATABASE_URL": f"sqlite:///{tmp_path / 'database'}"}
    done = run("-c", script, DJANGO_SETTINGS_MODULE="grouport.settings", **variables)
    assert done.stdout.splitlines() == ["400 400", "True"], done.stderr


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/time-zone/", "/accounts/login/", "/admin/login/"])
def test_nobody_can_leave_a_file_on_this_site(path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")  # with its cookie every address reads what it is sent
    large = SimpleUploadedFile("large.bin", b"x" * 3_000_000)
    with mock.patch.object(TemporaryFileUploadHandler, "receive_data_chunk") as written:
        answer = client.post(path, {"email": "sam@example.org", "file": large})
    assert answer.status_code == 400
    assert not written.called


@pytest.mark.django_db
def test_a_form_longer_than_any_of_ours_is_refused(client: Client) -> None:
    answer = client.post("/accounts/login/", {"login": "x" * 600_000, "password": "y"})
    assert answer.status_code == 400
