"""The sandbox's clock: it moves what asks Django for the time, and nothing where people are met."""

import asyncio
import datetime as dt
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from celery import Task
from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import clock as words
from enrollment import links
from outbox.models import Message, State
from sandbox import clock, clock_page
from sandbox.apps import follow
from sandbox.mailbox import stored_mails
from sandbox.smtp import Keeper
from sandbox.stripe_standin.process import start
from sessions.models import Cohort
from tests.enrollment.builders import HOUR, MINUTE, a_cohort, a_confirmed_seat, a_member
from tests.sandbox.stripe_contract import inbox, order, paid_session, sdk
from tests.smtp_sink import SmtpSink

DAY = 24 * HOUR
A_MOMENT = MINUTE  # what a test may take; nobody moves the clock by less than an hour


@pytest.fixture
def moving(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a clock that this process follows for the length of the test."""
    monkeypatch.setattr(timezone, "now", timezone.now)
    settings.SANDBOX_CLOCK = str(tmp_path / "clock")
    AppConfig.create("sandbox").ready()
    return tmp_path / "clock"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the page kicks is done in this process; the names of the tasks."""
    done: list[str] = []

    def kick_now(task: "Task[Any, Any]") -> None:
        done.append(task.name)
        task()

    monkeypatch.setattr(clock_page, "kick_now", kick_now)
    return done


def press(client: Client, move: str, **more: str) -> int:
    return client.post(reverse("sandbox:clock"), {"move": move, **more}).status_code


def real_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def ahead() -> dt.timedelta:
    return timezone.now() - real_now()


def near(one: dt.timedelta, other: dt.timedelta) -> bool:
    return abs(one - other) < A_MOMENT


# --- The clock itself ---------------------------------------------------------------------


def test_whoever_asks_django_follows_the_file_as_soon_as_it_is_written(moving: Path) -> None:
    clock.move_to(moving, real_now() + 7 * DAY)
    assert near(ahead(), 7 * DAY)
    assert near(timezone.localtime() - real_now(), 7 * DAY)
    clock.move_to(moving, real_now() + 8 * DAY)
    assert near(ahead(), 8 * DAY)
    clock.back_to_real_time(moving)
    assert near(ahead(), 0 * DAY)


def test_time_does_not_move_without_a_file_to_go_by(settings: Settings) -> None:
    real = timezone.now
    assert settings.SANDBOX_CLOCK == ""
    AppConfig.create("sandbox").ready()
    assert timezone.now is real


def test_production_refuses_to_follow_it(settings: Settings, tmp_path: Path) -> None:
    settings.DEVELOPMENT = False
    real = timezone.now
    with pytest.raises(ImproperlyConfigured):
        follow(tmp_path / "clock")
    assert timezone.now is real


def test_stripes_stand_in_follows_the_same_file(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    with start(clock_file=file) as standin:
        client = sdk(standin)
        session = client.v1.checkout.sessions.create(order(standin))
        clock.move_to(file, real_now() + HOUR)
        expired = client.v1.checkout.sessions.retrieve(session.id)
        assert (session.status, expired.status) == ("open", "expired")
        # A page that is open for half an hour more, on the clock that has moved.
        assert client.v1.checkout.sessions.create(order(standin)).status == "open"
        standin.control("clock", set=time.time())
        assert near(dt.timedelta(seconds=standin.world.clock.now() - time.time()), 0 * DAY)


def test_a_mail_says_when_it_arrived_on_the_sandboxs_clock(tmp_path: Path) -> None:
    file, mailbox = tmp_path / "clock", tmp_path / "mail"

    async def arrive() -> None:
        envelope, session = Envelope(), Session(asyncio.get_running_loop())
        envelope.content, envelope.rcpt_tos = b"Subject: A day\r\n\r\n", ["ada@example.com"]
        await Keeper(mailbox, file).handle_DATA(SMTP(None), session, envelope)

    for by in (7 * DAY, 0 * DAY):  # and the real time's order is kept
        clock.move_to(file, real_now() + by)
        # Browser tests leave a running loop in the main thread of their process.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, arrive()).result()
    arrived = [mail.arrived_at - real_now() for mail in stored_mails(mailbox)]
    assert near(arrived[0], 0 * DAY)
    assert near(arrived[1], 7 * DAY)


@pytest.mark.parametrize("by", [-DAY, DAY], ids=["behind", "ahead"])
def test_a_webhook_verifies_wherever_the_clock_stands(tmp_path: Path, by: dt.timedelta) -> None:
    clock.move_to(tmp_path / "clock", real_now() + by)
    with inbox() as box, start(webhook_url=box.url, clock_file=tmp_path / "clock") as standin:
        paid_session(standin, sdk(standin))
        assert standin.drain()
        assert "checkout.session.completed" in box.types


# --- The page -----------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(("move", "by"), [("hour", HOUR), ("day", DAY), ("week", 7 * DAY)])
def test_a_press_moves_the_time_ahead_and_the_bar_says_so(
    client: Client, moving: Path, at_once: list[str], move: str, by: dt.timedelta
) -> None:
    before = client.get(reverse("sandbox:clock")).content.decode()
    assert press(client, move) == 302
    assert press(client, move) == 302
    assert near(ahead(), 2 * by)
    page = client.get(reverse("sandbox:mailbox")).content.decode()
    today = words.day(timezone.now(), "America/New_York")
    assert f"It is {today}" in page
    assert "It is" not in before[before.index("dev-bar") : before.index("</aside>")]
    assert press(client, "real") == 302
    assert near(ahead(), 0 * DAY)
    assert not moving.exists()


@pytest.mark.django_db
def test_looking_moves_nothing(client: Client, moving: Path) -> None:
    assert client.get(reverse("sandbox:clock"), {"move": "week"}).status_code == 200
    assert not moving.exists()


@pytest.mark.django_db
def test_another_site_moves_nothing(moving: Path) -> None:
    assert press(Client(enforce_csrf_checks=True), "week") == 403
    assert not moving.exists()


@pytest.mark.django_db
def test_any_moment_ahead_is_read_on_the_readers_clock(
    client: Client, moving: Path, at_once: list[str]
) -> None:
    client.cookies["tz"] = "America/Los_Angeles"
    wished = (timezone.localtime() + 30 * DAY).replace(hour=17, minute=50)
    assert press(client, "at", at=f"{wished:%Y-%m-%dT%H:%M}") == 302
    page = client.get(reverse("sandbox:clock")).content.decode()
    assert f"{words.day(wished, 'UTC')}, 5:50 PM Pacific" in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("move", "at", "said"),
    [
        ("at", "2020-01-01T10:00", "Time runs forward."),
        ("at", "9999-12-31T23:59", "within the next five years"),
        ("at", "soon", "Enter a valid date/time."),
        ("at", "", "please fill this in"),
        ("yesterday", "", "which is the real time"),
        ("link", "", "No group with members has a session ahead."),
    ],
)
def test_a_move_that_cannot_be_made_changes_nothing(
    client: Client, moving: Path, move: str, at: str, said: str
) -> None:
    answer = client.post(reverse("sandbox:clock"), {"move": move, "at": at})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not moving.exists()


@pytest.mark.django_db
def test_where_no_clock_moves_there_is_no_page_and_no_link(client: Client) -> None:
    assert client.get(reverse("sandbox:clock")).status_code == 404
    assert press(client, "week") == 404
    assert reverse("sandbox:clock") not in client.get(reverse("sandbox:mailbox")).content.decode()


@pytest.mark.django_db
def test_a_mail_on_its_way_arrives_before_the_time_moves(
    client: Client, moving: Path, at_once: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the sweep after the move would find its lease run out, and send it again."""
    a_confirmed_seat(cohort=a_cohort(starts_at=real_now() + 20 * DAY), now=real_now())
    confirmation = Message.objects.filter(kind=links.SEAT_CONFIRMED)
    confirmation.update(
        state=State.SENDING, lease=uuid.uuid4(), lease_until=real_now() + 3 * MINUTE
    )
    waited: list[float] = []

    def arrive(seconds: float) -> None:
        assert not moving.exists()
        waited.append(seconds)
        if len(waited) == 2:
            confirmation.update(state=State.SENT, sent_at=real_now(), lease=None, lease_until=None)

    monkeypatch.setattr("sandbox.clock_page.time.sleep", arrive)
    assert press(client, "hour") == 302
    assert len(waited) == 2
    assert confirmation.get().attempts == 0


# --- What comes next ----------------------------------------------------------------------


@pytest.mark.django_db
def test_the_next_link_mail_is_there_when_the_page_is_and_then_the_door(
    client: Client, moving: Path, at_once: list[str], smtp_sink: SmtpSink
) -> None:
    start_at = (real_now() + 20 * DAY).replace(microsecond=0)
    cohort = a_cohort(starts_at=start_at)
    a_cohort(starts_at=start_at - 3 * DAY, name="Nobody came")
    seat = a_confirmed_seat(cohort=cohort, member=a_member(), now=real_now())
    assert press(client, "link") == 302
    assert near(start_at - timezone.now(), cohort.programme.link_lead_hours * HOUR)
    subjects = [str(mail.message["Subject"]) for mail in smtp_sink.messages]
    assert [subject.split()[0:2] for subject in subjects] == [["Your", "seat"], ["Your", "link"]]
    assert press(client, "door") == 302
    assert near(start_at - timezone.now(), cohort.programme.door_opens_minutes * MINUTE)
    assert "enrollment.tasks.promise_due_messages" in at_once
    client.force_login(seat.member)
    door = client.get(reverse("enrollment:door", args=[seat.door_token])).content.decode()
    assert 'name="location"' in door


@pytest.mark.django_db
def test_a_cancelled_session_is_not_what_comes_next() -> None:
    start_at = (real_now() + 20 * DAY).replace(microsecond=0)
    cohort = a_cohort(starts_at=start_at)
    a_confirmed_seat(cohort=cohort, now=real_now())
    first = cohort.group_sessions.get(number=1)
    assert clock_page.next_door(real_now()) == start_at - 15 * MINUTE
    first.cancelled_at = real_now()
    first.save()
    second = cohort.group_sessions.get(number=2)
    assert clock_page.next_door(real_now()) == second.starts_at - 15 * MINUTE
    assert Cohort.objects.count() == 1
