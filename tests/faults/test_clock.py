"""A worker that slept over a session's start, and a system whose zone is far away.

The rules are tested in tests/enrollment (`test_links.py`, `test_mails.py`); here real processes
follow them, by the real time.
"""

import datetime as dt
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from bench.client import Connection, get
from enrollment import links
from enrollment.models import Enrollment
from outbox.models import Message, State
from tests.enrollment.builders import HOUR, MINUTE
from tests.faults.mail_server import MailServer
from tests.faults.people import members_due
from tests.faults.processes import Processes, own_database_url
from tests.smtp_sink import Received

pytestmark = [pytest.mark.race, pytest.mark.stack]

ZONES = ("UTC", "Asia/Kolkata")
ABROAD, NAIVE = "tests.faults.abroad", "tests.faults.naive"
OPEN_NOW = "Your session is open now"


def somebody(*, starts_in: dt.timedelta, promised: bool = False) -> Enrollment:
    """A member whose first session starts then; `promised`: link and reminder wait since long."""
    (member,) = members_due(1, starts_in=starts_in)
    if promised:
        start = member.cohort.group_sessions.get(number=1).starts_at
        links.promise_links(now=start - 20 * HOUR, enrollment_id=member.pk)
        links.promise_links(now=start - 30 * MINUTE, enrollment_id=member.pk)
    return member


def start_clock(parts: Processes, *, include: str = "") -> None:
    """A worker and a beat that wake up now."""
    parts.start_worker(include=include)
    parts.start_beat(BEAT_SECONDS="1")


def text_of(received: Received) -> str:
    body = received.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_who_wakes_during_a_session_sends_the_door_and_after_it_nothing(
    parts: Processes, mail_server: MailServer
) -> None:
    running = somebody(starts_in=-10 * MINUTE)
    running_promised = somebody(starts_in=-10 * MINUTE, promised=True)
    somebody(starts_in=-2 * HOUR)
    over_promised = somebody(starts_in=-2 * HOUR, promised=True)
    coming = somebody(starts_in=20 * HOUR)
    start_clock(parts)
    waiting = Message.objects.filter(state__in=(State.QUEUED, State.SENDING))
    parts.wait_until("mails", lambda: len(mail_server.messages) >= 3 and not waiting.exists())
    parts.wait_until_idle()

    mails = {mail.rcpt_tos[0]: mail for mail in mail_server.messages}
    assert len(mail_server.messages) == len(mails) == 3
    for member in (running, running_promised):
        mail = mails[member.member.email]
        assert mail.message["Subject"] == OPEN_NOW
        assert "In case you missed your link, here is your door." in text_of(mail)
        assert member.door_url in text_of(mail)
    assert mails[coming.member.email].message["Subject"].startswith("Your link for ")
    reasons = Message.objects.filter(state=State.NOT_OWED).values_list(
        "subject_id", "kind", "reason"
    )
    assert sorted(reasons) == sorted(
        [
            (running_promised.pk, links.SESSION_REMINDER, "The session has begun."),
            (over_promised.pk, links.SESSION_LINK, "The session is over."),
            (over_promised.pk, links.SESSION_REMINDER, "The session is over."),
        ]
    )


# --- The system's zone ------------------------------------------------------------------


def pages(parts: Processes, member: Enrollment, browser: Client, *, module: str) -> list[str]:
    """Pages and the calendar file as a web process shows them; without what is random."""
    web = Connection(parts.start_web(module, workers=1, threads=4, name="web"))
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    own = f"/my/{member.public_id}/"
    shown = []
    for path in ("/", f"/groups/{member.cohort.slug}/", "/my/", own, f"{own}calendar.ics"):
        asked = get(path)[:-2] + f"Cookie: {cookie}\r\n\r\n".encode()
        answer = web.ask(asked)
        assert answer.status == 200
        shown.append(re.sub(r'(csrf\w*" value="|DTSTAMP:)\w+', r"\1", answer.body.decode()))
    return shown


def own_words(received: Received) -> list[str]:
    """A mail's parts; its Message-ID and Date are of the moment, but the zone of Date is not."""
    message = received.message
    zone = str(message["Date"])[-5:]
    parts = [str(part.get_content()) for part in message.walk() if not part.is_multipart()]
    return [received.rcpt_tos[0], str(message["Subject"]), zone, *parts]


def almanac(parts: Processes) -> str:
    """What the rules of time say (tests/faults/almanac.py)."""
    command = [sys.executable, "-m", "tests.faults.almanac"]
    done = subprocess.run(
        command, env=parts.environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert "delete-expired-sessions" in done.stdout
    return done.stdout


def in_zone(folder: Path, zone: str) -> Processes:
    folder.mkdir()
    return Processes(folder=folder, database_url=own_database_url(), TZ=zone, SYSTEM_ZONE=zone)


def test_the_systems_zone_changes_no_page_no_mail_and_no_rule(
    transactional_db: None, client: Client, tmp_path: Path
) -> None:
    running, coming = somebody(starts_in=-10 * MINUTE), somebody(starts_in=20 * HOUR)
    client.force_login(coming.member)
    seen = []
    for number, zone in enumerate(ZONES):
        Message.objects.all().delete()
        with (
            in_zone(tmp_path / str(number), zone) as parts,
            MailServer(port=parts.email_port) as mail_server,
        ):
            parts.start_redis()
            start_clock(parts, include=ABROAD)
            shown = pages(parts, coming, client, module=ABROAD)
            parts.wait_until("links", lambda: len(mail_server.messages) >= 2)
            mails = sorted(own_words(received) for received in mail_server.messages)
            seen.append((shown, mails, almanac(parts)))

    assert {mail[0] for mail in seen[0][1]} == {running.member.email, coming.member.email}
    assert seen[0] == seen[1]


def test_control_a_time_read_off_the_systems_clock_shows(
    transactional_db: None, client: Client, tmp_path: Path
) -> None:
    coming = somebody(starts_in=20 * HOUR)
    client.force_login(coming.member)
    seen = []
    for number, zone in enumerate(ZONES):
        with in_zone(tmp_path / str(number), zone) as parts:
            parts.start_redis()
            seen.append(pages(parts, coming, client, module=NAIVE))

    differs = [here != there for here, there in zip(*seen, strict=True)]
    assert differs == [True, True, True, True, False]  # a calendar file has instants only
