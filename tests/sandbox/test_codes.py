"""The Codes page: what a demo person's app shows, by real time, each code once."""

import datetime as dt
import re
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from sandbox import clock
from sandbox.apps import follow
from sandbox.demo_people import ADMIN, NOOR, PASSWORD, WITH_FACTOR
from tests.accounts.people import a_factor, make_person

pytestmark = pytest.mark.django_db

PAGE = reverse("sandbox:codes")


def shown(email: str) -> tuple[str, int]:
    """The code of somebody, and in how many seconds it works."""
    page = Client().get(PAGE).text
    found = re.search(rf'data-code-of="{email}">(\d{{6}})</code>(?:, works in (\d+) sec)?', page)
    assert found
    return found[1], int(found[2] or 0)


def signs_in(email: str, code: str) -> bool:
    client = Client()
    client.post(reverse("account_login"), {"login": email, "password": PASSWORD})
    client.post(reverse("mfa_authenticate"), {"code": code})
    return "_auth_user_id" in client.session


@pytest.fixture
def demo() -> None:
    call_command("demo", verbosity=0)


@pytest.mark.usefixtures("demo")
def test_it_shows_one_code_for_each_who_needs_a_second_factor() -> None:
    needing = User.objects.filter(role__in=["billing", "admin", "practitioner"])
    assert set(needing.values_list("email", flat=True)) == set(WITH_FACTOR)
    for email in WITH_FACTOR:
        assert shown(email)[1] == 0
        assert signs_in(email, shown(email)[0])


@pytest.mark.usefixtures("demo")
def test_a_code_that_was_used_makes_room_for_the_next_one() -> None:
    with time_machine.travel(dt.datetime(2026, 12, 1, 12, 0, 10, tzinfo=dt.UTC), tick=False) as now:
        codes = [shown(ADMIN)[0]]
        assert signs_in(ADMIN, codes[0])
        codes.append(shown(ADMIN)[0])
        assert signs_in(ADMIN, codes[1])  # half a minute early is in time
        code, wait = shown(ADMIN)
        assert wait == 20
        assert not signs_in(ADMIN, code)
        now.shift(wait)
        assert shown(ADMIN) == (code, 0)
        assert signs_in(ADMIN, code)
        assert len({*codes, code}) == 3


@pytest.mark.usefixtures("demo")
def test_it_goes_by_real_time_when_the_clock_is_moved_as_signing_in_does(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timezone, "now", timezone.now)
    file = tmp_path / "clock"
    follow(file)
    before = shown(NOOR)[0]
    clock.move_to(file, timezone.now() + dt.timedelta(weeks=3))
    assert timezone.now() - dt.datetime.now(dt.UTC) > dt.timedelta(weeks=2)
    assert signs_in(NOOR, shown(NOOR)[0])
    assert not signs_in(NOOR, before)


def test_it_tells_of_demo_people_only() -> None:
    a_factor(make_person("somebody@example.org"))
    assert "somebody@example.org" not in Client().get(PAGE).text
