"""A mail as it goes on the wire."""

import re
import secrets
from email.utils import formatdate, parseaddr
from functools import lru_cache

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.message import sanitize_address

from outbox.mail import Mail
from outbox.models import Message

_LONGEST_HEADER = 76
_LONGEST_LINE = 998
_LINE_END = re.compile(r"\r\n|\r|\n")
_ATOM = r"[A-Za-z0-9_+-]+"
_EVERYDAY_ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def address(message: Message, mail: Mail) -> EmailMultiAlternatives:
    """The mail, to its one recipient, under the message's own Message-ID."""
    letter = EmailMultiAlternatives(
        subject=mail.subject,
        body=mail.text,
        to=[message.recipient.email],
        reply_to=[settings.SUPPORT_EMAIL],
        headers={
            "Message-ID": message.message_id,
            # Asks for no "I am on holiday" in return.
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    letter.attach_alternative(mail.html, "text/html")
    for attachment in mail.attachments:
        letter.attach(attachment.name, attachment.content, attachment.mimetype)
    return letter


@lru_cache(maxsize=8)  # the sender is the same each time
def bare_address(written: str) -> str:
    """What SMTP is told: without a name, in ASCII. Raises ValueError when it is no address."""
    if _EVERYDAY_ADDRESS.fullmatch(written):
        return written
    return parseaddr(sanitize_address(written, settings.DEFAULT_CHARSET))[1]


def wire(letter: EmailMessage) -> bytes:
    """The letter's bytes. Raises ValueError for a header that cannot be written."""
    plain = _plain_wire(letter) if isinstance(letter, EmailMultiAlternatives) else None
    if plain is not None:
        return plain
    return letter.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]


def _plain_wire(letter: EmailMultiAlternatives) -> bytes | None:
    """A text and the same in HTML, written out by hand; None when the letter is not so plain.

    Reads the same as what Django writes, at a tenth of the time: the library parses each
    address and each header anew, and folds and encodes what needs neither.
    """
    kinds = [kind for _, kind in letter.alternatives]
    if letter.attachments or letter.cc or not letter.body or kinds != ["text/html"]:
        return None
    headers = {
        "MIME-Version": "1.0",
        "Subject": letter.subject,
        "From": letter.from_email,
        "To": ", ".join(letter.to),
        "Date": formatdate(localtime=settings.EMAIL_USE_LOCALTIME),
        **letter.extra_headers,
    }
    if letter.reply_to:
        headers["Reply-To"] = ", ".join(letter.reply_to)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    text = _part("plain", str(letter.body))
    html = _part("html", str(letter.alternatives[0][0]))
    if not (text and html and all(_fits(line) for line in lines)):
        return None
    boundary = f"=_{secrets.token_hex(20)}"  # long enough to occur in no text
    head = "\r\n".join([f'Content-Type: multipart/alternative; boundary="{boundary}"', *lines])
    between = f"\r\n--{boundary}".encode()
    start = b"\r\n"
    return b"".join(
        (head.encode(), start, between, start, text, between, start, html, between, b"--\r\n")
    )


def _fits(line: str) -> bool:
    """Whether a header needs neither folding nor encoding."""
    return len(line) <= _LONGEST_HEADER and line.isascii() and line.isprintable()


def _part(kind: str, words: str) -> bytes:
    """One body with its headers; empty when it has lines too long to be sent as they are."""
    body = _LINE_END.sub("\r\n", words).encode()
    if max(map(len, body.split(b"\r\n"))) > _LONGEST_LINE:
        return b""
    encoding = "7bit" if body.isascii() else "8bit"
    head = (
        f'Content-Type: text/{kind}; charset="utf-8"\r\n'
        "MIME-Version: 1.0\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    return head.encode() + body
