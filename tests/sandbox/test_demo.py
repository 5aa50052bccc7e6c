"""Demo data shows every stage of a group, whenever it is loaded."""

import datetime as dt

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from billing.models import Payment
from enrollment import catalogue, door
from enrollment.door import DoorState
from enrollment.models import Enrollment, Seat
from enrollment.states import Status
from sandbox import demo
from sandbox.demo_people import KIM, LOGINS, SAM, WITH_FACTOR
from sessions.models import Cohort, GroupSession

pytestmark = pytest.mark.django_db

MOMENTS = [
    dt.datetime(2026, 11, 22, 17, 40, tzinfo=dt.UTC),
    dt.datetime(2026, 11, 1, 5, 59, 59, tzinfo=dt.UTC),  # before New York's hour repeats
    dt.datetime(2026, 11, 1, 6, 30, tzinfo=dt.UTC),  # while it repeats
    dt.datetime(2027, 3, 14, 7, 0, tzinfo=dt.UTC),  # where an hour is skipped
    dt.datetime(2026, 12, 31, 4, 59, tzinfo=dt.UTC),
    dt.datetime(2028, 2, 29, 9, 0, tzinfo=dt.UTC),  # night everywhere in the United States
]
NOW = MOMENTS[0]


@pytest.mark.parametrize("now", MOMENTS)
def test_every_stage_is_there(now: dt.datetime) -> None:
    assert len(demo.load(now=now)) == 9
    cards = catalogue.open_groups(now=now)
    assert {0, 1, 10} <= {card.seats_left for card in cards}
    assert {card.first_week for card in cards} == {1, 5, 9}
    assert any(card.starts_at <= now + dt.timedelta(hours=36) for card in cards if card.starts_at)
    assert len({card.cohort.time_zone for card in cards}) >= 6
    running = GroupSession.objects.get(starts_at__lte=now, ends_at__gt=now)
    assert running.number == 3
    sam = User.objects.get(email=SAM)
    enrollment = Enrollment.objects.get(member=sam)
    doorway = door.look(token=enrollment.door_token, user=sam, now=now)
    assert (doorway.state, doorway.session) == (DoorState.OPEN, running)


def test_loading_again_changes_nothing() -> None:
    demo.load(now=NOW)
    before = (
        list(User.objects.order_by("pk").values()),
        list(Enrollment.objects.order_by("pk").values()),
        list(Cohort.objects.order_by("pk").values()),
    )
    assert demo.load(now=NOW + dt.timedelta(minutes=30)) == []
    after = (
        list(User.objects.order_by("pk").values()),
        list(Enrollment.objects.order_by("pk").values()),
        list(Cohort.objects.order_by("pk").values()),
    )
    assert after == before


def test_only_what_time_has_passed_by_is_made_again() -> None:
    demo.load(now=NOW)
    made = demo.load(now=NOW + dt.timedelta(days=2))
    assert sorted(cohort.slug.split("-2026")[0] for cohort in made) == ["arizona-noon", "today"]
    assert demo.load(now=NOW + dt.timedelta(days=2)) == []


def test_a_member_whose_answers_were_changed_does_not_stop_it() -> None:
    demo.load(now=NOW)
    intake = User.objects.get(email=SAM).intake
    intake.answers = {**intake.answers, "state": "WY"}
    intake.save()
    demo.load(now=NOW + dt.timedelta(days=2))
    assert Enrollment.objects.filter(member__email=SAM).count() == 1
    assert Enrollment.objects.filter(member__email=KIM).count() == 2


def test_three_people_wait_for_a_seat_in_the_full_group() -> None:
    demo.load(now=NOW)
    waiting = Enrollment.objects.filter(status=Status.WAITLISTED)
    assert waiting.count() == 3
    assert waiting.filter(cohort__slug__startswith="eastern-evening-").count() == 3
    assert waiting.filter(waiting_since__lte=NOW).count() == 3


def test_every_seat_that_is_taken_was_paid_for() -> None:
    demo.load(now=NOW)
    active = Enrollment.objects.filter(status=Status.ACTIVE)
    assert active.count() == Enrollment.objects.exclude(status=Status.WAITLISTED).count() == 38
    assert Seat.objects.exclude(enrollment=None).count() == 38
    paid = dict(Payment.objects.values_list("enrollment_id", "amount_cents"))
    assert paid == dict(active.values_list("pk", "price_cents"))


def test_every_printed_login_works() -> None:
    call_command("demo", verbosity=0)
    for _, email, password in LOGINS:
        client = Client()
        client.post(reverse("account_login"), {"login": email, "password": password})
        if email in WITH_FACTOR:
            page = client.get(reverse("sandbox:codes")).text
            code = page.split(f'data-code-of="{email}">')[1][:6]
            client.post(reverse("mfa_authenticate"), {"code": code})
        assert client.session["_auth_user_id"] == str(User.objects.get(email=email).pk)


def test_a_real_installation_refuses_it(settings: Settings) -> None:
    settings.DEVELOPMENT = False
    with pytest.raises(CommandError, match="a real one"):
        call_command("demo")
    assert not User.objects.exists()
