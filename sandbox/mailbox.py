"""Reading the mails that the development mail server has kept."""

import email
import email.policy
import email.utils
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from sandbox.smtp import ARRIVAL_HEADER, RECIPIENTS_HEADER

KEY = re.compile(r"[0-9]{20}-[0-9a-f]{8}")
HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One attachment; `number` counts from 0 in the order of the mail."""

    number: int
    name: str
    mimetype: str
    content: bytes


@dataclass(frozen=True, slots=True)
class StoredMail:
    key: str
    source: bytes
    message: EmailMessage

    @property
    def arrived_at(self) -> datetime:
        """On the sandbox's clock."""
        real = int(self.key.split("-")[0]) / 1e9
        return datetime.fromtimestamp(float(self.message[ARRIVAL_HEADER] or real), tz=UTC)

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "(no subject)")

    @property
    def sender(self) -> str:
        return str(self.message["From"] or "")

    @property
    def recipients(self) -> list[str]:
        """Who the mail was really delivered to, whatever its To line says."""
        return _addresses(str(self.message[RECIPIENTS_HEADER] or ""))

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        return str(part.get_content()) if part else ""

    @property
    def html(self) -> str:
        """The mail's own page, or "". A link opens a new window: the frame around it may not."""
        part = self.message.get_body(("html",))
        page = str(part.get_content()) if part else ""
        return HEAD.sub(lambda head: head.group() + '<base target="_blank">', page, count=1)

    @property
    def attachments(self) -> list[Part]:
        return [
            Part(
                number,
                part.get_filename() or f"attachment-{number + 1}",
                part.get_content_type(),
                _bytes(part),
            )
            for number, part in enumerate(self.message.iter_attachments())
        ]


def stored_mails(folder: Path, recipient: str = "") -> Iterator[StoredMail]:
    """Newest first; with a recipient, only what was delivered to that address."""
    for path in sorted(folder.glob("*.eml"), reverse=True):
        mail = _read(path)
        if not recipient or recipient.lower() in mail.recipients:
            yield mail


def stored_mail(folder: Path, key: str) -> StoredMail | None:
    path = folder / f"{key}.eml"
    return _read(path) if KEY.fullmatch(key) and path.is_file() else None


def _read(path: Path) -> StoredMail:
    source = path.read_bytes()
    message = email.message_from_bytes(source, policy=email.policy.default)
    return StoredMail(path.stem, source, message)


def _addresses(line: str) -> list[str]:
    return [address.lower() for _, address in email.utils.getaddresses([line]) if address]


def _bytes(part: EmailMessage) -> bytes:
    content = part.get_content()
    if isinstance(content, str):
        return content.encode()
    # A mail attached to a mail is a message, anything else arrives as bytes.
    return content if isinstance(content, bytes) else content.as_bytes()
