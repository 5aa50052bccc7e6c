"""The admin shows mails and tries failed ones again; it writes nothing else."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from outbox import claims, tasks
from outbox.models import Message, State
from tests.accounts.people import sign_in_with_factor
from tests.outbox.conftest import NOW, member, owe

pytestmark = pytest.mark.django_db
LIST = reverse("admin:outbox_message_changelist")


@pytest.fixture
def staff(client: Client) -> Client:
    sign_in_with_factor(client, User.objects.create_user("desk@example.com", role=Role.ADMIN))
    return client


@pytest.fixture
def kicks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    kicks: list[str] = []
    monkeypatch.setattr(tasks, "kick", lambda: kicks.append("kick"))
    return kicks


def failed(subject_id: int, name: str = "Ada") -> Message:
    message = owe(member(name), subject_id)
    lease, _ = claims.claim(limit=1, now=NOW)
    claims.mark_failed(lease=lease, pks=[message.pk], error="550 5.1.1 No such person")
    message.refresh_from_db()
    assert message.state == State.FAILED
    return message


def test_failed_mails_are_found_with_their_error(staff: Client) -> None:
    failed(1)
    owe(member("Ben"), 2)

    page = staff.get(LIST, {"state__exact": "failed"}).content.decode()

    assert "550 5.1.1 No such person" in page
    assert "Ada" in page
    assert "Ben" not in page


@pytest.mark.parametrize("by", ["email", "id"])
def test_mails_are_found_by_their_recipient(staff: Client, by: str) -> None:
    ada = failed(1).recipient
    owe(member("Ben"), 2)

    words = ada.email if by == "email" else str(ada.pk)
    page = staff.get(LIST, {"q": words}).content.decode()

    assert "Ada" in page
    assert "Ben" not in page


def test_chosen_failed_mails_are_tried_again(staff: Client, kicks: list[str]) -> None:
    bad, waiting = failed(1), owe(member("Ben"), 2)

    answer = staff.post(
        LIST, {"action": "try_again", "_selected_action": [bad.pk, waiting.pk]}, follow=True
    )

    assert "Queued again: 1." in answer.content.decode()
    bad.refresh_from_db()
    assert (bad.state, bad.attempts) == (State.QUEUED, 0)
    assert kicks == ["kick"]
    assert [entry.change_message for entry in LogEntry.objects.all()] == ["Try again"]


def test_the_page_of_a_failed_mail_has_a_button_that_works(staff: Client, kicks: list[str]) -> None:
    bad = failed(1)
    page = reverse("admin:outbox_message_change", args=[bad.pk])
    button = reverse("admin:outbox_message_try_again", args=[bad.pk])
    assert button in staff.get(page).content.decode()

    assert staff.get(button).status_code == 405
    answer = staff.post(button, follow=True)

    assert "Queued again: 1." in answer.content.decode()
    assert button not in answer.content.decode()
    assert kicks == ["kick"]
    assert (
        "Only failed mails can be tried again." in staff.post(button, follow=True).content.decode()
    )


def test_mails_cannot_be_added_changed_or_deleted(staff: Client) -> None:
    message = failed(1)

    for view, arguments in (("add", []), ("delete", [message.pk])):
        assert staff.get(reverse(f"admin:outbox_message_{view}", args=arguments)).status_code == 403
    change = reverse("admin:outbox_message_change", args=[message.pk])
    assert staff.post(change, {"state": "sent"}).status_code == 403
    assert "delete_selected" not in staff.get(LIST).content.decode()


def test_a_member_sees_no_mails(client: Client) -> None:
    message = failed(1)
    client.force_login(message.recipient)

    for view, arguments in (("changelist", []), ("try_again", [message.pk])):
        url = reverse(f"admin:outbox_message_{view}", args=arguments)
        assert client.post(url).status_code == 302
    message.refresh_from_db()
    assert message.state == State.FAILED
