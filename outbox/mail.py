"""The words of a mail."""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import escape

from accounts.inlining import inline_styles


def _refuse_line_break(value: str, what: str) -> None:
    """A line break in a header would let whoever wrote the text add headers of their own."""
    if len(value.splitlines()) > 1 or value.endswith(("\r", "\n")):
        raise ValueError(f"{what} must be one line.")


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content: str | bytes
    mimetype: str

    def __post_init__(self) -> None:
        _refuse_line_break(self.name, "An attachment's name")
        _refuse_line_break(self.mimetype, "An attachment's type")


@dataclass(frozen=True, slots=True)
class Mail:
    """The words of one mail. Raises ValueError for a subject of more than one line."""

    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        _refuse_line_break(self.subject, "A mail's subject")


@dataclass(frozen=True, slots=True)
class NotOwed:
    """A renderer's answer when the mail should no longer be sent, with the reason."""

    reason: str


def compose(
    template: str,
    subject: str,
    context: Mapping[str, Any],
    attachments: Iterable[Attachment] = (),
) -> Mail:
    """Render `mail/<template>.txt` and `.html`, which both extend `mail/base`.

    The base carries the safety foot and knows `subject`, `practice_name`, `support_email`
    and `site_url` besides the context. Raises ValueError for a subject of several lines.
    """
    words = {
        "practice_name": settings.PRACTICE_NAME,
        "support_email": settings.SUPPORT_EMAIL,
        "site_url": settings.SITE_URL,
        **context,
        "subject": subject,
    }
    return Mail(
        subject=subject,
        text=render_to_string(f"mail/{template}.txt", words).strip() + "\n",
        html=inline_styles(render_to_string(f"mail/{template}.html", words)),
        attachments=tuple(attachments),
    )


@dataclass(frozen=True, slots=True)
class Form:
    """A mail rendered once for many people: `fill` writes each one's own words into the gaps.

    Both bodies are in pieces: what everybody reads, the name of a gap, what everybody reads, …
    """

    subject: str
    text: tuple[str, ...]
    html: tuple[str, ...]

    def fill(self, words: Mapping[str, str]) -> Mail:
        """One person's mail. Raises KeyError when a gap gets no words."""
        escaped = {name: escape(word) for name, word in words.items()}
        return Mail(self.subject, _filled(self.text, words), _filled(self.html, escaped))


def compose_form(
    template: str, subject: str, context: Mapping[str, Any], gaps: Iterable[str]
) -> Form:
    """Render as `compose` does, leaving a gap wherever the templates write one of those names.

    What is rendered is read by many, so the context must hold nothing of one person. A gap is
    written as it stands, `{{ name }}`: no filter or tag can see the words to come.
    """
    # Random, so that nothing written by a person is taken for a mark.
    marks = {f"gap{secrets.token_hex(8)}": name for name in gaps}
    mail = compose(template, subject, {**context, **{name: mark for mark, name in marks.items()}})
    return Form(subject, _in_pieces(mail.text, marks), _in_pieces(mail.html, marks))


def _in_pieces(body: str, marks: Mapping[str, str]) -> tuple[str, ...]:
    pieces = re.split(f"({'|'.join(marks)})", body)
    return tuple(marks.get(piece, piece) for piece in pieces)


def _filled(pieces: tuple[str, ...], words: Mapping[str, str]) -> str:
    """Every second piece is a gap."""
    return "".join(words[piece] if n % 2 else piece for n, piece in enumerate(pieces))
