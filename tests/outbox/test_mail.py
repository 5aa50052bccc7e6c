"""The words of a mail, its shell, and what its headers give away."""

import re
from email import message_from_bytes, policy
from email.message import Message as Wire
from email.utils import parseaddr
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.message import sanitize_address
from django.template.loader import get_template
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.models import User
from outbox.letter import address, bare_address, wire
from outbox.mail import Attachment, Mail, compose, compose_form
from outbox.models import Message
from tests.outbox.conftest import NOW, Notes, member, owe

MAIL_TEMPLATES = Path(settings.BASE_DIR) / "templates" / "mail"
SAFETY = ("911", "988", "Press 1 for veterans, 2 for Spanish", "HOME", "741741")


def parts(message: Message, mail: Mail) -> list[Wire]:
    whole = message_from_bytes(wire(address(message, mail)))
    return [part for part in whole.walk() if not part.is_multipart()]


@pytest.mark.usefixtures("notes")
def test_both_parts_carry_the_words_and_the_safety_foot() -> None:
    mail = compose("note", "Your note", {"name": "Ada"})

    for part in (mail.text, mail.html):
        assert "Hello Ada," in part
        for words in (*SAFETY, settings.SUPPORT_EMAIL, settings.PRACTICE_NAME):
            assert words in part


def test_every_mail_has_two_parts_in_the_shell() -> None:
    names = {path.stem for path in MAIL_TEMPLATES.glob("[!_]*.*")} - {"base"}

    for name in names:
        for kind in ("txt", "html"):
            source = get_template(f"mail/{name}.{kind}").template.source  # type: ignore[attr-defined]
            assert re.match(rf'\{{% extends "mail/\w+\.{kind}" %\}}', source), f"{name}.{kind}"


@pytest.mark.usefixtures("notes")
def test_a_name_is_escaped_in_html_and_verbatim_in_text() -> None:
    mail = compose("note", "Your note", {"name": "<b>O'Neil</b> & co"})

    assert "Hello <b>O'Neil</b> & co," in mail.text
    assert "Hello &lt;b&gt;O'Neil&lt;/b&gt; &amp; co," in mail.html


@pytest.mark.usefixtures("notes")
def test_the_style_is_inline_and_the_dark_theme_stays() -> None:
    html = compose("note", "Your note", {"name": "Ada"}).html

    button = re.search(r'<a class="button"[^>]*>', html)
    assert button is not None
    assert "background-color: #7a2b58" in button.group()
    assert "@media (prefers-color-scheme: dark)" in html


@pytest.mark.usefixtures("notes")
def test_a_mail_asks_no_server_for_anything() -> None:
    html = compose("note", "Your note", {"name": "Ada"}).html

    assert not re.search(r"<(img|link|script|iframe)|url\(|@import", html)


@pytest.mark.parametrize("subject", ["Hello\nBcc: eve@example.com", "Hello\r\n", "a\u2028b"])
def test_a_subject_of_two_lines_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        Mail(subject=subject, text="", html="")


def test_an_attachments_name_of_two_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="one line"):
        Attachment("a.ics\r\nX-Evil: 1", "", "text/calendar")


@pytest.mark.django_db
def test_a_mail_goes_to_one_person_and_answers_go_to_people(notes: Notes) -> None:
    message = owe(member(), 7)

    email = address(message, compose("note", "Your note", {"name": "Ada"}))

    assert email.recipients() == ["ada@example.com"]
    headers, _ = read(wire(email))
    assert headers["To"] == "ada@example.com"
    assert headers["Reply-To"] == settings.SUPPORT_EMAIL
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Message-ID"] == message.message_id
    assert [part.get_content_type() for part in parts(message, Mail("a", "b", "c"))] == [
        "text/plain",
        "text/html",
    ]


@pytest.mark.django_db
def test_an_attachment_arrives_whole() -> None:
    message = owe(member(), 7)
    calendar = Attachment("sessions.ics", "BEGIN:VCALENDAR\r\n", "text/calendar")

    last = parts(message, Mail("a", "b", "c", (calendar,)))[-1]

    assert last.get_filename() == "sessions.ics"
    assert last.get_content_type() == "text/calendar"
    payload = last.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode().split() == ["BEGIN:VCALENDAR"]


@pytest.mark.django_db
def test_the_message_id_is_stable_and_tells_nothing() -> None:
    ada = member()
    first, second = owe(ada, 7), owe(ada, 8)

    assert first.message_id == Message.objects.get(pk=first.pk).message_id
    assert first.message_id != second.message_id
    assert re.fullmatch(r"<[0-9a-f]{32}@testserver>", first.message_id)
    assert first.created_at == NOW


def read(sent: bytes) -> tuple[dict[str, str], list[tuple[str, str | None, object]]]:
    """What a mail program makes of it: headers and parts, without boundaries."""
    message = message_from_bytes(sent, policy=policy.default)
    headers = {name: value for name, value in message.items() if name != "Content-Type"}
    leaves = [part for part in message.walk() if not part.is_multipart()]
    return headers, [
        (part.get_content_type(), part.get_filename(), part.get_payload(decode=True))
        for part in leaves
    ]


one_line = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=120)
any_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n.\r"))


@given(subject=one_line, text=any_text, html=any_text, attached=st.none() | any_text)
@example("Your link for Tuesday, 6:00 PM", "Hello.\n.\nFrom me", "<p>é</p>", "BEGIN:VCALENDAR\r\n")
@example("Your link for Tuesday, 6:00 PM", "Hello.\n.\nFrom me\r", "<p>é</p>\n", None)
@example("word " * 40, "x" * 2000, "é" * 2000, "")
@example("word " * 40, "x" * 2000, "é" * 2000, None)
@example("Your link", "Hello", "é" * 500, None)
@example("Grüße", "", "", None)
@example("=?utf-8?q?no?=", "x" * 998, "é" * 500, None)
def test_a_letter_reads_the_same_as_djangos_own_message(
    subject: str, text: str, html: str, attached: str | None
) -> None:
    message = Message(pk=1, recipient=User(email="ada@example.com"), created_at=NOW)
    files = () if attached is None else (Attachment("sessions.ics", attached, "text/calendar"),)
    letter = address(message, Mail(subject.strip(), text, html, files))
    letter.extra_headers["Date"] = "Tue, 01 Dec 2026 18:00:00 -0000"

    ours = wire(letter)

    assert read(ours) == read(djangos_own(letter))
    assert b"\n" not in ours.replace(b"\r\n", b"")
    assert max(map(len, ours.split(b"\r\n"))) <= 998


def djangos_own(letter: EmailMessage) -> bytes:
    return letter.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "email",
    [
        "ada@example.com",
        "Ada.Byron+groups@mail.example.co.uk",
        "o'neil@example.com",
        '"two words"@example.com',
        "zoë@example.com",
        "ada@bücher.example",
        "ada@localhost",
    ],
)
def test_any_address_is_written_as_django_writes_it(email: str) -> None:
    letter = EmailMultiAlternatives("a", "b", "Mind <hello@example.com>", to=[email])
    letter.attach_alternative("c", "text/html")
    letter.extra_headers["Date"] = "Tue, 01 Dec 2026 18:00:00 -0000"
    letter.extra_headers["Message-ID"] = "<1@example.com>"

    assert read(wire(letter)) == read(djangos_own(letter))
    assert bare_address(email) == parseaddr(sanitize_address(email, "utf-8"))[1]
    assert bare_address("Café Mind <hello@example.com>") == "hello@example.com"


def test_a_letter_as_most_are_is_not_left_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(self: EmailMultiAlternatives) -> None:
        raise AssertionError("That takes ten times as long.")

    monkeypatch.setattr(EmailMultiAlternatives, "message", slow)
    message = Message(pk=1, recipient=User(email="ada@example.com"), created_at=NOW)

    assert wire(address(message, Mail("Your link for Tuesday, 6:00 PM", "Hello Zoë", "<p>Hi</p>")))


@pytest.mark.parametrize("name", ["Subject", "From", "To", "X-Own"])
def test_a_line_break_in_a_header_is_refused(name: str) -> None:
    parts = {"Subject": "a", "From": "hello@example.com", "To": "ada@example.com", "X-Own": "b"}
    parts[name] += "\r\nBcc: eve@example.com"
    letter = EmailMultiAlternatives(parts["Subject"], "b", parts["From"], to=[parts["To"]])
    letter.extra_headers["X-Own"] = parts["X-Own"]
    letter.attach_alternative("c", "text/html")

    with pytest.raises(ValueError, match="newline"):
        wire(letter)


# --- One form for many ------------------------------------------------------------------


SOON = {"starts_at": NOW, "zone": "America/New_York", "today": True}


@given(name=one_line, door=one_line)
@example("Ada", "https://example.com/join/abc/")
@example("<b>O'Neil</b> & co", 'https://example.com/?a=1&b="2"')
@example("{{ door_url }}", "{% now %}")
def test_a_filled_form_reads_the_same_as_a_mail_composed_for_one(name: str, door: str) -> None:
    own = {"name": name, "door_url": door}
    form = compose_form("session-reminder", "Today", SOON, gaps=own)

    filled, composed = form.fill(own), compose("session-reminder", "Today", {**SOON, **own})

    assert (filled.subject, filled.text) == (composed.subject, composed.text)
    assert page(filled.html) == page(composed.html)


def test_a_form_remembers_nobody() -> None:
    form = compose_form("session-reminder", "Today", SOON, gaps=["name", "door_url"])

    first = form.fill({"name": "Ada", "door_url": "https://example.com/join/ada/"})
    second = form.fill({"name": "Ben", "door_url": "https://example.com/join/ben/"})

    assert "Hello Ada," in first.text
    assert "join/ada/" in first.html
    assert "ada" not in f"{second.text} {second.html}".lower()
    with pytest.raises(KeyError):
        form.fill({"name": "Cleo"})


class Page(HTMLParser):
    """What a browser reads: elements with their attributes, and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.read.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.read.append(data)


def page(html: str) -> list[object]:
    found = Page()
    found.feed(html)
    found.close()
    return found.read
