"""A worker and its mail server on a bad day: the week's links arrive, or their failure is seen.

What each reply means for one mail is tested in tests/outbox/test_smtp.py; here it is shown to
hold for a worker process, a batch of real mails, and the page on which staff look. A server
that says nothing keeps the mails behind it waiting for EMAIL_TIMEOUT, and no longer.
"""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from enrollment import links
from outbox import claims
from outbox.models import Message, State
from sandbox.ports import HOST
from tests.accounts.people import sign_in_with_factor
from tests.faults.mail_server import MailServer
from tests.faults.people import members_due
from tests.faults.processes import Processes, time_passes

pytestmark = [pytest.mark.race, pytest.mark.stack]

SWEEP = "outbox.tasks.sweep"


def link_mails() -> list[Message]:
    of_links = Message.objects.filter(kind=links.SESSION_LINK).select_related("recipient")
    return list(of_links.order_by("pk"))


def owed_links(count: int) -> list[str]:
    """The addresses of so many members whose link is promised, the first in the queue first."""
    members_due(count)
    links.promise_links(now=timezone.now())
    return [message.recipient.email for message in link_mails()]


def sweep(parts: Processes) -> None:
    """The worker sweeps once, and has finished."""
    parts.enqueue(SWEEP)
    parts.wait_until_idle()


@contextmanager
def nobody(port: int) -> Iterator[None]:
    """Connections are refused."""
    yield


@contextmanager
def silence(port: int) -> Iterator[None]:
    """Connections are taken, and no word is ever said."""
    with socket.create_server((HOST, port)):
        yield


@pytest.mark.parametrize(
    ("away", "error"),
    [(nobody, "ConnectionRefusedError"), (silence, "timed out")],
    ids=["refuses", "never-answers"],
)
def test_links_wait_at_no_cost_for_a_server_that_is_away(
    parts: Processes, away: Callable[[int], AbstractContextManager[None]], error: str
) -> None:
    everybody = owed_links(60)
    parts.start_worker()
    with away(parts.email_port):
        sweep(parts)
    waiting = link_mails()
    assert {(each.state, each.attempts, each.lease) for each in waiting} == {
        (State.QUEUED, 0, None)
    }
    tried = {each.last_error for each in waiting if each.last_error}
    assert len(tried) == 1
    assert error in tried.pop()

    with MailServer(port=parts.email_port) as server:
        sweep(parts)
    assert sorted(server.recipients()) == sorted(everybody)
    assert {each.state for each in link_mails()} == {State.SENT}


def test_bad_addresses_in_a_batch_delay_nobody_and_are_retried_or_seen(
    parts: Processes, mail_server: MailServer, admin_client: Client, admin_user: User
) -> None:
    sign_in_with_factor(admin_client, admin_user)
    everybody = owed_links(20)
    gone, unknown, greylisted, full, dropped, hung, *sound = everybody  # the bad ones come first
    mail_server.refused = {
        gone: "550 5.1.1 No such person",
        unknown: "553 5.1.3 Bad address",
        greylisted: "450 4.2.0 Greylisted",
        full: "452 4.2.2 Mailbox full",
    }
    mail_server.moods = {dropped: "drop", hung: "hang"}
    parts.start_worker()
    sweep(parts)

    assert set(sound) < set(mail_server.recipients())
    states = {each.recipient.email: (each.state, each.attempts) for each in link_mails()}
    assert states == {
        **dict.fromkeys(sound, (State.SENT, 1)),
        **dict.fromkeys([gone, unknown], (State.FAILED, 1)),
        **dict.fromkeys([greylisted, full, dropped, hung], (State.QUEUED, 1)),
    }
    assert_staff_see(admin_client, {gone: "No such person", unknown: "Bad address"})

    time_passes(claims.FIRST_DELAY)
    del mail_server.refused[greylisted], mail_server.refused[full]
    sweep(parts)
    assert_staff_see(admin_client, {gone: "No such person", unknown: "Bad address"})
    # The server took the mail, hung up before it said so, and got it again: known as a copy.
    expected = Counter(set(everybody) - {gone, unknown}) + Counter([dropped, hung])
    assert Counter(mail_server.recipients()) == expected
    assert len(mail_server.copies()) == len(expected)

    mail_server.refused.clear()
    press_try_again(admin_client)
    sweep(parts)
    assert Counter(mail_server.recipients()) == expected + Counter([gone, unknown])
    assert {each.state for each in link_mails()} == {State.SENT}


def assert_staff_see(admin_client: Client, failures: dict[str, str]) -> None:
    """The admin's list of failed mails names exactly these people, and why."""
    page = admin_client.get(reverse("admin:outbox_message_changelist"), {"state": State.FAILED})
    listed = page.context["cl"].result_list
    assert {each.recipient.email: each.last_error for each in listed}.keys() == failures.keys()
    for words in failures.values():
        assert words in page.content.decode()


def press_try_again(admin_client: Client) -> None:
    failed = Message.objects.filter(state=State.FAILED).values_list("pk", flat=True)
    admin_client.post(
        reverse("admin:outbox_message_changelist"),
        {"action": "try_again", "_selected_action": [str(pk) for pk in failed]},
    )
