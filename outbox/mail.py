"""The words of a mail."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

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
