"""The mailbox: over real SMTP into files, and from the files onto the page."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from sandbox.mailbox import stored_mails
from sandbox.ports import answers, free_port
from sandbox.stack import wait_until


@pytest.fixture
def mailbox(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """The mail server as its own process; Django sends to it and reads its folder."""
    folder, port = tmp_path / "mail", free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "sandbox.smtp", "--port", str(port), "--folder", str(folder)]
    )
    try:
        wait_until(lambda: answers(port), "the mail server", seconds=20)
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.MAILBOX_DIR = folder
        yield folder
    finally:
        server.terminate()
        assert server.wait(timeout=10) == 0


def send(to: str, subject: str, *, attach: bool = False) -> None:
    mail = EmailMultiAlternatives(
        subject,
        f"Good morning, see http://testserver/join/{subject}/",
        "Grouport <hello@example.com>",
        ["List <list@example.com>"],
        bcc=[to],
        connection=get_connection(),
    )
    mail.to = []  # delivered to the Bcc alone: the envelope, not the To line, says who has it
    mail.attach_alternative(
        "<html><head><title>x</title></head><body><script>alert(1)</script>"
        "<p style='color:red'>Grüße</p></body></html>",
        "text/html",
    )
    if attach:
        mail.attach("sessions.ics", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar")
    mail.send()


def only_key(folder: Path) -> str:
    (mail,) = stored_mails(folder)
    return mail.key


@pytest.mark.django_db
def test_mails_are_listed_newest_first(mailbox: Path, client: Client) -> None:
    send("ada@example.com", "First")
    send("ben@example.com", "Second")
    page = client.get(reverse("sandbox:mailbox")).content.decode()
    assert page.index("Second") < page.index("First")
    assert "2 mails" in page


@pytest.mark.django_db
def test_the_list_can_be_narrowed_to_one_recipient(mailbox: Path, client: Client) -> None:
    send("ada@example.com", "First")
    send("ben@example.com", "Second")
    page = client.get(reverse("sandbox:mailbox"), {"to": "Ada@example.com"}).content.decode()
    assert "First" in page
    assert "Second" not in page


@pytest.mark.django_db
def test_an_empty_mailbox_says_so(client: Client, settings: Settings, tmp_path: Path) -> None:
    settings.MAILBOX_DIR = tmp_path / "never-made"
    assert "No mail yet." in client.get(reverse("sandbox:mailbox")).content.decode()


@pytest.mark.django_db
def test_a_mail_shows_its_text_with_working_links(mailbox: Path, client: Client) -> None:
    send("ada@example.com", "First")
    answer = client.get(reverse("sandbox:mail", args=[only_key(mailbox)]))
    page = answer.content.decode()
    assert 'href="http://testserver/join/First/"' in page
    assert "ada@example.com" in page
    assert "frame-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_a_mail_as_a_page_can_run_nothing_and_load_nothing(mailbox: Path, client: Client) -> None:
    send("ada@example.com", "First")
    answer = client.get(reverse("sandbox:mail_html", args=[only_key(mailbox)]))
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "sandbox": "allow-popups allow-popups-to-escape-sandbox",
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "frame-ancestors": "'self'",
    }
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "Grüße" in answer.content.decode()
    assert '<head><base target="_blank">' in answer.content.decode()


@pytest.mark.django_db
def test_an_attachment_comes_back_as_it_was_sent(mailbox: Path, client: Client) -> None:
    send("ada@example.com", "First", attach=True)
    key = only_key(mailbox)
    answer = client.get(reverse("sandbox:attachment", args=[key, 0]))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="sessions.ics"'
    assert answer.headers["Content-Type"] == "text/calendar"
    assert answer.content.split() == [b"BEGIN:VCALENDAR", b"END:VCALENDAR"]
    assert client.get(reverse("sandbox:attachment", args=[key, 1])).status_code == 404


@pytest.mark.django_db
def test_the_source_is_the_mail_with_its_envelope_on_top(mailbox: Path, client: Client) -> None:
    send("ada@example.com", "First")
    answer = client.get(reverse("sandbox:mail_source", args=[only_key(mailbox)]))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    lines = answer.content.decode().splitlines()
    assert lines[0].startswith("X-Arrived-At: ")
    assert lines[1:3] == ["X-Envelope-From: hello@example.com", "X-Envelope-To: ada@example.com"]


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["nothing", "..", "00000000000000000000-00000000"])
def test_a_mail_that_was_never_stored_is_not_found(
    client: Client, settings: Settings, tmp_path: Path, key: str
) -> None:
    (tmp_path / "nothing.eml").write_bytes(b"Subject: not one of ours\r\n\r\n")
    settings.MAILBOX_DIR = tmp_path
    assert client.get(f"/sandbox/mail/{key}/").status_code == 404
