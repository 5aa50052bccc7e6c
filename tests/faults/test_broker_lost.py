"""Redis wiped, restarted or away; the clock late or doubled. The database holds the truth."""

import re
from datetime import timedelta

import pytest
import requests
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import User
from enrollment import agreements, links
from enrollment.models import Enrollment, EnrollmentMove
from enrollment.states import Status
from outbox import claims
from outbox.models import Message, State
from sandbox.ports import HOST
from sandbox.stripe_standin.process import Standin, start
from tests.billing.builders import a_group
from tests.enrollment.builders import HOUR, MINUTE, a_held_seat, a_member, an_intake
from tests.faults.mail_server import MailServer
from tests.faults.people import members_due
from tests.faults.processes import Processes

pytestmark = [pytest.mark.race, pytest.mark.stack]

DELIVER, NOTHING_TO_DO = "outbox.tasks.deliver", "billing.tasks.submit_open_refunds"
GAP = 10 * MINUTE


def addresses(enrollments: list[Enrollment]) -> list[str]:
    return sorted(each.member.email for each in enrollments)


def wait_for(parts: Processes, mail_server: MailServer, mails: int) -> None:
    parts.wait_until("mails", lambda: len(mail_server.messages) >= mails)


def test_a_kick_that_was_wiped_is_made_up_for_by_the_clock(
    parts: Processes, mail_server: MailServer
) -> None:
    members = members_due(10)
    links.promise_links(now=timezone.now())
    parts.enqueue(DELIVER)
    assert parts.enqueued() == 1
    parts.wipe_redis()
    assert parts.enqueued() == 0

    parts.start_worker()
    parts.enqueue(NOTHING_TO_DO)
    parts.wait_until_idle()
    assert mail_server.recipients() == []  # the control: the kick is lost indeed

    parts.start_beat()
    wait_for(parts, mail_server, len(members))
    parts.wait_until_idle()
    assert sorted(mail_server.recipients()) == addresses(members)


def test_worker_and_clock_survive_a_restart_of_the_broker_in_the_middle_of_a_task(
    parts: Processes, mail_server: MailServer
) -> None:
    mail_server.mail_seconds = 0.05
    parts.start_worker()
    parts.start_beat(BEAT_SECONDS="1")
    first = members_due(40)
    wait_for(parts, mail_server, 5)

    parts.wipe_redis()

    second = members_due(3)
    wait_for(parts, mail_server, len(first + second))  # fails when a process has ended
    parts.kill("beat")
    parts.wait_until_idle()
    assert sorted(mail_server.recipients()) == addresses(first + second)


def test_a_clock_that_was_stopped_for_ten_minutes_catches_up_once(
    parts: Processes, mail_server: MailServer
) -> None:
    owed = addresses(due_in_the_gap())
    parts.start_worker()
    parts.enqueue(NOTHING_TO_DO)
    parts.wait_until_idle()
    assert mail_server.recipients() == []  # the control: nobody but the clock does it

    parts.start_beat()
    wait_for(parts, mail_server, len(owed))
    parts.wait_until_idle()
    parts.kill("beat")
    parts.start_beat()  # sweeps everything again
    parts.wait_until("the second clock", lambda: parts.log("beat").count("deliver-mail") >= 2)
    parts.wait_until_idle()

    assert sorted(mail_server.recipients()) == owed
    assert len(mail_server.copies()) == len(owed)
    assert set(Message.objects.values_list("state", flat=True)) == {State.SENT}
    assert EnrollmentMove.objects.filter(target=Status.EXPIRED).count() == 1


def due_in_the_gap() -> list[Enrollment]:
    """Whoever is owed one mail because of something that came due in the last ten minutes."""
    now = timezone.now()
    # Promised before the clock stopped, and not sent: a retry, and a lease that ran out.
    put_off, abandoned = members_due(2)
    links.promise_links(now=now - GAP)
    Message.objects.filter(subject_id=put_off.pk).exclude(state=State.SENT).update(
        attempts=1, next_try_at=now - MINUTE
    )
    (_, taken) = claims.claim(limit=10, now=now - claims.LEASE - 2 * MINUTE)
    assert [message.subject_id for message in taken] == [abandoned.pk]
    # A link, a reminder and the end of a hold.
    linked = members_due(1, starts_in=24 * HOUR - GAP / 2)
    reminded = members_due(1, starts_in=reminder_lead() - GAP / 2)
    links.promise_links(now=now - 12 * HOUR, enrollment_id=reminded[0].pk)
    Message.objects.filter(subject_id=reminded[0].pk).update(state=State.SENT, sent_at=now - HOUR)
    held = a_held_seat(cohort=a_group(), now=now - 20 * MINUTE)
    return [put_off, abandoned, *linked, *reminded, held]


def reminder_lead() -> timedelta:
    group = Enrollment.objects.select_related("cohort__programme").earliest("pk").cohort
    return timedelta(minutes=group.programme.reminder_lead_minutes)


def test_two_clocks_and_two_workers_do_everything_once(
    parts: Processes, mail_server: MailServer
) -> None:
    parts.start_beat("beat", BEAT_SECONDS="0.2")
    parts.start_beat("second-beat", BEAT_SECONDS="0.2")
    parts.start_worker("worker")
    parts.start_worker("second-worker")
    members = members_due(40)
    held = a_held_seat(cohort=a_group(), now=timezone.now() - 20 * MINUTE)
    owed = addresses([*members, held])
    wait_for(parts, mail_server, len(owed))
    for name in ("beat", "second-beat"):
        wait_for_rounds(parts, name, 5)
    parts.kill("beat", "second-beat")
    parts.wait_until_idle()

    assert sorted(mail_server.recipients()) == owed
    assert EnrollmentMove.objects.filter(target=Status.EXPIRED).count() == 1


def wait_for_rounds(parts: Processes, clock: str, rounds: int) -> None:
    """Until a clock has asked so many more times for everything."""
    target = parts.log(clock).count("deliver-mail") + rounds
    parts.wait_until("rounds", lambda: parts.log(clock).count("deliver-mail") >= target)


def test_without_a_broker_a_member_reserves_and_pays_and_is_written_to_later(
    parts: Processes, mail_server: MailServer
) -> None:
    parts.kill("redis")
    group, member = a_group(), a_member()
    an_intake(member, now=timezone.now())
    with start(webhook_secret=settings.STRIPE_WEBHOOK_SECRET) as standin:
        port = parts.start_web(
            "grouport.wsgi",
            workers=1,
            threads=4,
            STRIPE_API_BASE=standin.url,
            STRIPE_CHECKOUT_ORIGIN=standin.url,
        )
        page = reserve_and_pay(f"http://{HOST}:{port}", group.slug, member, standin)
    assert "Your seat is confirmed" in page
    assert Enrollment.objects.get().status == Status.ACTIVE
    assert mail_server.recipients() == []

    parts.start_redis()
    parts.start_worker()
    parts.start_beat()
    wait_for(parts, mail_server, 2)
    parts.wait_until_idle()
    assert sorted((mail.message["Subject"], mail.rcpt_tos) for mail in mail_server.messages) == [
        ("Your cost overview is ready", [member.email]),
        ("Your seat is confirmed", [member.email]),
    ]


def reserve_and_pay(site: str, slug: str, member: User, standin: Standin) -> str:
    """Press the buttons; returns what the page says after the payment."""
    browser = requests.Session()
    client = Client()
    client.force_login(member)
    browser.cookies.set("sessionid", client.cookies["sessionid"].value)
    browser.cookies.set("csrftoken", "c" * 32)
    browser.headers["X-CSRFToken"] = "c" * 32
    ticked = {agreement.kind: "on" for agreement in agreements.CURRENT}
    url = f"{site}/groups/{slug}/reserve/agreements/"
    reserved = browser.post(url, data=ticked, allow_redirects=False)
    assert reserved.status_code == 302
    at_stripe = browser.post(site + reserved.headers["Location"], allow_redirects=False)
    assert at_stripe.headers["Location"].startswith(standin.url)
    session = re.search(r"cs_\w+", at_stripe.headers["Location"])
    assert session
    standin.control("pay", session=session[0])
    returned = browser.get(f"{site}{reserved.headers['Location']}return/")
    assert returned.status_code == 200
    return returned.text
